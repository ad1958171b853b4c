// BatchNorm's statistics: recomputing them on data. The policies are in weights.test.ts.

import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, recomputeBatchNorm, WeightEma } from '../../../src/index.js';
import { rejectionOf, weightBits } from '../../support/expect.js';
import {
  data,
  denseModel,
  floats,
  lineModel,
  nestedModel,
  setRandomWeights,
  tf,
  valuesOf,
} from '../../support/models.js';
import { at } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };

afterEach(() => {
  tf.disposeVariables();
});

const read = (ema: WeightEma, index = 0) => {
  const tensors = ema.read({ index });
  const values = valuesOf(tensors);
  tf.dispose(tensors);
  return values;
};

const meanOf = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
const varianceOf = (values: ArrayLike<number>) => {
  const mean = meanOf(values);
  return meanOf(Array.from(values, (value) => (value - mean) ** 2));
};

describe.each([
  ['native', 'fp32'],
  ['native', 'compensated'],
  ['js', 'fp32'],
] as const)('recomputeBatchNorm, engine %s, precision %s', (engine, precision) => {
  const make = (model: LayersModel, options: EmaOptions = {}) =>
    new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 2, engine, precision, ...quiet, ...options }).attach(model);

  it('ends the shrinking of averaged weights: weights t + d and t - d in turn, |d| = 3 |t|, inputs N(0, 1)', async () => {
    // One unit without bias, and BatchNorm: its inputs have variance |w|^2 = |t|^2 + |d|^2 in training, and |t|^2 averaged.
    const size = 8;
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ units: 1, inputShape: [size], useBias: false }),
        tf.layers.batchNormalization({ epsilon: 1e-6 }),
      ],
    });
    const t = Array.from({ length: size }, (_, i) => (i < 4 ? 0.5 : 0));
    const d = Array.from({ length: size }, (_, i) => (i < 4 ? 0 : 1.5));
    const ema = make(model, { decays: [0.998], updateEvery: 1, warmup: 'none' });
    for (let step = 0; step < 6000; step += 1) {
      const sign = step % 2 === 0 ? 1 : -1;
      tf.tidy(() => {
        const kernel = tf.tensor2d(
          t.map((value, i) => value + sign * at(d, i)),
          [size, 1],
        );
        model.setWeights([kernel, tf.ones([1]), tf.zeros([1]), tf.zeros([1]), tf.fill([1], 1 + 9)]);
      });
      ema.update();
    }
    const x = tf.randomNormal([4096, size], 0, 1, 'float32', 3);
    const normalised = () => varianceOf(ema.use(0.998, (m) => tf.tidy(() => (m.predict(x) as Tensor).dataSync())));
    const exact = varianceOf(tf.tidy(() => x.matMul(tf.tensor2d(t, [size, 1])).dataSync()));
    // Without: the averaged variance is 10, the true one 1 within sampling error; 1 / 10 is left.
    expect(normalised()).toBeCloseTo(exact / 10, 2);
    const raw = weightBits(model);
    await ema.recomputeBatchNorm(x, { batchSize: 4096 });
    // One batch: exactly its own variance, but for epsilon and rounding.
    expect(normalised()).toBeCloseTo(1, 4);
    await ema.recomputeBatchNorm(x, { batchSize: 256 });
    // Variances about the means of 16 batches of 256 are less by the variance of these means: 15 / 16 / 256, give or take three
    // times sqrt(2 / 15) of it.
    expect(Math.abs(normalised() - 1 - 15 / 16 / 256)).toBeLessThan((3 * Math.sqrt(2 / 15)) / 256);
    expect(weightBits(model)).toEqual(raw);
    x.dispose();
    ema.dispose();
  });

  it('is the plain mean over batches of unequal size, weighed by samples, whatever stood there', async () => {
    const model = tf.sequential({ layers: [tf.layers.batchNormalization({ inputShape: [1] })] });
    const ema = make(model, { decays: [0] });
    // Neither a huge value nor NaN leaves a trace.
    tf.tidy(() => model.setWeights([tf.ones([1]), tf.zeros([1]), tf.fill([1], 1e30), tf.fill([1], Number.NaN)]));
    ema.update();
    const values = floats(50, 21);
    const x = tf.tensor2d(values, [50, 1]);
    await ema.recomputeBatchNorm(x, { batchSize: 16 });
    const batches = [0, 16, 32, 48].map((begin) => values.subarray(begin, begin + 16));
    const weighed = (of: (batch: Float32Array) => number) =>
      batches.reduce((sum, batch) => sum + (of(batch) * batch.length) / 50, 0);
    const [, , mean, variance] = Object.values(read(ema));
    expect(at(mean ?? [], 0)).toBeCloseTo(weighed(meanOf), 6);
    expect(at(variance ?? [], 0)).toBeCloseTo(weighed(varianceOf), 6);
    x.dispose();
    ema.dispose();
  });

  it('changes nothing but statistics, in the averages asked for, and leaves no tensor behind', async () => {
    const { x } = data(64);
    const model = nestedModel();
    const ema = make(model);
    for (let step = 0; step < 5; step += 1) {
      setRandomWeights(model, step);
      ema.update();
    }
    const before = [read(ema, 0), read(ema, 1)];
    const raw = weightBits(model);
    const tensors = tf.memory().numTensors;
    await ema.recomputeBatchNorm(x, { which: 0.9, batchSize: 32 });
    expect(tf.memory().numTensors).toBe(tensors);
    expect(weightBits(model)).toEqual(raw);
    expect(read(ema, 0)).toEqual(before[0]);
    const changed = Object.entries(read(ema, 1)).filter(([name, values]) => {
      return JSON.stringify(values) !== JSON.stringify(before[1]?.[name]);
    });
    expect(changed.map(([name]) => name.replace(/.*\//, '')).sort()).toEqual([
      'moving_mean',
      'moving_mean',
      'moving_variance',
      'moving_variance',
    ]);
    expect(ema.updates).toBe(3);
    ema.update();
    ema.dispose();
    x.dispose();
  });

  it('takes data sets of inputs, and of inputs with targets', async () => {
    const { x, y } = data(64);
    const model = denseModel();
    const ema = make(model);
    ema.update();
    await ema.recomputeBatchNorm(x, { batchSize: 16 });
    const expected = read(ema, 1);
    const rows = tf.data.array(x.arraySync());
    await ema.recomputeBatchNorm(rows.batch(16));
    expect(read(ema, 1)).toEqual(expected);
    const pairs = tf.data.zip({ xs: rows, ys: tf.data.array(y.arraySync()) }).batch(16);
    await ema.recomputeBatchNorm(pairs);
    expect(read(ema, 1)).toEqual(expected);
    const held = [0, 16, 32, 48].map((from) => ({ xs: x.slice([from, 0], [16, 4]), ys: y.slice([from, 0], [16, 3]) }));
    const tensors = tf.memory().numTensors;
    await ema.recomputeBatchNorm(
      tf.data.generator(function* () {
        for (const { xs, ys } of held) yield { xs, ys, id: tf.scalar(1) } as never;
      }),
    );
    expect(read(ema, 1)).toEqual(expected);
    expect(tf.memory().numTensors).toBe(tensors);
    await ema.recomputeBatchNorm([x], { batchSize: 16 });
    await ema.recomputeBatchNorm({ [at(model.inputNames, 0)]: x }, { batchSize: 16 });
    expect(read(ema, 1)).toEqual(expected);
    ema.dispose();
  });

  it('refuses what cannot work, and leaves weights, averages and momentum as they were', async () => {
    const { x } = data(16);
    const model = denseModel();
    const ema = make(model);
    setRandomWeights(model, 4);
    ema.update();
    const before = read(ema);
    const raw = weightBits(model);
    const tensors = tf.memory().numTensors;
    const wrong = async (input: Parameters<WeightEma['recomputeBatchNorm']>[0], options = {}) =>
      (await rejectionOf(ema.recomputeBatchNorm(input, options), 'INVALID_ARGUMENT')).message;
    expect(await wrong(x, { batchSize: 0 })).toMatch(/^batchSize: expected an integer of at least 1, received 0/);
    expect(await wrong(x, { which: 0.7 })).toMatch(/^which/);
    expect(await wrong({ other: x })).toMatch(/^data: expected tensors named dense/);
    expect(await wrong(tf.data.array<never>([]))).toMatch(/^data: expected at least one sample, received 'none'/);
    expect(await wrong(tf.data.array([1, 2]))).toMatch(/^data: expected a data set of tensors/);
    await expect(ema.recomputeBatchNorm(tf.zeros([4, 5]))).rejects.toThrow();
    expect(weightBits(model)).toEqual(raw);
    expect(read(ema)).toEqual(before);
    expect(tf.memory().numTensors - tensors).toBe(1); // the zeros above
    await ema.use(0.9, async () => rejectionOf(ema.recomputeBatchNorm(x), 'SWAPPED_IN'));
    await rejectionOf(make(denseModel(), { batchNorm: 'copy' }).recomputeBatchNorm(x), 'INVALID_ARGUMENT');
    await rejectionOf(make(lineModel()).recomputeBatchNorm(tf.ones([2, 1])), 'INVALID_ARGUMENT');
    for (const choice of [{ exclude: [/moving_/] }, { exclude: [/moving_variance$/] }, { include: [/kernel$/] }]) {
      const averaged = make(model, choice);
      averaged.update();
      const { message } = await rejectionOf(averaged.recomputeBatchNorm(x), 'INVALID_ARGUMENT');
      expect(message).toMatch(
        /^include and exclude: expected all BatchNorm statistics .* received a choice without '.*moving_/,
      );
      averaged.dispose();
    }
    expect(weightBits(model)).toEqual(raw);
    const config = model.layers.map((layer) => layer.getConfig()['momentum']).filter((value) => value !== undefined);
    expect(config).toEqual([0.99]);
    ema.dispose();
  });
});

