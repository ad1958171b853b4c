// Widths that were not tracked, from those that were: coefficients against linear algebra, errors against sums over a run.
// Needs no TensorFlow.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EmaError } from '../../../src/base/errors.js';
import { resolveOptions } from '../../../src/options/options.js';
import { exponentFromWidth } from '../../../src/schedule/profile.js';
import type { DecaySpecs } from '../../../src/schedule/specs.js';
import { synthesizePower } from '../../../src/search/power-synthesis.js';
import { boundAfter, synthesisOf } from '../../../src/search/synthesized.js';
import { at } from '../../support/oracle.js';

const WIDTHS = [0.02, 0.04, 0.08, 0.16, 0.28];
const EXPONENTS = WIDTHS.map((width) => exponentFromWidth(width));

/** Shares of the steps of a run, the oldest first, of an average with this exponent. */
function sharesOf(exponent: number, steps: number): Float64Array {
  return Float64Array.from(
    { length: steps },
    (_, s) => ((s + 1) / steps) ** (exponent + 1) - (s / steps) ** (exponent + 1),
  );
}

describe('synthesizePower', () => {
  it('has coefficients that add up to 1, and no others with this sum are better', () => {
    const between = fc.double({ min: at(EXPONENTS, 4), max: at(EXPONENTS, 0), noNaN: true });
    const steps = 20_000;
    const kernels = EXPONENTS.map((exponent) => sharesOf(exponent, steps));
    const error = (coefficients: readonly number[], target: Float64Array): number => {
      let sum = 0;
      for (let s = 0; s < steps; s += 1) {
        const own = coefficients.reduce((total, c, k) => total + c * at(at(kernels, k), s), 0);
        sum += (own - at(target, s)) ** 2;
      }
      return Math.sqrt(sum);
    };
    fc.assert(
      fc.property(
        between,
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 5, maxLength: 5 }),
        (wanted, other) => {
          const { coefficients, kernelError, amplification } = synthesizePower(EXPONENTS, wanted);
          const sum = coefficients.reduce((total, c) => total + c, 0);
          expect(Math.abs(sum - 1)).toBeLessThan(1e-12);
          expect(amplification).toBeLessThan(5);
          const target = sharesOf(wanted, steps);
          const least = error(coefficients, target);
          const norm = Math.hypot(
            ...Array.from(target.subarray(0, 10)),
            Math.sqrt(target.reduce((all, x) => all + x * x, 0)),
          );
          // Shares of 20,000 steps stand for a density.
          expect(Math.abs(least / norm - kernelError)).toBeLessThan(1e-3);
          const mean = other.reduce((total, x) => total + x, 0) / 5;
          const moved = coefficients.map((c, k) => c + 1e-3 * (at(other, k) - mean));
          expect(error(moved, target)).toBeGreaterThanOrEqual(least * (1 - 1e-6));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is a tracked one itself, and leaves out what is of another kind', () => {
    expect(synthesizePower([undefined, 8, 3], 3)).toEqual({
      coefficients: [0, 0, 1],
      kernelError: 0,
      amplification: 1,
    });
    const { coefficients } = synthesizePower([8, undefined, 3], 5);
    expect(coefficients[1]).toBe(0);
    expect(coefficients).toEqual(synthesizePower([8, 3], 5).coefficients.flatMap((c, i) => (i === 1 ? [0, c] : [c])));
  });

  it('refuses what is outside of the tracked ones, and ones that are nearly equal', () => {
    expect(() => synthesizePower([8, 3], 2)).toThrow(
      /synthesized: expected a relative width from 0.09\d* to 0.1\d*, received/,
    );
    expect(() => synthesizePower([], 2)).toThrow(EmaError);
    expect(() => synthesizePower([8, 8 + 1e-5, 3], 5)).toThrow(/tracked averages that differ/);
  });
});

describe('the bound of a width after a run', () => {
  it('is the sum of the errors of all shares, with updates every T steps and a rest', () => {
    const decays: DecaySpecs = ['uniform', { relativeWidth: 0.05 }, 0.99, { halfLife: { soFar: 0.1 } }];
    for (const [updateEvery, intervals] of [
      [1, [[1, 5000]]],
      [
        16,
        [
          [16, 400],
          [5, 1],
        ],
      ],
    ] as const) {
      const options = resolveOptions({ decays, updateEvery });
      const plan = synthesisOf(options, { relativeWidth: 0.1 });
      expect([plan.decay, plan.coefficients[2]]).toEqual([1, 0]);
      const total = intervals.reduce((sum, [pending, updates]) => sum + pending * updates, 0);
      const ends = intervals.reduce(
        (list: number[], [pending, updates]) => {
          for (let i = 0; i < updates; i += 1) list.push((list.at(-1) ?? 0) + pending);
          return list;
        },
        [0],
      );
      const exponents = [0, exponentFromWidth(0.05), Number.NaN, Math.LN2 / 0.1 - 1];
      const wanted = exponentFromWidth(0.1);
      const error = (end: number): number =>
        plan.coefficients.reduce(
          (sum, c, k) => (c === 0 ? sum : sum + c * (end / total) ** (at(exponents, k) + 1)),
          0,
        ) -
        (end / total) ** (wanted + 1);
      const expected = ends.slice(1).reduce((sum, end, i) => sum + Math.abs(error(end) - error(at(ends, i))), 0);
      const found = boundAfter(plan, options, intervals);
      expect(expected).toBeGreaterThan(1e-3);
      expect(Math.abs(found / expected - 1)).toBeLessThan(1e-5);
    }
  });

  it('needs averages of the kind that is wanted', () => {
    const exponential = resolveOptions({ decays: [0.9, 0.99] });
    expect(() => synthesisOf(exponential, { relativeWidth: 0.1 })).toThrow(
      /decays: expected averages whose memory is a part of the run/,
    );
    const parts = resolveOptions({ decays: 'anytime' });
    expect(() => synthesisOf(parts, 0.95)).toThrow(/decays: expected exponential averages/);
    expect(synthesisOf(parts, { window: { soFar: 0.03 } }).kernelError).toBeLessThan(0.05);
  });
});
