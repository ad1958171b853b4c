// Naming one of the averages.
// Holds no averages and chooses none.

import { invalid, show } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import type { DecaySpec } from './decay.js';
import type { PowerSpec, Profile } from './profile.js';

/**
 * Names one of the averages: its decay as given in the options, `'uniform'` or `{ relativeWidth }` for one that is not
 * exponential, its place in the list of decays, or `'best'`, which is the one that validation chose last (or the only one there
 * is), or the best of all epochs by a metric, such as `'best-loss'`, or `{ synthesized: { halfLife: 700 } }` for a decay between the
 * tracked ones.
 */
export type Which = TrackedWhich | BestWhich | SynthesizedWhich;

/** Names the best average of all epochs by one metric: `'best-loss'`, `'best-acc'`. */
export type BestWhich = `best-${string}`;

/** Names one of the averages that are kept up. */
export type TrackedWhich = 'best' | 'uniform' | number | PowerSpec | { readonly index: number };

/** Names an average that is combined from the tracked ones whenever it is used: any decay between them. */
export type SynthesizedWhich = { readonly synthesized: DecaySpec };

/** Whether an average is to be combined. */
export function isSynthesized(which: unknown): which is SynthesizedWhich {
  return typeof which === 'object' && which !== null && 'synthesized' in which;
}

/** Whether it names the same average all the time, known beforehand; also of what is no name at all. */
export function isFixed(which: Which): which is Exclude<TrackedWhich, 'best'> {
  const isChosenLater = which === 'best' || (typeof which === 'string' && which.startsWith('best-'));
  return !isChosenLater && !isSynthesized(which);
}

/** What an average is called in logs and messages: its decay, `'uniform'`, or `'width0.1'`. */
export function labelOf(decay: number, profile: Profile = 'exponential'): string {
  if (profile === 'exponential') return `${decay}`;
  return profile === 'uniform' ? profile : `width${profile.relativeWidth}`;
}

/**
 * The place of an average in the list of decays.
 * @param labels of the averages; decays are labels too.
 * @param best what `'best'` stands for now, if anything.
 * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
 */
export function indexOf(which: Which, labels: readonly (number | string)[], best: number | undefined): number {
  if (which === 'best') {
    const index = best ?? (labels.length === 1 ? 0 : undefined);
    if (index !== undefined) return index;
    const wayOut = "'best' exists once validation has run (option validationData) or choose() was called.";
    throw invalid('which', `one of the decays ${list(labels)}`, which, wayOut);
  }
  if (isSynthesized(which)) throw invalid('which', 'an average that is tracked', 'a synthesized one');
  const index = placeOf(which, labels);
  if (Number.isInteger(index) && index >= 0 && index < labels.length) return index;
  throw noSuch(which, labels);
}

/** NaN or -1 for what is no name. */
function placeOf(which: Exclude<Which, 'best' | SynthesizedWhich>, labels: readonly (number | string)[]): number {
  const called = (label: string): number => labels.findIndex((one) => `${one}` === label);
  if (typeof which === 'number') return called(labelOf(which));
  if (which === 'uniform') return called(labelOf(1, which));
  if (typeof which !== 'object' || which === null) return Number.NaN;
  return 'relativeWidth' in which ? called(labelOf(1, which)) : which.index;
}

function noSuch(which: unknown, labels: readonly (number | string)[]): EmaError {
  const isIndex = typeof which === 'object' && which !== null && 'index' in which;
  const received = isIndex ? `{ index: ${show(which.index)} }` : show(which);
  const expected = `'best', { index } below ${labels.length}, or one of the decays ${list(labels)}`;
  return new EmaError('INVALID_ARGUMENT', `which: expected ${expected}, received ${received}.`);
}

/** As one writes them: `0.9, 'uniform', { relativeWidth: 0.1 }`. */
function list(labels: readonly (number | string)[]): string {
  const written = (label: string): string =>
    label === 'uniform' ? `'${label}'` : label.replace(/^width(.*)$/, '{ relativeWidth: $1 }');
  return labels.map((label) => written(`${label}`)).join(', ');
}
