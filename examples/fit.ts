// model.fit with several averages, the best one chosen on validation, evaluated and saved.
// Run: npx tsx examples/fit.ts

import { mkdirSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { network, spirals } from './spirals.js';

const train = spirals(1000, 1);
const validation = spirals(500, 2);
const model = network(3);

const ema = new WeightEma(tf, { decays: [0.95, 0.98, 0.99], updateEvery: 1 });
// tfjs-node's progress line is printed before callbacks run: the averages get a line of their own.
const print = new tf.CustomCallback({ onEpochEnd: async (_, logs) => console.log(formatEpoch(logs)) });
const history = await model.fit(train.x, train.y, {
  epochs: 10,
  batchSize: 32,
  verbose: 0,
  callbacks: [ema.callback({ validationData: [validation.x, validation.y], monitor: 'val_acc' }), print],
});

console.log('best decay of each epoch:', history.history['ema_best_decay']);
const [, accuracy] = ema.use('best', () => model.evaluate(validation.x, validation.y)) as tf.Scalar[];
console.log('accuracy of the best average:', accuracy?.dataSync()[0]);
console.log('engine:', ema.engine, '-', ema.engineReason);
mkdirSync('out/examples', { recursive: true });
await ema.saveModel('best', 'file://out/examples/fit');
ema.dispose();
