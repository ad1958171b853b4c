// The learning rate of a step, in closed form.
// Sets no optimizer.

import type { LearningRate, Recipe } from './condition.js';

const STEP_FACTOR = 0.2;
const STEP_SHARES = [0.3, 0.6, 0.8] as const;

/** The steps of a run. */
export interface Steps {
  readonly perEpoch: number;
  readonly total: number;
}

/** The steps of a run on this many training images. */
export function stepsOf(images: number, { batchSize, epochs }: Pick<Recipe, 'batchSize' | 'epochs'>): Steps {
  const perEpoch = Math.ceil(images / batchSize);
  return { perEpoch, total: perEpoch * epochs };
}

/**
 * The learning rate of one step.
 *
 * Warm-up: `peak * (step + 1) / warm-up steps`. Then, with p the share of the remaining steps that are done,
 * cosine: `peak * (1 + cos(pi p)) / 2`.
 * @param step steps before it, from 0.
 */
export function learningRateAt({ peak, warmupEpochs, decay }: LearningRate, step: number, steps: Steps): number {
  const warmup = Math.round(warmupEpochs * steps.perEpoch);
  if (step < warmup) return (peak * (step + 1)) / warmup;
  switch (decay) {
    case 'constant':
      return peak;
    case 'cosine':
      return (peak * (1 + Math.cos((Math.PI * (step - warmup)) / Math.max(1, steps.total - warmup)))) / 2;
    case 'step':
      return peak * STEP_FACTOR ** STEP_SHARES.filter((share) => step >= share * steps.total).length;
    default:
      return decay satisfies never;
  }
}
