// The best weights so far by validation accuracy and by validation loss, kept as tensors.
// Evaluates nothing.

import type { LayersModel, Tensor } from '@tensorflow/tfjs-node';
import type { Tf } from '../../tools/shared/tfjs.js';
import type { Point } from './evaluation.js';

/** Weights of a model at one moment, in the order of `model.getWeights()`. */
export interface Snapshot {
  /** Which average, or the raw weights. */
  readonly track: string;
  /** Epochs trained, from 1. */
  readonly epoch: number;
  readonly validation: Point;
  readonly weights: readonly Tensor[];
}

/** Copies the weights that stand in the model now; the caller disposes them. */
export function copyWeights(tf: Tf, model: LayersModel): Tensor[] {
  // getWeights gives views of the live values: every optimizer step makes new ones and leaves the old to their holders.
  return tf.tidy(() => model.getWeights().map((weight) => tf.keep(weight.clone())));
}

/** Keeps the best of the weights it is shown, by accuracy and by loss; of equals the first. */
export class BestSnapshots {
  readonly #tf: Tf;
  #byAccuracy: Snapshot | undefined;
  #byLoss: Snapshot | undefined;

  /** @param tf the tfjs that the model is made with. */
  constructor(tf: Tf) {
    this.#tf = tf;
  }

  /** Highest validation accuracy. */
  get byAccuracy(): Snapshot | undefined {
    return this.#byAccuracy;
  }

  /** Lowest validation loss. */
  get byLoss(): Snapshot | undefined {
    return this.#byLoss;
  }

  /** Considers the weights that stand in the model now. */
  offer(model: LayersModel, candidate: Omit<Snapshot, 'weights'>): void {
    const { accuracy, loss } = candidate.validation;
    if (!(accuracy <= (this.#byAccuracy?.validation.accuracy ?? -1))) {
      this.#byAccuracy = this.#replace(this.#byAccuracy, model, candidate);
    }
    if (!(loss >= (this.#byLoss?.validation.loss ?? Number.POSITIVE_INFINITY))) {
      this.#byLoss = this.#replace(this.#byLoss, model, candidate);
    }
  }

  /** Releases both. */
  dispose(): void {
    this.#tf.dispose([...(this.#byAccuracy?.weights ?? []), ...(this.#byLoss?.weights ?? [])]);
    this.#byAccuracy = undefined;
    this.#byLoss = undefined;
  }

  #replace(old: Snapshot | undefined, model: LayersModel, candidate: Omit<Snapshot, 'weights'>): Snapshot {
    this.#tf.dispose([...(old?.weights ?? [])]);
    return { ...candidate, weights: copyWeights(this.#tf, model) };
  }
}
