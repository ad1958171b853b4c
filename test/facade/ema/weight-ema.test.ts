// WeightEma in loops of one's own, with both engines: counting, averages against the float64 oracle, scoped use, disposal.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel, Scalar } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, WeightEma } from '../../../src/index.js';
import { isSwapped, rejectionOf, thrownBy, weightBits } from '../../support/expect.js';
import {
  assign,
  data,
  denseModel,
  lineModel,
  nestedModel,
  setRandomWeights,
  sharedModel,
  tf,
  twoOutputModel,
  valuesOf,
  weightValues,
} from '../../support/models.js';
import { at, maxDifference, Oracle, paperDecay } from '../../support/oracle.js';

afterEach(() => {
  tf.disposeVariables();
});

const byOrder = (ema: WeightEma, which: number | { readonly index: number }) => {
  const tensors = ema.read(which);
  const values = Object.values(valuesOf(tensors));
  tf.dispose(tensors);
  return values;
};

describe.each(['native', 'js'] as const)('WeightEma with engine %s', (engine) => {
  const make = (options: EmaOptions = {}) => new WeightEma(tf, { engine, ...options });

  it('says which engine runs, and why', () => {
    const ema = make().attach(denseModel());
    expect(ema.engine).toBe(engine);
    expect(ema.engineReason).toMatch(engine === 'native' ? /our op runs in TensorFlow 2\./ : /'js' was asked for/);
    ema.dispose();
  });

  it('starts every average as the weights: e = 0.1 x0 + 0.9 x1 after the first step of the paper', () => {
    const model = denseModel();
    const x0 = weightValues(model);
    const ema = make({ decays: [0.998, 0.999], updateEvery: 1 }).attach(model);
    setRandomWeights(model, 1);
    const x1 = weightValues(model);
    ema.update();
    for (const decay of ema.decays) {
      byOrder(ema, decay).forEach((list, i) => {
        const expected = Float64Array.from(list, (_, j) => 0.1 * at(at(x0, i), j) + 0.9 * at(at(x1, i), j));
        expect(maxDifference(list, expected)).toBeLessThan(3e-7);
      });
    }
    ema.dispose();
  });

  it.each([1, 4, 16])('follows the float64 oracle with updateEvery %i, warm-up and pending steps', (updateEvery) => {
    const model = denseModel();
    const decays = [0.9, 0.999];
    const ema = make({ decays, updateEvery }).attach(model);
    const oracles = decays.map(() => new Oracle(weightValues(model)));
    for (let step = 1; step <= 5 * updateEvery; step += 1) {
      setRandomWeights(model, step);
      ema.update();
      if (step % updateEvery === 0) {
        decays.forEach((decay, k) => {
          at(oracles, k).update(weightValues(model), paperDecay(decay, updateEvery, step / updateEvery - 1));
        });
      }
    }
    expect([ema.steps, ema.updates]).toEqual([5 * updateEvery, 5]);
    decays.forEach((decay, k) => {
      byOrder(ema, decay).forEach((list, i) => {
        // Five updates of numbers below 2: each rounds by at most 2^-22.
        expect(maxDifference(list, at(at(oracles, k).shadows, i))).toBeLessThan(5 * 2 ** -22);
      });
    });
    ema.dispose();
  });

  it('counts pending steps in for a read, and makes no update: 3 of 16 steps keep decay ** 3', () => {
    const model = lineModel();
    const ema = make({ decays: 0.9, updateEvery: 16, warmup: 'none' }).attach(model);
    assign(model.weights[0], () => tf.tensor2d([[3]]));
    for (let step = 0; step < 3; step += 1) ema.update();
    expect(ema.updates).toBe(0);
    expect(at(at(byOrder(ema, 0.9), 0), 0)).toBeCloseTo(3 - 2 * 0.9 ** 3, 6);
    expect(ema.updates).toBe(0);
    for (let step = 3; step < 16; step += 1) ema.update();
    expect(ema.updates).toBe(1);
    expect(at(at(byOrder(ema, 0.9), 0), 0)).toBeCloseTo(3 - 2 * 0.9 ** 16, 6);
    ema.dispose();
  });

  it('has decay 0 equal the weights and decay 1 the start, to the bit', () => {
    const model = denseModel();
    const start = weightValues(model);
    const ema = make({ decays: [0, 1], updateEvery: 2, warmup: 'none' }).attach(model);
    for (let step = 1; step <= 6; step += 1) {
      setRandomWeights(model, step);
      ema.update();
    }
    expect(byOrder(ema, 0)).toEqual(weightValues(model));
    expect(byOrder(ema, 1)).toEqual(start);
    ema.dispose();
  });

  it('keeps constant weights constant, to the bit', () => {
    const model = denseModel();
    const ema = make({ updateEvery: 1 }).attach(model);
    for (let step = 0; step < 50; step += 1) ema.update();
    ema.decays.forEach((_, index) => {
      expect(byOrder(ema, { index })).toEqual(weightValues(model));
    });
    ema.dispose();
  });

  it('gives K averages in one pass what K objects give one by one, to the bit', () => {
    const model = denseModel();
    const decays = [0.5, 0.9, 0.99, 0.999, 0.9999, 0.3, 0.7, 0.8, 0.95];
    const together = make({ decays, updateEvery: 3 }).attach(model);
    const alone = decays.map((decay) => make({ decays: decay, updateEvery: 3 }).attach(model));
    for (let step = 0; step < 20; step += 1) {
      setRandomWeights(model, step);
      for (const ema of [together, ...alone]) ema.update();
    }
    decays.forEach((decay, k) => {
      expect(byOrder(together, decay)).toEqual(byOrder(at(alone, k), decay));
    });
    for (const ema of [together, ...alone]) ema.dispose();
  });

  it('uses an average for one call and gives the weights back to the bit, also after an exception', async () => {
    const model = denseModel();
    const { x, y } = data(16);
    const ema = make({ decays: 0.5, updateEvery: 1, warmup: 'none' }).attach(model);
    setRandomWeights(model, 5);
    ema.update();
    const raw = weightBits(model);
    const average = byOrder(ema, 0.5);
    const tensors = tf.memory().numTensors;

    expect(ema.use(0.5, weightValues)).toEqual(average);
    expect(ema.use({ index: 0 }, weightValues)).toEqual(average);
    expect(ema.use('best', weightValues)).toEqual(average);
    expect(weightBits(model)).toEqual(raw);
    const losses = await ema.use(0.5, async () => {
      await Promise.resolve();
      expect(isSwapped(ema)).toBe(true);
      return (model.evaluate(x, y) as Scalar[]).map((scalar) => scalar.dataSync()[0]);
    });
    expect(losses).toHaveLength(2);
    expect(() =>
      ema.use(0.5, () => {
        throw new RangeError('mine');
      }),
    ).toThrow(RangeError);
    await expect(ema.use(0.5, () => Promise.reject(new RangeError('mine')))).rejects.toThrow(RangeError);
    expect(weightBits(model)).toEqual(raw);
    expect(isSwapped(ema)).toBe(false);
    expect(tf.memory().numTensors - tensors).toBe(2); // the two scalars of evaluate
    ema.dispose();
  });

  it.each([
    ['shared layers', sharedModel],
    ['nested models', nestedModel],
    ['two outputs', twoOutputModel],
  ])('averages a model with %s', async (_, makeModel) => {
    const model = makeModel();
    const { x, y } = data(16);
    const ema = make({ decays: 0.5, updateEvery: 1, warmup: 'none' }).attach(model);
    const oracle = new Oracle(weightValues(model));
    for (let step = 0; step < 3; step += 1) {
      await model.trainOnBatch(x, model.outputs.length === 2 ? [y, y] : y);
      ema.update();
      oracle.update(weightValues(model), 0.5);
    }
    byOrder(ema, 0.5).forEach((list, i) => {
      expect(maxDifference(list, at(oracle.shadows, i))).toBeLessThan(1e-6);
    });
    ema.dispose();
  });

  it("averages BatchNorm's statistics, or with 'copy' uses the live ones", async () => {
    const { x, y } = data();
    const statistics = (model: LayersModel) => at(model.layers, 1).getWeights().slice(2);
    const live: Float32Array[][] = [];
    const used: Float32Array[][] = [];
    for (const batchNorm of ['average', 'copy'] as const) {
      const model = denseModel();
      const ema = make({ decays: 0.9, updateEvery: 1, batchNorm }).attach(model);
      for (let step = 0; step < 4; step += 1) {
        await model.trainOnBatch(x, y);
        ema.update();
      }
      const copies = (m: LayersModel) => statistics(m).map((tensor) => Float32Array.from(tensor.dataSync()));
      live.push(copies(model));
      used.push(ema.use(0.9, copies));
      const tensors = ema.read(0.9);
      expect(Object.keys(tensors)).toHaveLength(8);
      tf.dispose(tensors);
      ema.dispose();
    }
    expect(at(used, 0)).not.toEqual(at(live, 0));
    expect(at(used, 1)).toEqual(at(live, 1));
  });

  it('keeps frozen layers exactly', async () => {
    const model = denseModel();
    const { x, y } = data();
    const frozen = at(model.layers, 0);
    frozen.trainable = false;
    model.compile({ optimizer: tf.train.sgd(0.5), loss: 'categoricalCrossentropy' });
    const kernel = Array.from(at(frozen.getWeights(), 0).dataSync());
    const ema = make({ decays: 0.99, updateEvery: 1 }).attach(model);
    for (let step = 0; step < 10; step += 1) {
      await model.trainOnBatch(x, y);
      ema.update();
    }
    expect(Array.from(ema.use(0.99, (m) => at(at(m.layers, 0).getWeights(), 0).dataSync()))).toEqual(kernel);
    ema.dispose();
  });

  it('saves an average as a plain model, which loads with its values', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
    const model = denseModel();
    const ema = make({ decays: 0.5, updateEvery: 1 }).attach(model);
    setRandomWeights(model, 9);
    ema.update();
    const raw = weightBits(model);
    const expected = ema.use(0.5, weightValues);
    await ema.saveModel(0.5, `file://${folder}`);
    expect(weightBits(model)).toEqual(raw);
    const loaded = await tf.loadLayersModel(`file://${folder}/model.json`);
    expect(loaded.getClassName()).toBe('Sequential');
    expect(weightValues(loaded)).toEqual(expected);
    await expect(ema.saveModel(0.5, 'nowhere://x')).rejects.toThrow(/save handlers/);
    expect(weightBits(model)).toEqual(raw);
    rmSync(folder, { recursive: true });
    ema.dispose();
  });

  it('releases everything on dispose, and refuses the rest by name', async () => {
    const model = denseModel();
    const before = tf.memory().numTensors;
    const ema = make().attach(model);
    for (let step = 0; step < 40; step += 1) ema.update();
    expect(ema.facts.bytes).toBeGreaterThanOrEqual(5 * 4 * 99);
    ema.dispose();
    ema.dispose();
    expect(tf.memory().numTensors).toBe(before);
    expect(ema.facts.bytes).toBe(0);
    expect(ema.steps).toBe(40);
    for (const call of [() => ema.update(), () => ema.read(0.999), () => ema.use(0.999, () => 0)]) {
      thrownBy(call, 'DISPOSED');
    }
    thrownBy(() => ema.attach(model), 'DISPOSED');
    await rejectionOf(ema.saveModel(0.999, 'file:///tmp/none'), 'DISPOSED');
  });

  it('still gives the averages after the model was disposed, and says which steps are missing', () => {
    const model = denseModel();
    const ema = make({ decays: 0.5, updateEvery: 2, warmup: 'none', onWarning: () => undefined }).attach(model);
    for (let step = 0; step < 3; step += 1) {
      setRandomWeights(model, step);
      ema.update();
    }
    const expected = new Oracle(weightValues(denseModel()));
    const twin = denseModel();
    setRandomWeights(twin, 1);
    expected.update(weightValues(twin), 0.25);
    model.dispose();
    byOrder(ema, 0.5).forEach((list, i) => {
      expect(maxDifference(list, at(expected.shadows, i))).toBeLessThan(1e-6);
    });
    expect(ema.warnings).toEqual([expect.stringMatching(/last 1 steps are not in the averages/)]);
    ema.dispose();
  });
});
