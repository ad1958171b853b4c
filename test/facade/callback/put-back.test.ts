// Switch-EMA: an average put into the model for good, by hand and by fit; resuming; what is refused and warned of.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sequential } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { emaCallback, WeightEma } from '../../../src/index.js';
import { rejectionOf, thrownBy, weightBits } from '../../support/expect.js';
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
    const ema = new WeightEma(tf, { decay: 0.75, updateEvery: 2, warmup: 'none', engine, ...quiet }).attach(model);
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
    const ema = new WeightEma(tf, { decay: 0.5, engine, ...quiet }).attach(model);
    assign(model.weights[0], () => tf.tensor2d([[7]]));
    ema.putBack('best');
    expect(weightValues(model)).toEqual([Float32Array.of(7)]);
    expect(ema.warnings.join()).toMatch(/putBack\(\) before the first step/);
    ema.dispose();
  });

  it('happens in fit after so many steps, counted over fits, or after epochs, once they were validated', async () => {
    const { x, y } = data(48);
    const seen: boolean[] = [];
    const model = denseModel();
    const ema = emaCallback(tf, { decay: 0.5, updateEvery: 1, engine, putBack: { every: { steps: 4 } }, ...quiet });
    const watch = new tf.CustomCallback({
      onBatchEnd: () => {
        seen.push(JSON.stringify(ema.use(0.5, weightBits)) === JSON.stringify(weightBits(model)));
      },
    });
    const fit = { epochs: 1, batchSize: 8, verbose: 0 as const, callbacks: [ema, watch] };
    await model.fit(x, y, fit);
    await model.fit(x, y, fit);
    expect(seen).toEqual([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1].map(Boolean));
    ema.dispose();

    const other = denseModel();
    const every = { epochs: 2 };
    const epochs = emaCallback(tf, {
      decays: [0.5, 0.9],
      updateEvery: 1,
      engine,
      validationData: [x, y],
      putBack: { every },
      ...quiet,
    });
    const raw: (number | undefined)[] = [];
    const later = new tf.CustomCallback({
      onEpochEnd: async () => {
        const [loss] = [other.evaluate(x, y)].flat();
        raw.push((await loss?.data())?.[0]);
      },
    });
    await other.fit(x, y, { ...fit, epochs: 4, callbacks: [epochs, later] });
    epochs.validations.forEach(({ raw: measured, averages, best }, epoch) => {
      const expected = epoch % 2 === 0 ? measured : averages[best ?? -1];
      expect(raw[epoch]).toBe(expected?.['loss']);
      expect(measured['loss']).not.toBe(averages[best ?? -1]?.['loss']);
    });
    epochs.dispose();
  });

  it('counts epochs over fits, which all begin with epoch 0', async () => {
    const { x, y } = data(16);
    const model = denseModel();
    const ema = emaCallback(tf, { decay: 0.5, updateEvery: 1, engine, putBack: { every: { epochs: 2 } }, ...quiet });
    const isAverage: boolean[] = [];
    for (let fit = 0; fit < 4; fit += 1) {
      await model.fit(x, y, { epochs: 1, batchSize: 8, verbose: 0, callbacks: [ema] });
      isAverage.push(JSON.stringify(ema.use(0.5, weightBits)) === JSON.stringify(weightBits(model)));
    }
    expect(isAverage).toEqual([false, true, false, true]);
    ema.dispose();
    // In a new process, which says so by initialEpoch.
    const later = emaCallback(tf, { decay: 0.5, updateEvery: 1, engine, putBack: { every: { epochs: 2 } }, ...quiet });
    await model.fit(x, y, { initialEpoch: 3, epochs: 4, batchSize: 8, verbose: 0, callbacks: [later] });
    expect(later.ema.use(0.5, weightBits)).toEqual(weightBits(model));
    later.dispose();
  });

  it('resumes to the bit', async () => {
    const { x, y } = data(40);
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
    const options = { decay: 0.8, updateEvery: 3, engine, putBack: { every: { steps: 4 } }, ...quiet };
    const fit = { epochs: 1, batchSize: 8, shuffle: false, verbose: 0 as const };
    const model = denseModel();
    const whole = emaCallback(tf, options);
    const weights: Float32Array[][] = [];
    for (let i = 0; i < 4; i += 1) {
      await model.fit(x, y, { ...fit, callbacks: [whole] });
      weights.push(weightValues(model));
      await whole.saveCheckpoint(join(folder, `${i}`));
    }
    const [last, average] = [weightBits(model), whole.use(0.8, weightBits)];
    for (const split of [0, 1, 2]) {
      setRandomWeights(model, split);
      const resumed = emaCallback(tf, options);
      resumed.attach(model);
      await resumed.loadCheckpoint(join(folder, `${split}`));
      restored(model, at(weights, split));
      for (let i = split + 1; i < 4; i += 1) await model.fit(x, y, { ...fit, callbacks: [resumed] });
      expect(weightBits(model)).toEqual(last);
      expect(resumed.use(0.8, weightBits)).toEqual(average);
      resumed.dispose();
    }
    whole.dispose();
    rmSync(folder, { recursive: true });
  });
});

