// SelfBC: an offline policy stays near a slow average of its own earlier policies, instead of near the data. Five actions; the values of
// those that the data lack are overrated, and a policy without the constraint falls for them. "SelfBC: Self Behavior Cloning for Offline
// Reinforcement Learning", arXiv 2408.02165.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';

const [truth, error] = [tf.tensor1d([0.5, 1, 0.2, 0.1, 0.3]), tf.tensor1d([0, 0, 0, 1.5, 0])];
const run = async (constraint: number, steps = 300) => {
  const layer = tf.layers.dense({
    inputShape: [1],
    units: 5,
    useBias: false,
    kernelInitializer: 'zeros',
    activation: 'softmax',
  });
  const policy = tf.sequential({ layers: [layer] });
  layer.setWeights([tf.tensor2d([[1, 2, 0, -1, 0]])]); // cloned from the data
  const optimizer = tf.train.sgd(1);
  const ema = new WeightEma(tf, { decays: 0.999, updateEvery: 1, warmup: 'none' }).attach(policy);
  const reference = await ema.asModel(0.999);
  for (let step = 0; step < steps; step += 1) {
    const before = reference.refresh().predict(tf.ones([1, 1])) as tf.Tensor;
    optimizer.minimize(() => {
      const now = policy.apply(tf.ones([1, 1]), { training: true }) as tf.Tensor;
      const away = before.mul(before.log().sub(now.log())).sum(); // Kullback-Leibler divergence
      return away.mul(constraint).sub(now.mul(truth.add(error)).sum()) as tf.Scalar;
    });
    ema.update();
    before.dispose();
  }
  return tf.tidy(() => (policy.predict(tf.ones([1, 1])) as tf.Tensor).mul(truth).sum().dataSync()[0]);
};
export const measured = { cloned: await run(0, 0), free: await run(0), constrained: await run(3) };
console.log(measured);
