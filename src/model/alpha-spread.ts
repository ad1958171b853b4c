// The alphas of an update, spread over weights that have decays of their own.
// Moves no average.

import { checkMatches, matches, type Pattern } from './patterns.js';

/** A rule as numbers. */
export interface LayerRule {
  readonly match: Pattern;
  /** One decay per step for each average. */
  readonly decays: readonly number[];
}

/** Gives each weight the alphas of the first rule that matches it. */
export class AlphaSpread {
  readonly #averages: number;
  readonly #hasRules: boolean;
  /** For each weight, where its alphas begin: 0 without a rule. */
  readonly #offsets: readonly number[];
  #last: readonly number[] = [];
  #spread: readonly number[] = [];

  /**
   * @param names of the averaged weights.
   * @throws {@link EmaError} INVALID_ARGUMENT — a rule matches no weight.
   */
  constructor(names: readonly string[], rules: readonly LayerRule[], averages: number) {
    const patterns = rules.map(({ match }) => match);
    checkMatches('layerDecays', patterns, names);
    this.#averages = averages;
    this.#hasRules = rules.length > 0;
    this.#offsets = names.map((name) => averages * (1 + patterns.findIndex((pattern) => matches(pattern, name))));
  }

  /**
   * N * K alphas, the K of one weight together; without rules, the K that it is given.
   * @param alphas K for all weights, and K for each rule, in their order.
   * @returns the same array while it is given the same one.
   */
  of(alphas: readonly number[]): readonly number[] {
    if (!this.#hasRules) return alphas;
    if (alphas === this.#last) return this.#spread;
    this.#last = alphas;
    this.#spread = this.#offsets.flatMap((offset) => alphas.slice(offset, offset + this.#averages));
    return this.#spread;
  }
}
