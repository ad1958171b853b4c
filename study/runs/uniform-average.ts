// The uniform mean of a model's weights at chosen moments: stochastic weight averaging (SWA), one sample an epoch.
// Knows no epochs: the caller says when.

import type { LayersModel, Tensor } from '@tensorflow/tfjs-node';
import type { Tf } from '../../tools/shared/tfjs.js';

/**
 * A running mean: `mean += (weights - mean) / (n + 1)`.
 * @see Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI 2018.
 */
export class UniformAverage {
  readonly #tf: Tf;
  #mean: Tensor[] = [];
  #samples = 0;

  /** @param tf the tfjs that the model is made with. */
  constructor(tf: Tf) {
    this.#tf = tf;
  }

  /** How many weights are in the mean. */
  get samples(): number {
    return this.#samples;
  }

  /** The mean, in the order of `model.getWeights()`; owned by this object. */
  get weights(): readonly Tensor[] {
    return this.#mean;
  }

  /** Takes the model's weights of now into the mean. */
  add(model: LayersModel): void {
    const { add, div, keep, sub, tidy } = this.#tf;
    const share = this.#samples + 1;
    const before = this.#mean;
    this.#mean = tidy(() =>
      model.getWeights().map((weight, index) => {
        const mean = before[index];
        return keep(mean === undefined ? weight.clone() : add(mean, div(sub(weight, mean), share)));
      }),
    );
    this.#samples = share;
    this.#tf.dispose(before);
  }

  /** Releases the mean. */
  dispose(): void {
    this.#tf.dispose(this.#mean);
    this.#mean = [];
  }
}
