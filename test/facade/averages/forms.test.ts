// Averages of every form against float64: 10,000 random averages, from the shares that their steps must have.
// How they are named, logged and saved is tested in schedule/functions.test.ts.

import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type AverageSpec, WeightEma } from '../../../src/index.js';
import { exponentFromWidth } from '../../../src/schedule/profile.js';
import { synthesize } from '../../../src/search.js';
import { tf } from '../../support/models.js';
import { at } from '../../support/oracle.js';
import { normals } from '../../support/random.js';

afterEach(() => {
  tf.disposeVariables();
});

const OBJECTS = 2000;
const VALUES = 3;

/** The part of a run that an average keeps of what it held: by the steps since it began, before and after an update. */
type Kept = (before: number, after: number) => number;

const power =
  (exponent: number): Kept =>
  (before, after) =>
    (before / after) ** (exponent + 1);

/** One of each form, with what it keeps by its definition. */
const forms = fc
  .record({
    decay: fc.double({ min: 0, max: 0.9999, noNaN: true }),
    width: fc.double({ min: 0.02, max: 0.28, noNaN: true }),
    share: fc.double({ min: 0.01, max: 1, noNaN: true }),
    measure: fc.constantFrom('halfLife', 'timeConstant', 'window'),
    rate: fc.double({ min: 0.1, max: 0.9, noNaN: true }),
  })
  .map(({ decay, width, share, measure, rate }): readonly (readonly [AverageSpec, Kept])[] => {
    const decayOf = (step: number): number => 1 - (step + 1) ** -rate;
    const window = measure === 'halfLife' ? share / Math.LN2 : share;
    return [
      [decay, (before, after) => decay ** (after - before)],
      ['uniform', power(0)],
      [{ relativeWidth: width }, power(exponentFromWidth(width))],
      [{ [measure]: { soFar: share } } as AverageSpec, power(1 / window - 1)],
      [decayOf, (before, after) => decayOf(after) ** (after - before)],
    ];
  });

const runs = fc.record({
  forms,
  steps: fc.integer({ min: 1, max: 40 }),
  updateEvery: fc.integer({ min: 1, max: 7 }),
  start: fc.integer({ min: 0, max: 5 }),
  // When the averages at these places begin anew, if the run comes to it.
  resetAt: fc.integer({ min: 1, max: 60 }),
  places: fc.uniqueArray(fc.integer({ min: 0, max: 4 })),
  seed: fc.integer({ min: 1, max: 1e6 }),
});

describe.each(['native', 'js'] as const)('averages of every form, engine %s', (engine) => {
  it('are what float64 gives by their definitions, begun anew and looked at between updates included', () => {
    const variable = tf.variable(tf.zeros([VALUES]));
    fc.assert(
      fc.property(runs, ({ forms: given, steps, updateEvery, start, resetAt, places, seed }) => {
        const next = normals(seed);
        const set = (): number[] => {
          const values = Array.from({ length: VALUES }, () => Math.fround(next()));
          tf.tidy(() => variable.assign(tf.tensor1d(values)));
          return values;
        };
        let live = set();
        const options = { decays: given.map(([spec]) => spec), engine, updateEvery, start, warmup: 'none' } as const;
        const ema = new WeightEma(tf, { ...options, onWarning: () => undefined }).attach([variable]);
        const rows = given.map(() => ({ values: [...live], begun: start }));
        let held = 0;
        const move = (row: { values: number[]; begun: number }, kept: Kept, step: number): number[] => {
          if (held < start) return live;
          const [before, after] = [Math.max(0, held - row.begun), step - row.begun];
          if (after <= before) return row.values;
          const share = kept(before, after);
          return row.values.map((value, j) => share * value + (1 - share) * at(live, j));
        };
        for (let step = 1; step <= steps; step += 1) {
          live = set();
          ema.update();
          if (step === (held < start ? start : held + updateEvery)) {
            given.forEach(([, kept], k) => {
              const row = at(rows, k);
              row.values = move(row, kept, step);
            });
            held = step;
          }
          if (step !== resetAt || step <= start) continue;
          ema.reset(places.map((index) => ({ index })));
          for (const k of places) Object.assign(at(rows, k), { values: [...live], begun: step });
        }
        const expected = given.map(([, kept], k) =>
          held === steps ? at(rows, k).values : move(at(rows, k), kept, steps),
        );
        // Of each update: the share's rounding, the difference's and the sum's, of numbers below 8.
        const bound = (steps + 2) * 8 * 2 ** -23;
        const check = (tensors: ReturnType<WeightEma['read']>, values: readonly number[], times: number): void => {
          const found = Object.values(tensors)[0]?.dataSync() ?? [];
          tf.dispose(tensors);
          values.forEach((value, j) => void expect(Math.abs(at(found, j) - value)).toBeLessThanOrEqual(times * bound));
        };
        expected.forEach((values, index) => void check(ema.read({ index }), values, 1));
        // Of nearly equal ones nothing is synthesized.
        const kept = [1, 2, 3].map((k) => at(given, k)[1](1, 2));
        const isApart = kept.every((one, k) => kept.every((other, j) => j === k || Math.abs(one - other) > 0.02));
        if (isApart && (steps < resetAt || places.length === 0)) {
          // Between the plain mean and the width.
          const { tensors, coefficients, amplification } = synthesize(ema, { relativeWidth: 0.285 });
          const combined = live.map((_, j) => coefficients.reduce((sum, c, k) => sum + c * at(at(expected, k), j), 0));
          check(tensors, combined, 1 + amplification);
        }
        ema.dispose();
      }),
      { numRuns: engine === 'native' ? OBJECTS : OBJECTS / 10, seed: 20261128 },
    );
  }, 240_000);
});
