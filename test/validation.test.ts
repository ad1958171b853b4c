// Validation: raw and averages on the same data, and a model that is left as it was.

import { afterEach, describe, expect, it } from 'vitest';
import { WeightEma } from '../src/index.js';
import { validate } from '../src/validation.js';
import { rejectionOf, weightBits } from './support/expect.js';
import { assign, data, denseModel, lineModel, tf, twoOutputModel } from './support/models.js';
import { at } from './support/oracle.js';

afterEach(() => {
  tf.disposeVariables();
});

describe('validate', () => {
  it('measures each average with its own weights: a loss in closed form', async () => {
    const model = lineModel();
    const ema = new WeightEma(tf, { decays: [0.5, 1], updateEvery: 1, warmup: 'none' }).attach(model);
    assign(model.weights[0], () => tf.tensor2d([[3]]));
    ema.update();
    // y = 0, x = 1: the loss is the square of the weight, which is 3 raw, 2 and 1 averaged.
    const pair: [ReturnType<typeof tf.ones>, ReturnType<typeof tf.zeros>] = [tf.ones([5, 1]), tf.zeros([5, 1])];
    const raw = weightBits(model);
    const tensors = tf.memory().numTensors;
    const measured = await validate(ema, model, { data: pair, batchSize: 2 });
    expect(measured).toEqual({ raw: { loss: 9 }, averages: [{ loss: 4 }, { loss: 1 }] });
    expect(weightBits(model)).toEqual(raw);
    expect(tf.memory().numTensors).toBe(tensors);
    ema.dispose();
  });

  it('gives every metric of every output, equal names numbered as tfjs numbers them', async () => {
    const { x, y } = data(16);
    const model = twoOutputModel();
    const ema = new WeightEma(tf, { decay: 0.9 }).attach(model);
    ema.update();
    const { raw } = await validate(ema, model, { data: { xs: x, ys: [y, y] }, batchSize: 8 });
    expect(Object.keys(raw)).toEqual(['loss', 'a_loss', 'b_loss', 'a_acc', 'b_acc']);
    const twice = denseModel();
    twice.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy', metrics: ['acc', 'accuracy'] });
    const other = new WeightEma(tf, { decay: 0.9 }).attach(twice);
    other.update();
    const measured = await validate(other, twice, { data: [x, y], batchSize: 8 });
    expect(Object.keys(measured.raw)).toEqual(['loss', 'acc_0', 'acc_1']);
    for (const each of [ema, other]) each.dispose();
  });

  it('takes a data set, and leaves no tensors of it', async () => {
    const { x, y } = data(16);
    const model = denseModel();
    const ema = new WeightEma(tf, { decay: 0.9 }).attach(model);
    ema.update();
    const batches = tf.data
      .array([0, 8])
      .mapAsync(async (from) => ({ xs: x.slice([from, 0], [8, 4]), ys: y.slice([from, 0], [8, 3]) }));
    await validate(ema, model, { data: batches, batchSize: 1 });
    const tensors = tf.memory().numTensors;
    const streamed = await validate(ema, model, { data: batches, batchSize: 1 });
    expect(tf.memory().numTensors).toBe(tensors);
    const whole = await validate(ema, model, { data: [x, y], batchSize: 16 });
    expect(at([streamed.raw['loss'] ?? 0], 0)).toBeCloseTo(whole.raw['loss'] ?? 1, 5);
    ema.dispose();
  });

  it('names missing tensors, and an empty data set', async () => {
    const { x, y } = data(16);
    const model = twoOutputModel();
    const ema = new WeightEma(tf, { decay: 0.9 }).attach(model);
    const missing = validate(ema, model, { data: [x, { a: y }], batchSize: 8 });
    expect((await rejectionOf(missing, 'INVALID_ARGUMENT')).message).toMatch(/tensors named a, b, received \['a'\]/);
    const empty = validate(ema, model, { data: tf.data.array<{ xs: number }>([]), batchSize: 8 });
    expect((await rejectionOf(empty, 'INVALID_ARGUMENT')).message).toMatch(/at least one batch/);
    ema.dispose();
  });
});
