// Switch-EMA: an average put into the model for good, one that is kept up or a best one; resuming; what is refused and warned of.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel, Scalar, Sequential } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { thrownBy, weightBits } from '../../support/expect.js';
import {
  assign,
  data,
  denseModel,
  lineModel,
  setRandomWeights,
  tf,
  valuesOf,
  weightValues,
} from '../../support/models.js';
import { at, maxDifference } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };

afterEach(() => {
  tf.disposeVariables();
});

const restored = (model: Sequential, values: readonly Float32Array[]) =>
  model.weights.forEach((weight, i) => {
    assign(weight, () => tf.tensor(at(values, i), weight.read().shape));
  });

describe.each(['native', 'js'] as const)('putBack, engine %s', (engine) => {
  it('gives the model the average, to the bit, and goes on from there', () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.75, updateEvery: 2, warmup: 'none', engine, ...quiet }).attach(model);
    const start = weightValues(model);
    setRandomWeights(model, 1);
    const after = weightValues(model);
    ema.update();
    // One step is pending: it counts.
    const before = tf.memory().numTensors;
    ema.putBack(0.75);
    expect(tf.memory().numTensors).toBe(before);
    const average = ema.read(0.75);
    weightValues(model).forEach((values, i) => {
      const expected = at(start, i).map((value, j) => 0.75 * value + 0.25 * at(at(after, i), j));
      expect(maxDifference(values, expected)).toBeLessThan(2 ** -22);
    });
    expect(weightValues(model)).toEqual(model.weights.map(({ originalName }) => valuesOf(average)[originalName]));
    expect([ema.steps, ema.updates]).toEqual([1, 1]);
    tf.dispose(average);
    // Weights that stand still: the average is equal to them, and stays.
    ema.update();
    ema.update();
    expect(ema.use(0.75, weightBits)).toEqual(weightBits(model));
    ema.use(0.75, () => thrownBy(() => ema.putBack(0.75), 'SWAPPED_IN'));
    thrownBy(() => ema.putBack(0.5), 'INVALID_ARGUMENT');
    ema.dispose();
  });

  it('does nothing before the first step, and says so', () => {
    const model = lineModel();
    const ema = new WeightEma(tf, { decays: 0.5, engine, ...quiet }).attach(model);
    assign(model.weights[0], () => tf.tensor2d([[7]]));
    ema.putBack('best');
    expect(weightValues(model)).toEqual([Float32Array.of(7)]);
    expect(ema.warnings.join()).toMatch(/putBack\(\) before the first step/);
    ema.dispose();
  });

  it('does nothing up to the start, and says so', () => {
    const model = lineModel();
    const options = { decays: 0.5, updateEvery: 1, warmup: 'none', start: 2, engine, ...quiet } as const;
    const ema = new WeightEma(tf, options).attach(model);
    const step = (value: number): void => {
      assign(model.weights[0], () => tf.tensor2d([[value]]));
      ema.update();
    };
    step(7);
    step(8);
    ema.putBack(0.5);
    expect(weightValues(model)).toEqual([Float32Array.of(8)]);
    expect(ema.warnings).toEqual([expect.stringMatching(/^putBack\(\) before the start: .* a copy of the weights/)]);
    step(10);
    ema.putBack(0.5);
    expect(weightValues(model)).toEqual([Float32Array.of(9)]);
    expect(ema.warnings).toHaveLength(1);
    ema.dispose();
  });

  it('gives the model a best average up to the start, too, which is no copy', () => {
    const model = lineModel();
    const options = { decays: 0.5, updateEvery: 1, warmup: 'none', start: 1, engine, ...quiet } as const;
    const ema = new WeightEma(tf, options).attach(model);
    for (const value of [8, 10]) {
      assign(model.weights[0], () => tf.tensor2d([[value]]));
      ema.update();
    }
    ema.record({ epoch: 0, averages: [{ loss: 1 }] });
    ema.reset();
    expect(ema.steps).toBe(1);
    ema.putBack('best');
    expect(weightValues(model)).toEqual([Float32Array.of(9)]);
    expect(ema.warnings).toEqual([]);
    ema.dispose();
  });

  it('in every so many steps of fit, by a line in a callback, is in the weights from which training goes on', async () => {
    const { x, y } = data(48);
    const seen: boolean[] = [];
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1, engine, ...quiet });
    const isAverage = () => JSON.stringify(ema.use(0.5, weightBits)) === JSON.stringify(weightBits(model));
    const exchange = new tf.CustomCallback({
      onBatchEnd: async () => {
        if (ema.steps % 4 === 0) ema.putBack(0.5);
        seen.push(isAverage());
      },
    });
    const fit = { epochs: 1, batchSize: 8, verbose: 0 as const, callbacks: [ema.callback(), exchange] };
    await model.fit(x, y, fit);
    await model.fit(x, y, fit);
    expect(seen).toEqual([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1].map(Boolean));
    ema.dispose();
  });

  it('after an epoch, once it was validated, puts what is current there', async () => {
    const { x, y } = data(48);
    const model = denseModel();
    const options = { decays: [0.5, 0.9], updateEvery: 1, engine, ...quiet };
    const ema = new WeightEma(tf, options);
    const callback = ema.callback({ validationData: [x, y], batchSize: 32 });
    const raw: (number | undefined)[] = [];
    const later = new tf.CustomCallback({
      onEpochEnd: async (epoch) => {
        if (epoch % 2 === 1) ema.putBack('current');
        const [loss] = [model.evaluate(x, y)].flat();
        raw.push((await loss?.data())?.[0]);
      },
    });
    await model.fit(x, y, { epochs: 4, batchSize: 8, verbose: 0, callbacks: [callback, later] });
    ema.validations.forEach(({ raw: measured, averages, best }, epoch) => {
      const expected = epoch % 2 === 0 ? measured : averages[best ?? -1];
      expect(raw[epoch]).toBe(expected?.['loss']);
      expect(measured['loss']).not.toBe(averages[best ?? -1]?.['loss']);
    });
    ema.dispose();
  });

  it('resumes to the bit', async () => {
    const { x, y } = data(40);
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
    const options = { decays: 0.8, updateEvery: 3, engine, ...quiet };
    const fit = { epochs: 1, batchSize: 8, shuffle: false, verbose: 0 as const };
    const exchanging = (ema: WeightEma) =>
      new tf.CustomCallback({
        onBatchEnd: async () => {
          if (ema.steps % 4 === 0) ema.putBack(0.8);
        },
      });
    const model = denseModel();
    const whole = new WeightEma(tf, options);
    const weights: Float32Array[][] = [];
    for (let i = 0; i < 4; i += 1) {
      await model.fit(x, y, { ...fit, callbacks: [whole.callback(), exchanging(whole)] });
      weights.push(weightValues(model));
      await whole.saveCheckpoint(join(folder, `${i}`));
    }
    const [last, average] = [weightBits(model), whole.use(0.8, weightBits)];
    for (const split of [0, 1, 2]) {
      setRandomWeights(model, split);
      const resumed = new WeightEma(tf, options);
      resumed.attach(model);
      await resumed.loadCheckpoint(join(folder, `${split}`));
      restored(model, at(weights, split));
      for (let i = split + 1; i < 4; i += 1)
        await model.fit(x, y, { ...fit, callbacks: [resumed.callback(), exchanging(resumed)] });
      expect(weightBits(model)).toEqual(last);
      expect(resumed.use(0.8, weightBits)).toEqual(average);
      resumed.dispose();
    }
    whole.dispose();
    rmSync(folder, { recursive: true });
  });
});

