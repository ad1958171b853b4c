// Averages of other shapes against brute force in float64.
// Needs no TensorFlow.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  debiasedAlpha,
  exponentFromWidth,
  inverseGamma,
  powerAlpha,
  uniformAlpha,
} from '../../../src/schedule/profile.js';

/** Standard deviation of the steps' weights in the power-function average, as a part of the run: arXiv 2312.02696, section 3.1. */
function relativeWidth(exponent: number): number {
  return Math.sqrt((exponent + 1) / (exponent + 3)) / (exponent + 2);
}

/** Runs an average of numbers from `start` with an alpha per step. */
function average(start: number, values: readonly number[], alphaOf: (before: number) => number): number {
  return values.reduce((mean, value, index) => mean + alphaOf(index) * (value - mean), start);
}

const series = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 200 });

describe('the plain mean', () => {
  it('is the mean of all steps, whatever the start', () => {
    fc.assert(
      fc.property(series, (values) => {
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        expect(average(1e6, values, (n) => uniformAlpha(n, 1))).toBeCloseTo(mean, 9);
      }),
    );
  });

  it('is 1 / (n + 1) at equal distances, as in SWA', () => {
    for (let n = 0; n < 50; n += 1) expect(uniformAlpha(16 * n, 16)).toBeCloseTo(1 / (n + 1), 15);
  });
});

describe('the power-function average', () => {
  it('weighs step s in proportion to the growth of s ** (exponent + 1)', () => {
    fc.assert(
      fc.property(series, fc.double({ min: 0, max: 30, noNaN: true }), (values, exponent) => {
        const n = values.length;
        const expected = values.reduce(
          (sum, value, s) => sum + value * (((s + 1) / n) ** (exponent + 1) - (s / n) ** (exponent + 1)),
          0,
        );
        expect(average(1e6, values, (before) => powerAlpha(before, 1, exponent))).toBeCloseTo(expected, 8);
      }),
    );
  });

  it('does not care how the steps are cut into updates', () => {
    // The start's share over two updates is the product of their decays.
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e6 }),
        fc.integer({ min: 1, max: 64 }),
        fc.integer({ min: 1, max: 64 }),
        (s, p, q) => {
          const parts = (1 - powerAlpha(s, p, 7)) * (1 - powerAlpha(s + p, q, 7));
          expect(parts).toBeCloseTo(1 - powerAlpha(s, p + q, 7), 12);
        },
      ),
    );
  });

  it('with exponent 0 is the plain mean', () => {
    for (const before of [0, 1, 7, 1e6]) expect(powerAlpha(before, 3, 0)).toBeCloseTo(uniformAlpha(before, 3), 15);
  });

  it('has the width that its published pairs say: 0.05 is exponent 16.97, 0.1 is 6.94', () => {
    expect(exponentFromWidth(0.05)).toBeCloseTo(16.97, 2);
    expect(exponentFromWidth(0.1)).toBeCloseTo(6.94, 2);
    expect(exponentFromWidth(1 / Math.sqrt(12))).toBeCloseTo(0, 7);
  });

  it('has the standard deviation that relativeWidth says', () => {
    const exponent = 6.94;
    const n = 20_000;
    let mean = 0;
    let square = 0;
    for (let s = 0; s < n; s += 1) {
      const share = ((s + 1) / n) ** (exponent + 1) - (s / n) ** (exponent + 1);
      mean += (share * (s + 0.5)) / n;
      square += share * ((s + 0.5) / n) ** 2;
    }
    expect(Math.sqrt(square - mean ** 2)).toBeCloseTo(relativeWidth(exponent), 6);
  });

  it('converts widths to exponents and back', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 0.2886, noNaN: true }), (width) => {
        expect(relativeWidth(exponentFromWidth(width)) / width).toBeCloseTo(1, 9);
      }),
    );
    for (const width of [0, -1, 0.3, Number.NaN])
      expect(() => exponentFromWidth(width)).toThrow(
        /relativeWidth: expected a share of the run above 0 and at most 0\.2886/,
      );
  });
});

describe('the average without bias', () => {
  it('is the weighted mean with weights b ** age, whatever the start', () => {
    fc.assert(
      fc.property(series, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, b) => {
        const weights = values.map((_, s) => b ** (values.length - 1 - s));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const expected = values.reduce((sum, value, s) => sum + value * (weights[s] ?? 0), 0) / total;
        expect(average(1e6, values, (n) => debiasedAlpha(b, n, 1))).toBeCloseTo(expected, 8);
      }),
    );
  });

  it('has the published decay b (1 - b^(n-1)) / (1 - b^n)', () => {
    for (const b of [0.5, 0.9, 0.999]) {
      for (const n of [1, 2, 10, 1000]) {
        expect(1 - debiasedAlpha(b, n - 1, 1)).toBeCloseTo((b * (1 - b ** (n - 1))) / (1 - b ** n), 12);
      }
    }
  });

  it('begins with the first weights and ends as the plain EMA; decay 1 is the plain mean', () => {
    expect(debiasedAlpha(0.999, 0, 16)).toBe(1);
    expect(debiasedAlpha(0.999, 1e6, 1)).toBeCloseTo(0.001, 12);
    expect(debiasedAlpha(1, 9, 1)).toBe(0.1);
    expect(debiasedAlpha(0, 9, 1)).toBe(1);
  });
});

describe('the inverse-gamma warm-up', () => {
  it('reaches 0.999 after 31,622 updates with power 2/3, after 9,999 with 3/4', () => {
    expect(inverseGamma(31_622, { scale: 1, power: 2 / 3 })).toBeCloseTo(0.999, 7);
    expect(inverseGamma(9999, { scale: 1, power: 3 / 4 })).toBeCloseTo(0.999, 12);
    expect(inverseGamma(0, { scale: 1, power: 1 })).toBe(0);
  });
});
