// A small app on plain tfjs, bundled by test-wine.mjs: trains, validates, saves, resumes, in files of whatever system runs it.
// Fails by an assertion; on a machine of its own it needs neither this repository nor packages.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { WeightEma } from 'tfjs-ema';

const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-app-'));
const x = tf.randomNormal([64, 4], 0, 1, 'float32', 1);
const y = x.sum(1, true);

function makeModel() {
  const model = tf.sequential({ layers: [tf.layers.dense({ name: 'out', units: 1, inputShape: [4] })] });
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
  return model;
}

const valuesOf = (tensors) => Object.values(tensors).map((tensor) => [...tensor.dataSync()]);

async function main() {
  const model = makeModel();
  const ema = new WeightEma(tf, { decays: [0.5, 0.9] });
  const callback = ema.callback({ validationData: [x, y], keepBest: { folder: join(folder, 'kept') } });
  const { history } = await model.fit(x, y, { epochs: 3, batchSize: 8, verbose: 0, callbacks: [callback] });
  assert.equal(ema.engine, 'js');
  assert.equal(history.val_ema_loss.length, 3);
  assert.ok(history.val_ema_loss[2] < history.val_ema_loss[0]);
  // Twice: the second replaces the first.
  for (let i = 0; i < 2; i += 1) await ema.saveModel(0.9, `file://${join(folder, 'model')}`);
  assert.equal(JSON.parse(readFileSync(join(folder, 'model', 'model.json'), 'utf8')).format, 'layers-model');
  const checkpoint = join(folder, 'ema.safetensors');
  for (let i = 0; i < 3; i += 1) await ema.saveCheckpoint(checkpoint);
  const resumed = new WeightEma(tf, { decays: [0.5, 0.9] }).attach(makeModel());
  await resumed.loadCheckpoint(checkpoint);
  assert.equal(resumed.steps, 24);
  assert.deepEqual(valuesOf(resumed.read(0.9)), valuesOf(ema.read(0.9)));
  assert.ok(existsSync(join(folder, 'kept')));
  return `Node ${process.versions.node} ${process.platform}: ${ema.steps} steps, engine ${ema.engine} (${ema.engineReason})`;
}

// By exit code as well: what a program of Windows writes may be lost.
try {
  process.stdout.write(`${await main()}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
