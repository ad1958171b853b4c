// A mean teacher: the average of the student's weights gives targets for points without labels.
// Run: npx tsx examples/mean-teacher.ts

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { network, spirals } from './spirals.js';

const labelled = spirals(64, 1);
const unlabelled = spirals(2000, 2);
const student = network(3);
const optimizer = tf.train.momentum(0.05, 0.9);
// A fast decay, every step: the teacher should follow.
const average = new WeightEma(tf, { decays: 0.99, updateEvery: 1 }).attach(student);
const teacher = await average.asModel(0.99);

for (let step = 0; step < 300; step += 1) {
  const points = tf.gather(unlabelled.x, tf.randomUniform([64], 0, 2000, 'int32', step));
  const targets = teacher.refresh().predict(points) as tf.Tensor;
  const consistency = Math.min(1, step / 100);
  optimizer.minimize(() => {
    const known = tf.losses.logLoss(labelled.y, student.apply(labelled.x, { training: true }) as tf.Tensor);
    const agreed = tf.losses.meanSquaredError(targets, student.apply(points, { training: true }) as tf.Tensor);
    return known.add(agreed.mul(consistency)) as tf.Scalar;
  });
  average.update();
  tf.dispose([points, targets]);
}

const test = spirals(1000, 4);
const answers = teacher.refresh().predict(test.x) as tf.Tensor;
const correct = tf.tidy(() => answers.round().equal(test.y).mean().dataSync()[0]);
console.log('accuracy of the teacher:', correct);
teacher.dispose();
average.dispose();
