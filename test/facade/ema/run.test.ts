// Runs in one folder: going on to the bit with every optimizer, folders that are none, damaged or another's, moments to save at.
// Kills during a save: durability/run-kill. Calls of the file system that fail: durability/io-faults.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel, Optimizer, Sequential, Tensor } from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EmaOptions, emaCallback, WeightEma } from '../../../src/index.js';
import { rejectionOf, weightBits } from '../../support/expect.js';
import { data, tf, valuesOf } from '../../support/models.js';
import { at, bits } from '../../support/oracle.js';

const OPTIONS = { decays: [0.5, 0.9], updateEvery: 4, warmup: 'none', onWarning: () => undefined } as const;
const BATCH = 16;

let folder: string;
let x: Tensor;
let y: Tensor;

beforeAll(() => {
  ({ x, y } = data(8 * BATCH));
});

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'tfjs-ema-run-')), 'run');
});

afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

afterAll(() => tf.disposeVariables());

type MadeWith = { readonly loss?: string | ((truth: Tensor, predicted: Tensor) => Tensor); readonly units?: number };

/** Dense, BatchNorm, dense with a constraint; the same names and weights in every call. */
function makeModel(optimizer: Optimizer | string = tf.train.momentum(0.1, 0.9), made: MadeWith = {}): Sequential {
  const { loss = 'categoricalCrossentropy', units = 8 } = made;
  const kernelInitializer = (seed: number) => tf.initializers.glorotUniform({ seed });
  const model = tf.sequential({
    name: 'net',
    layers: [
      tf.layers.dense({ name: 'in', units, inputShape: [4], activation: 'relu', kernelInitializer: kernelInitializer(1) }),
      tf.layers.batchNormalization({ name: 'norm' }),
      tf.layers.dense({
        ...{ name: 'out', units: 3, activation: 'softmax', kernelInitializer: kernelInitializer(2) },
        kernelConstraint: tf.constraints.maxNorm({ maxValue: 0.5 }),
      }),
    ],
  });
  model.compile({ optimizer, loss: loss as string, metrics: ['accuracy'] });
  return model;
}

/** Steps of a loop of one's own, on batches that depend on the step only. */
async function train(model: LayersModel, ema: WeightEma, from: number, to: number): Promise<void> {
  for (let step = from; step < to; step += 1) {
    const [xs, ys] = [x, y].map((all) => all.slice((step % 8) * BATCH, BATCH));
    await model.trainOnBatch(at([xs], 0) as Tensor, at([ys], 0) as Tensor);
    tf.dispose([xs, ys]);
    ema.update();
  }
}

const averageBits = (ema: WeightEma) =>
  ema.decays.map((_, index) => {
    const tensors = ema.read({ index });
    const found = Object.entries(valuesOf(tensors)).map(([name, values]) => [name, `${bits(values)}`]);
    tf.dispose(tensors);
    return found;
  });

/** All that must be the same in the resumed run; reads come last, because they count pending steps in. */
const stateOf = (model: LayersModel, ema: WeightEma) => ({
  ...{ steps: ema.steps, updates: ema.updates, bests: ema.bests, weights: weightBits(model) },
  averages: averageBits(ema),
});

const make = (options: EmaOptions = {}): WeightEma => new WeightEma(tf, { ...OPTIONS, ...options });

const OPTIMIZERS: Readonly<Record<string, () => Optimizer | string>> = {
  sgd: () => tf.train.sgd(0.1),
  momentum: () => tf.train.momentum(0.1, 0.9),
  nesterov: () => tf.train.momentum(0.1, 0.9, true),
  adam: () => tf.train.adam(0.01),
  adamax: () => tf.train.adamax(0.01, 0.9, 0.999, undefined, 0.01),
  rmsprop: () => tf.train.rmsprop(0.01),
  'rmsprop centered': () => tf.train.rmsprop(0.01, 0.9, 0.5, undefined, true),
  adagrad: () => tf.train.adagrad(0.1),
  adadelta: () => tf.train.adadelta(1),
  "'adam'": () => 'adam',
};

describe.each(Object.entries(OPTIMIZERS))('a run with %s', (_, optimizer) => {
  it.each(['the saved model', 'a model given'])('goes on to the bit with %s', async (which) => {
    const first = makeModel(optimizer());
    const ema = make().attach(first);
    await train(first, ema, 0, 10);
    await ema.saveRun(folder);
    await train(first, ema, 10, 23);

    const second = make();
    const resumed = await second.resume(folder, which === 'a model given' ? makeModel(optimizer()) : undefined);
    const { model, initialEpoch } = resumed ?? expect.fail('nothing there');
    expect(initialEpoch).toBe(0);
    second.attach(model);
    expect([second.steps, second.updates]).toEqual([10, 2]);
    await train(model, second, 10, 23);
    expect(stateOf(model, second)).toEqual(stateOf(first, ema));
    ema.dispose();
    second.dispose();
  });
});
