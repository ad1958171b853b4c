// Decays of their own for some weights: rules by name, and the alphas of an update spread over the weights.
// Moves no average.

import { invalid } from './argument.js';
import type { Averages } from './averages.js';
import { type DecaySpec, equivalentDecay, type RunLength, resolveDecay } from './decay.js';
import { checkMatches, matches, type Pattern, resolvePattern, type WeightPattern } from './patterns.js';

/** A rule for some weights: what their averages remember instead. */
export interface LayerDecay {
  /** The weights, by name: see {@link WeightPattern}. */
  readonly match: WeightPattern;
  /**
   * One decay for all averages of these weights; a list, one for each of `decays`; or `{ halfLifeTimes: 0.5 }`: of each average
   * half the half-life. Averages that are not exponential keep their shape.
   */
  readonly decay: DecaySpec | readonly DecaySpec[] | { readonly halfLifeTimes: number };
}

/** A rule as numbers. */
export interface LayerRule {
  readonly match: Pattern;
  /** One decay per step for each average. */
  readonly decays: readonly number[];
}

/**
 * Checks rules and turns their units into decays per step.
 * @param averages those that the rules are exceptions of.
 * @throws {@link EmaError} INVALID_ARGUMENT — as `resolveDecay`; a list of another length.
 */
export function resolveLayerDecays(
  rules: readonly LayerDecay[],
  averages: Averages,
  run: RunLength,
): readonly LayerRule[] {
  if (!Array.isArray(rules)) throw invalid('layerDecays', 'a list of rules such as { match, decay }', rules);
  return rules.map((rule: LayerDecay, index) => {
    const name = `layerDecays[${index}]`;
    if (typeof rule !== 'object' || rule === null) throw invalid(name, 'a rule such as { match, decay }', rule);
    const unknown = Object.keys(rule).find((key) => key !== 'match' && key !== 'decay');
    if (unknown !== undefined) throw invalid(name, 'the names match and decay', unknown);
    return {
      match: resolvePattern(`${name}.match`, rule.match),
      decays: decaysOf(`${name}.decay`, rule.decay, { averages, run }),
    };
  });
}

/** Averages as a schedule needs them: the K of all weights, and after them the K of each rule. */
export function withRules({ decays, profiles }: Averages, rules: readonly LayerRule[]): Averages {
  return {
    decays: [...decays, ...rules.flatMap((rule) => rule.decays)],
    profiles: [...profiles, ...rules.flatMap(() => profiles)],
  };
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

function decaysOf(
  name: string,
  decay: LayerDecay['decay'],
  { averages: { decays }, run }: { readonly averages: Averages; readonly run: RunLength },
): readonly number[] {
  if (isList(decay)) {
    if (decay.length === decays.length) return decay.map((spec, index) => resolveDecay(spec, run, `${name}[${index}]`));
    throw invalid(name, `a decay for each of the ${decays.length} averages`, `${decay.length} of them`);
  }
  if (typeof decay === 'object' && decay !== null && 'halfLifeTimes' in decay) {
    const { halfLifeTimes } = decay;
    if (!(halfLifeTimes > 0 && halfLifeTimes < Number.POSITIVE_INFINITY)) {
      throw invalid(`${name}.halfLifeTimes`, 'a number above 0', halfLifeTimes);
    }
    return decays.map((one) => equivalentDecay(one, 1 / halfLifeTimes));
  }
  const one = resolveDecay(decay, run, name);
  return decays.map(() => one);
}

function isList(decay: LayerDecay['decay']): decay is readonly DecaySpec[] {
  return Array.isArray(decay);
}
