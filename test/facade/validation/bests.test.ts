// The best averages of all epochs: which they are, that their weights are kept as they were, and stopping at the peak.

import type { LayersModel, Scalar } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { emaCallback, type Metrics, WeightEma } from '../../../src/index.js';
import { BestAverages } from '../../../src/validation/bests.js';
import { thrownBy } from '../../support/expect.js';
import { data, denseModel, setRandomWeights, tf, valuesOf, weightValues } from '../../support/models.js';
import { at } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };
const paper = { decays: [0.9, 0.99], metrics: ['loss', 'acc'] };
const epoch = (number: number, ...averages: Metrics[]) => ({ epoch: number, averages });

afterEach(() => {
  tf.disposeVariables();
});

describe('BestAverages', () => {
  it('keeps lowest loss and highest accuracy apart, over all epochs and averages', () => {
    const bests = new BestAverages(tf);
    bests.consider(epoch(0, { loss: 1, acc: 0.5 }, { loss: 2, acc: 0.6 }), paper);
    bests.consider(epoch(1, { loss: 0.9, acc: 0.4 }, { loss: 0.8, acc: 0.6 }), paper);
    bests.consider(epoch(2, { loss: 0.8, acc: 0.7 }, { loss: 0.9, acc: 0.1 }), paper);
    expect(bests.records).toEqual([
      // The tie of epoch 2 does not replace epoch 1.
      { metric: 'loss', value: 0.8, epoch: 1, index: 1, decay: 0.99 },
      { metric: 'acc', value: 0.7, epoch: 2, index: 0, decay: 0.9 },
    ]);
  });

  it('lets no NaN win, and knows no metric that was not measured', () => {
    const bests = new BestAverages(tf);
    bests.consider(epoch(0, { loss: Number.NaN }, { loss: Number.NaN }), paper);
    expect(bests.records).toEqual([]);
    bests.consider(epoch(1, { loss: Number.NaN }, { loss: 3 }), paper);
    bests.consider(epoch(2, { loss: Number.NaN }, { loss: Number.NaN }), paper);
    expect(bests.records).toEqual([{ metric: 'loss', value: 3, epoch: 1, index: 1, decay: 0.99 }]);
  });

  it('holds one snapshot per metric, and releases what is beaten', () => {
    const before = tf.memory().numTensors;
    const bests = new BestAverages(tf);
    const snapshot = (index: number) => ({ w: tf.scalar(index) });
    tf.tidy(() => bests.consider(epoch(0, { loss: 2, acc: 0 }, { loss: 3, acc: 1 }), paper, snapshot));
    for (let i = 1; i < 5; i += 1)
      bests.consider(epoch(i, { loss: 2 - i, acc: i }, { loss: 9, acc: 0 }), paper, snapshot);
    expect(tf.memory().numTensors - before).toBe(2);
    expect(at(bests.find('best-loss')?.tensors['w']?.dataSync() ?? [], 0)).toBe(0);
    bests.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('names what is kept where another one is asked for', () => {
    const bests = new BestAverages(tf);
    expect(bests.find('best')).toBeUndefined();
    expect(thrownBy(() => bests.find('best-loss'), 'INVALID_ARGUMENT').message).toMatch(
      /and none is kept, received 'best-loss'/,
    );
    bests.consider(epoch(0, { loss: 1 }), paper, () => ({}));
    expect(thrownBy(() => bests.find('best-acc'), 'INVALID_ARGUMENT').message).toMatch(
      /expected one of 'best-loss', received/,
    );
  });
});

describe.each(['native', 'js'] as const)('the best of a fit, engine %s', (engine) => {
  async function trained(batchNorm: 'average' | 'copy' = 'average') {
    const { x, y } = data(64);
    const validation = data(32, 99);
    const model = denseModel(tf.train.sgd(0.5));
    const ema = emaCallback(tf, {
      decays: [0.5, 0.95],
      updateEvery: 2,
      engine,
      batchNorm,
      validationData: [validation.x, validation.y],
      ...quiet,
    });
    await model.fit(x, y, { epochs: 6, batchSize: 8, verbose: 0, callbacks: [ema] });
    const measure = (m: LayersModel) =>
      (m.evaluate(validation.x, validation.y) as Scalar[]).map((scalar) => at(scalar.dataSync(), 0));
    return { model, ema, measure };
  }

  it.each(['average', 'copy'] as const)(
    'is what was measured then, in use, read, saved and restored; BatchNorm %s',
    async (policy) => {
      const { model, ema, measure } = await trained(policy);
      const all = ema.validations.flatMap(({ averages }) => averages);
      const [loss, acc] = ['loss', 'acc'].map((metric) => ema.bests.find((best) => best.metric === metric));
      expect(loss?.value).toBe(Math.min(...all.map((metrics) => metrics['loss'] ?? Number.NaN)));
      expect(acc?.value).toBe(Math.max(...all.map((metrics) => metrics['acc'] ?? Number.NaN)));
      const raw = weightValues(model);
      expect(ema.use('best-loss', measure)[0]).toBe(loss?.value);
      expect(ema.use('best-acc', measure)[1]).toBe(acc?.value);
      expect(weightValues(model)).toEqual(raw);
      expect(ema.ema.indexOf('best-loss')).toBe(loss?.index);
      // Later training does not reach it.
      const kept = ema.read('best-loss');
      const values = valuesOf(kept);
      tf.dispose(kept);
      setRandomWeights(model, 3);
      ema.ema.update();
      expect(ema.restoreBest('best-loss')).toEqual(loss);
      expect(measure(model)[0]).toBe(loss?.value);
      expect(weightValues(model)).toEqual(model.weights.map((weight) => values[weight.originalName]));
      ema.dispose();
    },
  );

  it('leaves no tensor behind', async () => {
    const { ema } = await trained();
    ema.use('best-loss', () => 0);
    ema.restoreBest('best-acc');
    const before = tf.memory().numTensors;
    ema.use('best-loss', () => 0);
    ema.restoreBest('best-acc');
    expect(tf.memory().numTensors).toBe(before);
    ema.dispose();
    // K averages or their arena, and two snapshots of eight weights.
    expect(before - tf.memory().numTensors).toBeGreaterThanOrEqual(17);
  });
});

describe('restoreBest', () => {
  it('throws inside of use(), and for an average that is none of the best', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decay: 0.9, ...quiet }).attach(model);
    ema.update();
    ema.consider(epoch(0, { loss: 1 }), ['loss']);
    ema.use('best-loss', () => thrownBy(() => ema.restoreBest('best-loss'), 'SWAPPED_IN'));
    thrownBy(() => ema.restoreBest('best' as never), 'INVALID_ARGUMENT');
    expect(ema.bests).toEqual([{ metric: 'loss', value: 1, epoch: 0, index: 0, decay: 0.9 }]);
    ema.dispose();
  });
});

