// How well frozen features transfer: the test accuracy of a linear classifier trained on them.
// Knows no networks: it is given features.

import type { Scalar, Tensor2D, Variable } from '@tensorflow/tfjs-node';
import { permutation, seededRandom } from '../../tools/shared/random.js';
import type { Tf } from '../../tools/shared/tfjs.js';
import { agreement } from './scores.js';

/** Frozen features and the classes that belong to them. */
export interface ProbeSet {
  /** n x d. */
  readonly features: Tensor2D;
  /** n classes. */
  readonly labels: Uint8Array;
}

/** What a probe is trained on, and how; the defaults are the paper's. */
export interface ProbeOptions {
  readonly train: ProbeSet;
  readonly test: ProbeSet;
  readonly classes: number;
  /** Seed of the order of the samples. */
  readonly seed: number;
  /** @defaultValue 20 (the paper has 50) */
  readonly epochs?: number;
  /** @defaultValue 128 */
  readonly batchSize?: number;
  /** @defaultValue 0.01 */
  readonly learningRate?: number;
}

/**
 * Trains softmax regression from zero weights (SGD, Nesterov momentum 0.9, no weight decay) and returns its test accuracy.
 * @see arXiv 2411.18704, table 4.
 */
export async function linearProbe(tf: Tf, options: ProbeOptions): Promise<number> {
  const { train, test, classes, seed, epochs = 20, batchSize = 128, learningRate = 0.01 } = options;
  const zeros = (shape: number[]): Variable => tf.tidy(() => tf.variable(tf.zeros(shape)));
  const kernel = zeros([train.features.shape[1], classes]);
  const bias = zeros([classes]);
  const optimizer = tf.train.momentum(learningRate, 0.9, true);
  const logits = (features: Tensor2D): Tensor2D => tf.add(tf.matMul(features, kernel as unknown as Tensor2D), bias);
  const targets = tf.tidy(() => tf.oneHot(tf.tensor1d(train.labels, 'int32'), classes).toFloat() as Tensor2D);
  const random = seededRandom(seed);
  try {
    for (let epoch = 0; epoch < epochs; epoch += 1) {
      const order = permutation(train.labels.length, random);
      for (let start = 0; start < order.length; start += batchSize) {
        const rows = Int32Array.from(order.subarray(start, start + batchSize));
        tf.tidy(() => {
          const indices = tf.tensor1d(rows, 'int32');
          const wanted = tf.gather(targets, indices);
          const features = tf.gather(train.features, indices);
          optimizer.minimize(() => tf.losses.softmaxCrossEntropy(wanted, logits(features)) as Scalar, false, [
            kernel,
            bias,
          ]);
        });
      }
    }
    const predicted = tf.tidy(() => tf.argMax(logits(test.features), 1));
    const accuracy = agreement(await predicted.data(), test.labels);
    predicted.dispose();
    return accuracy;
  } finally {
    optimizer.dispose();
    tf.dispose([kernel, bias, targets]);
  }
}
