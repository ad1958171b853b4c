// The paper's own protocol: five averages of one run, updated every 16 steps with warm-up, BatchNorm's statistics recomputed, stopped when
// the averages have peaked. A fifth of the labels is wrong. "Exponential Moving Average of Weights in Deep Learning", arXiv 2411.18704.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { spirals } from '../spirals.js';

const noisy = spirals(400, 1);
const wrong = tf.randomUniform([400, 1], 0, 1, 'float32', 9).less(0.2).toFloat();
const y = noisy.y.sub(wrong).abs();
const [xVal, xTest] = [spirals(400, 2), spirals(2000, 3)];
const dense = (seed: number) => tf.layers.dense({ units: 64, kernelInitializer: tf.initializers.heNormal({ seed }) });
const [relu, norm] = [() => tf.layers.activation({ activation: 'relu' }), () => tf.layers.batchNormalization()];
const head = tf.layers.dense({ units: 1, activation: 'sigmoid', kernelInitializer: tf.initializers.zeros() });
const input = tf.layers.inputLayer({ inputShape: [2] });
const model = tf.sequential({ layers: [input, dense(1), norm(), relu(), dense(2), norm(), relu(), head] });
model.compile({ optimizer: tf.train.momentum(0.1, 0.9), loss: 'binaryCrossentropy', metrics: ['accuracy'] });

const ema = new WeightEma(tf);
await model.fit(noisy.x, y, {
  ...{ epochs: 60, batchSize: 20, shuffle: false, verbose: 0, validationData: [xVal.x, xVal.y] },
  callbacks: [ema.callback(), tf.callbacks.earlyStopping({ monitor: 'val_ema_loss', patience: 10 })],
});
const loss = () => tf.tidy(() => (model.evaluate(xTest.x, xTest.y) as tf.Scalar[])[0]?.dataSync()[0]);
const raw = loss();
const best = ema.use('best', loss);
await ema.recomputeBatchNorm(noisy.x, { which: 'current' });
const recomputed = ema.use('current', loss);
export const measured = { averages: ema.decays.length, raw, best, recomputed };
console.log(measured);
