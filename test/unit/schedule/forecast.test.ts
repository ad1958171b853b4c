// What averages remember of a run, against closed forms.
// Needs no TensorFlow.

import { describe, expect, it } from 'vitest';
import {
  forecast,
  indistinguishable,
  longestHalfLife,
  Memory,
  stepsUntilForgotten,
} from '../../../src/schedule/forecast.js';
import { paperWarmup, Schedule } from '../../../src/schedule/schedule.js';

/** Runs an average of numbers from 0 with an alpha per step. */
function average(values: readonly number[], alphaOf: (before: number) => number): number {
  return values.reduce((mean, value, index) => mean + alphaOf(index) * (value - mean), 0);
}

describe('memory', () => {
  it('holds decay ** steps of the start, however the steps are cut', () => {
    const memory = forecast(1000, 16, (before, pending) =>
      new Schedule({ decays: [0.99, 0.999], updateEvery: 16, warmup: 'none' }).alphas(before, pending),
    );
    expect(memory.initialShare(0)).toBeCloseTo(0.99 ** 1000, 12);
    expect(memory.initialShare(1)).toBeCloseTo(0.999 ** 1000, 12);
  });

  it('under the paper’s warm-up holds 9! / ((n + 1) ... (n + 9))', () => {
    const memory = new Memory(1);
    for (let n = 1; n <= 200; n += 1) {
      memory.advance([1 - paperWarmup(n - 1)]);
      const expected = Array.from({ length: 9 }, (_, i) => (i + 1) / (n + i + 1)).reduce((a, b) => a * b, 1);
      expect(memory.initialShare(0) / expected).toBeCloseTo(1, 10);
    }
  });

  it('has no number for an average that there is not', () => {
    expect(new Memory(1).initialShare(3)).toBeNaN();
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
