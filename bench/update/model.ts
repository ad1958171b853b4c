// A layers model that has given weights and nothing else: what an average needs of a model, without training one.
// Computes nothing with them.

import type { LayersModel } from '@tensorflow/tfjs';
import { type Tf, tf } from '../../tools/shared/tfjs.js';

class WeightsOnly extends tf.layers.Layer {
  static readonly className = 'WeightsOnly';
  readonly #shapes: readonly (readonly number[])[];
  readonly #value: number;

  constructor(shapes: readonly (readonly number[])[], value: number) {
    super({});
    this.#shapes = shapes;
    this.#value = value;
  }

  override build(): void {
    const initializer = tf.initializers.constant({ value: this.#value });
    for (const [index, shape] of this.#shapes.entries())
      this.addWeight(`w${index}`, [...shape], 'float32', initializer);
    this.built = true;
  }

  override call(inputs: Parameters<InstanceType<Tf['layers']['Layer']>['call']>[0]) {
    return inputs;
  }
}

/** A model whose trainable weights have these shapes, every element `value`. */
export function modelWithWeights(shapes: readonly (readonly number[])[], value: number): LayersModel {
  const input = tf.input({ shape: [1] });
  const output = new WeightsOnly(shapes, value).apply(input);
  // One tensor in, and so one out.
  return tf.model({ inputs: input, outputs: output as typeof input });
}

/** Gives every weight a new value, as an optimizer step does: new tensors, made by TensorFlow. */
export function setWeights(model: LayersModel, value: number): void {
  for (const weight of model.trainableWeights) {
    const fresh = tf.fill(weight.shape.map(Number), value);
    weight.write(fresh);
    fresh.dispose();
  }
}
