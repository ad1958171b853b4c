// Naming one of the averages.
// Holds no averages and chooses none.

import { invalid, show } from './argument.js';
import type { BestWhich } from './best.js';
import { EmaError } from './errors.js';

/**
 * Names one of the averages: its decay as given in the options, its place in the list of decays, or `'best'`, which is the
 * one that validation chose last (or the only one there is), or the best of all epochs by a metric, such as `'best-loss'`.
 */
export type Which = 'best' | BestWhich | number | { readonly index: number };

/**
 * The place of an average in the list of decays.
 * @param best what `'best'` stands for now, if anything.
 * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
 */
export function indexOf(which: Which, decays: readonly number[], best: number | undefined): number {
  if (which === 'best') {
    const index = best ?? (decays.length === 1 ? 0 : undefined);
    if (index !== undefined) return index;
    const wayOut = "'best' exists once validation has run (option validationData) or choose() was called.";
    throw invalid('which', `one of the decays ${decays.join(', ')}`, which, wayOut);
  }
  const index = typeof which === 'number' ? decays.indexOf(which) : placeOf(which);
  if (Number.isInteger(index) && index >= 0 && index < decays.length) return index;
  throw noSuch(which, decays);
}

/** The index in an object; NaN for anything else. */
function placeOf(which: string | { readonly index: number }): number {
  return typeof which === 'object' && which !== null ? which.index : Number.NaN;
}

function noSuch(which: unknown, decays: readonly number[]): EmaError {
  const isIndex = typeof which === 'object' && which !== null && 'index' in which;
  const received = isIndex ? `{ index: ${show(which.index)} }` : show(which);
  const expected = `'best', { index } below ${decays.length}, or one of the decays ${decays.join(', ')}`;
  return new EmaError('INVALID_ARGUMENT', `which: expected ${expected}, received ${received}.`);
}
