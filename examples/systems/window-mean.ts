// A mean of each window of a run at a constant rate: the curve of a run without decay of the rate, without paying for one (OLMo's merges, LAWA).
// "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations", arXiv 2405.18392: weights every 5 steps, windows of 500.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { network, spirals } from '../spirals.js';

const { x, y } = spirals(500, 1, 0.2);
const test = spirals(2000, 3, 0.2);
const model = network(3);
const loss = () => tf.tidy(() => (model.evaluate(test.x, test.y) as tf.Scalar[])[0]?.dataSync()[0] ?? Number.NaN);
const kernel = () => Array.from(model.getWeights()[0]?.dataSync() ?? []);
const [every, window] = [5, 100];

const ema = new WeightEma(tf, { decays: 'uniform', updateEvery: every, warmup: 'none' }).attach(model);
const [raw, mean, seen]: [number[], number[], number[][]] = [[], [], []];
let difference = 0;
for (let step = 1; step <= 400; step += 1) {
  const batch = tf.tidy(() => [x.slice((step * 32) % 448, 32), y.slice((step * 32) % 448, 32)] as const);
  await model.trainOnBatch(...batch);
  ema.update();
  if (step % every === 0) seen.push(kernel());
  if (step % window !== 0) continue;
  raw.push(loss());
  mean.push(ema.use('uniform', loss));
  const average = Array.from(Object.values(ema.read('uniform'))[0]?.dataSync() ?? []);
  const byHand = average.map((_, place) => seen.reduce((sum, values) => sum + (values[place] ?? NaN), 0) / seen.length);
  difference = Math.max(difference, ...average.map((value, place) => Math.abs(value - (byHand[place] ?? NaN))));
  ema.reset();
  seen.length = 0;
}
export const measured = { raw, mean, difference };
console.log(measured);
