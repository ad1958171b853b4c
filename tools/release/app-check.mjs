// A small app as a user would write it, copied into an app's folder by test-install.mjs and test-nodes.mjs: trains, checks, reports.
// node app-check.mjs PACKAGE ENGINE, such as: node app-check.mjs @tensorflow/tfjs-node native

import assert from 'node:assert/strict';
import { WeightEma } from 'tfjs-ema';

const [name, engine] = process.argv.slice(2);
const tf = await import(name);

const x = tf.randomNormal([64, 4], 0, 1, 'float32', 1);
const y = x.sum(1, true);
const model = tf.sequential({
  layers: [tf.layers.dense({ units: 8, inputShape: [4] }), tf.layers.dense({ units: 1 })],
});
model.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError' });

const ema = new WeightEma(tf, { decays: [0.9, 0.99] });
const { history } = await model.fit(x, y, {
  epochs: 3,
  batchSize: 8,
  verbose: 0,
  callbacks: [ema.callback({ validationData: [x, y] })],
});

assert.equal(ema.engine, engine, ema.engineReason);
assert.equal(ema.steps, 24);
assert.equal(history.val_ema_loss.length, 3);
const raw = model.evaluate(x, y).dataSync()[0];
const best = Math.min(...history.val_ema_loss);
const averaged = await ema.use('best', () => model.evaluate(x, y).dataSync()[0]);
assert.notEqual(averaged, raw);
assert.ok(Math.abs(averaged - best) < 1e-5 * averaged, `${averaged} is not ${best}`);
assert.equal(model.evaluate(x, y).dataSync()[0], raw);

process.stdout.write(`${JSON.stringify({ engine: ema.engine, reason: ema.engineReason })}\n`);
