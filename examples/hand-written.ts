// A model without layers, written with core ops: its variables are averaged by names of your own.
// Run: npx tsx examples/hand-written.ts

import 'tfjs-ema/compat'; // Node 23 and newer: before tfjs-node
import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { spirals } from './spirals.js';

const { x, y } = spirals(512, 1);
const kernel = (s: [number, number]) => tf.variable(tf.randomNormal(s, 0, s[0] ** -0.5, 'float32', s[1]));
const w = { hidden: kernel([2, 64]), bias: tf.variable(tf.zeros([64])), inner: kernel([64, 32]), out: kernel([32, 1]) };
const logits = () => tf.matMul(tf.relu(tf.matMul(tf.relu(tf.add(tf.matMul(x, w.hidden), w.bias)), w.inner)), w.out);

const optimizer = tf.train.adam(0.02);
const ema = new WeightEma(tf, { decays: 0.95 }).attach(w);
for (let step = 0; step < 300; step += 1) {
  optimizer.minimize(() => tf.losses.sigmoidCrossEntropy(y, logits()) as tf.Scalar);
  ema.update();
}
const accuracy = () => tf.tidy(() => logits().greater(0).equal(y.toBool()).mean().dataSync()[0]);
console.log('raw weights:', accuracy());
console.log('average:', ema.use(0.95, accuracy));
const average = ema.read(0.95); // tensors by name; yours to dispose
console.log('read:', Object.keys(average).join(' '));
ema.dispose();
