// The length of a run: what fit tells of it, decays in its units, and warnings of averages that it is too short for.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, WeightEma } from '../../../src/index.js';
import { resolveOptions } from '../../../src/options/options.js';
import { foresee, runOfFit } from '../../../src/options/run-length.js';
import { Schedule } from '../../../src/schedule/schedule.js';
import { thrownBy } from '../../support/expect.js';
import { data, denseModel, lineModel, tf } from '../../support/models.js';
import { at } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };
/** What averages that grow with the run are called. */
const ANYTIME = [...[0.00639, 0.0128, 0.0256, 0.0512, 0.102].map((share) => `window${share}soFar`), 'width0.2'];

afterEach(() => {
  tf.disposeVariables();
});

describe('runOfFit', () => {
  it('counts the last, smaller batch of an epoch', () => {
    expect(runOfFit({ epochs: 3, samples: 50, steps: null, batchSize: 16 })).toEqual({
      batchSize: 16,
      stepsPerEpoch: 4,
      totalSteps: 12,
    });
  });

  it('knows of a data set what it was told', () => {
    expect(runOfFit({ epochs: 3, samples: null, steps: 7, batchSize: null })).toEqual({
      stepsPerEpoch: 7,
      totalSteps: 21,
    });
    expect(runOfFit({ epochs: 3, samples: null, steps: null, batchSize: null })).toEqual({});
  });

  it('counts the epochs from initialEpoch on, and all of them where a checkpoint is gone on from', () => {
    const fit = { epochs: 10, initialEpoch: 4, samples: 64, steps: null, batchSize: 16 };
    expect(runOfFit(fit)).toMatchObject({ stepsPerEpoch: 4, totalSteps: 24 });
    expect(runOfFit(fit, true)).toMatchObject({ stepsPerEpoch: 4, totalSteps: 40 });
    expect(runOfFit({ ...fit, initialEpoch: 0 })).toMatchObject({ totalSteps: 40 });
    // Nothing is left to train.
    expect(runOfFit({ ...fit, initialEpoch: 10 })).toEqual({ batchSize: 16, stepsPerEpoch: 4 });
  });

  it('is what fit says of itself: a share of a run that begins at initialEpoch is one of the epochs that are trained', async () => {
    const { x, y } = data(64);
    const fit = { epochs: 10, initialEpoch: 5, batchSize: 16, verbose: 0 as const };
    const ema = new WeightEma(tf, { decays: { window: { fraction: 0.5 } }, ...quiet });
    await denseModel().fit(x, y, { ...fit, callbacks: [ema.callback()] });
    expect([ema.steps, ema.decays]).toEqual([20, [0.9]]);
    ema.dispose();
  });

  it('is the whole run where a checkpoint of its first epochs is loaded', async () => {
    const { x, y } = data(64);
    const folder = mkdtempSync(join(tmpdir(), 'run-length-'));
    const model = denseModel();
    const make = () => new WeightEma(tf, { decays: { window: { fraction: 0.5 } }, ...quiet });
    const fit = { batchSize: 16, verbose: 0 as const };
    const first = make();
    let isStopped = false;
    const stop = new tf.CustomCallback({
      onEpochEnd: async (epoch) => {
        if (epoch !== 1) return;
        model.stopTraining = true;
        isStopped = true;
      },
    });
    await model.fit(x, y, { ...fit, epochs: 10, callbacks: [first.callback(), stop] });
    expect([isStopped, first.steps, first.decays]).toEqual([true, 8, [0.95]]);
    await first.saveCheckpoint(join(folder, 'ema'));
    const second = make();
    await second.loadCheckpoint(join(folder, 'ema'));
    await model.fit(x, y, { ...fit, epochs: 10, initialEpoch: 2, callbacks: [second.callback()] });
    expect([second.steps, second.decays, second.warnings]).toEqual([40, [0.95], []]);
    for (const ema of [first, second]) ema.dispose();
    rmSync(folder, { recursive: true });
  });
});

describe('a run of very many steps', () => {
  it('is foreseen by a million updates at most, and what would help too', () => {
    let asked = 0;
    const warmup = (): number => {
      asked += 1;
      return 1;
    };
    const options = { decays: 0.9999999, updateEvery: 16, run: { totalSteps: 1.6e7 }, warmup, ...quiet };
    const ema = new WeightEma(tf, options).attach(denseModel());
    expect(ema.warnings).toEqual([
      expect.stringMatching(/still holds 20 % .* Use a half-life of at most 2400000 steps\.$/),
    ]);
    expect(asked).toBeGreaterThan(1e6 - 1);
    expect(asked).toBeLessThan(1.01e6);
    ema.dispose();
  });
});

