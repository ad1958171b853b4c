// Diagnoses of real models on both engines: figures against float64, drift and noise, when looks happen, what they cost and warn of.
// The judgements alone are in health and signal.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, WeightEma } from '../../../src/index.js';
import { thrownBy, weightBits } from '../../support/expect.js';
import {
  assign,
  data,
  denseModel,
  floats,
  lineModel,
  setRandomWeights,
  tf,
  valuesOf,
  weightValues,
} from '../../support/models.js';
import { at, bits } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };
const engines = ['native', 'js'] as const;

afterEach(() => {
  tf.disposeVariables();
});

const norm = (values: readonly number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

describe.each(engines)('diagnose with engine %s', (engine) => {
  it('gives norms, distances and angles of each weight and of all, and moves nothing', () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: [0.5, 0.99], updateEvery: 1, warmup: 'none', engine, ...quiet }).attach(
      model,
    );
    for (const seed of [1, 2, 3]) {
      setRandomWeights(model, seed);
      ema.update();
    }
    const [raw, updates, tensors] = [weightBits(model), ema.updates, tf.memory().numTensors];
    const { total, weights, steps } = ema.diagnose();
    expect([weightBits(model), ema.updates, tf.memory().numTensors, steps]).toEqual([raw, updates, tensors, 3]);
    expect(weights.map(({ name }) => name).sort()).toEqual(Object.keys(tf.tidy(() => ema.read(0.5))).sort());
    expect(total.size).toBe(weightValues(model).reduce((sum, { length }) => sum + length, 0));
    const live = weightValues(model);
    [0, 1].forEach((index) => {
      const named = tf.tidy(() => valuesOf(ema.read({ index })));
      let [squares, distances, products] = [0, 0, 0];
      weights.forEach(({ name, averages }) => {
        const weight = Array.from(live[model.weights.findIndex(({ originalName }) => originalName === name)] ?? []);
        const average = Array.from(named[name] ?? []);
        const apart = weight.map((value, i) => value - at(average, i));
        const found = at(averages, index);
        // One rounding to float32.
        expect(found.norm / norm(average)).toBeCloseTo(1, 6);
        expect(found.distance / norm(apart)).toBeCloseTo(1, 6);
        expect(found.maxDistance).toBeCloseTo(Math.max(...apart.map(Math.abs)), 6);
        squares += norm(average) ** 2;
        distances += norm(apart) ** 2;
        products += weight.reduce((sum, value, i) => sum + value * at(average, i), 0);
      });
      const all = at(total.averages, index);
      expect(all.norm).toBeCloseTo(Math.sqrt(squares), 5);
      expect(all.distance).toBeCloseTo(Math.sqrt(distances), 5);
      expect(all.cosine).toBeCloseTo(products / Math.sqrt(squares) / norm(live.flatMap((list) => [...list])), 5);
    });
    ema.dispose();
  });

  it('counts pending steps in, as a read does, and makes no update', () => {
    const model = lineModel();
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 4, warmup: 'none', engine, ...quiet }).attach(model);
    assign(model.weights[0], () => tf.tensor2d([[3]]));
    ema.update();
    const { total, initialShares, ...rest } = ema.diagnose();
    expect(rest).toMatchObject({ steps: 1, updates: 0 });
    expect(total.averages[0]?.distance).toBeCloseTo(2 * 0.9, 6);
    expect(initialShares[0]).toBeCloseTo(0.9, 12);
    expect(ema.diagnose().initialShares).toEqual(initialShares);
    ema.dispose();
  });

  it('says how much of the start each average holds', () => {
    const model = lineModel();
    const ema = new WeightEma(tf, { decays: [0.5, 0.999], updateEvery: 2, warmup: 'none', engine, ...quiet }).attach(
      model,
    );
    for (let step = 1; step <= 7; step += 1) ema.update();
    const shares = [0.5 ** 7, 0.999 ** 7];
    const expectShares = (times: number) => {
      const found = ema.diagnose().initialShares;
      for (const k of [0, 1]) expect(at(found, k)).toBeCloseTo(at(shares, k) ** times, 12);
    };
    expectShares(1);
    for (let step = 1; step <= 6; step += 1) ema.update();
    expectShares(13 / 7);
    expect(ema.warnings.filter((text) => text.includes('still holds'))).toHaveLength(1);
    ema.dispose();
  });

  it('tells a layer that drifts from one that jumps about', () => {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ name: 'drifts', units: 20, inputShape: [5], useBias: false }),
        tf.layers.dense({ name: 'jumps', units: 20, useBias: false }),
      ],
    });
    const ema = new WeightEma(tf, {
      decays: [0.8, 0.9, 0.95],
      updateEvery: 1,
      warmup: 'none',
      engine,
      ...quiet,
    }).attach(model);
    expect(ema.diagnose().layers.map(({ verdict }) => verdict)).toEqual([undefined, undefined]);
    for (let step = 1; step <= 100; step += 1) {
      assign(model.weights[0], () => tf.fill([5, 20], step / 10));
      assign(model.weights[1], () => tf.tensor(floats(400, step), [20, 20]));
      ema.update();
    }
    const { layers, signal } = ema.diagnose();
    expect(layers.map(({ layer, verdict }) => [layer, verdict])).toEqual([
      ['drifts', 'drift'],
      ['jumps', 'noise'],
    ]);
    expect(signal?.drift).toBeCloseTo(norm(layers.map(({ drift }) => drift)), 5);
    // A line lags by a / (1 - a) moves of 0.1: the slow average 19, the fast one 4, in 100 elements.
    expect(layers[0]?.drift).toBeCloseTo(0.1 * 15 * 10, 0);
    expect(layers[0]?.noise).toBeCloseTo(0.1 * 4 * 10, 3);
    ema.dispose();
  });

  it('judges layers with decays of their own by those, and not the whole', () => {
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ name: 'one', units: 20, inputShape: [5], useBias: false }),
        tf.layers.dense({ name: 'two', units: 20, useBias: false }),
      ],
    });
    const layerDecays = [{ match: 'two', decay: [0.5, 0.7] }];
    const options = { decays: [0.8, 0.9], layerDecays, updateEvery: 1, warmup: 'none', engine, ...quiet } as const;
    const ema = new WeightEma(tf, options).attach(model);
    for (let step = 1; step <= 60; step += 1) {
      for (const weight of model.weights) assign(weight, () => tf.fill(weight.shape as number[], step));
      ema.update();
    }
    const { layers, signal, initialShares } = ema.diagnose();
    // Of a line, the ratio is (b / (1 - b)) / (a / (1 - a)) - 1.
    expect(layers.map(({ ratio }) => Number(ratio.toPrecision(3)))).toEqual([1.25, 1.33]);
    expect([...layers.map(({ verdict }) => verdict), signal?.verdict]).toEqual(['drift', 'drift', undefined]);
    expect(initialShares[1]).toBeCloseTo(0.9 ** 60, 12);
    ema.dispose();
  });

  it('looks at the start and every so many updates by itself, and leaves training as it is', () => {
    const run = (diagnoseEvery?: number) => {
      const model = denseModel();
      const every = diagnoseEvery === undefined ? {} : { diagnoseEvery };
      const ema = new WeightEma(tf, { decays: [0.9, 0.99], updateEvery: 2, engine, ...every, ...quiet }).attach(model);
      for (let step = 1; step <= 13; step += 1) {
        setRandomWeights(model, step);
        ema.update();
      }
      const values = Object.values(tf.tidy(() => valuesOf(ema.read(0.99)))).map(bits);
      const looks = ema.report().diagnoses.map(({ steps }) => steps);
      ema.dispose();
      return { values, looks };
    };
    const [plain, diagnosed] = [run(), run(3)];
    expect([plain.looks, diagnosed.looks]).toEqual([[], [0, 6, 12]]);
    expect(diagnosed.values).toEqual(plain.values);
  });

  it('looks also where putBack is what moved the averages just then', () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 4, diagnoseEvery: 3, engine, ...quiet }).attach(model);
    for (let step = 1; step <= 40; step += 1) {
      ema.update();
      // Of three updates, the third is always one of pending steps.
      if (step % 10 === 0) ema.putBack(0.9);
    }
    expect(ema.updates).toBe(12);
    expect(ema.report().diagnoses.map(({ updates }) => updates)).toEqual([0, 4, 7, 10]);
    ema.dispose();
  });

  it('looks after a load when it would have without the interruption', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'tfjs-ema-look-')), 'ema.safetensors');
    const model = lineModel();
    const options = { decays: 0.9, updateEvery: 1, diagnoseEvery: 4, engine, ...quiet };
    const saved = new WeightEma(tf, options).attach(model);
    for (let step = 1; step <= 6; step += 1) saved.update();
    await saved.saveCheckpoint(path);
    const ema = new WeightEma(tf, options).attach(model);
    await ema.loadCheckpoint(path);
    for (let step = 7; step <= 12; step += 1) ema.update();
    expect(ema.report().diagnoses.map(({ updates }) => updates)).toEqual([0, 8, 12]);
    for (const one of [saved, ema]) one.dispose();
    rmSync(dirname(path), { recursive: true });
  });

  it('forgets the look of an attach that failed', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'tfjs-ema-look-')), 'ema.safetensors');
    const options = { decays: 0.9, diagnoseEvery: 2, engine, ...quiet };
    const model = lineModel();
    const saved = new WeightEma(tf, options).attach(model);
    await saved.saveCheckpoint(path);
    const ema = new WeightEma(tf, options);
    await ema.loadCheckpoint(path);
    thrownBy(() => ema.attach(denseModel()), 'CHECKPOINT');
    ema.attach(model);
    expect(ema.report().diagnoses).toHaveLength(1);
    for (const one of [saved, ema]) one.dispose();
    rmSync(dirname(path), { recursive: true });
  });

  it('warns once of what is wrong, however often it looks', () => {
    const model = lineModel();
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1, diagnoseEvery: 1, engine, ...quiet }).attach(model);
    for (const value of [1.1, 15, 20, Number.NaN, Number.NaN]) {
      assign(model.weights[0], () => tf.tensor2d([[value]]));
      ema.update();
    }
    expect(ema.warnings).toHaveLength(2);
    expect(ema.warnings[0]).toMatch(/has grown 15-fold since step 0/);
    expect(ema.warnings[1]).toMatch(/1 of 1 weights are NaN or infinite at step 4/);
    expect(ema.diagnose().health.length).toBeGreaterThan(0);
    ema.dispose();
  });

  it('does not mind averages that equal the weights because they were just made equal', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'tfjs-ema-look-')), 'ema.safetensors');
    const model = denseModel();
    const every = { updateEvery: 2, diagnoseEvery: 1, engine, ...quiet };
    const made = (options: EmaOptions) => new WeightEma(tf, { ...every, ...options }).attach(model);
    const [started, one] = [made({ decays: [0.9, 0.99], start: 4 }), made({ decays: 0.9 })];
    const all = [started, one, made({ decays: 'uniform' }), made({ decays: 0 })];
    for (let step = 1; step <= 6; step += 1) {
      setRandomWeights(model, step);
      for (const ema of all) {
        ema.update();
        ema.diagnose();
      }
    }
    started.reset();
    started.diagnose();
    one.putBack(0.9);
    one.diagnose();
    await one.saveCheckpoint(path);
    const loaded = made({ decays: 0.9 });
    await loaded.loadCheckpoint(path);
    loaded.diagnose();
    // In the warm-up the two are one average, so that both equal what one of them gave the weights.
    const alike = made({ decays: [0.9, 0.99], warmup: 'paper' });
    setRandomWeights(model, 5);
    for (let step = 1; step <= 2; step += 1) alike.update();
    alike.putBack(0.99);
    alike.diagnose();
    for (const ema of [...all, loaded, alike])
      expect(ema.warnings.filter((text) => text.includes('equals the weights'))).toEqual([]);
    // A step of weights that stand still is another matter.
    alike.update();
    expect(alike.diagnose().health).toContainEqual(expect.stringMatching(/equals the weights to the bit/));
    for (const ema of [...all, loaded, alike]) ema.dispose();
    rmSync(dirname(path), { recursive: true });
  });

  it('advises compensation where float32 loses the steps, and not with compensation', () => {
    const health = (precision: 'fp32' | 'compensated') => {
      const model = lineModel();
      const options = { decays: 0.99999, updateEvery: 1, warmup: 'none', precision, engine, ...quiet } as const;
      const ema = new WeightEma(tf, options).attach(model);
      assign(model.weights[0], () => tf.tensor2d([[1.001]]));
      ema.update();
      const found = ema.diagnose().health.filter((text) => text.includes('compensated'));
      ema.dispose();
      return found;
    };
    expect(health('fp32')).toEqual([expect.stringMatching(/100 % of its elements/)]);
    expect(health('compensated')).toEqual([]);
  });
});