describe('the option putBack', () => {
  it.each([0.95, 'besst'])('with a name that no average has fails before training: %s', async (which) => {
    const { x, y } = data(16);
    const model = denseModel();
    const raw = weightBits(model);
    const putBack = { every: { epochs: 1 }, which: which as 0.95 };
    const ema = emaCallback(tf, { decays: [0.9, 0.99], putBack, ...quiet });
    const fit = model.fit(x, y, { epochs: 1, batchSize: 8, verbose: 0, callbacks: [ema] });
    expect((await rejectionOf(fit, 'INVALID_ARGUMENT')).message).toMatch(/^which: expected .*0\.9, 0\.99, received /);
    expect(weightBits(model)).toEqual(raw);
  });

  it('refuses other intervals, and an average that nobody names', () => {
    const every = { epochs: 1 };
    const wrong = [1, {}, { every: 5 }, { every: {} }, { every: { steps: 0 } }, { every: { steps: 1, epochs: 1 } }];
    for (const putBack of wrong)
      thrownBy(() => emaCallback(tf, { decay: 0.9, putBack: putBack as never }), 'INVALID_ARGUMENT');
    const { message } = thrownBy(() => emaCallback(tf, { putBack: { every } }), 'INVALID_ARGUMENT');
    expect(message).toMatch(/^putBack.which: expected one of the averages/);
    const { x, y } = data(4);
    const validationData = [x, y] as const;
    thrownBy(() => emaCallback(tf, { validationData, putBack: { every: { steps: 9 } } }), 'INVALID_ARGUMENT');
    for (const options of [
      { validationData, putBack: { every } },
      { putBack: { every, which: { index: 1 } } },
      { decays: [0.9], putBack: { every } },
    ])
      emaCallback(tf, options).dispose();
  });

  it('warns where the average remembers longer than the model may train, and of the linear catch-up', async () => {
    const { x, y } = data(32);
    const warned = async (options: object) => {
      const model = denseModel();
      const ema = emaCallback(tf, { updateEvery: 1, warmup: 'none', ...quiet, ...options });
      await model.fit(x, y, { epochs: 1, batchSize: 8, verbose: 0, callbacks: [ema] });
      ema.dispose();
      return ema.warnings.filter((message) => message.startsWith('putBack')).join();
    };
    expect(await warned({ decay: 0.99, putBack: { every: { epochs: 1 } } })).toMatch(
      /^putBack every 1 epochs with a half-life of 69 steps: each time the model keeps only 3.9 % .* at most 4 steps/,
    );
    expect(await warned({ decay: 0.5, putBack: { every: { epochs: 1 } } })).toBe('');
    // Of the other average, which is not put into the model, nothing is said; a plain mean has no half-life.
    const decays = [0.99, 'uniform'];
    expect(await warned({ decays, putBack: { every: { steps: 2 }, which: 'uniform' } })).toBe('');
    expect(await warned({ decays, putBack: { every: { steps: 2 }, which: 0.99 } })).toMatch(/half-life of 69 steps/);
  });
});
