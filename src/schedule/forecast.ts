// What averages remember of a run: how much of its start, for how long, and whether two of them remember the same.
// Pure numbers: no tensors, no tfjs.

/**
 * What averages remember, kept up with each update: how much of the start is left.
 *
 * It holds for any schedule, warm-up and distance between updates, because it goes through the same moves as the averages.
 */
export class Memory {
  readonly #initialShares: number[];

  /** @param averages their number. */
  constructor(averages: number) {
    this.#initialShares = new Array<number>(averages).fill(1);
  }

  /**
   * Goes through an update: `share *= 1 - alpha`.
   * @param alphas one per average.
   */
  advance(alphas: readonly number[]): void {
    alphas.forEach((alpha, index) => {
      this.#initialShares[index] = (1 - alpha) * this.initialShare(index);
    });
  }

  /** Share of an average that is still the weights it started from, in [0, 1]. */
  initialShare(average: number): number {
    return this.#initialShares[average] ?? Number.NaN;
  }
}

/**
 * What averages will remember after a run.
 * @param steps optimizer steps of the run.
 * @param updateEvery steps between updates; what is left over at the end is an update too.
 * @param alphas as `Schedule.alphas`: one per average, for an update after `stepsBefore` steps that adds `pending`.
 */
export function forecast(
  steps: number,
  updateEvery: number,
  alphas: (stepsBefore: number, pending: number) => readonly number[],
): Memory {
  const memory = new Memory(alphas(0, updateEvery).length);
  for (let before = 0; before < steps; before += updateEvery) {
    const pending = Math.min(updateEvery, steps - before);
    memory.advance(alphas(before, pending));
  }
  return memory;
}

/**
 * Steps until an average without warm-up holds less than a share of its start: `ceil(ln share / ln decay)`, such as 459 steps
 * at decay 0.99 and 46,050 at 0.9999 for 1 %.
 * @param decay per step, in [0, 1].
 * @param share in (0, 1). @defaultValue 0.01
 * @returns steps; Infinity for decay 1.
 */
export function stepsUntilForgotten(decay: number, share = 0.01): number {
  // Sizes, because 0 of decay 1 must give Infinity, not -Infinity.
  return Math.max(1, Math.ceil(Math.abs(Math.log(share)) / Math.abs(Math.log(decay))));
}

/**
 * The longest half-life with which a run without warm-up forgets its start: `steps * ln 2 / -ln share`, about a seventh of the run.
 * @param steps optimizer steps of the run.
 * @param share what may be left of the start, in (0, 1). @defaultValue 0.01
 */
export function longestHalfLife(steps: number, share = 0.01): number {
  return (-Math.LN2 * steps) / Math.log(share);
}

/**
 * Which averages are one and the same because the warm-up has held all of them back up to now.
 *
 * A decay matters from the first update whose cap is above it. So under the paper's cap `(t + 1) / (t + 10)`, all decays of at
 * least `n / (n + 9)` are the same average after `n` updates.
 * @param decays per tick of the warm-up's clock: `equivalentDecay(decay, T)` where it counts updates, else per step.
 * @param cap the warm-up's cap at the last update: `paperWarmup(n - 1)` after `n` updates.
 * @returns indices of two or more averages, or none.
 */
export function indistinguishable(decays: readonly number[], cap: number): readonly number[] {
  const held = decays.flatMap((decay, index) => (decay >= cap ? [index] : []));
  return held.length > 1 ? held : [];
}
