// Where averaging starts, and other lengths of the run in steps; the start end to end against float64 oracles.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, WeightEma, type Which } from '../../../src/index.js';
import { checkRun, inSteps, withRun } from '../../../src/options/lengths.js';
import { resolveOptions } from '../../../src/options/options.js';
import { settled } from '../../../src/options/run-length.js';
import { rejectionOf, thrownBy } from '../../support/expect.js';
import { data, denseModel, setRandomWeights, tf, valuesOf, weightValues } from '../../support/models.js';
import { at, maxDifference, Oracle, paperDecay } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };
const folder = mkdtempSync(join(tmpdir(), 'start-'));

afterEach(() => {
  tf.disposeVariables();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('inSteps', () => {
  const specs = (start: EmaOptions['start']) =>
    resolveOptions({ decays: 0.9, ...(start !== undefined && { start }) }).specs;
  const run = { stepsPerEpoch: 50, batchSize: 8, totalSteps: 1000 };

  it.each([
    [undefined, 0],
    [0, 0],
    [7, 7],
    [{ steps: 7 }, 7],
    [{ epochs: 2 }, 100],
    [{ epochs: 0.25 }, 13],
    [{ samples: 80 }, 10],
    [{ fraction: 0.75 }, 750],
  ] as const)('takes start %j for step %i', (start, step) => {
    expect(inSteps(specs(start), run).startStep).toBe(step);
  });

  it('waits for the run where a unit needs it, says what is missing, and then is that epoch', () => {
    const open = specs({ epochs: 1 });
    expect(withRun(open, {}).decays).toEqual([]);
    expect(withRun(open, { stepsPerEpoch: 3 }).startStep).toBe(3);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.99, start: { epochs: 1 }, ...quiet });
    expect(thrownBy(() => ema.attach(model), 'INVALID_ARGUMENT').message).toMatch(/^stepsPerEpoch: .*start is given/);
    ema.attach(model, { stepsPerEpoch: 3 });
    const started = [1, 2, 3, 4].map((step) => {
      setRandomWeights(model, step);
      ema.update();
      const tensors = ema.read({ index: 0 });
      const isCopy = JSON.stringify(Object.values(valuesOf(tensors))) === JSON.stringify(weightValues(model));
      tf.dispose(tensors);
      return !isCopy;
    });
    expect(started).toEqual([false, false, false, true]);
    ema.dispose();
  });

  it.each([-1, Number.NaN, '5', { days: 3 }, { fraction: 2 }, null])('refuses start %j', (start) => {
    const { message } = thrownBy(() => resolveOptions({ start: start as number }), 'INVALID_ARGUMENT');
    expect(message).toMatch(/^start/);
  });

  it('checks the run', () => {
    expect(checkRun(run)).toBe(run);
    expect(thrownBy(() => checkRun({ totalSteps: -1 }), 'INVALID_ARGUMENT').message).toMatch(/^run\.totalSteps/);
  });
});

describe.each(['native', 'js'] as const)('start, engine %s', (engine) => {
  const T = 4;
  const start = 10;
  const decays = [0.6, 0.97, 'uniform'] as const;
  const make = (options: EmaOptions = {}) =>
    new WeightEma(tf, { engine, decays, start, updateEvery: T, ...quiet, ...options });
  const read = (ema: WeightEma, which: Which) => {
    const tensors = ema.read(which);
    const values = Object.values(valuesOf(tensors));
    tf.dispose(tensors);
    return values;
  };
  const live = (model: ReturnType<typeof denseModel>) =>
    model.weights.map((weight) => Float32Array.from(weight.read().dataSync()));

  it.each(['none', 'paper', 'zero-debias'] as const)(
    'copies up to the start, and averages from there, warm-up %s included, as the oracle',
    (warmup) => {
      const model = denseModel();
      const ema = make({ warmup }).attach(model);
      for (let step = 1; step <= start; step += 1) {
        setRandomWeights(model, step);
        ema.update();
        // No move before the start, so that it costs nothing; and one at the start, though 10 is no multiple of 4.
        expect(ema.updates).toBe(step < start ? 0 : 1);
      }
      for (const which of decays) expect(read(ema, which)).toEqual(live(model));
      const oracles = decays.map(() => new Oracle(live(model)));
      for (let n = 1; n <= 6; n += 1) {
        for (let step = 1; step <= T; step += 1) {
          setRandomWeights(model, 100 * n + step);
          ema.update();
        }
        const decayOf = (decay: number) => {
          if (warmup === 'none') return decay ** T;
          if (warmup === 'paper') return paperDecay(decay, T, n - 1);
          return 1 - (1 - decay ** T) / (1 - decay ** (T * n));
        };
        decays.forEach((decay, k) => {
          at(oracles, k).update(live(model), decay === 'uniform' ? 1 - 1 / n : decayOf(decay));
        });
      }
      expect([ema.steps, ema.updates]).toEqual([start + 6 * T, 7]);
      decays.forEach((which, k) => {
        read(ema, which).forEach((values, i) => {
          expect(maxDifference(values, at(at(oracles, k).shadows, i))).toBeLessThan(6 * 2 ** -22);
        });
      });
      ema.dispose();
    },
  );

  it('reads the live weights before the start, and such a read changes nothing later', () => {
    const model = denseModel();
    const [ema, unread] = [make().attach(model), make().attach(model)];
    for (let step = 1; step <= 30; step += 1) {
      setRandomWeights(model, step);
      for (const each of [ema, unread]) each.update();
      if (step === 3 || step === 8) expect(read(ema, 0.97)).toEqual(live(model));
    }
    for (const which of decays) expect(read(ema, which)).toEqual(read(unread, which));
    for (const each of [ema, unread]) each.dispose();
  });

  it('is in the checkpoint: resumed before, at and after the start it goes on to the bit; another start is refused', async () => {
    const model = denseModel();
    const whole = make().attach(model);
    const path = (step: number) => join(folder, `${engine}-${step}.safetensors`);
    const splits = [2, 9, 10, 11, 25];
    for (let step = 1; step <= 33; step += 1) {
      setRandomWeights(model, step);
      whole.update();
      if (splits.includes(step)) await whole.saveCheckpoint(path(step));
    }
    for (const split of splits) {
      const resumed = make().attach(model);
      setRandomWeights(model, split);
      await resumed.loadCheckpoint(path(split));
      for (let step = split + 1; step <= 33; step += 1) {
        setRandomWeights(model, step);
        resumed.update();
      }
      for (const which of decays) expect(read(resumed, which)).toEqual(read(whole, which));
      expect([resumed.steps, resumed.updates]).toEqual([whole.steps, whole.updates]);
      resumed.dispose();
    }
    const other = make({ start: 12 }).attach(model);
    const { message } = await rejectionOf(other.loadCheckpoint(path(9)), 'CHECKPOINT');
    expect(message).toMatch(/option startStep was 10, now it is 12/);
    for (const each of [whole, other]) each.dispose();
  });

  it('is told apart from a start that never comes, and what the average holds is counted from it', () => {
    const model = denseModel();
    const never = make({ run: { totalSteps: 10 } }).attach(model);
    expect(never.warnings).toEqual([
      expect.stringMatching(/^start: averaging begins at step 10, after the 10 steps that are known of/),
    ]);
    const late = make({ decays: [0.999], warmup: 'none', run: { totalSteps: 110 } }).attach(model);
    expect(late.warnings).toEqual([
      expect.stringMatching(
        /^too high a decay for 100 steps of training: after them the average of 0\.999 still holds/,
      ),
    ]);
    for (const each of [never, late]) each.dispose();
  });
});

