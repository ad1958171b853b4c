// A fully connected network of plain variables with GELU, as PADAM's problems have it.
// Knows no problem.

import type { Tensor2D, Variable } from '@tensorflow/tfjs-node';
import type { Random } from '../../tools/shared/random.js';
import type { Tf } from '../../tools/shared/tfjs.js';

/** Weights by name, and what they compute. */
export interface Perceptron {
  readonly weights: Readonly<Record<string, Variable>>;
  readonly apply: (x: Tensor2D) => Tensor2D;
}

/** x times the probability that a normal number is below it. */
export function gelu(tf: Tf, x: Tensor2D): Tensor2D {
  return tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2))));
}

/**
 * A network of these widths; kernels are uniform within `sqrt(6 / inputs)`, biases 0.
 * @param widths of the input, of each hidden layer and of the output.
 */
export function perceptron(tf: Tf, widths: readonly number[], random: Random): Perceptron {
  const layers = widths.slice(1).map((units, index) => {
    const inputs = widths[index] ?? 0;
    const bound = Math.sqrt(6 / inputs);
    const values = Float32Array.from({ length: inputs * units }, () => bound * (2 * random() - 1));
    return tf.tidy(() => ({
      kernel: tf.variable(tf.tensor2d(values, [inputs, units])),
      bias: tf.variable(tf.zeros([units])),
    }));
  });
  const named = layers.flatMap(({ kernel, bias }, index): [string, Variable][] => {
    return [
      [`layer${index}/kernel`, kernel],
      [`layer${index}/bias`, bias],
    ];
  });
  const apply = (x: Tensor2D): Tensor2D =>
    layers.reduce((input, { kernel, bias }, index) => {
      const output = tf.add(tf.matMul(input, kernel), bias) as Tensor2D;
      return index < layers.length - 1 ? gelu(tf, output) : output;
    }, x);
  return { weights: Object.fromEntries(named), apply };
}
