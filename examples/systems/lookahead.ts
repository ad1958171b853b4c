// Lookahead, and what learned image compression calls SMA: every k steps slow weights move half-way to the fast ones, and training goes
// on from them. arXiv 1907.08610; "Accelerating Learned Image Compression Through Modeling Neural Training Dynamics", arXiv 2505.18107.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { equivalentDecay } from 'tfjs-ema/decay';
import { network, spirals } from '../spirals.js';

const { x, y } = spirals(500, 1);
const [k, share] = [5, 0.5];
const model = network(3);
const weights = () => tf.concat(model.getWeights().map((weight) => weight.flatten())).arraySync() as number[];
let slow = weights(); // the same by hand, to compare

const ema = new WeightEma(tf, { decays: equivalentDecay(1 - share, 1 / k), updateEvery: k, warmup: 'none' }).attach(
  model,
);
let difference = 0;
for (let step = 1; step <= 100; step += 1) {
  await model.trainOnBatch(x, y);
  const fast = weights();
  ema.update();
  if (step % k !== 0) continue;
  ema.putBack({ index: 0 });
  slow = slow.map((value, place) => value + share * ((fast[place] ?? Number.NaN) - value));
  difference = Math.max(difference, ...weights().map((value, place) => Math.abs(value - (slow[place] ?? Number.NaN))));
}
export const measured = { difference };
console.log(measured);
