// BYOL and DINO: the teacher's momentum goes from 0.996 to 1 on a cosine. arXiv 2006.07733, 2104.14294. Here the teacher's answer to one view
// of a point is the student's goal for another view; without a slow teacher and a head that predicts, both would become constant.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { spirals } from '../spirals.js';

const [steps, first] = [400, 0.996];
const he = (seed: number) => tf.initializers.heNormal({ seed });
const encoder = tf.sequential({
  layers: [
    tf.layers.dense({ inputShape: [2], units: 32, activation: 'relu', kernelInitializer: he(1) }),
    tf.layers.dense({ units: 8, kernelInitializer: he(2) }),
  ],
});
const predictor = tf.layers.dense({ units: 8, kernelInitializer: he(3) });
const optimizer = tf.train.adam(0.003);
const { x } = spirals(256, 1);
const view = (seed: number) => x.add(tf.randomNormal(x.shape, 0, 0.1, 'float32', seed));
const unit = (values: tf.Tensor) => values.div(values.norm('euclidean', 1, true).add(1e-6));

const ramp = (step: number) => 1 - ((1 - first) * (Math.cos((Math.PI * step) / steps) + 1)) / 2;
const ema = new WeightEma(tf, { decays: ramp, updateEvery: 1 }).attach(encoder);
const teacher = await ema.asModel({ index: 0 });
const lossAt = (step: number) =>
  unit(predictor.apply(encoder.apply(view(2 * step), { training: true })) as tf.Tensor)
    .sub(unit(teacher.model.predict(view(2 * step + 1)) as tf.Tensor))
    .square()
    .sum(1)
    .mean() as tf.Scalar;
const before = tf.tidy(() => lossAt(0).dataSync()[0]);
for (let step = 1; step <= steps; step += 1) {
  teacher.refresh();
  optimizer.minimize(() => lossAt(step));
  ema.update();
}
const spread = tf.tidy(
  () =>
    tf
      .moments(unit(teacher.refresh().predict(x) as tf.Tensor), 0)
      .variance.sum()
      .dataSync()[0],
);
export const measured = {
  before,
  after: tf.tidy(() => lossAt(steps + 1).dataSync()[0]),
  spread,
  first: ramp(0),
  last: ramp(steps),
};
console.log(measured);
