// Switch-EMA: when an average is put into the model, for good, while it trains, and when that makes no sense.
// Puts nothing anywhere itself.

import { invalid, positiveInteger } from '../base/argument.js';
import type { EmaOptions } from '../options/options.js';
import { type FitParams, runOfFit } from '../options/run-length.js';
import { halfLifeOf } from '../schedule/decay.js';
import type { Which } from '../schedule/which.js';

/** When an average is put into the model, and which. */
export interface PutBack {
  /**
   * After so many optimizer steps, counted over all fits, or after so many epochs, also of all fits (a run that was interrupted goes on by
   * `initialEpoch`), and then after their validation.
   */
  readonly every: { readonly steps: number } | { readonly epochs: number };
  /** The average. @defaultValue the only one; with several, `'best'` after epochs with `validationData` */
  readonly which?: Which;
}

/** {@link PutBack}, checked and complete. */
export interface ResolvedPutBack {
  readonly unit: 'steps' | 'epochs';
  readonly count: number;
  readonly which: Which;
}

/** Below this share of what the model learns between two exchanges, it hardly trains. */
const LITTLE = 0.5;

/**
 * Checks the option `putBack`.
 * @param hasValidation whether `'best'` is known at the end of an epoch.
 * @throws {@link EmaError} INVALID_ARGUMENT — a wrong interval, or `'best'` where nothing says which average that is.
 */
export function checkPutBack(
  putBack: PutBack | undefined,
  { decay, decays }: EmaOptions,
  hasValidation: boolean,
): ResolvedPutBack | undefined {
  if (putBack === undefined) return undefined;
  const every: unknown = typeof putBack === 'object' && putBack !== null ? putBack.every : undefined;
  if (typeof every !== 'object' || every === null || Object.keys(every).length !== 1)
    throw invalid('putBack', '{ every: { epochs: 1 } } or { every: { steps: 1000 } }', putBack);
  const unit = 'steps' in every ? 'steps' : 'epochs';
  const count = positiveInteger(`putBack.every.${unit}`, Reflect.get(every, unit));
  const { which = 'best' } = putBack;
  const isSingle = decay !== undefined || (Array.isArray(decays) && decays.length === 1);
  if (which === 'best' && !isSingle && !(unit === 'epochs' && hasValidation)) {
    const wayOut = "With several averages, 'best' is known only after an epoch with validationData.";
    throw invalid('putBack.which', 'one of the averages, such as { index: 0 }', which, wayOut);
  }
  return { unit, count, which };
}

/** Whether an average is due after this many steps or epochs. */
export function isDue(putBack: ResolvedPutBack | undefined, unit: ResolvedPutBack['unit'], done: number): boolean {
  return putBack?.unit === unit && done % putBack.count === 0;
}

/**
 * What makes no sense about it: an average that remembers much longer than the model may train on its own.
 * @param decays per step of the averages that it may be: where it is chosen later, of all.
 * @param params what fit tells its callbacks.
 * @returns a message, if anything.
 */
export function foreseePutBack(
  { unit, count }: ResolvedPutBack,
  decays: readonly number[],
  params: FitParams,
): string | undefined {
  // Of those, the smallest has the least to warn of.
  const decay = Math.min(...decays);
  const stepsPerEpoch = runOfFit(params).stepsPerEpoch ?? Number.POSITIVE_INFINITY;
  const steps = unit === 'steps' ? count : count * stepsPerEpoch;
  const share = 1 - decay ** steps;
  // Decay 1 stands for averages that are not exponential.
  if (share >= LITTLE || decay === 1) return undefined;
  return (
    `putBack every ${count} ${unit} with a half-life of ${Number(halfLifeOf(decay).toPrecision(3))} steps: each time the model keeps ` +
    `only ${Number((100 * share).toPrecision(2))} % of what it learnt in between. Use a half-life of at most ${steps} steps, or a ` +
    'longer interval.'
  );
}
