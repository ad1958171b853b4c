// Reading and checking command lines, for the demo and the study: words to values, or a message that says what is wrong.
// Knows no option.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { EngineChoice } from '../../src/index.js';

/** The command line is wrong; the message says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What `--engine` takes. */
export const ENGINES: readonly EngineChoice[] = ['auto', 'native', 'js'];

/**
 * Reads a command line that consists of options only. An option without the value that it needs is read as the empty text.
 * @param argv what follows the program's name.
 * @throws UsageError — an option that there is not, a word that is none, or a value where there should be none.
 */
export function readOptions<T extends NonNullable<ParseArgsConfig['options']>>(argv: readonly string[], options: T) {
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const args = tokens.map((token) => {
    if (token.kind !== 'option') {
      throw new UsageError(`Expected options only, received '${token.kind === 'positional' ? token.value : '--'}'.`);
    }
    const { name, rawName, value = '', inlineValue } = token;
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined) throw new UsageError(`There is no option '${rawName}'.`);
    if (option.type === 'boolean') {
      if (inlineValue === true) throw new UsageError(`${rawName}: expected no value, received '${value}'.`);
      return `--${name}`;
    }
    if (inlineValue === false && value.startsWith('-')) {
      throw new UsageError(
        `${rawName}: expected a value, received '${value}'; if it is one, write ${rawName}=${value}.`,
      );
    }
    return `--${name}=${value}`;
  });
  return parseArgs({ args, options, strict: true, allowPositionals: false }).values;
}

/**
 * An integer; undefined where the option was left out.
 * @param max no limit when left out.
 * @throws UsageError — not one, or out of range.
 */
export function integer(
  name: string,
  text: string | undefined,
  { min, max = Number.POSITIVE_INFINITY }: { readonly min: number; readonly max?: number },
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  const range = max === Number.POSITIVE_INFINITY ? `of at least ${min}` : `from ${min} to ${max}`;
  throw new UsageError(`${name}: expected an integer ${range}, received '${text}'.`);
}

/**
 * One of some words; undefined where the option was left out.
 * @throws UsageError — another word.
 */
export function oneOf<T extends string>(name: string, value: string | undefined, allowed: readonly T[]): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((word) => word === value);
  if (found !== undefined) return found;
  throw new UsageError(`${name}: expected one of ${allowed.join(', ')}, received '${value}'.`);
}

/**
 * A list of numbers, each once, separated by commas.
 * @param expected what the list should hold, for the message.
 * @throws UsageError — something else, or a number twice.
 */
export function numbers(
  name: string,
  text: string,
  { expected, isValid }: { readonly expected: string; readonly isValid: (value: number) => boolean },
): number[] {
  const words = text.split(',').map((word) => word.trim());
  const values = words.map(Number);
  const isValidList = words.every((word) => word !== '') && values.every(isValid);
  if (isValidList && new Set(values).size === values.length) return values;
  throw new UsageError(`${name}: expected ${expected}, each once, received '${text}'.`);
}

/**
 * A path; undefined where the option was left out.
 * @throws UsageError — the empty text.
 */
export function path(name: string, text: string | undefined): string | undefined {
  if (text !== '') return text;
  throw new UsageError(`${name}: expected a path.`);
}
