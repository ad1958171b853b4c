// Averages of other shapes against brute force in float64, and what averages remember.
// Needs no TensorFlow.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  catchUp,
  debiasedAlpha,
  exponentFromWidth,
  forecast,
  indistinguishable,
  inverseGamma,
  inverseGammaEnd,
  longestHalfLife,
  Memory,
  powerAlpha,
  relativeWidth,
  stepsUntilForgotten,
  uniformAlpha,
} from '../src/profile.js';
import { equivalentDecay, paperWarmup, Schedule } from '../src/schedule.js';

/** Runs an average of numbers from `start` with an alpha per step. */
function average(start: number, values: readonly number[], alphaOf: (before: number) => number): number {
  return values.reduce((mean, value, index) => mean + alphaOf(index) * (value - mean), start);
}

const series = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 200 });
const decays = fc.double({ min: 0, max: 1, noNaN: true });

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
      expect(() => exponentFromWidth(width)).toThrow(/width: expected a share/);
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
    expect(inverseGammaEnd(0.999, { scale: 1, power: 2 / 3 })).toBeCloseTo(31_621.8, 1);
    expect(inverseGammaEnd(0.999, { scale: 1, power: 3 / 4 })).toBeCloseTo(9999, 6);
    expect(inverseGammaEnd(1, { scale: 1, power: 1 })).toBe(Infinity);
  });

  it('is at the decay at the update where it ends', () => {
    const decay = fc.double({ min: 0.01, max: 0.99999, noNaN: true });
    const shape = fc.record({
      scale: fc.double({ min: 0.1, max: 100, noNaN: true }),
      power: fc.double({ min: 0.3, max: 2, noNaN: true }),
    });
    fc.assert(
      fc.property(decay, shape, (d, s) => {
        expect(inverseGamma(inverseGammaEnd(d, s), s)).toBeCloseTo(d, 10);
      }),
    );
    expect(inverseGamma(0, { scale: 1, power: 1 })).toBe(0);
  });
});

describe('catching up on a straight line', () => {
  /** An average that moved at each of T steps while the weights went from `old` to `fresh` in a straight line. */
  function stepByStep(
    a: number,
    steps: number,
    { ema, old, fresh }: { ema: number; old: number; fresh: number },
  ): number {
    let mean = ema;
    for (let j = 1; j <= steps; j += 1) mean = a * mean + (1 - a) * (old + (j / steps) * (fresh - old));
    return mean;
  }

  it('is what moving at each step would have given', () => {
    const value = fc.double({ min: -5, max: 5, noNaN: true });
    fc.assert(
      fc.property(
        decays,
        fc.integer({ min: 1, max: 300 }),
        fc.record({ ema: value, old: value, fresh: value }),
        (a, steps, at) => {
          const { kept, old, fresh } = catchUp(a, steps);
          expect(kept * at.ema + old * at.old + fresh * at.fresh).toBeCloseTo(stepByStep(a, steps, at), 11);
        },
      ),
    );
  });

  it('is the same as two moves of the one kernel', () => {
    fc.assert(
      fc.property(decays, fc.integer({ min: 1, max: 1000 }), (a, steps) => {
        const { kept, old, fresh, alphas } = catchUp(a, steps);
        const afterOld = 0.3 + alphas[0] * (-2 - 0.3);
        expect(afterOld + alphas[1] * (7 - afterOld)).toBeCloseTo(kept * 0.3 + old * -2 + fresh * 7, 11);
        expect(kept + old + fresh).toBeCloseTo(1, 14);
      }),
    );
  });

  it('is the published formula, and more accurate where that cancels', () => {
    const [a, steps] = [0.99, 16];
    expect(catchUp(a, steps).fresh).toBeCloseTo(1 - (a * (1 - a ** steps)) / (steps * (1 - a)), 12);
    // For 1 - a = e: S = e (T + 1) / 2 - e^2 (T^2 - 1) / 6 + ..., here to 1e-19.
    const e = 2 ** -30;
    expect(catchUp(1 - e, 16).fresh / (e * 8.5 - (e * e * 255) / 6)).toBeCloseTo(1, 13);
  });

  it('with T = 1 is the plain update; decay 0 takes the weights and decay 1 nothing', () => {
    const plain = catchUp(0.999, 1);
    expect(plain.kept).toBeCloseTo(0.999, 15);
    expect(plain.fresh / (1 - 0.999)).toBeCloseTo(1, 13);
    expect(plain.alphas[0]).toBe(0);
    expect(catchUp(0, 16)).toEqual({ kept: 0, old: 0, fresh: 1, alphas: [0, 1] });
    expect(catchUp(1, 16)).toMatchObject({ kept: 1, fresh: 0 });
  });
});

