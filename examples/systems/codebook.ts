// A codebook learned by averages (VQ-VAE, LASERS): counts and sums of the vectors that fall to each code are averaged, and a code is the
// sum over the count. They are no weights of a model: any float32 variables can be attached. arXiv 1711.00937, appendix A.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { spirals } from '../spirals.js';

const [codes, decay] = [16, 0.9];
const centres = tf.variable(tf.randomUniform([codes, 2], -0.1, 0.1, 'float32', 1), false);
const batch = { count: tf.variable(tf.ones([codes])), sum: tf.variable(centres) }; // of the batch of now
const assigned = (x: tf.Tensor) => tf.oneHot(x.expandDims(1).sub(centres).square().sum(2).argMin(1), codes).toFloat();
const error = (x: tf.Tensor) =>
  tf.tidy(
    () =>
      tf
        .matMul(assigned(x), centres as tf.Tensor2D)
        .sub(x)
        .square()
        .mean()
        .dataSync()[0],
  );
const test = spirals(2000, 1).x;
const before = error(test);
let byHand = batch.count.arraySync() as number[];

const ema = new WeightEma(tf, { decays: decay, updateEvery: 1, warmup: 'none' }).attach(batch);
for (let step = 0; step < 100; step += 1) {
  tf.tidy(() => {
    const { x } = spirals(128, 10 + 2 * step);
    const share = assigned(x);
    batch.count.assign(share.sum(0));
    batch.sum.assign(tf.matMul(share, x, true));
    ema.update();
    const { count, sum } = ema.read(decay);
    if (count !== undefined && sum !== undefined) centres.assign(sum.div(count.add(1e-5).expandDims(1)));
  });
  const counts = batch.count.arraySync() as number[];
  byHand = byHand.map((value, code) => decay * value + (1 - decay) * (counts[code] ?? Number.NaN));
}
const counts = ema.read(decay)['count']?.arraySync() as number[];
export const measured = {
  before,
  after: error(test),
  difference: Math.max(...counts.map((value, code) => Math.abs(value - (byHand[code] ?? Number.NaN)))),
};
console.log(measured);