describe("updateEvery 'auto'", () => {
  const everyOf = (options: EmaOptions, run = {}) => settled(resolveOptions(options), run).updateEvery;

  it.each<[EmaOptions['decays'], every: number]>([
    // The window of the shortest, 1 / (1 - decay) steps, has at least four updates.
    [0, 1],
    [0.5, 1],
    [0.75, 1],
    [0.875, 2],
    [0.9375, 4],
    [[0.9375, 0.999], 4],
    [[0.9999, 0.875, 0.99], 2],
    [0.98, 12],
    [0.984375, 16],
    [[0.998, 0.999, 0.9995, 0.99975, 0.999875], 16],
    // No decay of others.
    ['uniform', 16],
    [[{ relativeWidth: 0.1 }, 0.875], 2],
    [1, 16],
    [undefined, 16],
  ])('of decays %j is %i steps', (decays, every) => {
    expect(everyOf(decays === undefined ? {} : { decays })).toBe(every);
    expect(everyOf({ ...(decays !== undefined && { decays }), updateEvery: 'auto' })).toBe(every);
    expect(everyOf({ ...(decays !== undefined && { decays }), updateEvery: 5 })).toBe(5);
  });

  it('is less in a run that is shorter than the window, counted from the start', () => {
    const run = { totalSteps: 40 };
    expect(everyOf({ decays: 0.999, run })).toBe(10);
    expect(everyOf({ decays: 0.999 }, run)).toBe(10);
    expect(everyOf({ decays: 0.999, run, start: { fraction: 0.5 } })).toBe(5);
    expect(everyOf({ decays: 0.875, run })).toBe(2);
    expect(everyOf({ decays: 'uniform', run: { totalSteps: 8 } })).toBe(2);
    expect(everyOf({ decays: 0.999, run: { totalSteps: 1 } })).toBe(1);
    // Of a start that never comes.
    expect(everyOf({ decays: 0.999, run, start: 100 })).toBe(1);
  });

  it('goes by the shortest of layerDecays too', () => {
    expect(everyOf({ decays: 0.999, layerDecays: [{ match: 'head', decay: 0.875 }] })).toBe(2);
  });

  it('is what updates go by, and what a report and a checkpoint say', () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: [0.9375, 0.99], ...quiet }).attach(model);
    for (let step = 1; step <= 11; step += 1) ema.update();
    expect([ema.updates, ema.facts.settings]).toMatchObject([2, { updateEvery: 4 }]);
    ema.dispose();
  });
});

describe('start in fit', () => {
  it('may be a share of the run, which fit tells', async () => {
    const { x, y } = data(32);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 'uniform', start: { fraction: 0.75 }, updateEvery: 1, ...quiet });
    await model.fit(x, y, { epochs: 4, batchSize: 8, verbose: 0, callbacks: [ema.callback()] });
    // 12 of 16 steps, then 4 more: a copy and four moves.
    expect([ema.steps, ema.updates]).toEqual([16, 5]);
    ema.dispose();
  });
});
