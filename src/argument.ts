// The error for a wrong argument, and how it shows values.
// Checks nothing.

import { EmaError } from './errors.js';

/**
 * The error for a wrong argument: expected, for which option, received, way out.
 * @param name option or argument.
 * @param expected what it must be.
 * @param received what it was.
 * @param wayOut one sentence, when the expectation alone does not say what to do.
 */
export function invalid(name: string, expected: string, received: unknown, wayOut = ''): EmaError {
  const hint = wayOut === '' ? '' : ` ${wayOut}`;
  return new EmaError('INVALID_ARGUMENT', `${name}: expected ${expected}, received ${show(received)}.${hint}`);
}

/** A value as a message shows it: short, and with its type visible. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) return `${value}`;
  if (Array.isArray(value)) return `[${value.slice(0, 6).map(show).join(', ')}${value.length > 6 ? ', ...' : ''}]`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
