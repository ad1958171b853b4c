// Stopping and going on: the averages continue to the bit from a checkpoint.
// Run: npx tsx examples/resume.ts

import { mkdirSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { network, spirals } from './spirals.js';

const { x, y } = spirals(256, 1);
mkdirSync('out/examples', { recursive: true });
const file = 'out/examples/run.ema.safetensors';
const options = { decays: [0.9, 0.99], updateEvery: 4 };
const train = async (model: tf.LayersModel, ema: WeightEma, steps: number) => {
  for (let step = 0; step < steps; step += 1) {
    await model.trainOnBatch(x, y);
    ema.update();
  }
};

const model = network(3);
const first = new WeightEma(tf, options).attach(model);
await train(model, first, 10); // two steps are pending: they are saved as such
await first.saveCheckpoint(file);

// The checkpoint holds the averages alone. The model and its optimizer are still there in this process; another one would load them first,
// from what model.save(url, { includeOptimizer: true }) had saved beside it.
const second = new WeightEma(tf, options).attach(model);
await second.loadCheckpoint(file);
await train(model, second, 10);
console.log('steps counted:', second.steps, 'updates:', second.updates);
first.dispose();
second.dispose();
