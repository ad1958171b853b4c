// A training loop of one's own: one call after each optimizer step.
// Run: npx tsx examples/custom-loop.ts

import 'tfjs-ema/compat'; // Node 23 and newer: before tfjs-node
import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { network, spirals } from './spirals.js';

const [{ x, y }, { x: xTest, y: yTest }] = [spirals(1024, 1), spirals(500, 2)];
const model = network(3);
const ema = new WeightEma(tf, { decays: 0.95 }).attach(model);

for (let epoch = 0; epoch < 5; epoch += 1) {
  for (let start = 0; start < 1024; start += 64) {
    const [xs, ys] = tf.tidy(() => [x.slice(start, 64), y.slice(start, 64)] as const);
    await model.trainOnBatch(xs, ys);
    ema.update();
    tf.dispose([xs, ys]);
  }
}

const accuracy = () => tf.tidy(() => (model.evaluate(xTest, yTest) as tf.Scalar[])[1]?.dataSync()[0]);
console.log('raw weights:', accuracy());
console.log('average:', ema.use(0.95, accuracy));
ema.dispose();
