// How far a combination of averages can be off after a run: the sum, over all that was taken in, of the error of its share.
// Pure numbers: runs of moves in, one number out. Where alphas change smoothly, neither time nor memory grows with the length of a run.

/** Updates in a row, oldest first. */
export interface UpdateRun {
  readonly updates: number;
  /** Whether their alphas change smoothly, if at all: then not every update is looked at. */
  readonly isSmooth: boolean;
  /**
   * The alphas of update `index`: those of the tracked averages, and last that of the wanted one.
   * @param index from 0; between two where the run is smooth.
   */
  readonly alphasOf: (index: number) => readonly number[];
}

/** Some updates of a run: up to `end`, which is not one of them. */
interface Block {
  readonly run: UpdateRun;
  readonly end: number;
  readonly width: number;
}

/** What a block adds to the bound, and what older updates have left of each average, times its coefficient. */
interface Outcome {
  readonly bound: number;
  readonly kept: readonly number[];
}

/** Updates this young, or this near to the start, are looked at one by one; others in blocks of a thousandth of that distance. */
const SINGLE_UPDATES = 1000;

/** Shares smaller than this part of what they are sums of are rounding errors, whose sign means nothing. */
const NOISE = 1e-10;

/**
 * The bound of a combination in a run with a warm-up or any other schedule, as in `Synthesis.bound`.
 *
 * From the last update to the first: what an update gave to an average has been kept by all later ones. While the error of the shares
 * has one sign, their sum is what the kept parts lost, `sum c_i (kept_i before - kept_i after)`: so a block of updates costs as much
 * as one of them. Blocks end where the sign changes. Within a block alphas are those of its middle: exact where they are constant, and
 * elsewhere off by less than a millionth of what the block adds.
 * @param coefficients of the tracked averages.
 * @param runs all updates, oldest first.
 */
export function boundOfRuns(coefficients: readonly number[], runs: readonly UpdateRun[]): number {
  let kept: readonly number[] = [...coefficients, -1];
  let bound = 0;
  let age = 0;
  let left = runs.reduce((sum, { updates }) => sum + updates, 0);
  for (const run of [...runs].reverse()) {
    for (let end = run.updates; end > 0; ) {
      const rest = sumOf(kept.map(Math.abs));
      // All older updates and the start together can add no more.
      if (rest <= (bound * Number.EPSILON) / 2) return bound + rest;
      const width = run.isSmooth ? Math.floor(Math.min(age, left) / SINGLE_UPDATES) : 1;
      const done = oneSided({ run, end, width: Math.min(end, Math.max(1, width)) }, kept);
      bound += done.outcome.bound;
      kept = done.outcome.kept;
      end -= done.width;
      age += done.width;
      left -= done.width;
    }
  }
  return bound + Math.abs(sumOf(kept));
}

/** The block, or as much of its young end as has errors of one sign. */
function oneSided(block: Block, kept: readonly number[]): { readonly outcome: Outcome; readonly width: number } {
  let { width } = block;
  for (; width > 1; width = Math.floor(width / 2)) {
    const outcome = together({ ...block, width }, kept);
    if (outcome !== undefined) return { outcome, width };
  }
  return { outcome: alone(block.run.alphasOf(block.end - 1), kept), width };
}

function alone(alphas: readonly number[], kept: readonly number[]): Outcome {
  return { bound: Math.abs(shareOf(alphas, kept)), kept: kept.map((one, k) => one * (1 - (alphas[k] ?? 0))) };
}

/** @returns undefined where the error of a share changes its sign from one end to the other. */
function together({ run, end, width }: Block, kept: readonly number[]): Outcome | undefined {
  const logs = run.alphasOf(end - (width + 1) / 2).map((alpha) => Math.log1p(-alpha));
  const log = (k: number): number => logs[k] ?? 0;
  const atOldEnd = kept.map((one, k) => one * Math.exp((width - 1) * log(k)));
  const young = signOf(run.alphasOf(end - 1), kept);
  const old = signOf(run.alphasOf(end - width), atOldEnd);
  if (young * old < 0) return undefined;
  return {
    bound: Math.abs(sumOf(kept.map((one, k) => one * Math.expm1(width * log(k))))),
    kept: kept.map((one, k) => one * Math.exp(width * log(k))),
  };
}

/** Whether the combination's share of an update is too large, too small, or right up to rounding. */
function signOf(alphas: readonly number[], kept: readonly number[]): number {
  const size = sumOf(kept.map((one, k) => Math.abs(one * (alphas[k] ?? 0))));
  const share = shareOf(alphas, kept);
  return Math.abs(share) <= NOISE * size ? 0 : Math.sign(share);
}

/** The error of the combination's share of what an update took in. */
function shareOf(alphas: readonly number[], kept: readonly number[]): number {
  return sumOf(kept.map((one, k) => one * (alphas[k] ?? 0)));
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
