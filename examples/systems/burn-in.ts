// Domain-adaptive detection with burn-in: the average of a run on the source becomes student and teacher, and adapts to a target without
// labels. "Align and Distill", arXiv 2403.12029; unbiased teacher, arXiv 2102.09480. Here the target is the source turned by 0.45.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { network, spirals } from '../spirals.js';

const turned = (points: tf.Tensor2D) =>
  points.matMul(
    tf.tensor2d([
      [Math.cos(0.45), Math.sin(0.45)],
      [-Math.sin(0.45), Math.cos(0.45)],
    ]),
  );
const source = spirals(1000, 1);
const [target, test] = [turned(spirals(1000, 3).x), spirals(2000, 5)];
const student = network(3);
const accuracy = (model: tf.LayersModel) =>
  tf.tidy(() => {
    const right = (model.predict(turned(test.x)) as tf.Tensor).round().equal(test.y);
    return right.mean().dataSync()[0];
  });

const ema = new WeightEma(tf, { decays: 0.98, updateEvery: 1 });
await student.fit(source.x, source.y, { epochs: 20, shuffle: false, verbose: 0, callbacks: [ema.callback()] });
ema.putBack(0.98); // the student begins as the average,
ema.reset(); // and so does the teacher
const before = accuracy(student);
const teacher = await ema.asModel(0.98);
const optimizer = tf.train.momentum(0.05, 0.9);
for (let step = 0; step < 300; step += 1) {
  const answers = teacher.refresh().predict(target) as tf.Tensor;
  const [labels, sure] = tf.tidy(() => [answers.round(), answers.sub(0.5).abs().greater(0.3).toFloat()] as const);
  optimizer.minimize(() => {
    const known = tf.losses.logLoss(source.y, student.apply(source.x, { training: true }) as tf.Tensor);
    return tf.losses
      .logLoss(labels, student.apply(target, { training: true }) as tf.Tensor, sure)
      .add(known.mul(0.2)) as tf.Scalar;
  });
  ema.update();
  tf.dispose([answers, labels, sure]);
}
export const measured = { before, student: accuracy(student), teacher: accuracy(teacher.refresh()) };
console.log(measured);
