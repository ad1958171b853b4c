// model.fitDataset with averages, and early stopping on the averages' validation loss instead of the raw weights'.
// Run: npx tsx examples/fit-dataset.ts

import 'tfjs-ema/compat'; // Node 23 and newer: before tfjs-node
import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { network, spirals } from './spirals.js';

const dataset = (count: number, seed: number) => {
  const { x, y } = spirals(count, seed);
  return tf.data.zip({ xs: tf.data.array(x.arraySync()), ys: tf.data.array(y.arraySync()) }).batch(32);
};
const model = network(3);

const ema = new WeightEma(tf, { decays: 0.98 });
const { epoch, history } = await model.fitDataset(dataset(600, 1), {
  epochs: 8,
  validationData: dataset(300, 2),
  verbose: 0,
  // In this order: the second sees what the first has added to the epoch's logs.
  callbacks: [ema.callback(), tf.callbacks.earlyStopping({ monitor: 'val_ema_loss', patience: 2 })],
});
console.log('epochs:', epoch.length);
console.log('validation loss of the average:', history['val_ema_loss']);
ema.dispose();
