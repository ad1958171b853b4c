// Averages that follow a straight line between updates: the oracle averages every step of that line in float64.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { PreviousWeights } from '../../../src/averages/previous-weights.js';
import { type EmaOptions, WeightEma, type Which } from '../../../src/index.js';
import { pathShares } from '../../../src/schedule/profile.js';
import { rejectionOf, thrownBy } from '../../support/expect.js';
import {
  assign,
  denseModel,
  floats,
  lineModel,
  randoms,
  setRandomWeights,
  tf,
  valuesOf,
} from '../../support/models.js';
import { at, maxDifference, Oracle } from '../../support/oracle.js';

const folder = mkdtempSync(join(tmpdir(), 'catch-up-'));

afterEach(() => {
  tf.disposeVariables();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('PreviousWeights', () => {
  it('holds what the weights were, whatever becomes of them, and nothing once disposed', () => {
    const model = lineModel();
    const [weight] = model.weights;
    const before = tf.memory().numTensors;
    const previous = new PreviousWeights(tf, [weight?.read() ?? tf.zeros([1])]);
    assign(weight, () => tf.tensor2d([[7]]));
    expect(previous.values()).toEqual([Float32Array.of(1)]);
    previous.become([tf.tensor2d([[3]])]);
    expect(previous.values()).toEqual([Float32Array.of(3)]);
    previous.dispose();
    expect(previous.tensors).toEqual([]);
    // The one made here: what `become` is given stays the caller's.
    expect(tf.memory().numTensors).toBe(before + 1);
  });
});

describe('pathShares', () => {
  it('adds up to 1, as two moves with the one kernel', () => {
    for (const alpha of [() => 0.1, (step: number) => 1 / (step + 1), () => 0, () => 1]) {
      const { kept, old, fresh, alphas } = pathShares(7, alpha);
      expect(kept + old + fresh).toBeCloseTo(1, 15);
      expect((1 - alphas[1]) * alphas[0]).toBeCloseTo(old, 15);
      expect(alphas[1]).toBeCloseTo(fresh, 15);
    }
  });
});

const SPECS = [0.9, 0.999, 0, 1, 'uniform', { relativeWidth: 0.15 }] as const;

describe.each(['native', 'js'] as const)("catchUp: 'linear', engine %s", (engine) => {
  const T = 8;
  const make = (options: EmaOptions = {}) =>
    new WeightEma(tf, {
      engine,
      decays: SPECS,
      updateEvery: T,
      catchUp: 'linear',
      onWarning: () => undefined,
      ...options,
    });
  const read = (ema: WeightEma, which: Which) => {
    const tensors = ema.read(which);
    const values = Object.values(valuesOf(tensors));
    tf.dispose(tensors);
    return values;
  };
  const live = (model: ReturnType<typeof denseModel>) =>
    model.layers.flatMap((layer) => layer.weights.map((weight) => Float32Array.from(weight.read().dataSync())));

  it.each([
    ['none', 'fp32', 0],
    ['none', 'compensated', 0],
    ['paper', 'fp32', 0],
    ['zero-debias', 'fp32', 0],
    ['none', 'fp32', 5],
  ] as const)(
    'is the average of every step of the line: warm-up %s, %s, start %i; K averages in one pass',
    (warmup, precision, start) => {
      const model = denseModel();
      const ema = make({ warmup, precision, start }).attach(model);
      let from = live(model);
      const oracles = SPECS.map(() => new Oracle(from));
      if (start > 0) {
        setRandomWeights(model, 99);
        for (let step = 0; step < start; step += 1) ema.update();
        from = live(model);
        for (const oracle of oracles) oracle.update(from, 0);
      }
      for (let n = 0; n < 6; n += 1) {
        setRandomWeights(model, n);
        for (let step = 0; step < T; step += 1) ema.update();
        const to = live(model);
        for (let step = 1; step <= T; step += 1) {
          const path = from.map((values, i) =>
            Float64Array.from(values, (value, j) => value + (step / T) * (at(at(to, i), j) - value)),
          );
          const t = n * T + step;
          const cap = warmup === 'paper' ? ((n + 1) / (n + 10)) ** (1 / T) : 1;
          SPECS.forEach((spec, k) => {
            at(oracles, k).update(path, decayAt(spec, t, { cap, warmup }));
          });
        }
        from = to;
      }
      SPECS.forEach((spec, k) => {
        read(ema, spec).forEach((values, i) => {
          // Twelve moves of numbers below 2.5: each rounds by at most 2^-22.
          expect(maxDifference(values, at(at(oracles, k).shadows, i)), `${k}`).toBeLessThan(12 * 2 ** -22);
        });
      });
      ema.dispose();
    },
  );

  it('comes closer than hold to an average of every step, where weights drift', () => {
    const model = lineModel();
    const emas = ['linear', 'hold', 'every'].map((kind) =>
      kind === 'every'
        ? make({ decays: [0.97], warmup: 'none', updateEvery: 1, catchUp: 'hold' }).attach(model)
        : make({
            decays: [0.97],
            warmup: 'none',
            updateEvery: 64,
            catchUp: kind === 'hold' ? 'hold' : 'linear',
          }).attach(model),
    );
    const noise = floats(640, 3);
    for (let step = 1; step <= 640; step += 1) {
      assign(model.weights[0], () => tf.tensor2d([[1 + step / 100 + 0.01 * at(noise, step - 1)]]));
      for (const ema of emas) ema.update();
    }
    const [linear, hold, every] = emas.map((ema) => at(at(read(ema, 0.97), 0), 0));
    expect(Math.abs(Number(linear) - Number(every))).toBeLessThan(0.02);
    expect(Math.abs(Number(hold) - Number(every))).toBeGreaterThan(0.2);
    for (const ema of emas) ema.dispose();
  });

  it('with T = 1 is hold, to the bit', () => {
    const model = denseModel();
    const [linear, hold] = [make({ updateEvery: 1 }), make({ updateEvery: 1, catchUp: 'hold' })];
    for (const ema of [linear, hold]) ema.attach(model);
    for (let step = 1; step <= 12; step += 1) {
      setRandomWeights(model, step);
      for (const ema of [linear, hold]) ema.update();
    }
    for (const spec of SPECS) expect(read(linear, spec)).toEqual(read(hold, spec));
    for (const ema of [linear, hold]) ema.dispose();
  });

  it('goes on to the bit from random split points: the weights of the update before are in the checkpoint', async () => {
    const model = denseModel();
    const next = randoms(11);
    const splits = [...new Set(Array.from({ length: 10 }, () => 1 + Math.floor(next() * 49)))];
    const path = (step: number) => join(folder, `${engine}-${step}.safetensors`);
    const whole = make({ precision: 'compensated' }).attach(model);
    for (let step = 1; step <= 50; step += 1) {
      setRandomWeights(model, step);
      whole.update();
      if (splits.includes(step)) await whole.saveCheckpoint(path(step));
    }
    const expected = SPECS.map((spec) => read(whole, spec));
    for (const split of splits) {
      setRandomWeights(model, split);
      const resumed = make({ precision: 'compensated' }).attach(model);
      await resumed.loadCheckpoint(path(split));
      for (let step = split + 1; step <= 50; step += 1) {
        setRandomWeights(model, step);
        resumed.update();
      }
      expect(SPECS.map((spec) => read(resumed, spec))).toEqual(expected);
      resumed.dispose();
    }
    const other = make({ precision: 'compensated', catchUp: 'hold' }).attach(model);
    const { message } = await rejectionOf(other.loadCheckpoint(path(at(splits, 0))), 'CHECKPOINT');
    expect(message).toMatch(/option catchUp was "linear", now it is "hold"/);
    for (const ema of [whole, other]) ema.dispose();
  });

  it('keeps as many tensors after many updates as after one, and none after dispose', () => {
    const model = denseModel();
    const before = tf.memory().numTensors;
    const ema = make().attach(model);
    for (let step = 0; step < T; step += 1) ema.update();
    const held = tf.memory().numTensors;
    for (let step = 0; step < 10 * T; step += 1) ema.update();
    expect(tf.memory().numTensors).toBe(held);
    ema.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('finds a disposed model before it moves anything', () => {
    const model = lineModel();
    const ema = make({ decays: [0.5], updateEvery: 2 }).attach(model);
    assign(model.weights[0], () => tf.tensor2d([[2]]));
    ema.update();
    model.dispose();
    thrownBy(() => ema.update(), 'WEIGHT_DISPOSED');
    expect(read(ema, 0.5)).toEqual([Float32Array.of(1)]);
    ema.dispose();
  });

  it('keeps what synthesize gives within its bound', () => {
    const model = denseModel();
    const tracked = [0.9, 0.95, 0.975];
    const ema = make({ decays: tracked, warmup: 'none' }).attach(model);
    const exact = make({ decays: [0.94], warmup: 'none' }).attach(model);
    let reach = 0;
    const start = live(model);
    for (let n = 0; n < 8; n += 1) {
      setRandomWeights(model, n);
      live(model).forEach((values, i) => {
        reach = Math.max(reach, maxDifference(values, at(start, i)));
      });
      for (let step = 0; step < T; step += 1) for (const each of [ema, exact]) each.update();
    }
    const { tensors, bound } = ema.synthesize(0.94);
    const made = Object.values(valuesOf(tensors));
    tf.dispose(tensors);
    made.forEach((values, i) => {
      expect(maxDifference(values, at(read(exact, 0.94), i))).toBeLessThan(bound * reach + 1e-5);
    });
    expect(bound).toBeLessThan(0.2);
    for (const each of [ema, exact]) each.dispose();
  });
});

/** The decay of step `t` (from 1) of one average. */
function decayAt(
  spec: (typeof SPECS)[number],
  t: number,
  { cap, warmup }: { readonly cap: number; readonly warmup: string },
): number {
  if (spec === 'uniform') return 1 - 1 / t;
  if (typeof spec === 'object') return ((t - 1) / t) ** (exponent(spec.relativeWidth) + 1);
  if (warmup !== 'zero-debias') return Math.min(spec, cap);
  return spec === 1 ? 1 - 1 / t : 1 - (1 - spec) / (1 - spec ** t);
}

/** By bisection of the formula itself. */
function exponent(width: number): number {
  let [low, high] = [0, 100];
  for (let i = 0; i < 200; i += 1) {
    const e = (low + high) / 2;
    if (Math.sqrt((e + 1) / ((e + 2) ** 2 * (e + 3))) > width) low = e;
    else high = e;
  }
  return low;
}
