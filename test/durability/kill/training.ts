// A training that is the same in every process: its model, its steps, and what tells one saved moment from another.
// Starts nothing and kills nothing.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LayersModel, Sequential } from '@tensorflow/tfjs';
import { decodeSafetensors } from '../../../src/disk/safetensors.js';
import type { EmaOptions, WeightEma } from '../../../src/index.js';
import type { Tfjs } from '../../../src/tfjs/backend.js';

type Whole = Tfjs & typeof import('@tensorflow/tfjs');

/** Two averages, with steps between updates. */
export const TRAINED: EmaOptions = { decays: [0.9, 0.99], updateEvery: 3, engine: 'js', onWarning: () => undefined };

const [INPUTS, UNITS, SAMPLES] = [64, 64, 8];

/** The model before its first step. */
export function freshModel(tf: Whole): Sequential {
  const dense = (name: string, seed: number, units: number) =>
    tf.layers.dense({
      ...{ name, units, inputShape: [INPUTS], activation: 'tanh' },
      kernelInitializer: tf.initializers.glorotUniform({ seed }),
    });
  const model = tf.sequential({ name: 'net', layers: [dense('in', 1, UNITS), dense('out', 2, 1)] });
  model.compile({ optimizer: tf.train.momentum(0.05, 0.9, true), loss: 'meanSquaredError' });
  return model;
}

/** One step, on data that depends on its number only. */
export async function step(tf: Whole, model: LayersModel, ema: WeightEma): Promise<void> {
  const x = tf.randomUniform([SAMPLES, INPUTS], -1, 1, 'float32', ema.steps + 1);
  const y = tf.randomUniform([SAMPLES, 1], -1, 1, 'float32', -ema.steps - 1);
  await model.trainOnBatch(x, y);
  tf.dispose([x, y]);
  ema.update();
}

/** A digest of all that is in a saved run: weights, averages, optimizer, counters. Not of names, which are others in every save. */
export function digestOfRun(folder: string): string {
  const { weightsManifest, tfjsEmaRun, ...rest } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
  const { tensors, metadata } = decodeSafetensors(readFileSync(join(folder, tfjsEmaRun)));
  const hash = createHash('sha256')
    .update(JSON.stringify(rest))
    .update(metadata.get('standing') ?? '');
  hash.update(readFileSync(join(folder, weightsManifest[0].paths[0])));
  for (const [name, { data }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(name).update(data);
  return hash.digest('hex');
}
