// A program that runs each op of ours thousands of times, with other alphas and rows.
// Its arguments: how often, and a file for a checkpoint. TensorFlow's log tells the rest.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from '../../../src/index.js';
import { denseModel } from '../../support/models.js';

const [rounds = '', checkpoint = ''] = process.argv.slice(2);
const ema = new WeightEma(tf, {
  updateEvery: 1,
  engine: 'native',
  warmup: (update) => 0.5 + 0.4 * Math.abs(Math.sin(update)),
}).attach(denseModel());
for (let round = 0; round < Number(rounds); round += 1) {
  ema.update();
  tf.dispose(ema.read({ index: round % ema.labels.length }));
  if (round % 100 > 0) continue;
  ema.diagnose();
  await ema.saveCheckpoint(checkpoint);
  await ema.loadCheckpoint(checkpoint);
}