describe('memory', () => {
  it('holds decay ** steps of the start, however the steps are cut', () => {
    const memory = forecast(1000, 16, (before, pending) =>
      new Schedule({ decays: [0.99, 0.999], updateEvery: 16, warmup: 'none' }).alphas(before, pending),
    );
    expect(memory.initialShare(0)).toBeCloseTo(0.99 ** 1000, 12);
    expect(memory.initialShare(1)).toBeCloseTo(0.999 ** 1000, 12);
  });

  it('under the paper’s warm-up holds 9! / ((n + 1) ... (n + 9)) and is n / 10 updates old', () => {
    const memory = new Memory(1);
    for (let n = 1; n <= 200; n += 1) {
      memory.advance([1 - paperWarmup(n - 1)], 16);
      const expected = Array.from({ length: 9 }, (_, i) => (i + 1) / (n + i + 1)).reduce((a, b) => a * b, 1);
      expect(memory.initialShare(0) / expected).toBeCloseTo(1, 10);
      expect(memory.meanAge(0)).toBeCloseTo((16 * n) / 10, 9);
      expect(memory.window(0, 16)).toBeCloseTo(16 * (n / 10 + 1), 9);
    }
  });

  it('has the paper’s window of 16 / (1 - a) once the start is forgotten', () => {
    const schedule = new Schedule({ decays: [equivalentDecay(0.968, 1 / 16)], updateEvery: 16, warmup: 'paper' });
    const memory = forecast(78_200, 16, (before, pending) => schedule.alphas(before, pending));
    expect(memory.window(0, 16)).toBeCloseTo(500, 0);
  });

  it('has no number for an average that there is not', () => {
    expect(new Memory(1).initialShare(3)).toBeNaN();
    expect(new Memory(1).meanAge(3)).toBeNaN();
  });

  it('forgets 99 % after 459, 4,603 and 46,050 steps at decays 0.99, 0.999 and 0.9999', () => {
    expect([0.99, 0.999, 0.9999].map((decay) => stepsUntilForgotten(decay))).toEqual([459, 4603, 46_050]);
    expect(stepsUntilForgotten(1)).toBe(Infinity);
    expect(stepsUntilForgotten(0)).toBe(1);
  });

  it('and the longest half-life that forgets in a run does just that', () => {
    const halfLife = longestHalfLife(10_000);
    expect(0.5 ** (10_000 / halfLife)).toBeCloseTo(0.01, 12);
    expect(halfLife).toBeCloseTo(1505.1, 1);
  });
});

describe('averages that a warm-up makes one', () => {
  it('are those whose cap never rose above them: the pilot’s 0.979, 0.990 and 0.995 up to update 419', () => {
    const pilot = [0.959, 0.979, 0.99, 0.995];
    expect(indistinguishable(pilot, paperWarmup(419 - 1))).toEqual([1, 2, 3]);
    expect(indistinguishable(pilot, paperWarmup(420 - 1))).toEqual([2, 3]);
    expect(indistinguishable(pilot, paperWarmup(1880 - 1))).toEqual([]);
    expect(indistinguishable([0.998], paperWarmup(0))).toEqual([]);
    // At the cap itself it makes no difference yet which of the two is taken.
    expect(indistinguishable([0.4, 0.5, 0.9], 0.5)).toEqual([1, 2]);
  });

  it('are the same numbers when averaged', () => {
    const perUpdate = [0.9, 0.979, 0.99, 0.995];
    for (const updates of [50, 430, 900]) {
      const held = indistinguishable(perUpdate, paperWarmup(updates - 1));
      const schedule = new Schedule({ decays: perUpdate, updateEvery: 1, warmup: 'paper' });
      const values = perUpdate.map((_, k) =>
        average(
          0,
          Array.from({ length: updates }, (__, s) => Math.sin(s)),
          (n) => schedule.alphas(n, 1)[k] ?? Number.NaN,
        ),
      );
      perUpdate.forEach((_, k) => {
        const isSame = values.some((value, other) => other !== k && value === values[k]);
        expect(isSame).toBe(held.includes(k));
      });
    }
  });
});