describe.each(['native', 'js'] as const)('putBack of a best average, engine %s', (engine) => {
  it.each(['average', 'copy'] as const)(
    'gives the model its weights of that epoch, and what was measured of them; BatchNorm %s',
    async (batchNorm) => {
      const { x, y } = data(64);
      const model = denseModel(tf.train.sgd(0.5));
      const options = { decays: [0.5, 0.95], updateEvery: 2, engine, batchNorm, ...quiet };
      const ema = new WeightEma(tf, options);
      await model.fit(x, y, {
        epochs: 4,
        batchSize: 8,
        verbose: 0,
        // As evaluate below: another order of summation is another rounding.
        callbacks: [ema.callback({ validationData: [x, y], batchSize: 32 })],
      });
      const measure = (m: LayersModel) => (m.evaluate(x, y) as Scalar[]).map((scalar) => at(scalar.dataSync(), 0));
      for (const [which, metric] of [
        ['best', 0],
        ['best-loss', 0],
        ['best-acc', 1],
      ] as const) {
        const kept = ema.read(which);
        const values = valuesOf(kept);
        tf.dispose(kept);
        // Later training does not reach it.
        setRandomWeights(model, 3);
        ema.update();
        const count = tf.memory().numTensors;
        ema.putBack(which);
        expect(tf.memory().numTensors).toBe(count);
        expect(measure(model)[metric]).toBe(at(ema.bests, metric).value);
        expect(weightValues(model)).toEqual(model.weights.map((weight) => values[weight.originalName]));
      }
      ema.dispose();
    },
  );

  it('counts pending steps in first: they belong to the weights from before', async () => {
    const { x, y } = data(32);
    const model = denseModel(tf.train.sgd(0.5));
    const options = { decays: 0.5, updateEvery: 64, warmup: 'none', engine, ...quiet } as const;
    const ema = new WeightEma(tf, options);
    await model.fit(x, y, {
      epochs: 2,
      batchSize: 8,
      verbose: 0,
      callbacks: [ema.callback({ validationData: [x, y] })],
    });
    for (let step = 0; step < 5; step += 1) ema.update();
    const wanted = ema.steps;
    const updates = ema.updates;
    ema.putBack('best');
    expect([ema.steps, ema.updates]).toEqual([wanted, updates + 1]);
    ema.dispose();
  });

  it('throws inside of use(), and for what is not kept; the model stays as it is', () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, engine, ...quiet }).attach(model);
    ema.update();
    ema.record({ epoch: 0, averages: [{ loss: 1 }] });
    const raw = weightBits(model);
    ema.use('best', () => thrownBy(() => ema.putBack('best'), 'SWAPPED_IN'));
    ema.use(0.9, () => thrownBy(() => ema.putBack('best-loss'), 'SWAPPED_IN'));
    thrownBy(() => ema.putBack('best-acc'), 'INVALID_ARGUMENT');
    expect(weightBits(model)).toEqual(raw);
    ema.dispose();
  });

  it('with live statistics does nothing where one of them is gone', async () => {
    const { x, y } = data(32);
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ units: 3, inputShape: [4] }),
        tf.layers.batchNormalization(),
        tf.layers.activation({ activation: 'softmax' }),
      ],
    });
    model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' });
    const ema = new WeightEma(tf, { decays: 0.5, batchNorm: 'copy', engine, ...quiet });
    await model.fit(x, y, {
      epochs: 1,
      batchSize: 8,
      verbose: 0,
      callbacks: [ema.callback({ validationData: [x, y] })],
    });
    const kernelOf = () => Array.from(at(at(model.layers, 0).getWeights(), 0).dataSync());
    const kernel = kernelOf();
    const statistic = at(at(model.layers, 1).nonTrainableWeights, 0);
    statistic.read().dispose();
    thrownBy(() => ema.use('best-loss', () => undefined), 'WEIGHT_DISPOSED');
    for (const which of ['best', 'best-loss'] as const) thrownBy(() => ema.putBack(which), 'WEIGHT_DISPOSED');
    expect(kernelOf()).toEqual(kernel);
    ema.dispose();
  });
});
