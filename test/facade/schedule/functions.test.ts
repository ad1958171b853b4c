// Averages that grow with the run, and those whose decay a function decides: names, values, looks, logs, going on.
// Their alphas against float64: schedule.test.ts.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type AverageSpec, type DecayFunction, type EmaOptions, WeightEma, type Which } from '../../../src/index.js';
import { PAPER_WINDOWS } from '../../../src/schedule/decay.js';
import { type DecaySpecs, labelsOf, resolveAverages } from '../../../src/schedule/specs.js';
import { indexOf } from '../../../src/schedule/which.js';
import { searchDecay, synthesize } from '../../../src/search.js';
import { thrownBy } from '../../support/expect.js';
import { data, denseModel, setRandomWeights, tf, valuesOf } from '../../support/models.js';
import { at, bits, maxDifference, Oracle } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };
const folder = mkdtempSync(join(tmpdir(), 'functions-'));

afterEach(() => {
  tf.disposeVariables();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const messageOf = (specs: DecaySpecs) => thrownBy(() => resolveAverages(specs), 'INVALID_ARGUMENT').message;

function read(ema: WeightEma, which: Which): Float32Array[] {
  const tensors = ema.read(which);
  const values = Object.values(valuesOf(tensors));
  tf.dispose(tensors);
  return values;
}

const bitsOf = (values: readonly Float32Array[]) => values.map((one) => Array.from(bits(one)));
const liveValues = (model: ReturnType<typeof denseModel>) =>
  model.weights.map((weight) => Float32Array.from(weight.read().dataSync()));

describe('the names of averages that grow or have a function', () => {
  const specs = [
    0.9,
    { halfLife: { soFar: 0.05 } },
    { timeConstant: { soFar: 0.1 } },
    { window: { soFar: 1 } },
    (step: number) => 1 - 1 / step,
  ] as const;

  it('say what they are; a function goes by its place', () => {
    const averages = resolveAverages(specs);
    expect(averages.decays).toEqual([0.9, 1, 1, 1, 1]);
    const labels = labelsOf(averages);
    expect(labels).toEqual(['0.9', 'halfLife0.05soFar', 'timeConstant0.1soFar', 'window1soFar', 'function4']);
    for (const [index, spec] of specs.entries()) {
      const which = typeof spec === 'function' ? { index } : spec;
      expect(indexOf(which, labels, undefined)).toBe(index);
    }
    const { message } = thrownBy(() => indexOf({ halfLife: { soFar: 0.1 } }, labels, undefined), 'INVALID_ARGUMENT');
    expect(message).toMatch(
      /one of the decays 0\.9, \{ halfLife: \{ soFar: 0\.05 \} \}, .*\{ window: \{ soFar: 1 \} \}, \{ index: 4 \}, received/,
    );
    thrownBy(() => indexOf({ halfLife: 3 } as never, labels, undefined), 'INVALID_ARGUMENT');
  });

  it('refuse what is no share, what is given beside one, and one function twice', () => {
    for (const soFar of [0, -1, 1.1, Number.NaN, '0.1' as never])
      expect(messageOf([{ window: { soFar } }])).toMatch(
        /^decays\[0\]\.window\.soFar: .*above 0 and at most 1, received/,
      );
    expect(messageOf({ halfLife: { soFar: 0.1 }, window: 3 } as AverageSpec)).toMatch(/^decays: expected one measure/);
    expect(messageOf({ halfLife: { soFar: 0.1, steps: 3 } } as AverageSpec)).toMatch(
      /received '\{ halfLife, soFar, steps \}'/,
    );
    const once = (step: number) => 1 / step;
    expect(messageOf([once, 0.9, once])).toMatch(/function2 stands there twice/);
  });

  it("are, for 'anytime', the paper's windows as shares of the steps so far, whether the length is known or not", () => {
    const shares = PAPER_WINDOWS.map((share) => Number(share.toPrecision(3)));
    expect(shares).toEqual([0.00639, 0.0128, 0.0256, 0.0512, 0.102]);
    const expected = [...shares.map((soFar) => ({ window: { soFar } })), { relativeWidth: 0.2 }];
    for (const run of [{}, { totalSteps: 100 }, { totalSteps: 1e6 }])
      expect(resolveAverages('anytime', run)).toEqual({ decays: [1, 1, 1, 1, 1, 1], profiles: expected });
  });

  it('make auto updates as often as the shortest of their windows needs, and at every step with a function', () => {
    const every = (options: EmaOptions) => {
      const ema = new WeightEma(tf, options).attach(denseModel());
      const { settings } = ema.facts;
      ema.dispose();
      return settings['updateEvery'];
    };
    expect(every({ decays: 'anytime' })).toBe(16);
    // A window of 0.00639 * 1,000 steps, of four updates.
    expect(every({ decays: 'anytime', run: { totalSteps: 1000 } })).toBe(1);
    expect(every({ decays: { halfLife: { soFar: 0.05 } }, run: { totalSteps: 500 } })).toBe(9);
    expect(every({ decays: [0.999, (step) => 1 - 1 / step] })).toBe(1);
  });
});

describe.each(['native', 'js'] as const)('averages that grow or have a function, engine %s', (engine) => {
  const make = (options: EmaOptions) => new WeightEma(tf, { engine, ...quiet, ...options });
  /** Ten channels as PADAM has them: constants, powers of the step, windows that grow. */
  const channels: readonly AverageSpec[] = [
    ...[0.9, 0.99, 0.999],
    ...[0.6, 0.7, 0.8].map(
      (power): DecayFunction =>
        (step) =>
          1 - (step + 1) ** -power,
    ),
    (step) => Math.min(0.999, step / (step + 10)),
    { halfLife: { soFar: 0.05 } },
    { window: { soFar: 0.25 } },
    { relativeWidth: 0.1 },
  ];

  it.each([1, 7])('are, ten in one object, those of ten objects to the bit, T = %i', (updateEvery) => {
    const model = denseModel();
    const ema = make({ decays: channels, updateEvery }).attach(model);
    const alone = channels.map((spec) => make({ decays: spec, updateEvery }).attach(model));
    for (let step = 1; step <= 25; step += 1) {
      setRandomWeights(model, step);
      for (const each of [ema, ...alone]) each.update();
    }
    for (const [index, each] of alone.entries())
      expect(bitsOf(read(ema, { index })), ema.labels[index]).toEqual(bitsOf(read(each, { index: 0 })));
    for (const each of [ema, ...alone]) each.dispose();
  });

  it.each([1, 5])('are what float64 gives for a function, the steps since the last update included, T = %i', (T) => {
    const decayOf = (step: number) => 1 - (step + 1) ** -0.7;
    const model = denseModel();
    const ema = make({ decays: [decayOf], updateEvery: T, start: 3 }).attach(model);
    let oracle = new Oracle(liveValues(model));
    const last = 3 + 4 * T + (T > 1 ? 2 : 0);
    for (let step = 1; step <= last; step += 1) {
      setRandomWeights(model, step);
      ema.update();
      if (step === 3) oracle = new Oracle(liveValues(model));
      const since = step - 3;
      const pending = since % T === 0 ? T : since % T;
      if (since > 0 && (since % T === 0 || step === last)) oracle.update(liveValues(model), decayOf(since) ** pending);
    }
    read(ema, { index: 0 }).forEach((values, i) => {
      // Five updates of numbers below 2.5: each rounds by at most 2^-22.
      expect(maxDifference(values, at(oracle.shadows, i))).toBeLessThan(5 * 2 ** -22);
    });
    ema.dispose();
  });

  it('ask a function once a step, whoever looks, so that it may depend on data', () => {
    const model = denseModel();
    const asked: number[] = [];
    // As drift of the data would move it: another value at each question.
    const drifting = (): number => {
      asked.push(ema.steps);
      return 0.5 + 0.01 * asked.length;
    };
    const ema = make({ decays: [0.9, drifting], updateEvery: 4, diagnoseEvery: 1 }).attach(model);
    const oracle = new Oracle(liveValues(model));
    for (let step = 1; step <= 9; step += 1) {
      setRandomWeights(model, step);
      ema.update();
      if (step === 4 || step === 8) oracle.update(liveValues(model), (step === 4 ? 0.51 : 0.53) ** 4);
      if (step === 6 || step === 9)
        for (let look = 0; look < 3; look += 1) {
          read(ema, { index: 1 });
          ema.use({ index: 1 }, () => undefined);
          ema.diagnose();
        }
    }
    expect(asked).toEqual([4, 6, 8, 9]);
    oracle.update(liveValues(model), 0.54);
    read(ema, { index: 1 }).forEach((values, i) => {
      expect(maxDifference(values, at(oracle.shadows, i))).toBeLessThan(4 * 2 ** -22);
    });
    const kept = 0.51 ** 4 * 0.53 ** 4 * 0.54;
    expect(ema.diagnose().initialShares[1]).toBeCloseTo(kept, 12);
    expect(`${ema.report()}`).toMatch(/function1/);
    expect(asked).toEqual([4, 6, 8, 9]);
    ema.dispose();
  });

  it('ask a function nothing for facts, reports, files and going on, so that it may change its answers', async () => {
    const model = denseModel();
    const path = join(folder, `${engine}-asked.safetensors`);
    const asked: number[] = [];
    /** Its answers depend on how often it was asked, and on `data`. */
    const moody =
      (data: number): DecayFunction =>
      (step) => {
        asked.push(step);
        return 0.5 + data + 0.01 * (asked.length % 10);
      };
    const made = (data: number) => make({ decays: [0.9, moody(data)], updateEvery: 2, run: { totalSteps: 100 } });
    const [ema, resumed] = [made(0), made(0.3)];
    ema.attach(model);
    for (let step = 1; step <= 4; step += 1) {
      setRandomWeights(model, step);
      ema.update();
      expect(ema.facts.lastDecays).toHaveLength(step < 2 ? 0 : 2);
      expect(`${ema.report()}`).toMatch(/function1/);
      await ema.saveCheckpoint(path);
      await ema.saveModel({ index: 1 }, `file://${join(folder, `${engine}-asked`)}`);
    }
    // Step 1 and 3 are looked at by the models that are saved.
    expect(asked).toEqual([1, 2, 3, 4]);
    resumed.attach(model);
    await resumed.loadCheckpoint(path);
    expect(asked).toEqual([1, 2, 3, 4]);
    expect(bitsOf(read(resumed, { index: 1 }))).toEqual(bitsOf(read(ema, { index: 1 })));
    for (const step of [5, 6]) {
      setRandomWeights(model, step);
      resumed.update();
    }
    expect(asked).toEqual([1, 2, 3, 4, 6]);
    for (const each of [ema, resumed]) each.dispose();
  });

  it('go on from a checkpoint to the bit, and know what is left of the start', async () => {
    const model = denseModel();
    const path = join(folder, `${engine}.safetensors`);
    const made = (): EmaOptions => ({
      decays: [0.9, (step) => 1 - (step + 1) ** -0.7, { halfLife: { soFar: 0.05 } }, () => 0.75],
      updateEvery: 3,
      layerDecays: [{ match: /bias/, decay: { halfLifeTimes: 0.5 } }],
    });
    const [whole, resumed] = [make(made()), make(made())];
    for (const ema of [whole, resumed]) ema.attach(model);
    for (let step = 1; step <= 20; step += 1) {
      setRandomWeights(model, step);
      whole.update();
      if (step === 10) await whole.saveCheckpoint(path);
    }
    await resumed.loadCheckpoint(path);
    for (let step = 11; step <= 20; step += 1) {
      setRandomWeights(model, step);
      resumed.update();
    }
    for (const index of [0, 1, 2, 3]) expect(bitsOf(read(resumed, { index }))).toEqual(bitsOf(read(whole, { index })));
    const [shares, expected] = [resumed.diagnose().initialShares, whole.diagnose().initialShares];
    expect(shares).toEqual(expected);
    expect(shares[3]).toBeCloseTo(0.75 ** 20, 14);
    for (const ema of [whole, resumed]) ema.dispose();
  });

  it('keep their shape in weights with decays of their own, by one answer for all', () => {
    const model = denseModel();
    let asked = 0;
    const decays: readonly AverageSpec[] = [0.9, (step) => step / (++asked + step), { window: { soFar: 0.5 } }];
    const ema = make({ decays, updateEvery: 1, layerDecays: [{ match: /bias/, decay: 0.5 }] }).attach(model);
    asked = 0;
    const plain = make({ decays: [(step) => step / (step + step), { window: { soFar: 0.5 } }], updateEvery: 1 });
    plain.attach(model);
    for (let step = 1; step <= 6; step += 1) {
      setRandomWeights(model, step);
      for (const each of [ema, plain]) each.update();
    }
    expect(asked).toBe(6);
    for (const index of [0, 1]) expect(bitsOf(read(ema, { index: index + 1 }))).toEqual(bitsOf(read(plain, { index })));
    ema.dispose();
    plain.dispose();
  });

  it('leave the averages usable where a function gives no decay, and go on once it gives one', () => {
    const model = denseModel();
    let decay = 0.5;
    const ema = make({ decays: [() => decay], updateEvery: 2 }).attach(model);
    const oracle = new Oracle(liveValues(model));
    ema.update();
    decay = Number.NaN;
    setRandomWeights(model, 1);
    expect(thrownBy(() => ema.update(), 'INVALID_ARGUMENT').message).toMatch(/^decays\[0\]\(2\): .*received NaN/);
    expect([ema.steps, ema.updates]).toEqual([2, 0]);
    decay = 0.25;
    ema.update();
    expect([ema.steps, ema.updates]).toEqual([3, 1]);
    oracle.update(liveValues(model), 0.25 ** 3);
    read(ema, { index: 0 }).forEach((values, i) => {
      expect(maxDifference(values, at(oracle.shadows, i))).toBeLessThan(2 ** -22);
    });
    ema.dispose();
  });
});

describe('averages that grow or have a function in fit', () => {
  it('have their names in the logs and in what is best, and leave searches to exponential ones', async () => {
    const { x, y } = data(32);
    const model = denseModel();
    let asked = 0;
    const decays: readonly AverageSpec[] = [
      0.5,
      0.75,
      { halfLife: { soFar: 0.05 } },
      (step) => {
        asked += 1;
        return 1 - 1 / step;
      },
    ];
    const ema = new WeightEma(tf, { decays, warmup: 'zero-debias', ...quiet });
    const { history } = await model.fit(x, y, {
      epochs: 2,
      batchSize: 8,
      verbose: 0,
      callbacks: [ema.callback({ validationData: [x, y] })],
    });
    expect(Object.keys(history)).toEqual(
      expect.arrayContaining(['val_ema_halfLife0.05soFar_loss', 'val_ema_function3_loss', 'val_ema_loss']),
    );
    expect(ema.warnings).toEqual([]);
    const before = asked;
    const { bound, coefficients, tensors } = synthesize(ema, 0.6);
    expect(bound).toBeGreaterThan(0);
    expect(coefficients.slice(2)).toEqual([0, 0]);
    const found = await searchDecay(ema, { data: [x, y], trials: 4 });
    expect(found.decay).toBeGreaterThanOrEqual(0.5);
    expect(asked).toBe(before);
    tf.dispose([tensors, x, y]);
    ema.dispose();
  });
});
