// A model that is compiled again between two fits: what goes by the model that is trained now, and bests of another loss.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel, ModelCompileArgs, Scalar, Sequential, Tensor } from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { searchDecay } from '../../../src/search.js';
import { rejectionOf } from '../../support/expect.js';
import { data, denseModel, sharedModel, tf } from '../../support/models.js';
import { at } from '../../support/oracle.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  tf.disposeVariables();
});

const quiet = { onWarning: () => undefined };
const numbers = (scalars: Scalar | Scalar[]) => [scalars].flat().map((scalar) => at(scalar.dataSync(), 0));
/** Losses of another kind: a hundred times as large. */
const second = (): ModelCompileArgs => ({
  optimizer: tf.train.adam(0.01),
  loss: (y, out) => tf.metrics.categoricalCrossentropy(y, out).mul(100),
  metrics: ['mse'],
});

async function trained(model: LayersModel, compile: (model: LayersModel) => void) {
  const { x, y } = data(32);
  const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, ...quiet });
  const fit = { batchSize: 8, verbose: 0 as const, callbacks: [ema.callback({ validationData: [x, y] })] };
  await model.fit(x, y, { ...fit, epochs: 3 });
  compile(model);
  const { history } = await model.fit(x, y, { ...fit, epochs: 2 });
  return { x, y, ema, history, fit };
}

const freeze = (model: LayersModel) => {
  for (const layer of model.layers.slice(0, 1)) layer.trainable = false;
};

describe.each([
  ['a Sequential', denseModel],
  ['a functional model', sharedModel],
] as const)('%s that is compiled again', (_, make) => {
  it.each([
    ['another optimizer, loss and metrics', () => undefined],
    ['a layer frozen', freeze],
    [
      'a layer frozen and thawed',
      (model: LayersModel) => {
        freeze(model);
        model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
        for (const layer of model.layers) layer.trainable = true;
      },
    ],
  ])('is the one that use, saveModel, searchDecay and asModel go by: %s', async (_, before) => {
    const model: LayersModel = make();
    const { x, y, ema } = await trained(model, (m) => {
      before(m);
      m.compile(second());
    });
    const own = ema.use({ index: 1 }, () => numbers(model.evaluate(x, y) as Scalar[]));
    expect(own).toHaveLength(2);
    expect(ema.use({ index: 1 }, (m) => numbers(m.evaluate(x, y) as Scalar[]))).toEqual(own);
    const { tracked } = await searchDecay(ema, { data: [x, y], monitor: 'val_mse', trials: 4 });
    const [, mse] = ema.use({ index: tracked.index }, () => numbers(model.evaluate(x, y) as Scalar[]));
    expect(tracked.value).toBe(mse);
    model.compile({ optimizer: tf.train.adam(0.01), loss: 'meanAbsoluteError' });
    await model.fit(x, y, { epochs: 1, batchSize: 8, verbose: 0, callbacks: [ema.callback()] });
    await ema.saveModel({ index: 1 }, `file://${folder}`, { includeOptimizer: true });
    const { trainingConfig } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
    expect([trainingConfig.loss, trainingConfig.optimizer_config.class_name]).toEqual(['mean_absolute_error', 'Adam']);
    const twin = await ema.asModel({ index: 1 });
    const predict = (m: LayersModel) => [...(m.predict(x) as Tensor).dataSync()];
    expect(predict(twin.model)).toEqual(ema.use({ index: 1 }, predict));
    twin.dispose();
    ema.dispose();
  });

  it('has its best by the loss that it has now, with a warning; a metric that stayed is compared', async () => {
    const { ema, history } = await trained(make(), (m) => m.compile(second()));
    const lowest = Math.min(...(history['val_ema_loss'] as number[]));
    const record = ema.bests.find(({ metric }) => metric === 'loss');
    expect(record?.value).toBe(lowest);
    expect(lowest).toBeGreaterThan(20);
    const said = ema.warnings.filter((message) => /'loss' is measured by another function now/.test(message));
    expect(said).toHaveLength(1);
    ema.dispose();
  });

  it('compares on where the loss is the same function, and says nothing', async () => {
    const same = { optimizer: 'sgd', loss: 'categoricalCrossentropy', metrics: ['accuracy'] };
    const { x, y, ema, fit } = await trained(make(), (m) => m.compile(same));
    const { value } = at(ema.bests, 0);
    const model = make();
    expect(ema.warnings.filter((message) => /measured by another/.test(message))).toEqual([]);
    // Worse losses of the same function do not take its place.
    await rejectionOf(model.fit(x, y, { ...fit, epochs: 1 }), 'MODEL_CHANGED');
    ema.record({ epoch: 9, averages: [{ loss: value + 1 }, { loss: value + 2 }] });
    expect(at(ema.bests, 0).value).toBe(value);
    ema.dispose();
  });
});

describe('a Sequential that was attached itself', () => {
  it('stays what is saved and handed over, whatever fit trains inside of it', async () => {
    const { x, y } = data(16);
    const model: Sequential = denseModel();
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, ...quiet });
    ema.attach(model);
    model.compile(second());
    await model.fit(x, y, { epochs: 1, verbose: 0, callbacks: [ema.callback()] });
    expect(ema.use(0.5, (m) => m)).toBe(model);
    ema.dispose();
  });

  it('needs no fit to be followed: a loop of its own', async () => {
    const { x, y } = data(16);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1, ...quiet }).attach(model);
    model.compile(second());
    await model.trainOnBatch(x, y);
    ema.update();
    expect(ema.use(0.5, (m) => numbers(m.evaluate(x, y) as Scalar[]))).toHaveLength(2);
    ema.dispose();
  });
});
