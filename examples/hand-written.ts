// A model without layers, written with core ops: its variables are averaged by names of your own.
// Run: npx tsx examples/hand-written.ts

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { spirals } from './spirals.js';

const { x, y } = spirals(512, 1);
const { x: xTest, y: yTest } = spirals(512, 2);
const variables = {
  'hidden/kernel': tf.variable(tf.randomNormal([2, 32], 0, 1, 'float32', 1)),
  'hidden/bias': tf.variable(tf.zeros([32])),
  'inner/kernel': tf.variable(tf.randomNormal([32, 32], 0, 0.25, 'float32', 2)),
  'inner/bias': tf.variable(tf.zeros([32])),
  'out/kernel': tf.variable(tf.randomNormal([32, 1], 0, 0.25, 'float32', 3)),
};
const dense = (input: tf.Tensor, name: 'hidden' | 'inner') =>
  tf.relu(tf.add(tf.matMul(input, variables[`${name}/kernel`]), variables[`${name}/bias`]));
const logits = (input: tf.Tensor) => tf.matMul(dense(dense(input, 'hidden'), 'inner'), variables['out/kernel']);

const optimizer = tf.train.adam(0.02);
const ema = new WeightEma(tf, { decays: 0.95, updateEvery: 4 }).attach(variables);
for (let step = 0; step < 300; step += 1) {
  optimizer.minimize(() => tf.losses.sigmoidCrossEntropy(y, logits(x)) as tf.Scalar);
  ema.update();
}

const accuracy = () => tf.tidy(() => logits(xTest).greater(0).equal(yTest.toBool()).mean().dataSync()[0]);
console.log('raw weights:', accuracy());
console.log('average:', ema.use(0.95, accuracy));
const average = ema.read(0.95); // tensors by name; yours to dispose
console.log('read:', Object.keys(average).join(' '));
tf.dispose(average);
ema.dispose();
