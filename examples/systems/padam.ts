// PADAM: many averages of one Adam run, each with a schedule of its own; the one with the least error is kept. Here ten, on the heat
// equation: u(x) is the mean of |x + sqrt(2) W|^2, which is |x|^2 + 2d. arXiv 2505.22085.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';

const dimensions = 10;
const normal = (seed: number) => tf.initializers.glorotNormal({ seed });
const hidden = (seed: number) => tf.layers.dense({ units: 50, activation: 'relu', kernelInitializer: normal(seed) });
const last = tf.layers.dense({ units: 1, kernelInitializer: normal(3) });
const model = tf.sequential({
  layers: [tf.layers.inputLayer({ inputShape: [dimensions] }), hidden(1), hidden(2), last],
});
const optimizer = tf.train.adam(0.003);
const [xTest, solution] = tf.tidy(() => {
  const x = tf.randomUniform([2000, dimensions], 0, 1, 'float32', 4);
  return [
    x,
    x
      .square()
      .sum(1, true)
      .add(2 * dimensions),
  ] as const;
});

const powers = [0.5, 0.6, 0.7, 0.8, 0.9].map((power) => (step: number) => 1 - (step + 1) ** -power);
const ema = new WeightEma(tf, { decays: [0.9, 0.99, 0.999, 'uniform', { relativeWidth: 0.1 }, ...powers] }).attach(
  model,
);
for (let step = 0; step < 1500; step += 1) {
  optimizer.minimize(() => {
    const x = tf.randomUniform([256, dimensions], 0, 1, 'float32', 10 * step + 5);
    const y = x
      .add(tf.randomNormal(x.shape, 0, Math.SQRT2, 'float32', 10 * step + 6))
      .square()
      .sum(1, true);
    return tf.losses.meanSquaredError(y, model.apply(x, { training: true }) as tf.Tensor) as tf.Scalar;
  });
  ema.update();
}
const error = () =>
  tf.tidy(() => (model.predict(xTest) as tf.Tensor).sub(solution).norm().div(solution.norm()).dataSync()[0] ?? NaN);
const errors = ema.decays.map((_, index) => ema.use({ index }, error));
export const measured = { raw: error(), averages: errors.length, best: Math.min(...errors) };
console.log(measured);
