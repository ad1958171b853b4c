// The search for a decay after training: a curve with a known minimum, ties, what it leaves behind, what it refuses.

import type { Tensor } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { halfLifeOf } from '../../../src/schedule/decay.js';
import { exponentFromWidth } from '../../../src/schedule/profile.js';
import { searchDecay, synthesize } from '../../../src/search.js';
import { rejectionOf, thrownBy, weightBits } from '../../support/expect.js';
import { assign, data, denseModel, floats, lineModel, setRandomWeights, tf, valuesOf } from '../../support/models.js';
import { at } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };
const decays = [4, 8, 16, 32, 64].map((halfLife) => ({ halfLife }));

afterEach(() => {
  tf.disposeVariables();
});

describe.each(['native', 'js'] as const)('searchDecay, engine %s', (engine) => {
  /** One weight that falls from 1 to 0 at once and stays for 20 steps: an average with half-life h is 2 ** (-20 / h). */
  function jump() {
    const model = lineModel();
    const ema = new WeightEma(tf, { decays, updateEvery: 1, warmup: 'none', engine, ...quiet }).attach(model);
    assign(model.weights[0], () => tf.tensor2d([[0]]));
    for (let step = 0; step < 20; step += 1) ema.update();
    return { model, ema };
  }

  it('finds the half-life with the lowest loss, between tracked ones', async () => {
    const { model, ema } = jump();
    const x = tf.ones([50, 1]);
    // The best output is 2 ** (-20 / 10.5): half-life 10.5 steps.
    const noise = floats(50, 5).map((value) => value / 100);
    const mean = noise.reduce((sum, value) => sum + value, 0) / 50;
    const y = tf.tensor2d(noise, [50, 1]).add(2 ** (-20 / 10.5) - mean);
    const raw = weightBits(model);
    const before = tf.memory().numTensors;
    const found = await searchDecay(ema, { data: [x, y], batchSize: 20, trials: 24 });
    expect(tf.memory().numTensors).toBe(before);
    expect(weightBits(model)).toEqual(raw);
    expect(Math.abs(found.halfLife - 10.5)).toBeLessThan(0.5);
    expect(found.halfLife).toBe(halfLifeOf(found.decay));
    expect([found.metric, found.tracked.index, found.isTied]).toEqual(['loss', 1, false]);
    expect(found.value).toBeLessThan(found.tracked.value);
    expect(found.bound).toBeGreaterThan(0);
    const tried = found.curve.map(({ decay }) => decay);
    expect(tried).toEqual([...new Set(tried)].sort((a, b) => a - b));
    // 24 trials beside five tracked ones, whose ends are two of the trials.
    expect(found.curve.length).toBe(24 + 5 - 2);
    expect(Math.min(...found.curve.map(({ value }) => value))).toBe(found.value);
    // And it is what use() and read() give.
    const which = { synthesized: found.decay };
    const loss = ema.use(which, (m) => m.evaluate(x, y, { batchSize: 20 }));
    expect(at((loss as ReturnType<typeof tf.scalar>).dataSync(), 0)).toBe(found.value);
    ema.dispose();
  });

  it("goes along relative widths where no two decays are tracked: those of the default averages of a loop of one's own", async () => {
    const model = lineModel();
    // One weight that is 1 for 300 steps and 0 for 100: an average with exponent e is 0.75 ** (e + 1).
    const ema = new WeightEma(tf, { updateEvery: 1, engine, ...quiet }).attach(model);
    assign(model.weights[0], () => tf.tensor2d([[1]]));
    for (let step = 0; step < 300; step += 1) ema.update();
    assign(model.weights[0], () => tf.tensor2d([[0]]));
    for (let step = 0; step < 100; step += 1) ema.update();
    const wanted = 0.16;
    const noise = floats(50, 5).map((value) => value / 100);
    const mean = noise.reduce((sum, value) => sum + value, 0) / 50;
    const [x, y] = [tf.ones([50, 1]), tf.tensor2d(noise, [50, 1]).add(0.75 ** (exponentFromWidth(wanted) + 1) - mean)];
    const before = tf.memory().numTensors;
    const found = await searchDecay(ema, { data: [x, y], batchSize: 20, trials: 24 });
    expect(tf.memory().numTensors).toBe(before);
    const { which } = found;
    const width = 'synthesized' in which ? (which.synthesized as { relativeWidth: number }).relativeWidth : Number.NaN;
    expect(Math.abs(width / wanted - 1)).toBeLessThan(0.05);
    // Between a window of 0.102 of the steps so far, 0.083 wide, and a width of 0.2.
    expect([found.decay, found.halfLife, found.tracked.index, found.isTied]).toEqual([1, Infinity, 5, false]);
    expect(found.tracked.which).toEqual({ index: 5 });
    expect(found.value).toBeLessThan(found.tracked.value);
    expect(found.bound).toBe(synthesize(ema, { relativeWidth: width }).bound);
    expect(found.curve.filter((one) => 'index' in one.which).map((one) => one.which)).toEqual(
      [0, 1, 2, 3, 4, 5].map((index) => ({ index })),
    );
    const loss = ema.use(which, (m) => m.evaluate(x, y, { batchSize: 20 }));
    expect(at((loss as ReturnType<typeof tf.scalar>).dataSync(), 0)).toBe(found.value);
    ema.dispose();
  });

  it('takes data sets, and a metric that is better when larger', async () => {
    const { x, y } = data(48);
    const model = denseModel(tf.train.sgd(0.3));
    const ema = new WeightEma(tf, { decays, updateEvery: 1, engine, ...quiet }).attach(model);
    for (let step = 0; step < 30; step += 1) {
      await model.trainOnBatch(x, y);
      ema.update();
    }
    const stream = tf.data.generator(function* () {
      for (const from of [0, 16, 32]) yield { xs: x.slice([from, 0], [16, 4]), ys: y.slice([from, 0], [16, 3]) };
    });
    const found = await searchDecay(ema, { data: stream, monitor: 'val_acc' });
    expect(Math.max(...found.curve.map(({ value }) => value))).toBe(found.value);
    expect(found.isTied).toBe(true);
    // Its name without val_, as the callback and record() take it.
    expect(await searchDecay(ema, { data: stream, monitor: 'acc' })).toEqual(found);
    ema.dispose();
  });

  it('takes as better what mode says, and warns once where neither that nor the name says it', async () => {
    const { model, ema } = jump();
    // The output is the weight, which is the larger the longer the average remembers.
    const level = (_: Tensor, predicted: Tensor) => predicted.mean();
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', metrics: [level] });
    const search = { data: [tf.ones([8, 1]), tf.zeros([8, 1])] as const, monitor: 'val_level', trials: 4 };
    const [low, high] = [Math.min(...ema.decays), Math.max(...ema.decays)];
    expect((await searchDecay(ema, { ...search, mode: 'max' })).decay).toBe(high);
    expect((await searchDecay(ema, { ...search, mode: 'min' })).decay).toBe(low);
    expect((await searchDecay(ema, { ...search, monitor: 'val_loss', mode: 'max' })).decay).toBe(high);
    expect((await searchDecay(ema, { ...search, monitor: 'val_loss' })).decay).toBe(low);
    const guesses = () => ema.warnings.filter((message) => message.includes("'level' says what is better"));
    expect(guesses()).toEqual([]);
    expect((await searchDecay(ema, search)).decay).toBe(low);
    await searchDecay(ema, search);
    expect(guesses()).toHaveLength(1);
    await rejectionOf(searchDecay(ema, { ...search, mode: 'up' as never }), 'INVALID_ARGUMENT');
    ema.dispose();
  });

  it('refuses a single decay, another metric, too few trials, a model that is not compiled', async () => {
    const { x, y } = data(16);
    const model = denseModel();
    const single = new WeightEma(tf, { decays: [0.9, 1], engine, ...quiet }).attach(model);
    single.update();
    expect((await rejectionOf(searchDecay(single, { data: [x, y] }), 'INVALID_ARGUMENT')).message).toMatch(
      /at least two/,
    );
    const ema = new WeightEma(tf, { decays, engine, ...quiet }).attach(model);
    ema.update();
    for (const wrong of [{ monitor: 'val_auc' }, { trials: 3 }, { batchSize: 0 }, { data: undefined as never }])
      await rejectionOf(searchDecay(ema, { data: [x, y], ...wrong }), 'INVALID_ARGUMENT');
    const misspelt = { data: [x, y] as const, trails: 30 };
    expect((await rejectionOf(searchDecay(ema, misspelt), 'INVALID_ARGUMENT')).message).toMatch(
      /no option 'trails'\. Did you mean 'trials'\?$/,
    );
    await rejectionOf(searchDecay(ema, undefined as never), 'INVALID_ARGUMENT');
    const bare = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [4] })] });
    const other = new WeightEma(tf, { decays, engine, ...quiet }).attach(bare);
    other.update();
    expect((await rejectionOf(searchDecay(other, { data: [x, y] }), 'INVALID_ARGUMENT')).message).toMatch(/compile/);
    for (const each of [single, ema, other]) each.dispose();
  });
});

