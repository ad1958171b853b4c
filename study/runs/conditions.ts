// The conditions of the study, as fixed before its seeds were run.
// Data only: what they show is judged in ../findings.

import { equivalentDecay } from '../../src/decay.js';
import type { Averages, Condition, DataChoice, Measures, Recipe } from './condition.js';

/**
 * Windows of the main averages as shares of the run: the paper's decays on its 78,200 steps. Rounded as they were when the study was fixed,
 * so that its runs can be repeated; the exact ones are `PAPER_WINDOWS`.
 */
export const WINDOWS: readonly number[] = [0.0064, 0.0128, 0.0256, 0.0512, 0.1023];

/** The paper's decays (0.968 to 0.998 per update of 16 steps), per step. */
export const PAPER_DECAYS_PER_STEP: readonly number[] = [0.968, 0.984, 0.992, 0.996, 0.998].map((decay) =>
  equivalentDecay(decay, 1 / 16),
);

const DATA: DataChoice = { name: 'fashion-mnist', train: 6000, validation: 1500, noise: 0, shift: 0 };

const RECIPE: Recipe = {
  epochs: 40,
  batchSize: 128,
  weightDecay: 0,
  learningRate: { peak: 0.1, warmupEpochs: 1, decay: 'cosine' },
  bootstrap: false,
};

const AVERAGES: Averages = { main: { windows: WINDOWS }, updateEvery: 1, variants: false, uniform: false };

/** Digits for the linear probe: all of them, split as the data set is. */
const DIGITS: DataChoice = { name: 'mnist', validation: 0, noise: 0, shift: 0 };

const MEASURES: Measures = { memorisation: false, recompute: false, probe: undefined };

const BASE = { network: 'study-net', data: DATA, recipe: RECIPE, averages: AVERAGES, measures: MEASURES } as const;

const AUGMENTED: DataChoice = { ...DATA, shift: 2 };

const CONSTANT: Recipe = { ...RECIPE, learningRate: { ...RECIPE.learningRate, decay: 'constant' } };

/** A condition with this many per cent of the labels wrong. */
export function noisyCondition(percent: number, seeds: number): Condition {
  return {
    ...BASE,
    id: `N${percent}`,
    title: `${percent} % of the labels wrong, cosine learning rate`,
    data: { ...DATA, noise: percent / 100 },
    recipe: { ...RECIPE, epochs: 30 },
    measures: { ...MEASURES, memorisation: true },
    seeds,
  };
}

/** Runs of twenty seconds: enough of them for intervals that decide. */
const SEEDS = 10;

/** All conditions; those with the most work first, so that the last runs are not the longest. */
export const CONDITIONS: readonly Condition[] = [
  {
    ...BASE,
    id: 'A',
    title: 'clean labels, no augmentation, cosine learning rate',
    averages: { ...AVERAGES, variants: true },
    measures: { ...MEASURES, probe: DIGITS },
    seeds: SEEDS,
  },
  {
    ...BASE,
    id: 'A0',
    title: 'as A, without the callback',
    averages: { ...AVERAGES, main: 'none' },
    seeds: 1,
  },
  noisyCondition(20, SEEDS),
  noisyCondition(40, SEEDS),
  noisyCondition(60, SEEDS),
  {
    ...BASE,
    id: 'K',
    title: 'augmentation, constant learning rate',
    data: AUGMENTED,
    recipe: CONSTANT,
    averages: { ...AVERAGES, uniform: true },
    seeds: SEEDS,
  },
  { ...BASE, id: 'Cc', title: 'augmentation, cosine learning rate', data: AUGMENTED, seeds: SEEDS },
  {
    ...BASE,
    id: 'BN',
    title: 'BatchNorm, no augmentation, cosine learning rate',
    network: 'study-net-bn',
    recipe: { ...RECIPE, epochs: 20, learningRate: { ...RECIPE.learningRate, peak: 0.4 } },
    measures: { ...MEASURES, recompute: true },
    seeds: SEEDS,
  },
  {
    ...BASE,
    id: 'BT',
    title: 'as A, and the average put back into the weights each epoch',
    recipe: { ...RECIPE, bootstrap: true },
    seeds: SEEDS,
  },
  {
    ...BASE,
    id: 'ST',
    title: 'step learning rate (times 0.2 after 30, 60 and 80 %)',
    recipe: { ...RECIPE, learningRate: { ...RECIPE.learningRate, decay: 'step' } },
    seeds: SEEDS,
  },
  {
    ...noisyCondition(40, SEEDS),
    id: 'NK',
    title: '40 % of the labels wrong, constant learning rate',
    recipe: { ...CONSTANT, epochs: 30 },
  },
];

/** Those of the images that say most, on all 60,000 for half as many epochs: four times the steps. */
export const ALL_IMAGES: readonly Condition[] = CONDITIONS.filter(({ id }) =>
  ['A', 'A0', 'N40', 'K', 'Cc', 'BN', 'ST'].includes(id),
).map((condition) => ({
  ...condition,
  data: { ...condition.data, train: 50_000, validation: 10_000 },
  recipe: { ...condition.recipe, epochs: condition.recipe.epochs / 2 },
  seeds: condition.seeds === 1 ? 1 : 5,
}));

/** What `--quick` runs: one seed, few epochs, in about a minute. */
export const QUICK_EPOCHS: Readonly<Record<string, number>> = { A: 10, A0: 10, N40: 15 };
