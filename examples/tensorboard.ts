// TensorBoard: raw weights and averages as runs that share their charts, histograms of both, and tfjs-node's own callback beside.
// Run: npx tsx examples/tensorboard.ts, then: tensorboard --logdir out/examples/tensorboard

import { readdirSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-node';
import { emaTensorBoard, WeightEma } from 'tfjs-ema';
import { network, spirals } from './spirals.js';

const { x, y } = spirals(500, 1);
const validation = spirals(200, 2);
const model = network(3);
const ema = new WeightEma(tf, { decays: [0.9, 0.95], updateEvery: 1, warmup: 'none' });
const logdir = 'out/examples/tensorboard';
const board = emaTensorBoard(tf, ema, { logdir });
// tfjs-node's own, for the training loss. After ours in the list, it writes our keys of the logs too.
const own = tf.node.tensorBoard(logdir);
await model.fit(x, y, {
  epochs: 5,
  verbose: 0,
  callbacks: [ema.callback({ validationData: [validation.x, validation.y] }), board, own],
});
console.log('runs:', readdirSync(logdir).sort().join(', '));
ema.dispose();
