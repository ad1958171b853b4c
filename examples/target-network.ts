// A target network for reinforcement learning: a slow copy of the value network, moved at each step ("soft update", tau = 1 - decay).
// A corridor of five cells, actions left and right, a reward at the right end. Run: npx tsx examples/target-network.ts

import 'tfjs-ema/compat'; // Node 23 and newer: before tfjs-node
import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';

const dense = tf.layers.dense({ inputShape: [5], units: 2, useBias: false, kernelInitializer: 'zeros' });
const model = tf.sequential({ layers: [dense] });
const ema = new WeightEma(tf, { decays: 0.95, updateEvery: 1, warmup: 'none' }).attach(model);
const target = await ema.asModel(0.95);
// Every cell with both actions: where they lead, and the reward.
const [states, actions] = [tf.oneHot([0, 0, 1, 1, 2, 2, 3, 3, 4, 4], 5), tf.oneHot([0, 1, 0, 1, 0, 1, 0, 1, 0, 1], 2)];
const [next, rewards] = [tf.oneHot([0, 1, 0, 2, 1, 3, 2, 4, 3, 4], 5), tf.tensor1d([0, 0, 0, 0, 0, 0, 0, 1, 0, 1])];
const optimizer = tf.train.sgd(0.5);
for (let step = 0; step < 400; step += 1) {
  const goals = tf.tidy(() => (target.refresh().predict(next) as tf.Tensor).max(1).mul(0.9).add(rewards));
  optimizer.minimize(() => {
    const values = (model.apply(states) as tf.Tensor).mul(actions).sum(1);
    return tf.losses.meanSquaredError(goals, values) as tf.Scalar;
  });
  ema.update();
  goals.dispose();
}
console.log('best action in each cell (1 is right):', (model.predict(tf.eye(5)) as tf.Tensor).argMax(1).arraySync());