describe('the callback', () => {
  it('keeps records without weights where keepBest is false', async () => {
    const { x, y } = data(32);
    const ema = emaCallback(tf, { decay: 0.9, validationData: [x, y], keepBest: false, ...quiet });
    await denseModel().fit(x, y, { epochs: 1, batchSize: 8, verbose: 0, callbacks: [ema] });
    expect(ema.bests.map(({ metric }) => metric)).toEqual(['loss', 'acc']);
    thrownBy(() => ema.restoreBest('best-loss'), 'INVALID_ARGUMENT');
    ema.dispose();
  });

  it('stops when the best average is as many epochs old as patience says', async () => {
    const { x, y } = data(32);
    const model = denseModel(tf.train.sgd(0.5));
    const options = { decay: 0.5, updateEvery: 1, validationData: [x, y] as const, ...quiet };
    const ema = emaCallback(tf, { ...options, stopWhenAveragesPeak: { patience: 2 } });
    // After epoch 3 every step makes things worse: the labels are turned round.
    const wrong = tf.tidy(() => y.reverse(1));
    await model.fit(x, y, { epochs: 3, batchSize: 8, verbose: 0, callbacks: [ema] });
    const { epoch: best } = at(ema.bests, 0);
    expect(ema.validations).toHaveLength(3);
    await model.fit(x, wrong, { epochs: 20, initialEpoch: 3, batchSize: 8, verbose: 0, callbacks: [ema] });
    expect(at(ema.validations, ema.validations.length - 1).epoch).toBeLessThan(8);
    expect(at(ema.bests, 0).epoch - best).toBeLessThanOrEqual(1);
    ema.dispose();
  });

  it('counts validations since the best, also where the next fit begins with epoch 0 again', async () => {
    const { x, y } = data(32);
    const model = denseModel(tf.train.sgd(0.5));
    const options = { decay: 0.5, updateEvery: 1, validationData: [x, y] as const, ...quiet };
    const ema = emaCallback(tf, { ...options, stopWhenAveragesPeak: { patience: 2 } });
    const wrong = tf.tidy(() => y.reverse(1));
    await model.fit(x, y, { epochs: 8, batchSize: 8, verbose: 0, callbacks: [ema] });
    const before = ema.validations.length;
    await model.fit(x, wrong, { epochs: 20, batchSize: 8, verbose: 0, callbacks: [ema] });
    expect(ema.validations.length - before).toBeLessThan(6);
    ema.dispose();
  });

  it('restoreBest counts pending steps in first: they belong to the weights from before', async () => {
    const { x, y } = data(32);
    const model = denseModel(tf.train.sgd(0.5));
    const ema = emaCallback(tf, { decay: 0.5, updateEvery: 64, warmup: 'none', validationData: [x, y], ...quiet });
    await model.fit(x, y, { epochs: 2, batchSize: 8, verbose: 0, callbacks: [ema] });
    for (let step = 0; step < 5; step += 1) ema.ema.update();
    const wanted = ema.ema.steps;
    const updates = ema.updates;
    ema.restoreBest('best-loss');
    expect([ema.steps, ema.updates]).toEqual([wanted, updates + 1]);
    ema.dispose();
  });

  it('a best average with live statistics is not put where one of them is gone; the others are untouched', async () => {
    const { x, y } = data(32);
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ units: 3, inputShape: [4] }),
        tf.layers.batchNormalization(),
        tf.layers.activation({ activation: 'softmax' }),
      ],
    });
    model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' });
    const ema = emaCallback(tf, { decay: 0.5, batchNorm: 'copy', validationData: [x, y], ...quiet });
    await model.fit(x, y, { epochs: 1, batchSize: 8, verbose: 0, callbacks: [ema] });
    const kernelOf = () => Array.from(at(at(model.layers, 0).getWeights(), 0).dataSync());
    const kernel = kernelOf();
    const statistic = at(at(model.layers, 1).nonTrainableWeights, 0);
    statistic.read().dispose();
    thrownBy(() => ema.use('best-loss', () => undefined), 'WEIGHT_DISPOSED');
    thrownBy(() => ema.restoreBest('best-loss'), 'WEIGHT_DISPOSED');
    expect(kernelOf()).toEqual(kernel);
    ema.dispose();
  });
});
