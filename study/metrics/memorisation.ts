// Memorisation of noisy labels: how much of the wrong part of the training labels a model has learnt by heart.
// Holds no training and no curves over epochs but the one reading at equal fit.

import { at } from './predictions.js';

/** What a model predicts on training samples of which some have wrong labels. */
export interface NoisyFit {
  /** Share of samples with a right label that get this label. */
  readonly clean: number;
  /** Share of samples with a wrong label that get this wrong label: memorised. */
  readonly noisy: number;
}

/** The classes of the same samples, three times. */
export interface NoisyClasses {
  /** What the model predicts. */
  readonly predicted: ArrayLike<number>;
  /** What it was trained on. */
  readonly given: ArrayLike<number>;
  /** What is true. */
  readonly real: ArrayLike<number>;
}

/**
 * Accuracy against the labels trained on, apart for right and for wrong labels.
 * @returns NaN for a part that has no samples.
 */
export function noisyFit({ predicted, given, real }: NoisyClasses): NoisyFit {
  const samples = { clean: 0, noisy: 0 };
  const fitted = { clean: 0, noisy: 0 };
  for (let i = 0; i < given.length; i += 1) {
    const part = at(given, i) === at(real, i) ? 'clean' : 'noisy';
    samples[part] += 1;
    if (at(predicted, i) === at(given, i)) fitted[part] += 1;
  }
  return { clean: fitted.clean / samples.clean, noisy: fitted.noisy / samples.noisy };
}

/**
 * The share of wrong labels memorised at the moment when the clean part is first fitted to `level`.
 *
 * Between two epochs the curve is taken as a straight line, so that models that pass the level at different speeds are read
 * at the same fit.
 * @param curve one fit an epoch, oldest first.
 * @returns undefined when the clean part never reaches the level.
 * @see arXiv 2411.18704, appendix E.1.
 */
export function memorisedAt(curve: readonly NoisyFit[], level: number): number | undefined {
  const index = curve.findIndex(({ clean }) => clean >= level);
  const after = curve[index];
  const before = curve[index - 1];
  if (after === undefined || before === undefined) return after?.noisy;
  const share = (level - before.clean) / (after.clean - before.clean);
  return before.noisy + share * (after.noisy - before.noisy);
}
