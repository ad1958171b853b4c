// From steps to alphas: the share of the weights that an update takes in, for every average.
// Pure numbers: no tensors, no tfjs, no state but the last answer.

/** How the decay grows at the start of a run. */
export type Warmup = 'paper' | 'none';

/** What a {@link Schedule} is made of. */
export interface ScheduleOptions {
  /** Decays per optimizer step, each in [0, 1]. */
  readonly decays: readonly number[];
  /** Steps between updates, an integer of at least 1. */
  readonly updateEvery: number;
  /** Growth of the decay at the start. */
  readonly warmup: Warmup;
}

/**
 * The decay that, applied once, equals `steps` applications of `decay`: `decay ** steps`.
 *
 * The paper quotes its decays per update of 16 steps: `equivalentDecay(0.999875, 16)` is its 0.998, and
 * `equivalentDecay(0.998, 1 / 16)` is its decay per step.
 *
 * @param decay share of the old average that is kept, in [0, 1].
 * @param steps how many times, above 0; a fraction takes the root.
 * @returns the decay of all steps together.
 * @see "Exponential Moving Average of Weights in Deep Learning", arXiv 2411.18704, appendix F, table 23.
 */
export function equivalentDecay(decay: number, steps: number): number {
  return decay ** steps;
}

/**
 * The paper's warm-up: `(t + 1) / (t + 10)` caps the decay of update `t`.
 *
 * @param t updates so far, 0 at the first; a fraction after a flush.
 * @returns the largest decay that one update may have.
 * @see arXiv 2411.18704, section 4.1.
 */
export function paperWarmup(t: number): number {
  return (t + 1) / (t + 10);
}

/**
 * Natural logarithm of a decay, accurate near 1.
 *
 * `decay - 1` is exact above 0.5, so that log1p loses nothing; 0 gives -Infinity.
 */
function logDecay(decay: number): number {
  return Math.log1p(decay - 1);
}

/**
 * Says how far each average moves at an update.
 *
 * One update that covers `pending` steps keeps `d ** pending` of the old average, where `d` is the decay per step. With the
 * paper's warm-up `d = min(decay, w(t) ** (1 / T))`, `T = updateEvery`, and `t = steps before / T`: the paper counts updates
 * of T steps. So an update of T steps has decay `min(decay ** T, (t + 1) / (t + 10))`, and flushing early (reading an average
 * between updates) neither speeds the warm-up up nor slows it down.
 *
 * Alpha, `1 - d ** pending`, is computed as `-expm1(pending * log d)`: at decay 0.9999999 the plain difference of rounded
 * powers would lose seven digits.
 */
export class Schedule {
  readonly #logDecays: readonly number[];
  readonly #updateEvery: number;
  readonly #warmup: Warmup;
  #lastCap = Number.NaN;
  #lastPending = -1;
  #lastAlphas: readonly number[] = [];

  /** @param options decays and warm-up; checked by options.ts. */
  constructor(options: ScheduleOptions) {
    this.#logDecays = options.decays.map(logDecay);
    this.#updateEvery = options.updateEvery;
    this.#warmup = options.warmup;
  }

  /**
   * The alphas of one update.
   *
   * @param stepsBefore steps that the averages already hold.
   * @param pending steps that this update adds, at least 1.
   * @returns one alpha in [0, 1] per average, in the order of the decays; the same array while nothing changes.
   */
  alphas(stepsBefore: number, pending: number): readonly number[] {
    const cap = this.#logCap(stepsBefore);
    if (cap === this.#lastCap && pending === this.#lastPending) return this.#lastAlphas;
    this.#lastCap = cap;
    this.#lastPending = pending;
    // 0 - x, not -x: a decay of 1 must give alpha +0.
    this.#lastAlphas = this.#logDecays.map((log) => 0 - Math.expm1(pending * Math.min(log, cap)));
    return this.#lastAlphas;
  }

  /**
   * The step at which the warm-up no longer holds a decay back.
   *
   * @param average index of the average.
   * @returns steps; 0 without warm-up, Infinity for a decay of 1.
   */
  warmupSteps(average: number): number {
    const log = this.#logDecays[average];
    if (log === undefined || this.#warmup === 'none') return 0;
    const decay = Math.exp(log * this.#updateEvery);
    return Math.max(0, (10 * decay - 1) / (1 - decay)) * this.#updateEvery;
  }

  /** Logarithm of the largest decay per step that the warm-up allows; 0 is no limit. */
  #logCap(stepsBefore: number): number {
    switch (this.#warmup) {
      case 'none':
        return 0;
      case 'paper':
        return Math.log(paperWarmup(stepsBefore / this.#updateEvery)) / this.#updateEvery;
      default:
        return this.#warmup satisfies never;
    }
  }
}