describe('the function recomputeBatchNorm', () => {
  it('leaves a model as it was where the pass fails, at whatever batch', async () => {
    const { x } = data(64);
    const model = nestedModel();
    setRandomWeights(model, 3);
    const [raw, tensors] = [weightBits(model), tf.memory().numTensors];
    const failing = (batches: number) =>
      tf.data.generator(function* () {
        for (let batch = 0; batch < batches; batch += 1) yield x.slice([16 * batch, 0], [16, 4]);
        throw new RangeError('out of data');
      });
    for (const batches of [0, 1, 3])
      await expect(recomputeBatchNorm(tf, model, { data: failing(batches) })).rejects.toThrow('out of data');
    // The second of the layers cannot take it: the first has zeros by then.
    const wide = tf.zeros([4, 5]);
    await expect(recomputeBatchNorm(tf, model, { data: wide })).rejects.toThrow();
    wide.dispose();
    const last = model.layers.at(-1) ?? expect.fail('no layer');
    const { call } = last;
    last.call = () => {
      throw new RangeError('not this layer');
    };
    await expect(recomputeBatchNorm(tf, model, { data: x })).rejects.toThrow('not this layer');
    last.call = call;
    expect(weightBits(model)).toEqual(raw);
    expect(tf.memory().numTensors).toBe(tensors);
    await recomputeBatchNorm(tf, model, { data: x });
    expect(weightBits(model)).not.toEqual(raw);
    expect(tf.memory().numTensors).toBe(tensors);
    x.dispose();
  });

  it('names what is wrong of its arguments', async () => {
    const [model, x] = [denseModel(), tf.ones([4, 4])];
    const raw = weightBits(model);
    const wrong = async (of: object, other: unknown = model) =>
      (await rejectionOf(recomputeBatchNorm(tf, other as LayersModel, of as never), 'INVALID_ARGUMENT')).message;
    expect(await wrong({ data: x, batchsize: 2 })).toMatch(/no option 'batchsize'\. Did you mean 'batchSize'\?$/);
    expect(await wrong(x)).toMatch(/^options: expected a plain object/);
    expect(await wrong({ data: 'x' })).toMatch(/^data: expected tensors, or a tf\.data\.Dataset of them, received 'x'/);
    expect(await wrong({})).toMatch(/^data: expected tensors, .* received undefined/);
    expect(await wrong({ data: x }, model.layers[0])).toMatch(/^model: expected a tf\.LayersModel, received a Dense/);
    expect(await wrong({ data: x }, lineModel())).toMatch(/^model: expected BatchNorm layers/);
    expect(weightBits(model)).toEqual(raw);
    x.dispose();
  });

  it('is refused while another call recomputes the model, whose layers are then as they were', async () => {
    const { x } = data(32);
    const model = denseModel();
    const calls = model.layers.map(({ call }) => call);
    const rows = tf.data.array(x.arraySync()).batch(16);
    const first = recomputeBatchNorm(tf, model, { data: rows });
    const { message } = await rejectionOf(recomputeBatchNorm(tf, model, { data: rows }), 'INVALID_ARGUMENT');
    expect(message).toMatch(/^model: expected one that no other call recomputes now, .* Await that call first\.$/);
    await first;
    expect(model.layers.map(({ call }) => call)).toEqual(calls);
    const momenta = model.layers.map((layer) => layer.getConfig()['momentum']).filter((one) => one !== undefined);
    expect(momenta).toEqual([0.99]);
    await recomputeBatchNorm(tf, model, { data: x });
    x.dispose();
  });
});
