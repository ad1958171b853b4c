// Diffusion models (PANDORA's policies, video-guided Foley): the weights of training, averaged with the inverse gamma warm-up of power 3/4,
// make the samples. Here points of two spirals are denoised at one level of noise.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { spirals } from '../spirals.js';

const sigma = 0.3;
const glorot = (seed: number) => tf.initializers.glorotNormal({ seed });
const hidden = (seed: number) => tf.layers.dense({ units: 64, activation: 'relu', kernelInitializer: glorot(seed) });
const last = tf.layers.dense({ units: 2, kernelInitializer: glorot(3) });
const model = tf.sequential({ layers: [tf.layers.inputLayer({ inputShape: [2] }), hidden(1), hidden(2), last] });
const optimizer = tf.train.adam(0.01);
const error = (seed: number, count: number) => {
  const { x } = spirals(count, seed);
  const noise = tf.randomNormal(x.shape, 0, 1, 'float32', seed + 2);
  const guessed = model.apply(x.add(noise.mul(sigma)), { training: true }) as tf.Tensor;
  return tf.losses.meanSquaredError(noise, guessed) as tf.Scalar;
};

const warmup = { inverseGamma: { scale: 1, power: 3 / 4 } };
const ema = new WeightEma(tf, { decays: 0.9999, updateEvery: 1, warmup }).attach(model);
for (let step = 0; step < 500; step += 1) {
  optimizer.minimize(() => error(10 + 5 * step, 64));
  ema.update();
}
const test = () => tf.tidy(() => error(1, 20_000).dataSync()[0]);
export const measured = { raw: test(), average: ema.use(0.9999, test) };
console.log(measured);
