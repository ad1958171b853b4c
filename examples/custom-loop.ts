// A training loop of one's own: one call after each optimizer step.
// Run: npx tsx examples/custom-loop.ts

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { network, spirals } from './spirals.js';

const { x, y } = spirals(1024, 1);
const model = network(3);
const ema = new WeightEma(tf, { decays: 0.99, updateEvery: 4 }).attach(model);

for (let epoch = 0; epoch < 5; epoch += 1) {
  for (let start = 0; start < 1024; start += 64) {
    const batch = tf.tidy(() => ({ x: x.slice([start, 0], [64, 2]), y: y.slice([start, 0], [64, 1]) }));
    await model.trainOnBatch(batch.x, batch.y);
    tf.dispose(batch);
    ema.update();
  }
}

const accuracy = (scalars: tf.Scalar | tf.Scalar[]) => (Array.isArray(scalars) ? scalars[1] : scalars)?.dataSync()[0];
console.log('raw weights:', accuracy(model.evaluate(x, y)));
console.log('average:', accuracy(ema.use(0.99, () => model.evaluate(x, y))));
ema.dispose();
