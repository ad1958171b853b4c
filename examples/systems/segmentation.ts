// A mean teacher for segmentation, judged by a metric of one's own (DTAUE on volumes): the teacher's masks of unlabelled signals guide the
// student, and validation gives the Dice coefficient of student and average. "Mean teachers ...", arXiv 1703.01780.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';

// Signals of 64 samples with one bump under noise; the mask says where it is.
const signals = (count: number, seed: number) =>
  tf.tidy(() => {
    const start = tf.randomUniform([count, 1], 8, 40, 'float32', seed);
    const place = tf.range(0, 64).reshape([1, 64]).sub(start);
    const y = place.greater(0).logicalAnd(place.less(16)).toFloat().expandDims(2);
    return { x: y.add(tf.randomNormal([count, 64, 1], 0, 0.8, 'float32', seed + 1)), y };
  });
const [labelled, unlabelled, test] = [signals(8, 1), signals(64, 3), signals(200, 5)];
const kernel = (seed: number) =>
  ({ kernelSize: 9, padding: 'same', kernelInitializer: tf.initializers.heNormal({ seed }) }) as const;
const first = tf.layers.conv1d({ ...kernel(1), filters: 8, activation: 'relu', inputShape: [64, 1] });
const student = tf.sequential({
  layers: [first, tf.layers.conv1d({ ...kernel(2), filters: 1, activation: 'sigmoid' })],
});
const dice = (model: tf.LayersModel) =>
  tf.tidy(() => {
    const mask = (model.predict(test.x) as tf.Tensor).round();
    return mask.mul(test.y).sum().mul(2).div(mask.sum().add(test.y.sum())).dataSync()[0] ?? Number.NaN;
  });
const optimizer = tf.train.momentum(0.3, 0.9);

const ema = new WeightEma(tf, { decays: 0.97, updateEvery: 1 }).attach(student);
const teacher = await ema.asModel(0.97);
for (let step = 0; step < 200; step += 1) {
  const masks = teacher.refresh().predict(unlabelled.x) as tf.Tensor;
  optimizer.minimize(() => {
    const known = tf.losses.logLoss(labelled.y, student.apply(labelled.x, { training: true }) as tf.Tensor);
    const agreed = tf.losses.meanSquaredError(masks, student.apply(unlabelled.x, { training: true }) as tf.Tensor);
    return known.add(agreed) as tf.Scalar;
  });
  ema.update();
  if (step % 50 === 49)
    ema.record(
      { epoch: (step - 49) / 50, averages: [{ dice: ema.use(0.97, dice) }] },
      { monitor: 'dice', mode: 'max' },
    );
  masks.dispose();
}
export const measured = { student: dice(student), average: ema.use('best', dice) };
console.log(measured);
