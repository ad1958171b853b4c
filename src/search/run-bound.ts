// How far a combination of averages can be off after a run: the sum, over all that was taken in, of the error of its share.
// Pure numbers: runs of moves in, one number out. Where alphas change smoothly, neither time nor memory grows with the length of a run.

/** Updates in a row, oldest first. */
export interface MoveRun {
  readonly updates: number;
  /** Whether their alphas change smoothly, if at all: then not every update is looked at. */
  readonly isSmooth: boolean;
  /**
   * The moves of update `index`, the last one first: each by its alphas, those of the tracked averages and last that of the wanted one.
   * @param index from 0; between two where the run is smooth.
   */
  readonly movesOf: (index: number) => readonly (readonly number[])[];
}

/** Some updates of a run: up to `end`, which is not one of them. */
interface Block {
  readonly run: MoveRun;
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
export function boundOfRuns(coefficients: readonly number[], runs: readonly MoveRun[]): number {
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
  return { outcome: alone(block.run.movesOf(block.end - 1), kept), width };
}

function alone(moves: readonly (readonly number[])[], kept: readonly number[]): Outcome {
  const left = kept.slice();
  let bound = 0;
  for (const alphas of moves) bound += Math.abs(take(alphas, left));
  return { bound, kept: left };
}

/** @returns undefined where the error of a share changes its sign from one end to the other. */
function together({ run, end, width }: Block, kept: readonly number[]): Outcome | undefined {
  const middle = run.movesOf(end - (width + 1) / 2);
  const logs = kept.map((_, k) => sumOf(middle.map((alphas) => Math.log1p(-(alphas[k] ?? 0)))));
  const atOldEnd = kept.map((one, k) => one * Math.exp((width - 1) * (logs[k] ?? 0)));
  const young = signsOf(run.movesOf(end - 1), kept);
  const old = signsOf(run.movesOf(end - width), atOldEnd);
  if (young.some((sign, move) => sign * (old[move] ?? 0) < 0)) return undefined;
  const lost = kept.map((one, k) => -one * Math.expm1(width * (logs[k] ?? 0)));
  return {
    bound: sumOf(
      partsOf(middle, kept.length).map((parts) => Math.abs(sumOf(lost.map((one, k) => one * (parts[k] ?? 0))))),
    ),
    kept: kept.map((one, k) => one * Math.exp(width * (logs[k] ?? 0))),
  };
}

/** For each move of an update its part of what the update takes in for each average. */
function partsOf(moves: readonly (readonly number[])[], averages: number): number[][] {
  const left = new Array<number>(averages).fill(1);
  const taken = moves.map((alphas) =>
    left.map((one, k) => {
      const alpha = alphas[k] ?? 0;
      left[k] = one * (1 - alpha);
      return one * alpha;
    }),
  );
  return taken.map((shares) => shares.map((share, k) => (share === 0 ? 0 : share / (1 - (left[k] ?? 0)))));
}

/** For each move of an update: whether the combination's share is too large, too small, or right up to rounding. */
function signsOf(moves: readonly (readonly number[])[], kept: readonly number[]): number[] {
  const left = kept.slice();
  return moves.map((alphas) => {
    const size = sumOf(left.map((one, k) => Math.abs(one * (alphas[k] ?? 0))));
    const share = take(alphas, left);
    return Math.abs(share) <= NOISE * size ? 0 : Math.sign(share);
  });
}

/** Takes what a move gave out of what is kept, and returns its sum: the error of the combination's share. */
function take(alphas: readonly number[], kept: number[]): number {
  let share = 0;
  for (let k = 0; k < kept.length; k += 1) {
    const alpha = alphas[k] ?? 0;
    const one = kept[k] ?? 0;
    share += one * alpha;
    kept[k] = one * (1 - alpha);
  }
  return share;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
