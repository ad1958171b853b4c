// The callback's hooks: what it adds to logs and History, how it chooses, and what it leaves alone.

import type { Callback, Scalar, Sequential, Tensor } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { rejectionOf, weightBits } from '../../support/expect.js';
import { assign, data, denseModel, lineModel, tf, twoOutputModel, valuesOf } from '../../support/models.js';
import { at } from '../../support/oracle.js';

afterEach(() => {
  tf.disposeVariables();
});

const fit = { epochs: 3, batchSize: 16, verbose: 0 as const };

describe('ema.callback()', () => {
  it("derives one class from the caller's tf.Callback", () => {
    const [a, b] = [new WeightEma(tf).callback(), new WeightEma(tf, { decays: 0.9 }).callback()];
    expect(a).toBeInstanceOf(tf.Callback);
    expect(a.constructor).toBe(b.constructor);
  });

  it('counts each batch as one optimizer step, the short last one too, in fit and in a second fit', async () => {
    const { x, y } = data(40);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 4 });
    await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    expect([ema.steps, ema.updates]).toEqual([9, 2]);
    await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    expect([ema.steps, ema.updates]).toEqual([18, 4]);
    expect(ema.engine).toBe('native');
    ema.dispose();
  });

  it('works in fitDataset, also without an array around it', async () => {
    const { x, y } = data(32);
    const dataset = tf.data.array(Array.from({ length: 4 }, (_, i) => i)).mapAsync(async (i) => ({
      xs: x.slice([8 * i, 0], [8, 4]),
      ys: y.slice([8 * i, 0], [8, 3]),
    }));
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1 });
    const { history } = await model.fitDataset(dataset, {
      epochs: 2,
      verbose: 0,
      callbacks: ema.callback({ validationData: dataset }),
    });
    expect([ema.steps, ema.updates]).toEqual([8, 8]);
    expect(history['val_ema_loss']).toHaveLength(2);
    // The same data as tensors: the same loss, up to the order of summation.
    const [loss] = ema.use(0.9, () => model.evaluate(x, y) as Scalar[]);
    expect(at(history['val_ema_loss'] as number[], 1)).toBeCloseTo(at((loss as Scalar).dataSync(), 0), 5);
    ema.dispose();
  });

  it('adds raw, every decay and the best to History: numbers, one an epoch', async () => {
    const { x, y } = data();
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 2 });
    const { history } = await model.fit(x, y, { ...fit, callbacks: [ema.callback({ validationData: [x, y] })] });
    const names = ['raw', 'ema_0.5', 'ema_0.9', 'ema'].flatMap((of) => [`val_${of}_loss`, `val_${of}_acc`]);
    expect(Object.keys(history).sort()).toEqual([...names, 'acc', 'ema_best_decay', 'loss'].sort());
    for (const values of Object.values(history)) {
      expect(values).toHaveLength(3);
      expect(values.every((value) => typeof value === 'number')).toBe(true);
    }
    ema.validations.forEach((validation, epoch) => {
      const losses = validation.averages.map((metrics) => at([metrics['loss'] ?? Number.NaN], 0));
      const best = losses.indexOf(Math.min(...losses));
      expect(validation).toMatchObject({ epoch, best });
      expect(history['ema_best_decay']?.[epoch]).toBe(at(ema.decays, best));
      expect(history['val_ema_loss']?.[epoch]).toBe(at(losses, best));
      expect(history['val_raw_loss']?.[epoch]).toBe(validation.raw['loss']);
    });
    ema.dispose();
  });

  it('measures exactly what model.evaluate measures with the average in place, and with the raw weights', async () => {
    const { x, y } = data();
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 2 });
    await model.fit(x, y, { ...fit, callbacks: [ema.callback({ validationData: [x, y], batchSize: 20 })] });
    const evaluate = () => (model.evaluate(x, y, { batchSize: 20 }) as Scalar[]).map((scalar) => scalar.dataSync()[0]);
    const last = at(ema.validations, 2);
    expect(evaluate()).toEqual([last.raw['loss'], last.raw['acc']]);
    ema.decays.forEach((decay, index) => {
      expect(ema.use(decay, evaluate)).toEqual([last.averages[index]?.['loss'], last.averages[index]?.['acc']]);
    });
    const current = valuesOf(ema.read('current'));
    expect(current).toEqual(valuesOf(ema.read({ index: last.best ?? -1 })));
    ema.dispose();
  });

  it.each([
    ['that of fit', undefined, 10, [10, 10, 5]],
    ['what the option says', 25, 10, [25]],
    ['32 in fitDataset', undefined, undefined, [25]],
  ] as const)('measures tensors in batches of the size %s', async (_, batchSize, fitSize, sizes) => {
    const { x, y } = data(40);
    const validation = data(25, 3);
    const model = denseModel();
    const seen: number[] = [];
    const watched = (truth: Tensor, predicted: Tensor) => {
      seen.push(predicted.shape[0] ?? 0);
      return tf.metrics.categoricalAccuracy(truth, predicted);
    };
    model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy', metrics: [watched] });
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1 });
    const clear = new tf.CustomCallback({ onBatchEnd: () => void seen.splice(0) });
    const options = { validationData: [validation.x, validation.y] as const, ...(batchSize && { batchSize }) };
    const callbacks = [clear, ema.callback(options)];
    if (fitSize !== undefined) await model.fit(x, y, { epochs: 1, batchSize: fitSize, verbose: 0, callbacks });
    else {
      const dataset = tf.data.generator(function* () {
        yield { xs: x.clone(), ys: y.clone() };
      });
      await model.fitDataset(dataset, { epochs: 1, verbose: 0, callbacks });
    }
    // After a look at one sample: the raw weights and the average, each batch as one sees it.
    expect(seen.filter((count) => count > 1).sort()).toEqual([...sizes, ...sizes].sort());
    ema.dispose();
    tf.dispose([x, y, validation.x, validation.y]);
  });

  it('chooses by accuracy when told to, also where the loss says otherwise', async () => {
    const [x, y] = [tf.ones([8, 1]), tf.fill([8, 1], -9)];
    // The more accurate, the more is predicted.
    const accuracy = (_: Tensor, predicted: Tensor) => predicted;
    const bestBy = async (monitor: string) => {
      const model = lineModel();
      model.compile({ optimizer: tf.train.sgd(0), loss: 'meanSquaredError', metrics: [accuracy] });
      // Decay 0 is the weight that was set, 3; decay 1 that at attach, 1.
      const ema = new WeightEma(tf, { decays: [0, 1], warmup: 'none', onWarning: () => undefined }).attach(model);
      assign(model.weights[0], () => tf.tensor2d([[3]]));
      await model.fit(x, y, { ...fit, epochs: 1, callbacks: [ema.callback({ validationData: [x, y], monitor })] });
      const { best } = at(ema.validations, 0);
      const chosen = ema.read('best');
      expect(at(Object.values(valuesOf(chosen)), 0)[0]).toBe(best === 0 ? 3 : 1);
      tf.dispose(chosen);
      ema.dispose();
      return best;
    };
    expect([await bestBy('val_accuracy'), await bestBy('val_loss')]).toEqual([0, 1]);
  });

  it('refuses, before the first step, a monitor that the model does not measure', async () => {
    const { x, y } = data();
    const model = denseModel();
    const raw = weightBits(model);
    const ema = new WeightEma(tf);
    const { message } = await rejectionOf(
      model.fit(x, y, { ...fit, callbacks: [ema.callback({ validationData: [x, y], monitor: 'val_auc' })] }),
      'INVALID_ARGUMENT',
    );
    expect(message).toMatch(/^monitor: expected one of val_loss, val_acc, received 'val_auc'/);
    expect(weightBits(model)).toEqual(raw);
    ema.dispose();
  });

  it('lets a later earlyStopping watch val_ema_loss', async () => {
    const { x, y } = data();
    const model = denseModel();
    // Decay 1 keeps the start, whose loss never falls: patience 2 ends the run after epoch 2.
    const ema = new WeightEma(tf, { decays: 1, warmup: 'none' });
    const stop = tf.callbacks.earlyStopping({ monitor: 'val_ema_loss', patience: 2 });
    const { history } = await model.fit(x, y, {
      ...fit,
      epochs: 9,
      callbacks: [ema.callback({ validationData: [x, y] }), stop],
    });
    expect(history['val_ema_loss']).toHaveLength(3);
    ema.dispose();
  });

  it('validates models with two outputs, from tensors by name', async () => {
    const { x, y } = data();
    const model = twoOutputModel();
    const input = at(model.inputNames, 0);
    const ema = new WeightEma(tf, { decays: 0.9 });
    const { history } = await model.fit(x, [y, y], {
      ...fit,
      callbacks: [ema.callback({ validationData: [{ [input]: x }, { a: y, b: y }] })],
    });
    expect(Object.keys(history)).toEqual(expect.arrayContaining(['val_ema_loss', 'val_ema_a_loss', 'val_raw_b_acc']));
    ema.dispose();
  });

  it('does not read the logs of a batch, which would wait for the device', async () => {
    const { x, y } = data(16);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1 });
    const callback = ema.callback();
    await model.fit(x, y, { ...fit, callbacks: [callback] });
    const untouchable = new Proxy({}, { get: () => expect.fail('read'), ownKeys: () => expect.fail('read') });
    const { onBatchBegin, onBatchEnd } = callback;
    await onBatchBegin(0, untouchable);
    await onBatchEnd(0, untouchable);
    expect(ema.steps).toBe(4);
    ema.dispose();
  });

  it('says nothing of averages when there is no validation data', async () => {
    const { x, y } = data(16);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: [0.9, 0.99] });
    const { history } = await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    expect(Object.keys(history).sort()).toEqual(['acc', 'loss']);
    expect(() => ema.read('best')).toThrow(/let fit validate/);
    expect(() => ema.read('current')).toThrow(/let fit validate/);
    // What was measured otherwise will do.
    expect(ema.record({ epoch: 0, averages: [{ loss: 2 }, { loss: 1 }] })).toBe(1);
    for (const which of ['best', 'current'] as const) tf.dispose(ema.read(which));
    ema.dispose();
  });
});

describe('the event loop', () => {
  it('gets a turn every 125 ms, as from tfjs’s own callbacks, and training is what it is without', async () => {
    const { x, y } = data(64);
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1000, engine: 'js' });
    /** Trains for 16 batches, and counts the turns of others; each look at the clock is so many ms later. */
    const train = async (model: Sequential, step: number, callbacks: Callback[]) => {
      let [now, turns] = [0, 0];
      let isOver = false;
      clock.mockImplementation(() => (now += step));
      const other = (): void => {
        turns += 1;
        if (!isOver) setImmediate(other);
      };
      setImmediate(other);
      await model.fit(x, y, { epochs: 2, batchSize: 8, verbose: 0, shuffle: false, callbacks });
      isOver = true;
      return turns;
    };
    try {
      const model = denseModel();
      // Every third batch has waited long enough.
      expect(await train(model, 50, [ema.callback()])).toBeGreaterThanOrEqual(5);
      expect(await train(model, 0, [ema.callback()])).toBe(0);
      const alone = denseModel();
      for (let i = 0; i < 2; i += 1) await train(alone, 0, []);
      expect(weightBits(model)).toEqual(weightBits(alone));
    } finally {
      clock.mockRestore();
      ema.dispose();
    }
  });
});
