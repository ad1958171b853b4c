// model.fit end to end on real TensorFlow: training is bit for bit the same with the callback as without it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel, Optimizer } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { weightBits } from '../../support/expect.js';
import { data, denseModel, tf, weightValues } from '../../support/models.js';
import { at, bits, maxDifference, Oracle, paperDecay } from '../../support/oracle.js';

afterEach(() => {
  tf.disposeVariables();
});

const optimizers: [string, () => Optimizer][] = [
  ['SGD', () => tf.train.sgd(0.1)],
  ['momentum', () => tf.train.momentum(0.05, 0.9)],
  ['Nesterov momentum', () => tf.train.momentum(0.05, 0.9, true)],
  ['Adam', () => tf.train.adam(0.01)],
  ['RMSProp', () => tf.train.rmsprop(0.01, 0.9, 0.5)],
];

async function optimizerBits(model: LayersModel): Promise<number[][]> {
  const state = await model.optimizer.getWeights();
  return state.map(({ tensor }) => Array.from(bits(tensor.dataSync())));
}

describe.each(['native', 'js'] as const)('training with engine %s', (engine) => {
  it.each(optimizers)('with %s and BatchNorm: same weights and same optimizer state, to the bit', async (_, make) => {
    const { x, y } = data(80);
    const train = async (withEma: boolean) => {
      const model = denseModel(make());
      const validationData: [typeof x, typeof y] = [x, y];
      const ema = new WeightEma(tf, { engine, decays: [0.9, 0.99], updateEvery: 2 });
      await model.fit(x, y, {
        epochs: 3,
        batchSize: 16,
        shuffle: false,
        verbose: 0,
        validationData,
        callbacks: withEma ? [ema.callback({ validationData })] : [],
      });
      const result = { weights: weightBits(model), optimizer: await optimizerBits(model) };
      ema.dispose();
      return result;
    };
    const [without, withEma] = [await train(false), await train(true)];
    expect(withEma.weights).toEqual(without.weights);
    expect(withEma.optimizer).toEqual(without.optimizer);
    expect(withEma.optimizer.length).toBeGreaterThan(0);
  });

  it('averages the weights after every step, as the float64 oracle says', async () => {
    const { x, y } = data(80);
    const model = denseModel(tf.train.adam(0.02));
    const decays = [0.8, 0.99];
    const ema = new WeightEma(tf, { engine, decays, updateEvery: 2 });
    const live = () => weightValues(model);
    const oracles = decays.map(() => new Oracle(live()));
    let steps = 0;
    const watch = new tf.CustomCallback({
      onBatchEnd: () => {
        steps += 1;
        if (steps % 2 !== 0) return;
        decays.forEach((decay, k) => {
          at(oracles, k).update(live(), paperDecay(decay, 2, steps / 2 - 1));
        });
      },
    });
    await model.fit(x, y, { epochs: 4, batchSize: 20, verbose: 0, callbacks: [ema.callback(), watch] });
    expect(steps).toBe(16);
    decays.forEach((decay, k) => {
      Object.values(ema.read(decay)).forEach((tensor, i) => {
        expect(maxDifference(tensor.dataSync(), at(at(oracles, k).shadows, i))).toBeLessThan(1e-6);
      });
    });
    ema.dispose();
  });
});

describe('a whole run', () => {
  it('ends with an average that beats noisy raw weights, and saves it as a plain model', async () => {
    const { x, y } = data(96);
    const validation = data(96, 99);
    // A rate high enough for noise and low enough to converge; unshuffled, so that every run is the same.
    const model = denseModel(tf.train.sgd(0.5));
    const ema = new WeightEma(tf, { decays: [0.8, 0.9], updateEvery: 1 });
    const { history } = await model.fit(x, y, {
      epochs: 12,
      batchSize: 4,
      shuffle: false,
      verbose: 0,
      callbacks: [ema.callback({ validationData: [validation.x, validation.y] })],
    });
    const mean = (name: string) => (history[name] as number[]).slice(4).reduce((sum, value) => sum + value / 8, 0);
    expect(mean('val_ema_loss')).toBeLessThan(mean('val_raw_loss'));

    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
    await ema.saveModel('best', `file://${folder}`);
    const loaded = await tf.loadLayersModel(`file://${folder}/model.json`);
    expect(weightValues(loaded)).toEqual(ema.use('best', weightValues));
    rmSync(folder, { recursive: true });
    ema.dispose();
  });

  it("saves through the user's own model when that was attached first", async () => {
    const { x, y } = data(16);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9 });
    ema.attach(model);
    await model.fit(x, y, { epochs: 1, verbose: 0, callbacks: [ema.callback()] });
    let className: unknown;
    await ema.saveModel(
      0.9,
      tf.io.withSaveHandler(async (artifacts) => {
        className = (artifacts.modelTopology as { class_name: string }).class_name;
        return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
      }),
    );
    expect(className).toBe('Sequential');
    ema.dispose();
  });
});