describe('a run shorter than one update', () => {
  it('asks a warm-up function for nothing before its first tick, and lets fit run', async () => {
    const { x, y } = data(32);
    const asked: number[] = [];
    const warmup = (t: number) => {
      asked.push(t);
      return 1 - 1 / (t + 2);
    };
    const ema = new WeightEma(tf, { decays: 0.9, warmup, ...quiet });
    await denseModel().fit(x, y, { epochs: 1, batchSize: 8, verbose: 0, callbacks: [ema.callback()] });
    expect(ema.steps).toBe(4);
    expect(Math.min(0, ...asked)).toBe(0);
    ema.dispose();
  });

  it('leaves an object whose attach failed as it was: the length of the run too', () => {
    const ema = new WeightEma(tf, { decays: [{ halfLife: { epochs: 1 } }], ...quiet });
    const unbuilt = tf.sequential({ layers: [tf.layers.flatten({ inputShape: [2, 1] })] });
    thrownBy(() => ema.attach(unbuilt, { stepsPerEpoch: 10 }), 'MODEL_NOT_BUILT');
    expect([ema.engine, ema.decays]).toEqual([undefined, []]);
    ema.attach(denseModel(), { stepsPerEpoch: 1000 });
    expect(ema.decays).toEqual([2 ** (-1 / 1000)]);
    ema.dispose();
  });
});

describe('the default decays', () => {
  it.each([
    [1, 1],
    [5, 1],
    [20, 1],
    [100, 3],
    [400, 5],
    [5000, 5],
  ])('in a fit of %i steps are %i averages, without a warning, under short names', async (steps, count) => {
    const x = tf.ones([Math.min(steps, 100), 1]);
    const ema = new WeightEma(tf, { onWarning: (message) => expect.fail(message) });
    const { history } = await lineModel(0.01).fit(x, x, {
      epochs: steps / x.shape[0],
      batchSize: 1,
      verbose: 0,
      callbacks: [ema.callback({ validationData: [x, x], batchSize: 100 })],
    });
    expect([ema.steps, ema.labels.length, ema.warnings]).toEqual([steps, count, []]);
    expect(ema.updates).toBeGreaterThanOrEqual(Math.min(steps, 4));
    expect(new Set(ema.labels).size).toBe(count);
    for (const label of ema.labels) {
      expect(label.length).toBeLessThanOrEqual('0.99999'.length);
      expect(history[`val_ema_${label}_loss`]).toHaveLength(steps / x.shape[0]);
      // A name is the average's.
      tf.dispose(ema.read(Number(label)));
    }
    // The paper's shares, where an average has at least two steps.
    const windows = [500, 1000, 2000, 4000, 8000].map((window) => (steps * window) / 78_200);
    const long = windows.filter((window) => window >= 2);
    if (long.length > 0) expect(long).toHaveLength(count);
    long.forEach((window, index) => {
      const alpha = 1 - at(ema.decays, index);
      expect(Math.abs(alpha - 1 / window)).toBeLessThan(0.005 / window);
    });
    ema.dispose();
    x.dispose();
  });

  it('in a loop whose length nobody says are shares of the steps so far', () => {
    const ema = new WeightEma(tf, { onWarning: (message) => expect.fail(message) });
    expect([ema.decays, ema.labels]).toEqual([[], []]);
    ema.attach(lineModel());
    expect(ema.labels).toEqual(ANYTIME);
    for (let step = 1; step <= 32; step += 1) ema.update();
    expect(ema.updates).toBe(2);
    ema.dispose();
  });

  it('in a loop of a length that attach or the option run says are shares of it', () => {
    const model = lineModel();
    const [given, told] = [new WeightEma(tf, { run: { totalSteps: 400 } }), new WeightEma(tf)];
    told.attach(model, { totalSteps: 400 });
    expect(given.decays).toEqual(told.decays);
    expect(given.decays).toHaveLength(5);
    for (const ema of [given, told]) ema.dispose();
  });

  it('in a fit of a data set that does not say its size are shares of the steps so far', async () => {
    const ema = new WeightEma(tf, { ...quiet });
    const dataset = tf.data.generator(function* () {
      for (let i = 0; i < 3; i += 1) yield { xs: tf.ones([1, 1]), ys: tf.ones([1, 1]) };
    });
    await lineModel().fitDataset(dataset, { epochs: 1, verbose: 0, callbacks: [ema.callback()] });
    expect([ema.steps, ema.labels]).toEqual([3, ANYTIME]);
    ema.dispose();
  });
});

