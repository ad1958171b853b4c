// A training by fit that never ends, and that Ctrl-C ends as the guide says: it saves the run first.
// Judges nothing. Argument: the folder of the run.

import '../../../src/compat.js';
import { writeSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from '../../../src/index.js';
import { freshModel, TRAINED } from './training.js';

const [folder = ''] = process.argv.slice(2);
const ema = new WeightEma(tf, TRAINED);
process.once('SIGINT', async () => {
  await ema.saveRun(folder);
  process.exit(130);
});
const begun = new tf.CustomCallback({ onEpochEnd: async (epoch) => void (epoch === 0 && writeSync(1, 'begun')) });
const [x, y] = [tf.randomUniform([256, 64]), tf.randomUniform([256, 1])];
await freshModel(tf).fit(x, y, { epochs: 1e6, batchSize: 8, callbacks: [ema.callback(), begun] });
