// Drift against noise: what the distances between the weights and two averages say about where training stands.
// Pure numbers: no tensors, no model.

/** How drift compares with noise. */
export type Verdict = 'drift' | 'mixed' | 'noise';

/** Drift and noise of some weights, told apart by a fast and a slow average of them. */
export interface Signal {
  /** `|fast - slow|`: how far the weights have travelled between the two windows. */
  readonly drift: number;
  /** `|w - fast|`: how far the weights stand from where they were lately. */
  readonly noise: number;
  /** `drift / noise`: signal to noise. */
  readonly ratio: number;
  /** Undefined where the two averages cannot tell: one decay, a warm-up that holds both, a start that is not forgotten. */
  readonly verdict: Verdict | undefined;
  /** The verdict as a sentence; empty without one. */
  readonly advice: string;
  /** What `ratio` would be of weights of a known kind; undefined where the averages cannot tell. */
  readonly references: References | undefined;
}

/** Ratios of drift to noise that two averages would show of weights of a known kind. */
export interface References {
  /** Of weights that walk at random: no direction at all, and nothing that holds them. */
  readonly walk: number;
  /** Of weights that go in a straight line: drift alone. */
  readonly line: number;
}

const ADVICE: Readonly<Record<Verdict, string>> = {
  noise: 'noise-dominated: a lower learning rate or averaging helps',
  mixed: 'drift and noise are alike',
  drift: 'drift-dominated: this decay lags',
};

/**
 * What {@link Signal.ratio} would be right after an update, if the weights walked at random and if they went in a straight line.
 *
 * With `a` and `b` the decays per update of the fast and the slow average: a line lags by `a / (1 - a)` moves, so that the ratio is
 * `(b / (1 - b) - a / (1 - a)) / (a / (1 - a))`; of a walk, whose moves are independent, the squares of the kernels add up:
 * `sqrt(A + B - 2 a b / (1 - a b)) / sqrt(A)`, `A = a^2 / (1 - a^2)`, `B` likewise.
 * @param fast decay of one update, in (0, 1).
 * @param slow decay of one update, in (fast, 1).
 * @returns undefined where the decays are not so.
 */
export function references(fast: number, slow: number): References | undefined {
  if (!(fast > 0 && fast < slow && slow < 1)) return undefined;
  const lag = (decay: number): number => decay / (1 - decay);
  const square = (a: number, b: number): number => (a * b) / (1 - a * b);
  const walk = Math.sqrt((square(fast, fast) + square(slow, slow) - 2 * square(fast, slow)) / square(fast, fast));
  return { walk, line: lag(slow) / lag(fast) - 1 };
}

/**
 * Drift against noise: below a random walk the weights are held to a place and jump about it, which is noise; above the geometric mean
 * of walk and line they go somewhere, and an average lags behind them.
 * @param known undefined where there is no telling.
 */
export function signalOf(drift: number, noise: number, known: References | undefined): Signal {
  const ratio = drift / noise;
  const verdict = known === undefined || Number.isNaN(ratio) ? undefined : verdictOf(ratio, known);
  return { drift, noise, ratio, verdict, advice: verdict === undefined ? '' : ADVICE[verdict], references: known };
}

function verdictOf(ratio: number, { walk, line }: References): Verdict {
  if (ratio < walk) return 'noise';
  return ratio > Math.sqrt(walk * line) ? 'drift' : 'mixed';
}
