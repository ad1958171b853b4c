// A mean teacher: the average of the student's weights gives targets for points without labels.
// Run: npx tsx examples/mean-teacher.ts

import 'tfjs-ema/compat'; // Node 23 and newer: before tfjs-node
import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { network, spirals } from './spirals.js';

const [labelled, { x: unlabelled }, test] = [spirals(64, 1), spirals(256, 2), spirals(1000, 4)];
const student = network(3);
const optimizer = tf.train.momentum(0.05, 0.9);
const ema = new WeightEma(tf, { decays: 0.99, updateEvery: 1, warmup: 'none' }).attach(student);
const teacher = await ema.asModel(0.99);
for (let step = 0; step < 300; step += 1) {
  const targets = teacher.refresh().predict(unlabelled) as tf.Tensor;
  optimizer.minimize(() => {
    const known = tf.losses.logLoss(labelled.y, student.apply(labelled.x, { training: true }) as tf.Tensor);
    const agreed = tf.losses.meanSquaredError(targets, student.apply(unlabelled, { training: true }) as tf.Tensor);
    return known.add(agreed.mul(Math.min(1, step / 100))) as tf.Scalar;
  });
  ema.update();
  targets.dispose();
}
const answers = teacher.refresh().predict(test.x) as tf.Tensor;
console.log('accuracy of the teacher:', answers.round().equal(test.y).mean().dataSync()[0]);
