// model.fit with averages of the weights: the best one is chosen on validation data, evaluated and saved.
// Run: npx tsx examples/fit.ts

import 'tfjs-ema/compat'; // Node 23 and newer: before tfjs-node
import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { network, spirals } from './spirals.js';

const { x, y } = spirals(1000, 1);
const { x: xTest, y: yTest } = spirals(500, 2);
const model = network(3);

const ema = new WeightEma(tf);
await model.fit(x, y, {
  epochs: 10,
  validationSplit: 0.2,
  verbose: 0,
  callbacks: [ema.callback({ monitor: 'val_acc', log: console.log })],
});

const [, accuracy] = ema.use('best', () => model.evaluate(xTest, yTest)) as tf.Scalar[];
console.log('test accuracy of the best average:', accuracy?.dataSync()[0]);
console.log('engine:', ema.engine, '-', ema.engineReason);
await ema.saveModel('best', 'file://out/examples/fit');
ema.dispose();
