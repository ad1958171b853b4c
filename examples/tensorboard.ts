// TensorBoard: tfjs-node's own callback, after ours in the list, writes our numbers with the others.
// Run: npx tsx examples/tensorboard.ts, then: tensorboard --logdir out/examples/tensorboard

import * as tf from '@tensorflow/tfjs-node';
import { emaCallback } from 'tfjs-ema';
import { network, spirals } from './spirals.js';

const { x, y } = spirals(500, 1);
const validation = spirals(200, 2);
const model = network(3);
const ema = emaCallback(tf, {
  decays: [0.9, 0.95],
  updateEvery: 1,
  warmup: 'none',
  validationData: [validation.x, validation.y],
});
const board = tf.node.tensorBoard('out/examples/tensorboard', { updateFreq: 'epoch' });
const history = await model.fit(x, y, { epochs: 5, verbose: 0, callbacks: [ema, board] });
console.log('written:', Object.keys(history.history).join(', '));
ema.dispose();
