// WARP: policies are tuned for a reward, each near the average of its own weights; then what they learned is merged on the sphere, and
// drawn back towards the start. "WARP: On the Benefits of Weight Averaged Rewarded Policies", arXiv 2406.16768.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { mix, slerp } from 'tfjs-ema/merge';
import { network, spirals } from '../spirals.js';

const { x, y } = spirals(500, 1, 0.2);
const test = spirals(2000, 5, 0.2);
const start = network(3);
await start.fit(x, y, { epochs: 5, shuffle: false, verbose: 0 });
const loss = (model: tf.LayersModel) =>
  tf.tidy(() => (model.evaluate(test.x, test.y) as tf.Scalar[])[0]?.dataSync()[0]);

const tuned = async (seed: number) => {
  const data = spirals(300, seed, 0.2);
  const policy = network(3);
  policy.setWeights(start.getWeights());
  const optimizer = tf.train.momentum(0.05, 0.9);
  const ema = new WeightEma(tf, { decays: 0.99, updateEvery: 1, warmup: 'none' }).attach(policy);
  const anchor = await ema.asModel(0.99);
  for (let step = 0; step < 150; step += 1) {
    const old = anchor.refresh().predict(data.x) as tf.Tensor;
    optimizer.minimize(() => {
      const now = policy.apply(data.x, { training: true }) as tf.Tensor;
      return tf.losses.logLoss(data.y, now).add(tf.losses.logLoss(old, now).mul(0.1)) as tf.Scalar;
    });
    ema.update();
  }
  return policy;
};
const [a, b] = [await tuned(11), await tuned(21)];
const [from, first, second] = [start, a, b].map((model) => model.getWeights()) as [
  tf.Tensor[],
  tf.Tensor[],
  tf.Tensor[],
];
const vectors = [first, second].map((weights) =>
  mix([
    [1, weights],
    [-1, from],
  ]),
) as [tf.NamedTensorMap, tf.NamedTensorMap];
const both = slerp(...vectors, 0.5);
const merged = mix([
  [1, from],
  [0.8, both],
]); // 0.8 of the way from the start
const ema = new WeightEma(tf).attach(start);
export const measured = { start: loss(start), a: loss(a), b: loss(b), merged: ema.use(merged, loss) };
console.log(measured);
