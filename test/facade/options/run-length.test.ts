// The length of a run: what fit tells of it, decays in its units, and warnings of averages that it is too short for.

import { afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, WeightEma } from '../../../src/index.js';
import { resolveOptions } from '../../../src/options/options.js';
import { foresee, runOfFit } from '../../../src/options/run-length.js';
import { Schedule } from '../../../src/schedule/schedule.js';
import { thrownBy } from '../../support/expect.js';
import { data, denseModel, lineModel, tf } from '../../support/models.js';
import { at } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };

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
    const [warning, ...more] = warnings({ decays: [0.9, 0.9999], warmup: 'none', run: { totalSteps: 1000 } });
    // 0.9999 ** 1000 = 0.905 of the start is left; half-lives up to 1000 * ln 2 / ln 100 = 150 forget it.
    expect(warning).toMatch(
      /^too high a decay for 1000 steps .*average of 0\.9999 still holds 90 % .*half-life of at most 150 steps, or the warm-up/,
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

  it('is heard when fit begins', async () => {
    const { x, y } = data(16);
    const ema = new WeightEma(tf, { decays: 0.9999, warmup: 'none', ...quiet });
    await denseModel().fit(x, y, { epochs: 1, batchSize: 8, verbose: 0, callbacks: [ema.callback()] });
    expect(ema.warnings).toEqual([expect.stringMatching(/still holds 100 %/)]);
    ema.dispose();
  });
});
