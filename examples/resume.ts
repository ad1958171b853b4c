// Stopping and going on: the run is saved after each epoch, and on Ctrl-C; the next start goes on with it, to the bit.
// Run, as often as you like: npx tsx examples/resume.ts

import 'tfjs-ema/compat'; // Node 23 and newer: before tfjs-node
import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { network, spirals } from './spirals.js';

const { x, y } = spirals(256, 1);
const ema = new WeightEma(tf, { decays: [0.9, 0.99] });
const { model, initialEpoch } = (await ema.resume('out/examples/run')) ?? { model: network(3), initialEpoch: 0 };
console.log('epochs before:', initialEpoch);

process.once('SIGINT', async () => {
  await ema.saveRun('out/examples/run');
  process.exit(130);
});
const save = new tf.CustomCallback({ onEpochEnd: () => ema.saveRun('out/examples/run') });
const epochs = initialEpoch + 5;
await model.fit(x, y, { epochs, initialEpoch, shuffle: false, verbose: 0, callbacks: [ema.callback(), save] });
console.log('epochs now:', epochs, 'steps counted:', ema.steps);
