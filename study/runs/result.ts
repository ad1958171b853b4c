// What one training run leaves behind: plain data, the same for the same run on the same machine.
// Holds no times: they differ from run to run, and stand in the store's record beside it.

import type { ReliabilityBin } from '../metrics/calibration.js';
import type { NoisyFit } from '../metrics/memorisation.js';
import type { Point } from './evaluation.js';

/** Weights that are judged on the test images. */
export type ModelId =
  /** Raw weights at the end. */
  | 'sgdLast'
  /** Raw weights of the epoch with the highest validation accuracy, and with the lowest validation loss. */
  | 'sgdAccuracy'
  | 'sgdLoss'
  /** The slowest main average at the end. */
  | 'emaLast'
  /** The main average and epoch with the highest validation accuracy, and with the lowest validation loss. */
  | 'emaAccuracy'
  | 'emaLoss'
  /** The same with BatchNorm statistics recomputed. */
  | 'emaAccuracyRecomputed'
  | 'emaLossRecomputed'
  /** The uniform mean of the last quarter. */
  | 'uniform';

/** Quality of class probabilities. */
export interface Scores {
  readonly accuracy: number;
  readonly negativeLogLikelihood: number;
  readonly brier: number;
  /** Expected calibration error in 15 bins of equal width, and in 100 of equal mass. */
  readonly ece15: number;
  readonly ece100: number;
}

/** One set of weights on the test images. */
export interface ModelResult {
  /** Which average, or `raw`. */
  readonly track: string;
  /** Epochs trained, from 1. */
  readonly epoch: number;
  readonly validation: Point;
  readonly test: Scores;
  /** Fitted on the validation images. */
  readonly temperature: number;
  /** After dividing logits by the temperature. */
  readonly scaled: Scores;
  /** 15 bins of equal width, on the test images. */
  readonly reliability: readonly ReliabilityBin[];
}

/** Validation accuracy and loss after each epoch. */
export interface Curve {
  readonly accuracy: readonly number[];
  readonly loss: readonly number[];
}

/** Everything that a run measured. */
export interface RunResult {
  readonly conditionId: string;
  readonly seed: number;
  readonly steps: number;
  readonly stepsPerEpoch: number;
  /** Who ran the updates; absent without the callback. */
  readonly engine: string | undefined;
  /** Validation curves by track, `raw` among them. */
  readonly curves: Readonly<Record<string, Curve>>;
  /** Window in steps of each average. */
  readonly windows: Readonly<Record<string, number>>;
  /** Fit of right and wrong labels after each epoch, for `raw` and the slowest main average. */
  readonly memorisation: Readonly<Record<string, readonly NoisyFit[]>>;
  readonly models: Readonly<Partial<Record<ModelId, ModelResult>>>;
  /** Test accuracy of linear probes on digits, by model; `random` are the initial weights. */
  readonly probe: Readonly<Record<string, number>>;
  /** SHA-256 of the raw weights at the end. */
  readonly weightsDigest: string;
}

/** Test logits that comparisons between seeds need, by model. */
export type RunLogits = Readonly<Partial<Record<ModelId, Float32Array>>>;
