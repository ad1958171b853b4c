// The conditions of the domains beside the images: those of the images again, and what the paper did beyond them.
// Data only.

import type { Condition, DataChoice, LearningRate, LogitNetworkName } from './condition.js';
import { CONDITIONS } from './conditions.js';

/** What differs from domain to domain. */
export interface ClassifierDomain {
  readonly data: Pick<DataChoice, 'name' | 'train'> & { readonly validation: number };
  readonly network: LogitNetworkName;
  /** Six layers with BatchNorm. */
  readonly deepNorm: LogitNetworkName;
  /** Highest learning rates of the two. */
  readonly peak: number;
  readonly deepNormPeak: number;
  /** The first classes train, the others are for the linear probe. */
  readonly classes: readonly [first: number, all: number];
  readonly seeds: number;
}

/** Rates of the sweep, by the rate of the other conditions. */
export const RATE_FACTORS = [0.25, 0.5, 1, 2, 4] as const;

/** Conditions that a domain without augmentation has, with what is said of them there. */
const SHARED: Readonly<Record<string, string>> = {
  A: 'clean labels, cosine learning rate',
  A0: 'as A, without the callback',
  N20: '20 % of the labels wrong, cosine learning rate',
  N40: '40 % of the labels wrong, cosine learning rate',
  N60: '60 % of the labels wrong, cosine learning rate',
  K: 'clean labels, constant learning rate',
  BT: 'as A, and the average put back into the weights each epoch',
  ST: 'step learning rate (times 0.2 after 30, 60 and 80 %)',
  NK: '40 % of the labels wrong, constant learning rate',
};

/** The conditions of a domain. */
export function classifierConditions(domain: ClassifierDomain): Condition[] {
  const shared = CONDITIONS.flatMap((condition) => {
    const title = SHARED[condition.id];
    return title === undefined ? [] : [{ ...adapted(condition, domain), title }];
  });
  const base = shared.find(({ id }) => id === 'A');
  return base === undefined ? [] : [...shared, ...extras(base, domain)];
}

function adapted(condition: Condition, { data, network, peak, seeds }: ClassifierDomain): Condition {
  const { noise } = condition.data;
  return {
    ...condition,
    network,
    data: { ...data, noise, shift: 0 },
    recipe: { ...condition.recipe, learningRate: { ...condition.recipe.learningRate, peak } },
    measures: { ...condition.measures, probe: undefined },
    seeds: condition.seeds === 1 ? 1 : seeds,
  };
}

function extras(base: Condition, domain: ClassifierDomain): Condition[] {
  const { data, recipe, averages, measures } = base;
  const plain = { ...base, averages: { ...averages, variants: false } };
  const withRate = (change: Partial<LearningRate>): Condition['recipe'] => {
    return { ...recipe, learningRate: { ...recipe.learningRate, ...change } };
  };
  const [first, all] = domain.classes;
  return [
    {
      ...base,
      id: 'BN',
      title: 'six BatchNorm layers, statistics recomputed each epoch, cosine learning rate',
      network: domain.deepNorm,
      recipe: { ...withRate({ peak: domain.deepNormPeak }), epochs: 20 },
      measures: { ...measures, recompute: 'each epoch' },
    },
    ...RATE_FACTORS.map((factor, index) => ({
      ...plain,
      id: `R${index + 1}`,
      title: `as A, with ${factor} times its learning rate`,
      recipe: withRate({ peak: factor * domain.peak }),
    })),
    {
      ...plain,
      id: 'P100',
      title: 'as A, trained on its validation data too, and read at the epoch that A chose',
      data: { ...data, train: (data.train ?? 0) + domain.data.validation, validation: 'test' },
    },
    {
      ...plain,
      id: 'T',
      title: `as A with the first ${first} classes; the others are for a linear probe`,
      data: { ...data, train: Math.floor(((data.train ?? 0) * first) / all), classes: [0, first] },
      measures: { ...measures, probe: { ...data, train: 2000, validation: 0, classes: [first, all] } },
    },
  ];
}
