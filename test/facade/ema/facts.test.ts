// What an average says of itself: before a model, with one, and after the end. The counters' course is in ema.test.ts.

import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { isSwapped } from '../../support/expect.js';
import { assign, lineModel, tf } from '../../support/models.js';
import { at } from '../../support/oracle.js';

describe('the facts of an average', () => {
  const facts = (ema: WeightEma) => [ema.steps, ema.updates, ema.facts.seconds, ema.facts.bytes, ema.engine];

  it('can be asked before there is a model', () => {
    const ema = new WeightEma(tf, { decays: [0.9, 0.99] });
    expect(facts(ema)).toEqual([0, 0, 0, 0, undefined]);
    expect([ema.labels, ema.decays, isSwapped(ema)]).toEqual([['0.9', '0.99'], [0.9, 0.99], false]);
    expect([ema.warnings, ema.overwritten]).toEqual([[], {}]);
    expect(ema.engineReason).toBe('not attached to a model yet');
  });

  it('count twice the bytes with compensation', () => {
    const bytes = (precision: 'fp32' | 'compensated') => {
      const ema = new WeightEma(tf, { decays: 0.9, precision, engine: 'js' }).attach(lineModel());
      const count = ema.facts.bytes;
      ema.dispose();
      return count;
    };
    expect([bytes('fp32'), bytes('compensated')]).toEqual([4, 8]);
  });

  it('count the seconds of updates, all of them and nothing else', () => {
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 2 }).attach(lineModel());
    const seen = [ema.facts.seconds];
    const begin = performance.now();
    for (let step = 0; step < 6; step += 1) {
      ema.update();
      seen.push(ema.facts.seconds);
    }
    expect(seen.slice(1).map((seconds, index) => seconds > (seen[index] ?? Number.NaN))).toEqual(
      [0, 1, 0, 1, 0, 1].map(Boolean),
    );
    expect(seen.at(-1)).toBeLessThan((performance.now() - begin) / 1000);
    ema.dispose();
  });

  it('say the decay of this moment: what each average has kept in its last move, per step', () => {
    const model = lineModel();
    const own = (step: number) => 1 - (step + 1) ** -0.7;
    const decays = [0.9, 'uniform', { relativeWidth: 0.1 }, { window: { soFar: 0.3 } }, own] as const;
    const ema = new WeightEma(tf, { decays, updateEvery: 3, start: 2, onWarning: () => undefined }).attach(model);
    const values = () =>
      decays.map((_, index) => tf.tidy(() => at(Object.values(ema.read({ index })), 0).dataSync()[0]));
    expect(ema.facts.lastDecays).toEqual([]);
    // Two steps to the start, where all are copies; four moves, in whose steps the weights stand; one of a single step, to put back.
    [2, 3, 3, 3, 3, 1].forEach((steps, move) => {
      const before = values();
      const weight = (-1) ** move * 1000;
      assign(model.weights[0], () => tf.tensor2d([[weight]]));
      for (let step = 0; step < steps; step += 1) ema.update();
      const after = values();
      if (steps === 1) ema.putBack({ index: 0 });
      const kept = after.map((value, k) => ((value ?? Number.NaN) - weight) / ((before[k] ?? Number.NaN) - weight));
      const { lastDecays } = ema.facts;
      expect(lastDecays).toHaveLength(5);
      // Values up to 1000 in float32, of differences of hundreds.
      for (const [k, decay] of lastDecays.entries()) expect(Math.abs(decay ** steps - at(kept, k))).toBeLessThan(1e-5);
    });
    const { lastDecays } = ema.facts;
    ema.reset('uniform');
    expect(ema.facts.lastDecays).toEqual(lastDecays.map((decay, k) => (k === 1 ? 0 : decay)));
    for (let step = 0; step < 3; step += 1) ema.update();
    // The plain mean of weights that begin with those at the reset.
    expect(at(ema.facts.lastDecays, 1)).toBe(0);
    for (let step = 0; step < 3; step += 1) ema.update();
    expect(at(ema.facts.lastDecays, 1) ** 3).toBeCloseTo(0.5, 12);
    ema.dispose();
  });

  it('are one line for console.log, and nothing else of the object can be seen or set', () => {
    const ema = new WeightEma(tf, { decays: [0.9, 'uniform'], updateEvery: 1, engine: 'js' });
    expect(inspect(ema)).toBe('WeightEma { 0.9, uniform; 0 steps, 0 updates; not attached }');
    ema.attach(lineModel());
    ema.update();
    expect(inspect(ema)).toBe('WeightEma { 0.9, uniform; 1 steps, 1 updates; js }');
    expect([Object.keys(ema), JSON.stringify(ema)]).toEqual([[], '{}']);
    ema.dispose();
    expect(inspect(ema)).toBe('WeightEma { 0.9, uniform; disposed; js }');
    const averages = new WeightEma(tf, { decays: 0.9, engine: 'js' });
    expect(inspect(averages.callback())).toBe('EmaCallback { WeightEma { 0.9; 0 steps, 0 updates; not attached } }');
    averages.dispose();
  });

  it('can be asked after the end: no memory, all counts', () => {
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1 }).attach(lineModel());
    ema.update();
    ema.dispose();
    expect([ema.steps, ema.updates, ema.facts.bytes, ema.engine]).toEqual([1, 1, 0, 'native']);
  });
});

describe("precision 'compensated'", () => {
  it.each(['native', 'js'] as const)('has no dead zone with engine %s, where float32 stands still', (engine) => {
    const after = (precision: 'fp32' | 'compensated') => {
      const model = lineModel();
      const ema = new WeightEma(tf, { decays: 0.9999, warmup: 'none', updateEvery: 1, precision, engine }).attach(
        model,
      );
      model.setWeights([tf.tensor2d([[1.0005]])]);
      for (let step = 0; step < 2000; step += 1) ema.update();
      const tensors = ema.read(0.9999);
      const [value] = Object.values(tensors).map((tensor) => tensor.dataSync()[0]);
      tf.dispose(tensors);
      ema.dispose();
      return value;
    };
    expect(after('fp32')).toBe(1);
    // 1.0005 rounded to float32; the compensated pair is read as its high part, half a float off at most.
    const exact = 1 + (Math.fround(1.0005) - 1) * (1 - 0.9999 ** 2000);
    expect(Math.abs((after('compensated') ?? 0) - exact)).toBeLessThanOrEqual(2 ** -23);
  });
});
