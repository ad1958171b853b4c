// Adaptation at test time: the teacher follows the student by a share that the data decide, more where inputs are far from what it knows.
// "AR-TTA", arXiv 2309.10109; "Persistent Test-time Adaptation in Recurring Testing Scenarios" (PeTTA), arXiv 2311.18193.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { network, spirals } from '../spirals.js';

const { x, y } = spirals(1000, 1);
const student = network(3);
await student.fit(x, y, { epochs: 20, shuffle: false, verbose: 0 });
const optimizer = tf.train.sgd(0.02);
let drift = 0; // of this batch: how far its mean is from the training data's, in the inputs' own scale
let byHand = student.getWeights()[0]?.dataSync()[0] ?? Number.NaN;

const shares: number[] = [];
const share = () => 1 - Math.min(0.5, 0.02 + drift); // to keep
const ema = new WeightEma(tf, { decays: share, updateEvery: 1, warmup: 'none' }).attach(student);
const teacher = await ema.asModel({ index: 0 });
let right = 0;
for (let step = 0; step < 60; step += 1) {
  const shift = tf.tensor1d([step / 200, 0]); // the world moves on
  const batch = spirals(100, 10 + 2 * step);
  const seen = batch.x.add(shift);
  drift = tf.tidy(() => seen.mean(0).sub(x.mean(0)).norm().dataSync()[0] ?? Number.NaN);
  const answers = teacher.refresh().predict(seen) as tf.Tensor;
  right += tf.tidy(() => answers.round().equal(batch.y).mean().dataSync()[0] ?? Number.NaN) / 60;
  optimizer.minimize(
    () => tf.losses.logLoss(answers.round(), student.apply(seen, { training: true }) as tf.Tensor) as tf.Scalar,
  );
  ema.update();
  shares.push(1 - share());
  byHand += (1 - share()) * ((student.getWeights()[0]?.dataSync()[0] ?? Number.NaN) - byHand);
}
const value = teacher.refresh().getWeights()[0]?.dataSync()[0] ?? Number.NaN;
export const measured = {
  right,
  least: Math.min(...shares),
  most: Math.max(...shares),
  difference: Math.abs(value - byHand),
};
console.log(measured);