describe('a further fit', () => {
  const again = async (options: EmaOptions) => {
    const { x, y } = data(32);
    const model = denseModel();
    const ema = new WeightEma(tf, { ...options, ...quiet });
    const fit = { epochs: 2, batchSize: 8, verbose: 0 as const };
    await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    const before = ema.warnings.length;
    for (let i = 0; i < 2; i += 1) await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    expect(ema.steps).toBe(24);
    const warnings = ema.warnings.slice(before);
    ema.dispose();
    return warnings;
  };

  it.each<EmaOptions>([{}, { decays: { halfLife: { fraction: 0.1 } } }, { decays: 0.5, start: { fraction: 0.5 } }])(
    'is warned of once where %j is a share of the first, with what to write',
    async (options) => {
      expect(await again(options)).toEqual([
        expect.stringMatching(/from the first fit, 8 steps, and training goes on: .*run: \{ totalSteps \}\.$/),
      ]);
    },
  );

  it.each<EmaOptions>([
    { decays: 0.9 },
    { decays: { halfLife: { epochs: 0.5 } } },
    { run: { totalSteps: 24 } },
    { decays: 0.5, start: { epochs: 1 } },
  ])('is not, where nothing is: %j', async (options) => {
    expect(await again(options)).toEqual([]);
  });
});

describe('decays in units of the run', () => {
  it('are settled by fit: a window of half an epoch, of 24 samples, of a share of the run', async () => {
    const { x, y } = data(64);
    const decays = [{ window: { epochs: 0.5 } }, { window: { samples: 48 } }, { halfLife: { fraction: 0.5 } }, 0.25];
    const ema = new WeightEma(tf, { decays, ...quiet });
    expect([ema.decays, ema.labels]).toEqual([[], []]);
    await denseModel().fit(x, y, { epochs: 2, batchSize: 8, verbose: 0, callbacks: [ema.callback()] });
    // 8 steps an epoch, 16 in all: windows of 4 and 6 steps, a half-life of 8.
    expect(ema.decays).toEqual([0.75, 1 - 1 / 6, 2 ** (-1 / 8), 0.25]);
    ema.dispose();
  });

  it("are settled by fitDataset with batchesPerEpoch, and 'auto' by the steps of the run", async () => {
    const { x, y } = data(64);
    const dataset = tf.data.zip({ xs: tf.data.array([x]), ys: tf.data.array([y]) }).repeat();
    const ema = new WeightEma(tf, { decays: 'auto', ...quiet });
    const fit = { epochs: 2, batchesPerEpoch: 100, verbose: 0 as const, callbacks: [ema.callback()] };
    await denseModel().fitDataset(dataset as never, fit);
    // The paper's 0.64 % of 200 steps are less than two, and left out; the others to three digits.
    const windows = [1000, 2000, 4000, 8000].map((steps) => (200 * steps) / 78_200);
    expect(ema.decays).toHaveLength(4);
    ema.decays.forEach((decay, index) => {
      const alpha = 1 / at(windows, index);
      expect(Math.abs(1 - decay - alpha)).toBeLessThan(0.005 * alpha);
      expect(`${decay}`.length).toBeLessThanOrEqual('0.1234'.length);
    });
    ema.dispose();
  });

  it('are refused at attach where nobody says how long the run is, and nothing is attached', () => {
    const model = lineModel();
    const ema = new WeightEma(tf, { decays: 'auto' });
    const { message } = thrownBy(() => ema.attach(model), 'INVALID_ARGUMENT');
    expect(message).toMatch(/^totalSteps: expected a number above 0, because decays is given as a share of the run/);
    expect(ema.engine).toBeUndefined();
    expect(ema.attach(model, { totalSteps: 1000 }).decays).toHaveLength(5);
    ema.dispose();
  });

  it('go by the option run before what is given at attach', () => {
    const ema = new WeightEma(tf, { decays: { window: { fraction: 0.5 } }, run: { totalSteps: 20 }, ...quiet });
    expect(ema.decays).toEqual([0.9]);
    expect(ema.attach(lineModel(), { totalSteps: 1000 }).decays).toEqual([0.9]);
    ema.dispose();
  });
});

