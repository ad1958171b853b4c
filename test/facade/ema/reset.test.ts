// Averages that begin anew: as fresh ones, to the bit, in all that they do afterwards.
// In every state: states.test.ts.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, WeightEma } from '../../../src/index.js';
import { synthesize } from '../../../src/search.js';
import { thrownBy } from '../../support/expect.js';
import { assign, data, denseModel, setRandomWeights, tf, valuesOf, weightValues } from '../../support/models.js';
import { at, bits, maxDifference } from '../../support/oracle.js';

const folder = mkdtempSync(join(tmpdir(), 'reset-'));

afterEach(() => {
  tf.disposeVariables();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function averagesOf(ema: WeightEma): number[][][] {
  return ema.decays.map((_, index) => {
    const tensors = ema.read({ index });
    const values = Object.values(valuesOf(tensors)).map((one) => Array.from(bits(one)));
    tf.dispose(tensors);
    return values;
  });
}

describe.each(['native', 'js'] as const)('reset, engine %s', (engine) => {
  let asked = 0;
  const decays = [
    ...[0.5, 0.9, 'uniform', { relativeWidth: 0.1 }, { halfLife: { soFar: 0.05 } }],
    (step: number) => 1 - (step + 1) ** -0.7,
  ] as const;
  const make = (options: EmaOptions = {}) =>
    new WeightEma(tf, { decays, updateEvery: 3, engine, onWarning: () => undefined, ...options } as EmaOptions);

  it.each<EmaOptions>([
    {},
    { start: 5 },
    { precision: 'compensated', warmup: 'none' },
    { warmup: 'zero-debias', layerDecays: [{ match: /bias/, decay: 0.3 }] },
    { warmup: { cap: 'paper', by: 'steps' } },
  ])('lets averages be those of a fresh object from there on, to the bit: %j', async (options) => {
    const model = denseModel();
    const ema = make(options).attach(model);
    const step = (seed: number, ...objects: WeightEma[]) => {
      setRandomWeights(model, seed);
      for (const one of objects) one.update();
    };
    for (let seed = 1; seed <= 14; seed += 1) step(seed, ema);
    ema.diagnose();
    const { numTensors } = tf.memory();
    ema.reset();
    expect(tf.memory().numTensors).toBe(numTensors);
    const fresh = make(options).attach(model);
    // It waits for its start with copies of the same weights.
    for (let wait = 0; wait < Number(options.start ?? 0); wait += 1) fresh.update();
    const path = join(folder, 'checkpoint');
    const resumed = make(options).attach(model);
    for (let seed = 15; seed <= 40; seed += 1) {
      expect([ema.steps, ema.updates]).toEqual([fresh.steps, fresh.updates]);
      expect(averagesOf(ema)).toEqual(averagesOf(fresh));
      if (seed === 24) await ema.saveCheckpoint(path);
      step(seed, ema, fresh);
    }
    await resumed.loadCheckpoint(path);
    for (let seed = 24; seed <= 40; seed += 1) step(seed, resumed);
    expect(averagesOf(resumed)).toEqual(averagesOf(ema));
    expect(ema.diagnose()).toEqual(fresh.diagnose());
    if (options.layerDecays === undefined) {
      const [own, other] = [synthesize(ema, 0.7), synthesize(fresh, 0.7)];
      expect(own.bound).toBe(other.bound);
      tf.dispose([own.tensors, other.tensors]);
    }
    for (const one of [ema, fresh, resumed]) one.dispose();
  });

  it.each<EmaOptions>([
    {},
    { start: 5 },
    { precision: 'compensated', warmup: 'none' },
    { warmup: 'zero-debias', layerDecays: [{ match: /bias/, decay: 0.3 }] },
    { warmup: { cap: 'paper', by: 'steps' } },
  ])('lets some averages be those of a fresh object, and leaves the others, to the bit: %j', async (options) => {
    const model = denseModel();
    const [ema, untouched, resumed] = [0, 1, 2].map(() => make(options).attach(model)) as [
      WeightEma,
      WeightEma,
      WeightEma,
    ];
    const step = (seed: number, ...objects: WeightEma[]) => {
      setRandomWeights(model, seed);
      for (const one of objects) one.update();
    };
    // A step at which an update is due: a fresh object then moves at the same steps.
    const start = Number(options.start ?? 0);
    const last = start + 9;
    for (let seed = 1; seed <= last; seed += 1) step(seed, ema, untouched);
    ema.diagnose();
    const { numTensors } = tf.memory();
    ema.reset([0.9, 'uniform', { index: 5 }]);
    expect(tf.memory().numTensors).toBe(numTensors);
    const anew = [1, 2, 5];
    const fresh = make(options).attach(model);
    for (let wait = 0; wait < start; wait += 1) fresh.update();
    const path = join(folder, 'some');
    for (let seed = last + 1; seed <= last + 20; seed += 1) {
      const [own, others, news] = [averagesOf(ema), averagesOf(untouched), averagesOf(fresh)];
      expect(own).toEqual(own.map((_, k) => (anew.includes(k) ? news : others)[k]));
      expect([ema.steps, ema.updates]).toEqual([untouched.steps, untouched.updates]);
      if (seed === last + 8) await ema.saveCheckpoint(path);
      step(seed, ema, untouched, fresh);
    }
    const shares = ema.diagnose().initialShares;
    const [others, news] = [untouched.diagnose().initialShares, fresh.diagnose().initialShares];
    shares.forEach((share, k) => {
      // Of a fresh one that waited for its start, nothing is left of the weights at attach.
      if (!anew.includes(k) || start === 0) expect(share).toBeCloseTo(at(anew.includes(k) ? news : others, k), 12);
    });
    await resumed.loadCheckpoint(path);
    for (let seed = last + 8; seed <= last + 20; seed += 1) step(seed, resumed);
    expect(averagesOf(resumed)).toEqual(averagesOf(ema));
    expect(resumed.diagnose().initialShares).toEqual(shares);
    const { message } = thrownBy(() => ema.use({ synthesized: 0.7 }, () => undefined), 'INVALID_ARGUMENT');
    if (options.layerDecays === undefined) expect(message).toMatch(/averages that began together/);
    ema.reset();
    if (options.layerDecays === undefined) ema.use({ synthesized: 0.7 }, () => undefined);
    for (const one of [ema, untouched, resumed, fresh]) one.dispose();
  });

  it('begins one average between two updates: steps from before it are not its own', () => {
    const model = denseModel();
    const ema = make({ decays: ['uniform', 0.5], updateEvery: 4, warmup: 'none' }).attach(model);
    const steps: number[][] = [];
    for (let seed = 1; seed <= 14; seed += 1) {
      setRandomWeights(model, seed);
      ema.update();
      steps.push(Array.from(at(weightValues(model), 0)));
      if (seed !== 6) continue;
      const before = averagesOf(ema);
      ema.reset('uniform');
      expect(averagesOf(ema)[1]).toEqual(before[1]);
      expect(averagesOf(ema)[0]).toEqual(weightValues(model).map((values) => Array.from(bits(values))));
    }
    const tensors = ema.read('uniform');
    // Updates at 8, 12 and, looked ahead to, 14: of 2, 4 and 2 steps since the reset.
    Object.values(valuesOf(tensors))[0]?.forEach((value, j) => {
      const exact = (2 * at(at(steps, 7), j) + 4 * at(at(steps, 11), j) + 2 * at(at(steps, 13), j)) / 8;
      expect(Math.abs(value - exact)).toBeLessThan(2 ** -22);
    });
    tf.dispose(tensors);
    thrownBy(() => ema.reset(0.123), 'INVALID_ARGUMENT');
    ema.dispose();
  });

  it('gives the plain mean of each window of a run', () => {
    const model = denseModel();
    const ema = make({ decays: 'uniform', updateEvery: 1 }).attach(model);
    for (const window of [0, 1, 2]) {
      const sums = model.weights.map((weight) => new Float64Array(weight.read().size));
      for (let step = 1; step <= 5; step += 1) {
        setRandomWeights(model, 10 * window + step);
        ema.update();
        weightValues(model).forEach((values, i) => {
          values.forEach((value, j) => {
            at(sums, i)[j] = (at(sums, i)[j] ?? 0) + value / 5;
          });
        });
      }
      const mean = ema.read('uniform');
      Object.values(valuesOf(mean)).forEach((values, i) => {
        expect(maxDifference(values, at(sums, i))).toBeLessThan(5 * 2 ** -22);
      });
      tf.dispose(mean);
      ema.reset();
    }
    ema.dispose();
  });

  it('asks functions anew for steps of the same number, and changes nothing before the start', () => {
    const model = denseModel();
    asked = 0;
    const ema = make({ decays: [() => ++asked / 10], updateEvery: 1, start: 2 }).attach(model);
    const step = (seed: number) => {
      setRandomWeights(model, seed);
      ema.update();
    };
    step(1);
    ema.reset();
    expect([ema.steps, asked]).toEqual([1, 0]);
    step(2);
    step(3);
    expect([ema.steps, asked]).toEqual([3, 1]);
    ema.reset();
    expect([ema.steps, ema.updates]).toEqual([2, 1]);
    step(4);
    expect([ema.steps, asked]).toEqual([3, 2]);
    ema.dispose();
  });

  it('is refused while weights are not finite, where policy says so, and then changes nothing', () => {
    const model = denseModel();
    const ema = make({ decays: 0.5, updateEvery: 2, nonFinite: 'skip' }).attach(model);
    for (const seed of [1, 2, 3]) {
      setRandomWeights(model, seed);
      ema.update();
    }
    assign(model.weights[1], () => tf.fill([8], Number.NaN));
    const before = averagesOf(ema);
    const { message } = thrownBy(() => ema.reset(), 'NON_FINITE');
    expect(message).toMatch(/^reset: weight '.*bias' holds NaN .* Reset once they are finite again\.$/);
    expect([averagesOf(ema), ema.steps, ema.updates]).toEqual([before, 3, 1]);
    ema.dispose();
  });

  it('keeps best averages, and goes on in the next fit', async () => {
    const { x, y } = data(32);
    const model = denseModel();
    const ema = make({ decays: [0.5, 'uniform'], updateEvery: 1 });
    const fit = (callback = ema.callback({ validationData: [x, y] })) =>
      model.fit(x, y, { epochs: 1, batchSize: 8, verbose: 0, shuffle: false, callbacks: [callback] });
    await fit();
    const [bests, engineOf] = [ema.bests, ema.engine];
    ema.reset();
    expect([ema.bests, ema.engine]).toEqual([bests, engineOf]);
    await fit();
    expect([ema.steps, ema.updates, ema.validations.length]).toEqual([4, 4, 2]);
    ema.dispose();
    tf.dispose([x, y]);
  });
});
