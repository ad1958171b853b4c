// The weights of the update before, for averages that follow a straight line.
// Moves no average.

import type { Tensor } from '@tensorflow/tfjs';
import type { Tfjs } from '../tfjs/backend.js';

/**
 * The weights as they were at the last update.
 *
 * By references and not copies: an optimizer step gives a variable a new tensor and leaves the old one as it is, and nothing else writes
 * in place. So they cost no time, but the memory of one more set of weights.
 */
export class PreviousWeights {
  readonly #tf: Tfjs;
  readonly #variables: readonly Tensor[];
  #tensors: Tensor[] = [];

  /** @param variables the live weights. */
  constructor(tf: Tfjs, variables: readonly Tensor[]) {
    this.#tf = tf;
    this.#variables = variables;
    this.become(variables);
  }

  /** In the order of the variables. */
  get tensors(): readonly Tensor[] {
    return this.#tensors;
  }

  /** Takes over the weights of now once `move` is done; where one of the two fails, all stays. */
  renewAfter(move: () => void): void {
    const next = this.#referencesTo(this.#variables);
    try {
      move();
    } catch (error) {
      this.#tf.dispose(next);
      throw error;
    }
    this.#take(next);
  }

  /** Takes over other values, such as those of a checkpoint; they stay the caller's. */
  become(values: readonly Tensor[]): void {
    this.#take(this.#referencesTo(values));
  }

  /** Values in memory of the caller's. */
  values(): Float32Array[] {
    return this.#tensors.map((tensor) => Float32Array.from(tensor.dataSync<'float32'>()));
  }

  /** Releases them. */
  dispose(): void {
    this.#take([]);
  }

  #referencesTo(values: readonly Tensor[]): Tensor[] {
    const tensors = this.#tf.tidy(() => values.map((value) => value.clone()));
    for (const tensor of tensors) this.#tf.keep(tensor);
    return tensors;
  }

  #take(tensors: Tensor[]): void {
    this.#tf.dispose(this.#tensors);
    this.#tensors = tensors;
  }
}
