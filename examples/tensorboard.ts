// TensorBoard: raw weights and averages as runs that share their charts, histograms of both, and tfjs-node's own callback beside.
// Run: npx tsx examples/tensorboard.ts, then: tensorboard --logdir out/examples/tensorboard

import 'tfjs-ema/compat'; // Node 23 and newer: before tfjs-node
import { readdirSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { emaTensorBoard } from 'tfjs-ema/tensorboard';
import { network, spirals } from './spirals.js';

const { x, y } = spirals(500, 1);
const model = network(3);
const logdir = 'out/examples/tensorboard';
const ema = new WeightEma(tf, { decays: [0.8, 0.9] });
await model.fit(x, y, {
  epochs: 10,
  validationSplit: 0.2,
  verbose: 0,
  // tfjs-node's own writes the training loss.
  callbacks: [ema.callback(), emaTensorBoard(tf, ema, { logdir }), tf.node.tensorBoard(logdir)],
});
console.log('runs:', readdirSync(logdir).sort().join(', '));
ema.dispose();
