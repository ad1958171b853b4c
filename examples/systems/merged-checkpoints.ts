// WSM: what the run would be worth with a decay of the rate, from checkpoints of a run without one. A decay curve W gives checkpoint i the
// coefficient W[i - 1] - W[i]. "WSM: Decay-Free Learning Rate Schedule via Checkpoint Merging for LLM Pre-training", arXiv 2507.17634.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { mix } from 'tfjs-ema/merge';
import { network, spirals } from '../spirals.js';

const { x, y } = spirals(500, 1, 0.2);
const test = spirals(2000, 3, 0.2);
const model = network(3);
const loss = (model: tf.LayersModel) =>
  tf.tidy(() => (model.evaluate(test.x, test.y) as tf.Scalar[])[0]?.dataSync()[0]);
const checkpoints: tf.Tensor[][] = [];
for (let epoch = 0; epoch < 30; epoch += 1) {
  await model.fit(x, y, { epochs: 1, batchSize: 16, shuffle: false, verbose: 0 });
  if (epoch >= 20) checkpoints.push(model.getWeights().map((weight) => weight.clone()));
}

const curve = [1, ...checkpoints.map((_, index) => (1 + Math.cos((Math.PI * (index + 1)) / checkpoints.length)) / 2)];
const merged = mix(checkpoints.map((weights, index) => [(curve[index] ?? 0) - (curve[index + 1] ?? 0), weights]));
const plain = mix(checkpoints.map((weights) => [1 / checkpoints.length, weights]));
const ema = new WeightEma(tf).attach(model);
export const measured = { raw: loss(model), merged: ema.use(merged, loss), plain: ema.use(plain, loss) };
console.log(measured);