describe('diagnose', () => {
  it('is the same on both engines', () => {
    const [native, js] = engines.map((engine) => {
      const model = denseModel();
      const ema = new WeightEma(tf, { decays: [0.9, 0.99, 0.999], updateEvery: 1, engine, ...quiet }).attach(model);
      setRandomWeights(model, 5);
      ema.update();
      const { total } = ema.diagnose();
      ema.dispose();
      return total;
    });
    expect(native?.averages).toHaveLength(3);
    native?.averages.forEach((figures, k) => {
      for (const [name, value] of Object.entries(figures)) {
        // One alpha (w - s) that js rounds and native does not: an ulp of each element.
        const other = Object.entries(js?.averages[k] ?? {}).find(([key]) => key === name)?.[1] ?? Number.NaN;
        expect(Math.abs(value - other), name).toBeLessThanOrEqual(4e-7 * Math.abs(value));
      }
    });
  });

  it('is refused inside of use(), before attach and after dispose', () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1, ...quiet });
    thrownBy(() => ema.diagnose(), 'NOT_ATTACHED');
    ema.attach(model);
    ema.update();
    ema.use(0.9, () => thrownBy(() => ema.diagnose(), 'SWAPPED_IN'));
    ema.dispose();
    thrownBy(() => ema.diagnose(), 'DISPOSED');
    thrownBy(() => new WeightEma(tf, { diagnoseEvery: 0 }), 'INVALID_ARGUMENT');
  });

  it('is offered by the callback, which looks while fit trains', async () => {
    const { x, y } = data(64);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, diagnoseEvery: 2, ...quiet });
    await model.fit(x, y, { epochs: 2, batchSize: 16, verbose: 0, callbacks: [ema.callback()] });
    expect(ema.report().diagnoses.map(({ updates }) => updates)).toEqual([0, 2, 4, 6, 8]);
    expect(ema.diagnose().layers.length).toBe(3);
    ema.dispose();
  });
});
