// Validation: raw and averages on the same data, and a model that is left as it was.

import type { Scalar, Tensor2D } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { opened } from '../../../src/ema/weight-ema.js';
import { type Dataset, type EvaluationDataset, WeightEma } from '../../../src/index.js';
import { validate } from '../../../src/validation/measure.js';
import { isSwapped, rejectionOf, weightBits } from '../../support/expect.js';
import { assign, data, denseModel, lineModel, setRandomWeights, tf, twoOutputModel } from '../../support/models.js';
import { at } from '../../support/oracle.js';

afterEach(() => {
  tf.disposeVariables();
});

/** What is measured of a WeightEma. */
const averagesOf = (ema: WeightEma) => opened(ema, 'validate').averages;

/** The samples as a stream of batches. */
function stream(x: Tensor2D, y: Tensor2D, size: number) {
  return tf.data.generator(function* () {
    for (let from = 0; from < x.shape[0]; from += size) {
      const count = Math.min(size, x.shape[0] - from);
      yield { xs: x.slice([from, 0], [count, 4]), ys: y.slice([from, 0], [count, 3]) };
    }
  });
}

describe.each(['native', 'js'] as const)('validate, engine %s', (engine) => {
  it('measures each average with its own weights: a loss in closed form', async () => {
    const model = lineModel();
    const ema = new WeightEma(tf, { engine, decays: [0.5, 1], updateEvery: 1, warmup: 'none' }).attach(model);
    assign(model.weights[0], () => tf.tensor2d([[3]]));
    ema.update();
    // y = 0, x = 1: the loss is the square of the weight, which is 3 raw, 2 and 1 averaged.
    const pair: [ReturnType<typeof tf.ones>, ReturnType<typeof tf.zeros>] = [tf.ones([5, 1]), tf.zeros([5, 1])];
    const raw = weightBits(model);
    const tensors = tf.memory().numTensors;
    const measured = await validate(tf, averagesOf(ema), { model, data: pair, batchSize: 2 });
    expect(measured).toMatchObject({ raw: { loss: 9 }, averages: [{ loss: 4 }, { loss: 1 }] });
    expect(weightBits(model)).toEqual(raw);
    expect(tf.memory().numTensors).toBe(tensors);
    ema.dispose();
  });

  it('gives every metric of every output, equal names numbered as tfjs numbers them', async () => {
    const { x, y } = data(16);
    const model = twoOutputModel();
    const ema = new WeightEma(tf, { engine, decays: 0.9 }).attach(model);
    ema.update();
    const { raw } = await validate(tf, averagesOf(ema), { model, data: { xs: x, ys: [y, y] }, batchSize: 8 });
    expect(Object.keys(raw)).toEqual(['loss', 'a_loss', 'b_loss', 'a_acc', 'b_acc']);
    const twice = denseModel();
    twice.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy', metrics: ['acc', 'accuracy'] });
    const other = new WeightEma(tf, { engine, decays: 0.9 }).attach(twice);
    other.update();
    const measured = await validate(tf, averagesOf(other), { model: twice, data: [x, y], batchSize: 8 });
    expect(Object.keys(measured.raw)).toEqual(['loss', 'acc_0', 'acc_1']);
    for (const each of [ema, other]) each.dispose();
  });

  it('takes a data set, and leaves no tensors of it', async () => {
    const { x, y } = data(16);
    const model = denseModel();
    const ema = new WeightEma(tf, { engine, decays: 0.9 }).attach(model);
    ema.update();
    const batches = tf.data
      .array([0, 8])
      .mapAsync(async (from) => ({ xs: x.slice([from, 0], [8, 4]), ys: y.slice([from, 0], [8, 3]) }));
    await validate(tf, averagesOf(ema), { model, data: batches, batchSize: 1 });
    const tensors = tf.memory().numTensors;
    const streamed = await validate(tf, averagesOf(ema), { model, data: batches, batchSize: 1 });
    expect(tf.memory().numTensors).toBe(tensors);
    const whole = await validate(tf, averagesOf(ema), { model, data: [x, y], batchSize: 16 });
    expect(at([streamed.raw['loss'] ?? 0], 0)).toBeCloseTo(whole.raw['loss'] ?? 1, 5);
    ema.dispose();
  });

  it('leaves no tensors of elements with more in them, or of a wrong form, and disposes none that was there before', async () => {
    const { x, y } = data(48);
    const model = denseModel();
    const ema = new WeightEma(tf, { engine, decays: 0.9 }).attach(model);
    ema.update();
    const name = at(model.inputNames, 0);
    const early = tf.ones([8, 1]);
    // It leads back to itself, as what loads data may.
    const loader: Record<string, unknown> = {};
    loader['loader'] = loader;
    const batches = tf.data.generator(function* () {
      for (let from = 0; from < 48; from += 8) {
        const xs = { [name]: x.slice([from, 0], [8, 4]), id: tf.range(from, from + 8), early };
        yield { xs, ys: y.slice([from, 0], [8, 3]), info: { of: [tf.scalar(from)], loader: loader as never } };
      }
    });
    const measured = (of: unknown) => validate(tf, averagesOf(ema), { model, data: of as Dataset, batchSize: 1 });
    await measured(batches);
    const tensors = tf.memory().numTensors;
    for (let epoch = 0; epoch < 2; epoch += 1) await measured(batches);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(early.isDisposed).toBe(false);
    const half = { xs: y, ys: [y, y] };
    const wrong: readonly (() => unknown)[] = [
      () => x.slice([0, 0], [8, 4]),
      () => ({ xs: x.slice([0, 0], [8, 4]), ys: [y.slice([0, 0], [8, 3]), y.slice([0, 0], [4, 3])] }),
      () => half,
    ];
    for (const make of wrong) {
      const stream = tf.data.generator(function* () {
        yield make() as never;
      });
      await rejectionOf(measured(stream), 'INVALID_ARGUMENT');
      expect(tf.memory().numTensors).toBe(tensors);
    }
    expect(y.isDisposed).toBe(false);
    ema.dispose();
  });

  it('gives the numbers of evaluate and evaluateDataset, to the bit, whatever the batches', async () => {
    const { x, y } = data(50);
    const model = denseModel();
    const ema = new WeightEma(tf, { engine, decays: [0.3, 0.9], updateEvery: 1, warmup: 'none' }).attach(model);
    setRandomWeights(model, 1);
    ema.update();
    const numbers = (scalars: Scalar | Scalar[]) => [scalars].flat().map((scalar) => at(scalar.dataSync(), 0));
    const sources = [
      { name: 'tensors', data: [x, y] as const, evaluate: () => model.evaluate(x, y, { batchSize: 16 }) },
      // Batches of 16, 16, 16 and 2: more than are held at once would be five.
      ...[16, 7].map((size) => ({
        name: `batches of ${size}`,
        data: stream(x, y, size),
        evaluate: () => model.evaluateDataset(stream(x, y, size) as EvaluationDataset, {}),
      })),
    ];
    for (const { name, data: source, evaluate } of sources) {
      const { raw, averages } = await validate(tf, averagesOf(ema), { model, data: source, batchSize: 16 });
      expect(Object.values(raw), name).toEqual(numbers(await evaluate()));
      for (const index of [0, 1]) {
        const expected = numbers(await ema.use({ index }, () => Promise.resolve(evaluate())));
        expect(Object.values(averages[index] ?? {}), name).toEqual(expected);
      }
    }
    ema.dispose();
  });

  it('takes numbers alone for a column, as evaluate does', async () => {
    const model = lineModel();
    const ema = new WeightEma(tf, { engine, decays: 0.9 }).attach(model);
    ema.update();
    // Each with its own the loss is 0; broadcast against outputs of shape [n, 1] it would be 1.
    const numbers = tf.tensor1d([1, 2, 3, 4]);
    const { raw, scores } = await validate(tf, averagesOf(ema), {
      model,
      data: [numbers, numbers],
      batchSize: 3,
      scored: ['loss'],
    });
    expect(raw).toEqual({ loss: 0 });
    expect(scores.raw['loss']).toHaveLength(4);
    ema.dispose();
  });

  it('fetches each batch once: a data set that can be gone through only once, and one that never ends', async () => {
    const { x, y } = data(40);
    const model = denseModel();
    const ema = new WeightEma(tf, { engine, decays: [0.3, 0.9], updateEvery: 1 }).attach(model);
    ema.update();
    let fetched = 0;
    const endless = tf.data.generator(function* () {
      for (;;) {
        fetched += 1;
        yield { xs: x.slice([0, 0], [8, 4]), ys: y.slice([0, 0], [8, 3]) };
      }
    });
    const before = tf.memory().numTensors;
    await validate(tf, averagesOf(ema), { model, data: endless, batchSize: 1, batches: 6 });
    expect([fetched, tf.memory().numTensors]).toEqual([6, before]);
    const iterator = await stream(x, y, 8).iterator();
    const once = { iterator: async () => iterator } as unknown as EvaluationDataset;
    const { raw, averages } = await validate(tf, averagesOf(ema), { model, data: once, batchSize: 1 });
    const whole = await validate(tf, averagesOf(ema), { model, data: [x, y], batchSize: 8 });
    expect({ raw, averages }).toEqual({ raw: whole.raw, averages: whole.averages });
    await rejectionOf(validate(tf, averagesOf(ema), { model, data: once, batchSize: 1 }), 'INVALID_ARGUMENT');
    ema.dispose();
  });

  it('compares on the same batches where the data set is another one each time', async () => {
    const { x, y } = data(64);
    const model = denseModel();
    const ema = new WeightEma(tf, { engine, decays: [0, 0.5], updateEvery: 1, warmup: 'none' }).attach(model);
    ema.update();
    let draw = 0;
    const random = tf.data.generator(function* () {
      for (let i = 0; i < 3; i += 1) {
        draw += 8;
        yield { xs: x.slice([draw % 56, 0], [8, 4]), ys: y.slice([draw % 56, 0], [8, 3]) };
      }
    });
    // The weights never moved, so that both averages are the weights: what differs could only be the data.
    const { raw, averages } = await validate(tf, averagesOf(ema), { model, data: random, batchSize: 1 });
    expect(averages).toEqual([raw, raw]);
    ema.dispose();
  });

  it('puts the loss of two outputs under its name, which tfjs does not', async () => {
    const { x, y } = data(16);
    const model = twoOutputModel();
    const ema = new WeightEma(tf, { engine, decays: 0.9 }).attach(model);
    ema.update();
    const { raw } = await validate(tf, averagesOf(ema), { model, data: { xs: x, ys: { a: y, b: y } }, batchSize: 16 });
    const [a, b] = model.predict(x) as Tensor2D[];
    const loss = (output: Tensor2D | undefined) =>
      tf.tidy(() =>
        at(
          tf.metrics
            .categoricalCrossentropy(y, output as Tensor2D)
            .mean()
            .dataSync(),
          0,
        ),
      );
    const accuracy = (output: Tensor2D | undefined) =>
      tf.tidy(() =>
        at(
          tf.metrics
            .categoricalAccuracy(y, output as Tensor2D)
            .mean()
            .dataSync(),
          0,
        ),
      );
    expect(raw['a_loss']).toBeCloseTo(loss(a), 6);
    expect(raw['b_loss']).toBeCloseTo(loss(b), 6);
    expect(raw['loss']).toBeCloseTo(loss(a) + loss(b), 6);
    expect([raw['a_acc'], raw['b_acc']]).toEqual([accuracy(a), accuracy(b)]);
    ema.dispose();
  });

  it('leaves the model and the memory as they were where the data fails half-way', async () => {
    const { x, y } = data(32);
    const model = denseModel();
    const ema = new WeightEma(tf, { engine, decays: [0.3, 0.9], updateEvery: 1 }).attach(model);
    setRandomWeights(model, 2);
    ema.update();
    const raw = weightBits(model);
    const failing = (fifth: () => object) =>
      tf.data.generator(function* () {
        for (let i = 0; i < 6; i += 1)
          yield i < 5 ? { xs: x.slice([0, 0], [8, 4]), ys: y.slice([0, 0], [8, 3]) } : (fifth() as { xs: Tensor2D });
      }) as Dataset;
    const before = tf.memory().numTensors;
    const thrower = () => {
      throw new RangeError('disk');
    };
    await expect(validate(tf, averagesOf(ema), { model, data: failing(thrower), batchSize: 1 })).rejects.toThrow();
    const forms: [() => object, RegExp][] = [
      [() => ({ xs: tf.ones([8, 4]), ys: tf.ones([7, 3]) }), /as many samples in every tensor/],
      [() => ({ xs: [tf.ones([8, 4]), tf.ones([8, 4])], ys: tf.ones([8, 3]) }), /1 inputs .*received 2/],
      [() => ({ xs: 1, ys: 2 }), /batches \{ xs, ys \} of tensors/],
    ];
    for (const [form, message] of forms) {
      const error = await rejectionOf(
        validate(tf, averagesOf(ema), { model, data: failing(form), batchSize: 1 }),
        'INVALID_ARGUMENT',
      );
      expect(error.message).toMatch(message);
    }
    // An op fails while an average stands in the model.
    const wide = () => ({ xs: tf.ones([8, 5]), ys: tf.ones([8, 3]) });
    await expect(validate(tf, averagesOf(ema), { model, data: failing(wide), batchSize: 1 })).rejects.toThrow();
    expect(weightBits(model)).toEqual(raw);
    expect(isSwapped(ema)).toBe(false);
    expect(tf.memory().numTensors).toBe(before);
    ema.dispose();
  });

  it('lets tfjs check tensors: targets that only broadcast are refused', async () => {
    const { x } = data(16);
    const model = denseModel();
    const ema = new WeightEma(tf, { engine, decays: 0.9 }).attach(model);
    ema.update();
    await expect(validate(tf, averagesOf(ema), { model, data: [x, tf.ones([16, 1])], batchSize: 8 })).rejects.toThrow(
      /target/,
    );
    ema.dispose();
  });

  it('names missing tensors, and an empty data set', async () => {
    const { x, y } = data(16);
    const model = twoOutputModel();
    const ema = new WeightEma(tf, { engine, decays: 0.9 }).attach(model);
    const missing = validate(tf, averagesOf(ema), { model, data: [x, { a: y }], batchSize: 8 });
    expect((await rejectionOf(missing, 'INVALID_ARGUMENT')).message).toMatch(/tensors named a, b, received \['a'\]/);
    const empty = validate(tf, averagesOf(ema), { model, data: tf.data.array<{ xs: number }>([]), batchSize: 8 });
    expect((await rejectionOf(empty, 'INVALID_ARGUMENT')).message).toMatch(/at least one batch/);
    ema.dispose();
  });
});
