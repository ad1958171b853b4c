// What a training run of the study is, a classifier's or a problem's: data, network, recipe, averages and measures, all of it plain data.
// Runs nothing and lists none; those are in conditions.ts, courses.ts and ../paper/presets.ts.

import type { EngineChoice } from '../../src/index.js';
import type { StudyDataName } from '../data/study-data.js';

/** Networks by name: the study's own and the paper's. Whoever trains a run hands its network in. */
export type LogitNetworkName =
  | 'study-net'
  | 'study-net-bn'
  | 'perceptron'
  | 'perceptron-bn6'
  | 'conv-1d'
  | 'conv-1d-bn6'
  | 'resnet-18'
  | 'resnet-34'
  | 'vgg-16'
  | 'wrn-28-10';

/** Which images train, validate and test. */
export interface DataChoice {
  readonly name: StudyDataName;
  /** Folder of the CIFAR files; the other data sets are fetched. */
  readonly directory?: string;
  /** Training images, drawn once; all that validation leaves when absent. */
  readonly train?: number;
  /**
   * Validation images, drawn once: a number of them, or a share of all when below 1. `test`: the test images instead, where epoch and
   * average were chosen in another run, and one figure of the curves is read.
   */
  readonly validation: number | 'test';
  /** Only these classes, from the first to before the second, under numbers from 0; all when absent. */
  readonly classes?: readonly [from: number, to: number];
  /** Share of labels replaced by another class, the same probability for each, in training and validation data. */
  readonly noise: number;
  /** Training images are shifted by up to this many pixels and mirrored, each epoch anew; 0 for no augmentation. */
  readonly shift: number;
}

/** The learning rate over a run. */
export interface LearningRate {
  readonly peak: number;
  /** Linear growth from 0 over these epochs. */
  readonly warmupEpochs: number;
  /** `cosine`: to 0; `constant`: none; `step`: times 0.2 after 30, 60 and 80 % of the run. */
  readonly decay: 'cosine' | 'constant' | 'step';
}

/** How a run trains; always SGD with Nesterov momentum 0.9. */
export interface Recipe {
  readonly epochs: number;
  readonly batchSize: number;
  readonly weightDecay: number;
  readonly learningRate: LearningRate;
  /** After each epoch the weights become the middle average. */
  readonly bootstrap: boolean;
}

/** The averages of a run. */
export interface Averages {
  /**
   * Windows as shares of the run, or decays per step: the averages that are chosen from, with the paper's warm-up.
   * None: training without the callback.
   */
  readonly main: { readonly windows: readonly number[] } | { readonly decays: readonly number[] } | 'none';
  /** Steps between updates of the main averages. */
  readonly updateEvery: number;
  /** Also without warm-up, and with an update every 4 steps, right and naive: for the findings on windows, warm-up and T. */
  readonly variants: boolean;
  /** Also the uniform mean of the weights after each epoch of the last quarter (SWA). */
  readonly uniform: boolean;
}

/** What is measured beside validation curves and test scores. */
export interface Measures {
  /** How much of right and wrong labels is fitted, each epoch. */
  readonly memorisation: boolean;
  /**
   * BatchNorm statistics recomputed on the training images: for test scores of the chosen averages, or, `each epoch`, for a second curve
   * of every average without warm-up too.
   */
  readonly recompute: boolean | 'each epoch';
  /** Data for a linear probe; undefined for none. */
  readonly probe: DataChoice | undefined;
}

/** One setting of the study, trained once per seed. */
export interface Condition {
  /** Short name: A, N40, ... */
  readonly id: string;
  /** One line, in words. */
  readonly title: string;
  readonly network: LogitNetworkName;
  readonly data: DataChoice;
  readonly recipe: Recipe;
  readonly averages: Averages;
  readonly measures: Measures;
  /** How many of the study's seeds it is trained with, first ones first. */
  readonly seeds: number;
}

/** Problems by name. Whoever runs a course hands its problem in. */
export type ProblemName = 'heat' | 'black-scholes' | 'poisson' | 'polynomial' | 'text';

/** One setting in which a problem is trained, once per seed: errors of many averages over its course. */
export interface Course {
  /** Short name. */
  readonly id: string;
  /** One line, in words. */
  readonly title: string;
  readonly problem: ProblemName;
  readonly steps: number;
  readonly batchSize: number;
  /** `momentum`: SGD with Nesterov momentum 0.9. */
  readonly optimizer: 'adam' | 'momentum';
  readonly rate: {
    readonly peak: number;
    /** Linear growth from 0 over this share of the run. */
    readonly warmup: number;
    /** `cosine`: to 0; `constant`: none; `cooldown`: linear to 0 over the last fifth. */
    readonly decay: 'constant' | 'cosine' | 'cooldown';
  };
  /** How many of the study's seeds it is trained with, first ones first. */
  readonly seeds: number;
}

/** Whether this is a course, and not a classifier's condition. */
export function isCourse(condition: Condition | Course): condition is Course {
  return 'problem' in condition;
}

/** One training run: everything that its result depends on. */
export interface RunSpec<C extends Condition | Course = Condition | Course> {
  readonly condition: C;
  /** Initial weights, order of the data, augmentation; split and noise are the same for all seeds. */
  readonly seed: number;
  readonly engine: EngineChoice;
  /** Digest of the study's code that runs it: results of other code are not taken for its. */
  readonly code: string;
}
