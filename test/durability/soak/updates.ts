// A program that moves averages many times, each time by other decays, and watches memory meanwhile.
// Its arguments: the updates, and the samples. Run it with --expose-gc.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from '../../../src/index.js';
import { declaredWeights, variableOf } from '../../../src/tfjs/backend.js';
import { report, type Sample, sample } from './watch.js';

const [updates = 0, samples = 2] = process.argv.slice(2).map(Number);

const model = tf.sequential({
  layers: [tf.layers.dense({ units: 8, inputShape: [4] }), tf.layers.dense({ units: 3 })],
});
const ema = new WeightEma(tf, {
  updateEvery: 1,
  engine: 'native',
  // Five averages; all their alphas are new at every update.
  warmup: (update) => 0.5 + 0.4 * Math.abs(Math.sin(update)),
}).attach(model);

// An optimizer step gives each variable another tensor: here one of two in turns.
const variables = declaredWeights(model).flatMap(({ weight }) => variableOf(weight) ?? []);
const turns = [1, 2].map((value) => variables.map(({ shape }) => tf.fill(shape, value)));

function step(turn: number): void {
  turns[turn % 2]?.forEach((value, index) => {
    variables[index]?.assign(value);
  });
  ema.update();
}

const begin = performance.now();
// What the first steps need once is there afterwards.
for (let i = 0; i < 100; i += 1) step(i);
const taken: Sample[] = [sample(0)];
for (let i = 1; i <= updates; i += 1) {
  step(i);
  if (i % (updates / samples) === 0) taken.push(sample(i));
}
if (ema.updates !== updates + 100) throw new Error(`${ema.updates} updates`);
process.stdout.write(report(taken, begin));
