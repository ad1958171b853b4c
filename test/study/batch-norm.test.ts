// Why BatchNorm statistics must be recomputed for long windows, shown exactly: weights that alternate around their mean.
// A closed form stands in for the paper's figure, which two BatchNorm layers in a short run cannot show.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recomputeBatchNorm, WeightEma } from '../../src/index.js';
import { tf } from '../../tools/shared/tfjs.js';

// Weights alternate between theta + d and theta - d, with d orthogonal to theta and five times as long.
const INPUTS = 16;
const THETA = 1;
const D = 5;
const STEPS = 600;
const BATCH = 512;

// On inputs N(0, I) the activations of weights w have variance |w|^2.
const TRUE_VARIANCE = THETA ** 2;
const AVERAGED_VARIANCE = THETA ** 2 + D ** 2;

/** A linear unit before BatchNorm, whose scale stays 1 and whose shift stays 0. */
function buildModel() {
  const model = tf.sequential();
  model.add(tf.layers.dense({ units: 1, useBias: false, inputShape: [INPUTS], name: 'linear' }));
  model.add(tf.layers.batchNormalization({ momentum: 0.9, epsilon: 1e-6, name: 'norm' }));
  return model;
}

type Model = ReturnType<typeof buildModel>;

function inputs(count: number, seed: number) {
  return tf.randomNormal([count, INPUTS], 0, 1, 'float32', seed);
}

/** Sets the unit's weights to (theta, sign * d, 0, ...). */
function setWeights(model: Model, sign: 1 | -1): void {
  const column = Float32Array.from({ length: INPUTS }, (_, index) => [THETA, sign * D][index] ?? 0);
  tf.tidy(() => model.getLayer('linear').setWeights([tf.tensor2d(column, [INPUTS, 1])]));
}

/** Variance of what the model gives for fresh inputs, in inference. */
function outputVariance(model: Model): number {
  return tf.tidy(() => {
    const output = model.predict(inputs(20_000, 99)) as ReturnType<typeof inputs>;
    return tf.moments(output).variance.dataSync()[0] ?? Number.NaN;
  });
}

/** Batches as a data set, which may dispose what it is given. */
function asDataset(batches: readonly ReturnType<typeof inputs>[]) {
  return tf.data.generator(function* () {
    for (const batch of batches) yield { xs: batch.clone() };
  });
}

/** The variance that BatchNorm uses in inference. */
function movingVariance(model: Model): number {
  const [, , , variance] = model
    .getLayer('norm')
    .getWeights()
    .map((weight) => weight.dataSync()[0] ?? Number.NaN);
  return variance ?? Number.NaN;
}

describe('BatchNorm statistics of an average', () => {
  const model = buildModel();
  const ema = new WeightEma(tf, { decays: 0.99, updateEvery: 1, batchNorm: 'average', onWarning: () => {} });
  const batches = Array.from({ length: 20 }, (_, index) => inputs(BATCH, 1000 + index));

  beforeAll(() => {
    setWeights(model, 1);
    ema.attach(model);
    for (let step = 0; step < STEPS; step += 1) {
      setWeights(model, step % 2 === 0 ? -1 : 1);
      tf.tidy(() => {
        model.apply(inputs(BATCH, step), { training: true });
      });
      ema.update();
    }
  });
  afterAll(() => {
    ema.dispose();
    tf.dispose(batches);
    model.dispose();
  });

  it('averaged weights are theta, but averaged variances are those of the weights on the way', () => {
    ema.use(0.99, () => {
      const weights = model.getLayer('linear').getWeights()[0]?.dataSync() ?? [];
      expect(weights[0]).toBeCloseTo(THETA, 5);
      // What alternation leaves of d: (1 - a) / (1 + a) = 0.5 %.
      expect(Math.abs(weights[1] ?? Number.NaN)).toBeLessThan(0.01 * D);
      expect(movingVariance(model) / AVERAGED_VARIANCE).toBeCloseTo(1, 1);
    });
  });

  it('without recomputing, activations are too small by |theta| / sqrt(|theta|^2 + |d|^2)', () => {
    const variance = ema.use(0.99, () => outputVariance(model));
    expect(variance).toBeLessThan(0.06);
    expect(Math.sqrt(variance)).toBeCloseTo(Math.sqrt(TRUE_VARIANCE / AVERAGED_VARIANCE), 1);
  });

  it('after recomputing, their variance is 1 within sampling error', async () => {
    const average = ema.read(0.99);
    model.setWeights(Object.values(average));
    await recomputeBatchNorm(tf, model, { data: asDataset(batches) });
    // Four standard errors of the two variances, sqrt(2 / n) each: 10,240 inputs to recompute, 20,000 to test; and what is
    // left of d in the averaged weights, at most (0.005 * 5)^2.
    const margin = 4 * Math.sqrt(2 / (20 * BATCH) + 2 / 20_000) + 0.001;
    expect(Math.abs(outputVariance(model) - 1)).toBeLessThan(margin);
    tf.dispose(average);
  });
});

describe('recomputing', () => {
  it('gives the exact mean of the batches, whatever the statistics were, and touches nothing else', async () => {
    const model = tf.sequential();
    model.add(tf.layers.batchNormalization({ inputShape: [1], momentum: 0.7, epsilon: 1e-6 }));
    const column = (...values: number[]) => tf.tensor2d(values, [values.length, 1]);
    model.setWeights([tf.tensor1d([3]), tf.tensor1d([4]), tf.tensor1d([50]), tf.tensor1d([60])]);
    // Batch means 1, 5, 9; batch variances 1, 4, 9.
    const batches = [column(0, 2), column(3, 7), column(6, 12)];
    await recomputeBatchNorm(tf, model, { data: asDataset(batches) });
    const values = model.getWeights().map((weight) => weight.dataSync()[0] ?? Number.NaN);
    expect(values.slice(0, 2)).toEqual([3, 4]);
    expect(values[2]).toBeCloseTo(5, 5);
    expect(values[3]).toBeCloseTo(14 / 3, 5);
    expect(model.layers[0]).toHaveProperty('momentum', 0.7);
    tf.dispose(batches);
    model.dispose();
  });

  it('counts every application of a layer that a graph applies twice', async () => {
    const norm = tf.layers.batchNormalization({ momentum: 0.7 });
    const left = tf.input({ shape: [1] });
    const right = tf.input({ shape: [1] });
    const both = [left, right].map((side) => norm.apply(side) as ReturnType<typeof tf.input>);
    const model = tf.model({ inputs: [left, right], outputs: both });
    await recomputeBatchNorm(tf, model, { data: [tf.tensor2d([[0], [2]]), tf.tensor2d([[10], [20]])] });
    const [, , mean, variance] = norm.getWeights().map((weight) => weight.dataSync()[0] ?? Number.NaN);
    // Means 1 and 15, variances 1 and 25.
    expect(mean).toBeCloseTo(8, 5);
    expect(variance).toBeCloseTo(13, 5);
    expect(Object.hasOwn(norm, 'call')).toBe(false);
    model.dispose();
  });

  it('says so where a model has no BatchNorm', async () => {
    const model = tf.sequential();
    model.add(tf.layers.dense({ units: 2, inputShape: [3] }));
    await expect(recomputeBatchNorm(tf, model, { data: tf.ones([1, 3]) })).rejects.toThrow(/BatchNorm layers/);
    model.dispose();
  });
});
