// BEMA: an average without lag and without bias towards the start: ema + (10 + t)^-0.2 * (weights - start), with decay 1 - (10 + t)^-0.5.
// "EMA Without the Lag: Bias-Corrected Iterate Averaging Schemes", arXiv 2508.00180; TRL's BEMACallback.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { mix } from 'tfjs-ema/merge';
import { network, spirals } from '../spirals.js';

const { x, y } = spirals(500, 1, 0.2);
const test = spirals(2000, 3, 0.2);
const model = network(3);
const loss = (model: tf.LayersModel) =>
  tf.tidy(() => (model.evaluate(test.x, test.y) as tf.Scalar[])[0]?.dataSync()[0]);

const ema = new WeightEma(tf, { decays: (t) => 1 - (10 + t) ** -0.5, updateEvery: 1 }).attach(model);
const start = ema.read({ index: 0 });
for (let step = 0; step < 200; step += 1) {
  await model.trainOnBatch(x, y);
  ema.update();
}
const alpha = (10 + ema.steps) ** -0.2;
const average = ema.read({ index: 0 });
const now = model.getWeights();
const corrected = mix([
  [1, average],
  [alpha, now],
  [-alpha, start],
]);
const value = (weights: tf.Tensor[]) => weights[0]?.dataSync()[0] ?? Number.NaN;
const [a, s] = [value(Object.values(average)), value(Object.values(start))];
const byHand = a + alpha * (value(now) - s);
const difference = Math.abs(value(Object.values(corrected)) - byHand);
export const measured = {
  raw: loss(model),
  average: ema.use({ index: 0 }, loss),
  corrected: ema.use(corrected, loss),
  difference,
};
console.log(measured);
