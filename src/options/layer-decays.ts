// Decays of their own for some weights: rules by name, as given and as numbers.
// Moves no average.

import { invalid } from '../base/argument.js';
import type { LayerRule } from '../model/alpha-spread.js';
import { resolvePattern, type WeightPattern } from '../model/patterns.js';
import { type DecaySpec, equivalentDecay, type RunLength, resolveDecay } from '../schedule/decay.js';
import type { Averages } from '../schedule/specs.js';

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
