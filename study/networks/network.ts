// What a network of the study is: a name, a sentence and a function that builds it.
// Holds no layers.

import type { LayersModel } from '@tensorflow/tfjs-node';
import type { Tf } from '../../tools/shared/tfjs.js';

/** What a network must fit, and the seed of its weights. */
export interface NetworkSetup {
  /** Height, width and channels of an image. */
  readonly inputShape: readonly [height: number, width: number, channels: number];
  /** Number of classes. */
  readonly classes: number;
  /** Seed of the initial weights: same seed, same weights. */
  readonly seed: number;
}

/** A network of the study. */
export interface Network {
  /** One line, for reports. */
  readonly description: string;
  /** Builds the model, not compiled; its output is a softmax over the classes. */
  readonly build: (tf: Tf, setup: NetworkSetup) => LayersModel;
}

/** Gives each weight of a network a seed of its own: the n-th call for a seed is the same in every run. */
export function weightSeeds(seed: number): () => number {
  let next = seed * 1000;
  return () => {
    next += 1;
    return next;
  };
}
