// Naming one of the averages.
// Holds no averages and chooses none.

import { invalid, show } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import type { DecaySpec } from './decay.js';
import { type GrowingSpec, growing, type PowerSpec, type Profile } from './profile.js';

/**
 * Names one of the averages:
 *
 * - its decay as given in the options; `'uniform'`, `{ relativeWidth }` or `{ halfLife: { soFar } }` for one of another shape; its place in the
 *   list of decays, `{ index: 0 }`, which is the only name of one with a function;
 * - `'best'`: the best of all epochs by the monitored metric, with the weights as they were then; `'best-loss'`: the same by another metric;
 * - `'current'`: the best of the last validation, as it is now;
 * - `{ synthesized: { halfLife: 700 } }`: a decay between the tracked ones; `{ synthesized: { relativeWidth: 0.07 } }`: such a width.
 *
 * Where only one average is tracked and nothing was measured, `'best'` and `'current'` are that one.
 */
export type Which = TrackedWhich | BestWhich | SynthesizedWhich;

/** Names the best average of all epochs by the monitored metric, or by another one: `'best-loss'`, `'best-acc'`. */
export type BestWhich = 'best' | `best-${string}`;

/** Names one of the averages that are kept up. */
export type TrackedWhich = 'current' | 'uniform' | number | PowerSpec | GrowingSpec | { readonly index: number };

/**
 * Names an average that is combined from the tracked ones whenever it is used: any decay between them; or, where power-function averages,
 * the plain mean or shares of the steps so far are tracked, any of these between them.
 */
export type SynthesizedWhich = { readonly synthesized: DecaySpec | 'uniform' | PowerSpec | GrowingSpec };

/** Whether an average is to be combined. */
export function isSynthesized(which: unknown): which is SynthesizedWhich {
  return typeof which === 'object' && which !== null && 'synthesized' in which;
}

/**
 * What an average is called in logs and messages: its decay, `'uniform'`, `'width0.1'`, `'halfLife0.05soFar'`, or `'function2'`.
 * @param index its place in the list of decays, which is all that a function can be called by: its own name differs in a bundle.
 */
export function labelOf(decay: number, profile: Profile = 'exponential', index = 0): string {
  if (profile === 'exponential') return `${decay}`;
  if (profile === 'uniform') return profile;
  if (typeof profile === 'function') return `function${index}`;
  const [measure, share] = growing(profile) ?? [];
  return 'relativeWidth' in profile ? `width${profile.relativeWidth}` : `${measure}${share}soFar`;
}

/**
 * The place of an average in the list of decays.
 * @param labels of the averages; decays are labels too.
 * @param current what `'current'` stands for now, if anything.
 * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
 */
export function indexOf(which: Which, labels: readonly (number | string)[], current: number | undefined): number {
  if (which === 'current' || which === 'best') {
    const index = which === 'current' ? current : undefined;
    if (index !== undefined) return index;
    if (labels.length === 1) return 0;
    const fix = `${show(which)} exists once something was measured after the start: let fit validate with ema.callback() in it, or call record().`;
    throw invalid('which', `{ index } or one of the decays ${list(labels)}`, which, fix);
  }
  if (isSynthesized(which)) throw invalid('which', 'an average that is tracked', 'a synthesized one');
  const index = placeOf(which, labels);
  if (Number.isInteger(index) && index >= 0 && index < labels.length) return index;
  throw noSuch(which, labels);
}

/** NaN or -1 for what is no name. */
function placeOf(
  which: Exclude<Which, 'best' | 'current' | SynthesizedWhich>,
  labels: readonly (number | string)[],
): number {
  const called = (label: string): number => labels.findIndex((one) => `${one}` === label);
  if (typeof which === 'number') return called(labelOf(which));
  if (which === 'uniform') return called(labelOf(1, which));
  if (typeof which !== 'object' || which === null) return Number.NaN;
  return 'index' in which ? which.index : isShape(which) ? called(labelOf(1, which)) : Number.NaN;
}

function isShape(which: PowerSpec | GrowingSpec): boolean {
  return 'relativeWidth' in which || growing(which) !== undefined;
}

function noSuch(which: unknown, labels: readonly (number | string)[]): EmaError {
  const isIndex = typeof which === 'object' && which !== null && 'index' in which;
  const received = isIndex ? `{ index: ${show(which.index)} }` : show(which);
  const expected = `'best', 'best-loss', 'current', { index } below ${labels.length}, or one of the decays ${list(labels)}`;
  const fix = which === 'raw' ? ' The raw weights are those that the model has.' : '';
  return new EmaError('INVALID_ARGUMENT', `which: expected ${expected}, received ${received}.${fix}`);
}

/** As one writes them: `0.9, 'uniform', { relativeWidth: 0.1 }`. */
function list(labels: readonly (number | string)[]): string {
  const written = (label: string): string =>
    label === 'uniform'
      ? `'${label}'`
      : label
          .replace(/^width(.*)$/, '{ relativeWidth: $1 }')
          .replace(/^(\D+)(.*)soFar$/, '{ $1: { soFar: $2 } }')
          .replace(/^function(.*)$/, '{ index: $1 }');
  return labels.map((label) => written(`${label}`)).join(', ');
}
