// The error for a wrong argument, how it shows values, and which name a misspelt one was meant to be.
// Knows no option.

import { EmaError } from './errors.js';

/**
 * The error for a wrong argument: expected, for which option, received, fix.
 * @param name option or argument.
 * @param expected what it must be.
 * @param received what it was.
 * @param fix one sentence, when the expectation alone does not say what to do.
 */
export function invalid(name: string, expected: string, received: unknown, fix = ''): EmaError {
  const hint = fix === '' ? '' : ` ${fix}`;
  return new EmaError('INVALID_ARGUMENT', `${name}: expected ${expected}, received ${show(received)}.${hint}`);
}

/** Characters of a text that a message shows: names of weights fit. */
const SHOWN = 200;

/** A text of somebody else's as a message shows it, such as a name from a file: in quotes, on one line, and short. */
export function quote(text: string): string {
  return `'${printable(shorten(text))}'`;
}

/** A text on one line, without tabs and without what a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}|\p{Zl}|\p{Zp}/gu, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The beginning of a text, and dots where it goes on. */
export function shorten(text: string, most: number = SHOWN): string {
  return text.length > most ? `${text.slice(0, most)}...` : text;
}

/** A value as a message shows it: short, and with its type visible. */
export function show(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) return `${value}`;
  if (Array.isArray(value)) return `[${value.slice(0, 6).map(show).join(', ')}${value.length > 6 ? ', ...' : ''}]`;
  return typeof value === 'object' ? kindOf(value) : `a ${typeof value}`;
}

/** An object by its class, where it has one: a Promise, a GraphModel. */
function kindOf(value: object): string {
  const name = fieldOf(fieldOf(value, 'constructor'), 'name');
  return typeof name === 'string' && /^[A-Z]\w+$/.test(name) && name !== 'Object' ? `a ${name}` : 'an object';
}

/**
 * Checks that an object has no other names than these.
 * @param hints what to say of names that are often looked for in the wrong place.
 * @throws {@link EmaError} INVALID_ARGUMENT — names the wrong one, and the right one where that can be guessed.
 */
export function checkNames(
  options: object,
  names: readonly string[],
  hints: Readonly<Record<string, string>> = {},
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalid('options', 'an object such as { decays: 0.999 }', options);
  }
  const kind = options.constructor?.name;
  // By name: a plain object of another realm has another constructor.
  if (kind !== undefined && kind !== 'Object') throw invalid('options', 'a plain object of options', `a ${kind}`);
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const near = names.find((other) => distance(other.toLowerCase(), name.toLowerCase()) <= 2);
    const known = near === undefined ? `Known options: ${names.join(', ')}.` : `Did you mean '${near}'?`;
    const hint = Object.hasOwn(hints, name) ? hints[name] : known;
    throw new EmaError('INVALID_ARGUMENT', `options: there is no option ${quote(name)}. ${hint}`);
  }
}

/**
 * Checks that an option is true or false.
 * @throws {@link EmaError} INVALID_ARGUMENT
 */
export function boolean(name: string, value: boolean): boolean {
  if (typeof value === 'boolean') return value;
  throw invalid(name, 'true or false', value);
}

/**
 * Checks that an option is an integer of at least 1.
 * @throws {@link EmaError} INVALID_ARGUMENT
 */
export function positiveInteger(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value;
  throw invalid(name, 'an integer of at least 1', value);
}

/**
 * Checks that an option is one of some words.
 * @throws {@link EmaError} INVALID_ARGUMENT — lists them.
 */
export function oneOf<T extends string>(name: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  throw invalid(name, allowed.map((word) => `'${word}'`).join(' or '), value);
}

/** Whether a value is a finite number above 0. */
export function isPositive(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY;
}

/** Whether a value is an integer from 0, such as what a file says of a count. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** A member of what may be anything, such as JSON of a file. */
export function fieldOf(value: unknown, name: string): unknown {
  const hasMembers = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return hasMembers ? Reflect.get(value, name) : undefined;
}

/** Edits that turn one word into another (Levenshtein), for "did you mean". */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j += 1) {
      const change = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
