// Weights that are not numbers: finding them, and what each policy makes of them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, WeightEma } from '../../../src/index.js';
import { allFinite, firstNonFinite } from '../../../src/model/finite.js';
import { rejectionOf, thrownBy } from '../../support/expect.js';
import { assign, data, denseModel, lineModel, setRandomWeights, tf, valuesOf } from '../../support/models.js';
import { at } from '../../support/oracle.js';

const folder = mkdtempSync(join(tmpdir(), 'finite-'));

afterEach(() => {
  tf.disposeVariables();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('allFinite', () => {
  const tensors = (...lists: number[][]) => lists.map((values) => tf.tensor1d(values));

  it.each([
    [[[1, -2], [3]], -1],
    [[[1, Number.NaN], [3]], 0],
    [[[1], [2, Number.POSITIVE_INFINITY]], 1],
    [[[1], [Number.NEGATIVE_INFINITY], [Number.NaN]], 1],
    // Infinities of both signs make NaN, not 0.
    [[[Number.POSITIVE_INFINITY], [Number.NEGATIVE_INFINITY]], 0],
    // Their sum is infinite, and they are not.
    [[[3e38, 3e38, 3e38]], -1],
    [[[], [1]], -1],
  ])('%j: %i', (lists, index) => {
    const list = tensors(...lists);
    const before = tf.memory().numTensors;
    expect(allFinite(tf, list)).toBe(index === -1);
    expect(firstNonFinite(tf, list)).toBe(index);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is true of none', () => {
    expect(allFinite(tf, [])).toBe(true);
  });
});

describe.each(['native', 'js'] as const)(
  'ultralytics 24307, a NaN step poisons the average for ever; engine %s',
  (engine) => {
    const decays = [0.5, 0.9];
    const make = (options: EmaOptions) => {
      const notes: string[] = [];
      const onWarning = (message: string) => notes.push(message);
      const ema = new WeightEma(tf, { engine, decays, updateEvery: 2, warmup: 'none', onWarning, ...options });
      return { ema, notes };
    };
    const read = (ema: WeightEma, which: number) => {
      const tensors = ema.read(which);
      const values = Object.values(valuesOf(tensors));
      tf.dispose(tensors);
      return values;
    };
    const spoil = (model: ReturnType<typeof denseModel>, value: number) =>
      assign(model.weights[3], () => {
        const { shape } = at(model.weights, 3);
        const values = new Float32Array(shape.reduce<number>((size, n) => size * (n ?? 1), 1));
        values[values.length - 1] = value;
        return tf.tensor(values, shape as number[]);
      });
    const BAD = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const POLICIES: EmaOptions[] = [
      {},
      { precision: 'compensated' },
      { layerDecays: [{ match: /kernel/, decay: 0.3 }] },
    ];
    const cases = BAD.flatMap((bad) => POLICIES.map((options) => [bad, options] as const));

    it.each(cases)("'propagate', %d, %j: the average keeps it, after recovery too", (bad, options) => {
      const model = denseModel();
      const { ema } = make(options);
      ema.attach(model);
      spoil(model, bad);
      for (let step = 0; step < 2; step += 1) ema.update();
      setRandomWeights(model, 1);
      for (let step = 0; step < 20; step += 1) ema.update();
      expect(read(ema, 0.9).some((values) => values.some((value) => !Number.isFinite(value)))).toBe(true);
      ema.dispose();
    });

    it.each(cases)("'skip', %d, %j: averages stay as they are, warn once, and go on after recovery", (bad, options) => {
      const model = denseModel();
      const { ema, notes } = make({ ...options, nonFinite: 'skip' });
      ema.attach(model);
      setRandomWeights(model, 1);
      for (let step = 0; step < 2; step += 1) ema.update();
      const before = decays.map((decay) => read(ema, decay));
      spoil(model, bad);
      const tensors = tf.memory().numTensors;
      for (let step = 0; step < 3; step += 1) ema.update();
      expect(tf.memory().numTensors).toBe(tensors);
      // Due at step 4, tried again at step 5.
      expect([ema.steps, ema.updates, ema.facts.skipped]).toEqual([5, 1, 1]);
      // A read would count pending steps in: it is held back too.
      expect(decays.map((decay) => read(ema, decay))).toEqual(before);
      expect(notes).toEqual([
        expect.stringMatching(/^weight '.*' holds NaN or infinite numbers at step 4: every average is/),
      ]);

      setRandomWeights(model, 2);
      ema.update();
      // The time in between counts: this update stands for 4 steps.
      expect([ema.steps, ema.updates]).toEqual([6, 2]);
      const after = decays.map((decay) => read(ema, decay));
      expect(after).not.toEqual(before);
      for (const values of after.flat()) expect(values.every((value) => Number.isFinite(value))).toBe(true);
      ema.dispose();
    });

    it("'skip' goes on from a checkpoint as without the interruption", async () => {
      const path = join(folder, 'skip.safetensors');
      const run = async (isInterrupted: boolean) => {
        const model = lineModel();
        const options = { nonFinite: 'skip', updateEvery: 4 } as const;
        let { ema } = make(options);
        ema.attach(model);
        for (let step = 1; step <= 13; step += 1) {
          assign(model.weights[0], () => tf.tensor2d([[step === 4 ? Number.NaN : step]]));
          ema.update();
          if (!isInterrupted || step !== 5) continue;
          await ema.saveCheckpoint(path);
          ema.dispose();
          ({ ema } = make(options));
          ema.attach(model);
          await ema.loadCheckpoint(path);
        }
        const values = decays.map((decay) => read(ema, decay));
        const counts = [ema.steps, ema.updates];
        ema.dispose();
        return { values, counts };
      };
      const whole = await run(false);
      expect(whole.counts).toEqual([13, 3]);
      expect(await run(true)).toEqual(whole);
    });

    it("'skip' without a NaN is 'propagate', to the bit", () => {
      const model = denseModel();
      const [skip, propagate] = [make({ nonFinite: 'skip' }).ema, make({}).ema];
      for (const ema of [skip, propagate]) ema.attach(model);
      for (let step = 1; step <= 9; step += 1) {
        setRandomWeights(model, step);
        for (const ema of [skip, propagate]) ema.update();
      }
      for (const decay of decays) expect(read(skip, decay)).toEqual(read(propagate, decay));
      for (const ema of [skip, propagate]) ema.dispose();
    });

    it.each(cases)(
      "'throw', %d, %j: a named error, the weight's name, averages untouched and readable",
      (bad, options) => {
        const model = denseModel();
        const { ema } = make({ ...options, nonFinite: 'throw' });
        ema.attach(model);
        const before = decays.map((decay) => read(ema, decay));
        spoil(model, bad);
        ema.update();
        const { message } = thrownBy(() => ema.update(), 'NON_FINITE');
        expect(message).toContain(`'${at(model.weights, 3).originalName}'`);
        expect(message).toContain('at step 2');
        expect(decays.map((decay) => read(ema, decay))).toEqual(before);
        expect(ema.use(0.5, () => true)).toBe(true);
        setRandomWeights(model, 1);
        ema.update();
        expect([ema.steps, ema.updates]).toEqual([3, 1]);
        ema.dispose();
      },
    );

    it('a checkpoint made while weights are NaN is resumed, under another policy too', async () => {
      const model = denseModel();
      const { ema } = make({ nonFinite: 'throw' });
      ema.attach(model);
      ema.update();
      spoil(model, Number.NaN);
      thrownBy(() => ema.update(), 'NON_FINITE');
      const path = join(folder, `${engine}.safetensors`);
      await ema.saveCheckpoint(path);
      const { ema: resumed } = make({ nonFinite: 'skip' });
      resumed.attach(model);
      await resumed.loadCheckpoint(path);
      setRandomWeights(model, 3);
      for (const each of [ema, resumed]) each.update();
      expect([resumed.steps, resumed.updates]).toEqual([3, 1]);
      for (const decay of decays) expect(read(resumed, decay)).toEqual(read(ema, decay));
      for (const each of [ema, resumed]) each.dispose();
    });

    it("fit stops with the error under 'throw'", async () => {
      const { x, y } = data(16);
      const model = denseModel(tf.train.sgd(1e30));
      const ema = new WeightEma(tf, {
        engine,
        decays: 0.9,
        updateEvery: 1,
        nonFinite: 'throw',
        onWarning: () => undefined,
      });
      await rejectionOf(
        model.fit(x, y, { epochs: 5, batchSize: 8, verbose: 0, callbacks: [ema.callback()] }),
        'NON_FINITE',
      );
      for (const values of read(ema, 0.9)) expect(values.every((value) => Number.isFinite(value))).toBe(true);
      ema.dispose();
    });
  },
);
