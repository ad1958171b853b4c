// The weights of a model beside those of a checkpoint: which is which, by name or by place, and what differs.
// Reads no values.

import { quote, shorten } from '../base/argument.js';

/** Weights of a model beside those that were saved. */
export interface MatchedWeights {
  /** What a weight of the model is called in the file. */
  readonly savedAs: (name: string) => string;
  /** Where they are not the same, as sentences. */
  readonly differences: readonly string[];
}

/**
 * Compares two records of weights, what they are called and their shapes: by name, or by place where only the numbers differ that tfjs gives
 * to layers without a name, `dense_Dense1`, on and on in one process.
 */
export function matchWeights(
  saved: Readonly<Record<string, unknown>>,
  own: Readonly<Record<string, unknown>>,
): MatchedWeights {
  const differences = weightDifferences(saved, own);
  const [before, now] = [Object.keys(saved), Object.keys(own)];
  const isSame = (name: string, index: number): boolean =>
    unnumbered(name) === unnumbered(before[index] ?? '') && own[name] === saved[before[index] ?? ''];
  if (differences.length === 0 || before.length !== now.length || !now.every(isSame))
    return { savedAs: (name) => name, differences };
  const names = new Map(now.map((name, index) => [name, before[index] ?? name]));
  return { savedAs: (name) => names.get(name) ?? name, differences: [] };
}

/** A weight's name without what tfjs numbers in it (tfjs-layers/src/engine/topology.ts, `Layer`): the class of a layer that has no name. */
function unnumbered(name: string): string {
  return name.replaceAll(/(_[A-Z]\w*?)\d+(?=\/|$)/g, '$1');
}

function weightDifferences(saved: Readonly<Record<string, unknown>>, own: Readonly<Record<string, unknown>>): string[] {
  return [
    ...Object.keys(saved)
      .filter((name) => !Object.hasOwn(own, name))
      .map((name) => `weight ${quote(name)} is only in the checkpoint`),
    ...Object.keys(own)
      .filter((name) => !Object.hasOwn(saved, name))
      .map((name) => `weight ${quote(name)} is only in the model`),
    ...Object.keys(own)
      .filter((name) => Object.hasOwn(saved, name) && saved[name] !== own[name])
      .map((name) => `weight ${quote(name)} was ${textOf(saved[name])}, now it is ${own[name]}`),
  ];
}

/** Not by String(): an object from JSON may have a toString of its own. */
function textOf(value: unknown): string {
  return shorten(typeof value === 'string' ? value : JSON.stringify(value));
}
