// The victim: goes on from its run, or begins one, and saves it after every step until it is killed.
// Judges nothing. Argument: the folder of the run.

import '../../../src/compat.js';
import { writeSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from '../../../src/index.js';
import { freshModel, step, TRAINED } from './training.js';

const [folder = ''] = process.argv.slice(2);
const ema = new WeightEma(tf, TRAINED);
const { model } = (await ema.resume(folder)) ?? { model: freshModel(tf) };
ema.attach(model);
for (;;) {
  await step(tf, model, ema);
  writeSync(1, 'b');
  await ema.saveRun(folder);
  writeSync(1, 'd');
}
