// The domains of the study: what data, which conditions and courses, with which seeds.
// Data only; criteria are in ../findings/criteria.jsonl.

import { classifierConditions } from '../runs/classifier-conditions.js';
import type { Condition, Course } from '../runs/condition.js';
import { ALL_IMAGES, CONDITIONS } from '../runs/conditions.js';
import { EQUATION_COURSES, TEXT_COURSES } from '../runs/courses.js';
import { backwards, FROM_DIGITS } from '../runs/transfer-conditions.js';

/** Names of domains. */
export type DomainId = 'images' | 'equations' | 'letters' | 'signals' | 'text' | 'images-60k';

/** Every condition: their runs take seconds. */
export const ALL = 'all';

/** One kind of problem that practitioners have. */
export interface Domain {
  readonly id: DomainId;
  /** One line, in words. */
  readonly title: string;
  readonly conditions: readonly (Condition | Course)[];
  /** Those that are run where nothing is asked for. */
  readonly core: readonly string[] | typeof ALL;
  /** Those that confirm; a condition takes as many of the first as it needs. Pilots had others, below 100. */
  readonly seeds: readonly number[];
}

/** Seeds from 101 on. */
const confirming = (count: number): number[] => Array.from({ length: count }, (_, index) => 101 + index);

/** Most findings are about A, a run of seconds, and what is left to find there is small: by the spread of ten seeds, twenty decide. */
const CLEAN_SEEDS = 20;

const withCleanSeeds = (conditions: readonly Condition[]): Condition[] =>
  conditions.map((condition) => (condition.id === 'A' ? { ...condition, seeds: CLEAN_SEEDS } : condition));

const SIGNALS = classifierConditions({
  data: { name: 'mnist-1d', train: 4000, validation: 1000 },
  network: 'conv-1d',
  deepNorm: 'conv-1d-bn6',
  peak: 0.05,
  deepNormPeak: 0.2,
  classes: [5, 10],
  seeds: 10,
});

const LETTERS = classifierConditions({
  data: { name: 'letters', train: 6000, validation: 1500 },
  network: 'perceptron',
  deepNorm: 'perceptron-bn6',
  peak: 0.1,
  deepNormPeak: 0.2,
  classes: [13, 26],
  seeds: 10,
});

/** All domains, those first that tell most for their time. */
export const DOMAINS: readonly Domain[] = [
  {
    id: 'equations',
    title: "equations with exact solutions, after PADAM's",
    conditions: EQUATION_COURSES,
    core: ALL,
    seeds: confirming(12),
  },
  {
    id: 'signals',
    title: 'MNIST-1D, 4,000 signals of 40 values in 10 classes, a convolutional network',
    conditions: [...withCleanSeeds(SIGNALS), ...backwards('signals', SIGNALS)],
    core: ALL,
    seeds: confirming(CLEAN_SEEDS),
  },
  {
    id: 'letters',
    title: 'letter recognition, 6,000 letters as 16 numbers in 26 classes, a fully connected network',
    conditions: [...withCleanSeeds(LETTERS), ...backwards('letters', LETTERS)],
    core: ALL,
    seeds: confirming(CLEAN_SEEDS),
  },
  {
    id: 'text',
    title: 'the King James Bible by characters, a small Transformer without BatchNorm',
    conditions: TEXT_COURSES,
    core: ['text-constant', 'text-cosine'],
    seeds: confirming(5),
  },
  {
    id: 'images',
    title: 'fashion-mnist, 6,000 images, small convolutional networks',
    conditions: [...CONDITIONS, ...FROM_DIGITS],
    core: ['A', 'A0', 'N40', 'K', 'Cc'],
    seeds: confirming(10),
  },
  {
    id: 'images-60k',
    title: 'fashion-mnist, all 60,000 images, small convolutional networks',
    conditions: ALL_IMAGES,
    core: ['A'],
    seeds: confirming(5),
  },
];
