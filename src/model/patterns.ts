// Choosing weights by name: what a pattern is, and which names it matches.
// Knows no weights.

import { invalid, quote } from '../base/argument.js';

/**
 * Weights by name: the name itself or a leading part of it up to a slash (`'dense_Dense1'` is `dense_Dense1/kernel` and
 * `dense_Dense1/bias`), or a regular expression that finds something in it (`/bias$/`).
 */
export type WeightPattern = string | RegExp;

/** A pattern as plain data, which a checkpoint can compare. */
export type Pattern = { readonly name: string } | { readonly source: string; readonly flags: string };

/**
 * Checks a pattern.
 * @throws {@link EmaError} INVALID_ARGUMENT
 */
export function resolvePattern(name: string, pattern: WeightPattern): Pattern {
  if (typeof pattern === 'string' && pattern !== '') return { name: pattern.replace(/\/$/, '') };
  // Global and sticky ones remember where they stopped.
  if (isRegExp(pattern)) return { source: pattern.source, flags: pattern.flags.replace(/[gy]/g, '') };
  throw invalid(name, "the name of a weight or layer, such as 'dense_Dense1', or a regular expression", pattern);
}

/**
 * Checks a list of patterns.
 * @returns undefined when none was given.
 * @throws {@link EmaError} INVALID_ARGUMENT — not a list, or an empty one.
 */
export function resolvePatterns(
  name: string,
  patterns: readonly WeightPattern[] | undefined,
): readonly Pattern[] | undefined {
  if (patterns === undefined) return undefined;
  if (!Array.isArray(patterns) || patterns.length === 0) {
    const given: unknown = patterns;
    const one = typeof given === 'string' ? quote(given) : isRegExp(given) ? `${given}` : undefined;
    const fix = one === undefined ? '' : `Write ${name}: [${one}].`;
    throw invalid(name, 'a list of at least one name or regular expression', patterns, fix);
  }
  return patterns.map((pattern: WeightPattern, index) => resolvePattern(`${name}[${index}]`, pattern));
}

/** Whether a weight's name is meant by a pattern. */
export function matches(pattern: Pattern, name: string): boolean {
  if ('source' in pattern) return new RegExp(pattern.source, pattern.flags).test(name);
  return name === pattern.name || name.startsWith(`${pattern.name}/`);
}

/**
 * Checks that each pattern means at least one weight: one that does not is misspelt.
 * @param option its name, for the message.
 * @param names all weights of the model.
 * @throws {@link EmaError} INVALID_ARGUMENT — lists the names.
 */
export function checkMatches(option: string, patterns: readonly Pattern[], names: readonly string[]): void {
  const idle = patterns.find((pattern) => !names.some((name) => matches(pattern, name)));
  if (idle === undefined) return;
  const shown = `${names.slice(0, 12).join(', ')}${names.length > 12 ? `, and ${names.length - 12} more` : ''}`;
  const received = 'source' in idle ? new RegExp(idle.source, idle.flags).toString() : idle.name;
  throw invalid(option, 'patterns that match weights of the model', received, `It matches none of ${shown}.`);
}

/** By its tag: a regular expression of another realm is no instance of our RegExp. */
function isRegExp(value: unknown): value is RegExp {
  return Object.prototype.toString.call(value) === '[object RegExp]';
}