describe('{ synthesized }', () => {
  it('names an average for use, read and saveModel; the weights come back to the bit, and no tensor stays', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays, updateEvery: 1, ...quiet }).attach(model);
    for (let step = 0; step < 20; step += 1) {
      setRandomWeights(model, step);
      ema.update();
    }
    const which = { synthesized: { halfLife: 11 } } as const;
    const raw = weightBits(model);
    const { tensors } = synthesize(ema, which.synthesized);
    const before = tf.memory().numTensors;
    const expected = Object.values(valuesOf(tensors));
    expect(ema.use(which, (m) => m.weights.map((weight) => weight.read().dataSync()))).toEqual(
      model.weights.map((weight) => valuesOf(tensors)[weight.originalName]),
    );
    const read = ema.read(which);
    expect(Object.values(valuesOf(read))).toEqual(expected);
    tf.dispose(read);
    let saved = 0;
    const handler = tf.io.withSaveHandler(async ({ weightSpecs }) => {
      saved = weightSpecs?.length ?? 0;
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' as const } };
    });
    await ema.saveModel(which, handler);
    expect(saved).toBe(model.weights.length);
    expect(weightBits(model)).toEqual(raw);
    expect(tf.memory().numTensors).toBe(before);
    thrownBy(() => ema.use({ synthesized: { halfLife: 99 } }, () => 0), 'INVALID_ARGUMENT');
    await rejectionOf(ema.recomputeBatchNorm(tf.ones([2, 4]), { which: which as never }), 'INVALID_ARGUMENT');
    ema.dispose();
  });
});
