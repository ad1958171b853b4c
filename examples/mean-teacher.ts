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
const teacher = new WeightEma(tf, { decay: 0.99, updateEvery: 1 }).attach(student);

for (let step = 0; step < 300; step += 1) {
  const points = tf.gather(unlabelled.x, tf.randomUniform([64], 0, 2000, 'int32', step));
  const predict = () => student.predict(points) as tf.Tensor;
  const targets = teacher.steps === 0 ? predict() : teacher.use(0.99, predict);
  const consistency = Math.min(1, step / 100);
  optimizer.minimize(() => {
    const known = tf.losses.logLoss(labelled.y, student.apply(labelled.x, { training: true }) as tf.Tensor);
    const agreed = tf.losses.meanSquaredError(targets, student.apply(points, { training: true }) as tf.Tensor);
    return known.add(agreed.mul(consistency)) as tf.Scalar;
  });
  teacher.update();
  tf.dispose([points, targets]);
}

const test = spirals(1000, 4);
const correct = teacher.use(0.99, () =>
  tf.tidy(() => (student.predict(test.x) as tf.Tensor).round().equal(test.y).mean().dataSync()[0]),
);
console.log('accuracy of the teacher:', correct);
teacher.dispose();