describe('foresee', () => {
  const warnings = (options: EmaOptions) => {
    const resolved = resolveOptions(options);
    return foresee(new Schedule(resolved), resolved);
  };

  it('timm 1182, mmpretrain 870: a decay too high for the run is named, with the half-life that would do', () => {
    const decays = [0.9, 0.995, 0.997, 0.9999];
    const [warning, ...more] = warnings({ decays, warmup: 'none', run: { totalSteps: 1000 } });
    // Of the start 0.995 ** 1000 = 0.0067 is left, below 1 %, but 0.997 ** 1000 = 0.0496 and 0.9999 ** 1000 = 0.905.
    // Half-lives up to 1000 * ln 2 / ln 100 = 150 forget it.
    expect(warning).toMatch(
      /^too high a decay for 1000 steps .*average of 0\.997 still holds 5 %, 0\.9999 still holds 90 % .*half-life of at most 150 steps, or the warm-up/,
    );
    expect(more).toEqual([]);
  });

  it('names the decays that the warm-up makes one average', () => {
    const options = { decays: [0.9, 0.9995, 0.999875], updateEvery: 16, run: { totalSteps: 1600 } };
    const [warning] = warnings(options);
    // 100 updates: a cap of 100 / 109 = 0.917; 0.9995 ** 16 = 0.992 is above it, 0.9 ** 16 below.
    expect(warning).toMatch(
      /does not end in 100 updates, so after them decays 0\.9995 and 0\.999875 are one and the same/,
    );
  });

  it('is silent about a long run, an unknown one, and one that would take long to foresee', () => {
    expect(warnings({ run: { totalSteps: 200_000 } })).toEqual([]);
    expect(warnings({ decays: 0.9999, warmup: 'none' })).toEqual([]);
    expect(warnings({ decays: 1 - 1e-12, warmup: 'none', updateEvery: 1, run: { totalSteps: 1e8 } })).toEqual([]);
  });

  it('names a decay that keeps less than half at a step, as a share of the new weights would be', () => {
    const [warning, ...more] = warnings({ decays: [0.001, 0.9] });
    expect(warning).toMatch(/^decay 0\.001 is the share of an average that a step keeps: .*the decay is 0\.999\.$/);
    expect(more).toEqual([]);
    expect(warnings({ decays: [0, 0.5] })).toEqual([]);
  });

  it('is heard when fit begins', async () => {
    const { x, y } = data(16);
    const ema = new WeightEma(tf, { decays: 0.9999, warmup: 'none', ...quiet });
    await denseModel().fit(x, y, { epochs: 1, batchSize: 8, verbose: 0, callbacks: [ema.callback()] });
    expect(ema.warnings).toEqual([expect.stringMatching(/still holds 100 %/)]);
    ema.dispose();
  });
});

describe('attach before fit', () => {
  const { x, y } = data(400);
  const fit = { epochs: 2, batchSize: 4, verbose: 0 } as const;
  const silent = { onWarning: () => undefined };

  it('leaves lengths that it cannot know to fit, and keeps the model that it was given', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, silent).attach(model);
    const tensors = tf.memory().numTensors;
    expect(ema.labels).toEqual(ANYTIME);
    const alone = new WeightEma(tf, silent);
    const other = denseModel();
    await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    await other.fit(x, y, { ...fit, callbacks: [alone.callback()] });
    expect([ema.decays, ema.warnings]).toEqual([alone.decays, []]);
    expect(ema.decays[0]).toBeLessThan(0.7);
    expect(ema.use({ index: 0 }, (used) => used)).toBe(model);
    ema.dispose();
    alone.dispose();
    expect(tensors).toBeGreaterThan(0);
  });

  it.each([
    ['as an option', { run: { totalSteps: 5000 } }, {}],
    ['at attach', {}, { totalSteps: 5000 }],
    ['by decays', { decays: [0.9, 0.99] }, {}],
  ] as const)('keeps what was said of the run %s', async (_, options, run) => {
    const model = denseModel();
    const ema = new WeightEma(tf, { ...options, ...silent }).attach(model, run);
    const { decays } = ema;
    await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    expect(ema.decays).toEqual(decays);
    ema.dispose();
  });

  it('is as it was where fit cannot begin', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { ...silent, start: { epochs: 1 }, run: { stepsPerEpoch: 3 } }).attach(model);
    await expect(
      model.fit(x, y, { ...fit, callbacks: [ema.callback({ validationData: [x, y], monitor: 'val_none' })] }),
    ).rejects.toThrow(/monitor/);
    ema.update();
    expect(ema.steps).toBe(1);
    ema.dispose();
  });
});
