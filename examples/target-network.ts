// A target network for reinforcement learning: a slow copy of the value network, updated at each step ("soft update", tau = 1 - decay).
// Run: npx tsx examples/target-network.ts

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';

// A corridor of five cells; the reward waits at the right end. Actions: left, right.
const CELLS = 5;
const DISCOUNT = 0.9;
const TAU = 0.05;
const model = tf.sequential({
  layers: [tf.layers.dense({ inputShape: [CELLS], units: 2, useBias: false, kernelInitializer: 'zeros' })],
});
const optimizer = tf.train.sgd(0.5);
const target = new WeightEma(tf, { decays: 1 - TAU, updateEvery: 1, warmup: 'none' }).attach(model);

const cells = Array.from({ length: CELLS * 2 }, (_, i) => i >> 1);
const actions = Array.from({ length: CELLS * 2 }, (_, i) => i % 2);
const next = cells.map((cell, i) => Math.min(CELLS - 1, Math.max(0, cell + (actions[i] === 1 ? 1 : -1))));
const rewards = next.map((cell) => (cell === CELLS - 1 ? 1 : 0));
const states = tf.oneHot(tf.tensor1d(cells, 'int32'), CELLS).toFloat();
const followers = tf.oneHot(tf.tensor1d(next, 'int32'), CELLS).toFloat();
const taken = tf.oneHot(tf.tensor1d(actions, 'int32'), 2).toFloat();

for (let step = 0; step < 400; step += 1) {
  const value = () =>
    tf.tidy(() => (model.predict(followers) as tf.Tensor).max(1).mul(DISCOUNT).add(tf.tensor1d(rewards)));
  const goals = target.steps === 0 ? value() : target.use({ index: 0 }, value);
  optimizer.minimize(() => {
    const values = (model.apply(states) as tf.Tensor).mul(taken).sum(1);
    return tf.losses.meanSquaredError(goals, values) as tf.Scalar;
  });
  target.update();
  goals.dispose();
}

const best = tf.tidy(() => (model.predict(tf.eye(CELLS)) as tf.Tensor).argMax(1).arraySync());
console.log('best action in each cell (1 is right):', best);
target.dispose();
