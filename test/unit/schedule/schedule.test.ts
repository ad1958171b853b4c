// Schedule: alphas against closed forms and the paper's figures.

import { describe, expect, it } from 'vitest';
import { equivalentDecay, halfLifeOf, timeConstantOf, windowOf } from '../../../src/schedule/decay.js';
import type { DecayFunction, GrowingSpec, Profile } from '../../../src/schedule/profile.js';
import { paperWarmup, Schedule } from '../../../src/schedule/schedule.js';
import { at } from '../../support/oracle.js';
import { randoms } from '../../support/random.js';

const none = (decays: readonly number[], updateEvery = 1) => new Schedule({ decays, updateEvery, warmup: 'none' });
const paper = (decays: readonly number[], updateEvery = 1) => new Schedule({ decays, updateEvery, warmup: 'paper' });

describe('equivalentDecay', () => {
  // Appendix F, table 23: decays at T = 16 and what the paper rounds their per-step decays to.
  const table: [number, number, number][] = [
    [0.998, 0.999875, 6],
    [0.996, 0.99975, 5],
    [0.992, 0.9995, 4],
    [0.984, 0.999, 3],
    [0.968, 0.998, 3],
  ];

  it.each(table)('takes %d per update of 16 steps to the %d per step of the paper', (update, step, digits) => {
    const exact = equivalentDecay(update, 1 / 16);
    expect(Number(exact.toFixed(digits))).toBe(step);
    expect(equivalentDecay(exact, 16)).toBeCloseTo(update, 14);
  });

  it('is the decay of all steps together', () => {
    expect(equivalentDecay(0.5, 3)).toBe(0.125);
  });
});

describe('Schedule without warm-up', () => {
  it('gives 1 - decay ** pending', () => {
    const schedule = none([0.9, 0.99, 0.5], 16);
    for (const pending of [1, 3, 16]) {
      schedule.alphas(0, pending).forEach((alpha, k) => {
        expect(alpha).toBeCloseTo(1 - at([0.9, 0.99, 0.5], k) ** pending, 14);
      });
    }
  });

  it('keeps every digit near decay 1, where the plain difference loses them', () => {
    // 1 - (1 - e) ** T = T e - T (T - 1) / 2 e^2 + O(T^3 e^3); the last term is below 1e-27 here.
    const e = 2 ** -40;
    const exact = 16 * e - 120 * e * e;
    const [alpha] = none([1 - e], 16).alphas(0, 16);
    expect(Math.abs(Number(alpha) - exact) / exact).toBeLessThan(1e-15);
  });

  it('gives exactly 1 for decay 0 and exactly +0 for decay 1', () => {
    for (const pending of [1, 7]) {
      const [zero, one] = none([0, 1]).alphas(5, pending);
      expect(zero).toBe(1);
      expect(Object.is(one, 0)).toBe(true);
    }
  });

  it('composes: alphas of 5 and 11 steps keep what one of 16 keeps', () => {
    const schedule = none([0.9995], 16);
    const keep = (pending: number) => 1 - at(schedule.alphas(0, pending), 0);
    expect(keep(5) * keep(11)).toBeCloseTo(keep(16), 15);
  });

  it('returns the same array while nothing changes', () => {
    const schedule = none([0.9], 4);
    const first = schedule.alphas(0, 4);
    expect(schedule.alphas(4, 4)).toBe(first);
    expect(schedule.alphas(8, 3)).not.toBe(first);
  });
});

describe("Schedule with the paper's warm-up", () => {
  it('starts with decay 0.1: the first average is 0.1 x0 + 0.9 x1', () => {
    for (const updateEvery of [1, 16]) {
      const [alpha] = paper([0.999], updateEvery).alphas(0, updateEvery);
      expect(alpha).toBeCloseTo(0.9, 15);
    }
  });

  it('gives update t of T steps the decay min(decay ** T, (t + 1) / (t + 10))', () => {
    const decays = [0.5, 0.9, 0.998];
    const schedule = paper(decays, 16);
    for (const t of [0, 1, 2, 50, 500, 5000]) {
      schedule.alphas(16 * t, 16).forEach((alpha, k) => {
        expect(1 - alpha).toBeCloseTo(Math.min(at(decays, k) ** 16, (t + 1) / (t + 10)), 13);
      });
    }
  });

  it('is not sped up by updates of fewer steps: two halves keep what the warm-up allows a whole update', () => {
    const schedule = paper([0.999], 16);
    const keep = (before: number, pending: number) => 1 - at(schedule.alphas(before, pending), 0);
    // Both halves lie inside update 10, whose cap is that of t = 10 to t = 10.5.
    const halves = keep(160, 8) * keep(168, 8);
    expect(halves).toBeGreaterThan(paperWarmup(10));
    expect(halves).toBeLessThan(paperWarmup(10.5));
  });

  it('ends where (t + 1) / (t + 10) reaches the decay: update 4,490 for 0.998 at T = 16, step 71,840', () => {
    const perStep = equivalentDecay(0.998, 1 / 16);
    const keep = (before: number) => 1 - at(paper([perStep], 16).alphas(before, 16), 0);
    expect(keep(71_840 - 16)).toBeLessThan(0.998 - 1e-8);
    expect(keep(71_840)).toBeCloseTo(0.998, 12);
    expect(keep(71_840 + 16)).toBeCloseTo(0.998, 12);
  });
});

describe('Schedule with other warm-ups', () => {
  const decays = [0.9, 0.999];
  const keep = (schedule: Schedule, before: number, pending = 1) =>
    schedule.alphas(before, pending).map((alpha) => 1 - alpha);

  it.each([
    [2, 0.75],
    [1, 1],
  ])('of timm caps update n at 1 - (1 + n / scale) ** -power: scale %d, power %d', (scale, power) => {
    const schedule = new Schedule({ decays, updateEvery: 1, warmup: { inverseGamma: { scale, power } } });
    for (const n of [0, 1, 10, 1000, 1e6]) {
      const cap = 1 - (1 + n / scale) ** -power;
      keep(schedule, n).forEach((kept, k) => {
        expect(kept).toBeCloseTo(Math.min(at(decays, k), cap), 13);
      });
    }
  });

  it('of a function of the user caps at what it gives, and refuses what is no decay', () => {
    const schedule = new Schedule({ decays, updateEvery: 4, warmup: (t) => t / 10 });
    keep(schedule, 20, 4).forEach((kept, k) => {
      expect(kept).toBeCloseTo(Math.min(at(decays, k) ** 4, 0.5), 13);
    });
    expect(() => schedule.alphas(44, 4)).toThrow(/^warmup\(11\): expected a number from 0 to 1, received 1\.1\.$/);
    const table = [0.1, 0.2];
    const ofWholes = new Schedule({ decays, updateEvery: 4, warmup: (t) => table[t] ?? Number.NaN });
    expect(() => ofWholes.alphas(2, 2)).toThrow(
      /^warmup\(0\.5\): .* received NaN\. .*a fraction of one: give a cap for fractions/,
    );
  });

  it('zero-debias is the exact weighted mean of the weights since the start, in any steps', () => {
    const schedule = new Schedule({ decays: [0.9, 0, 1], updateEvery: 3, warmup: 'zero-debias' });
    expect(schedule.alphas(0, 3)).toEqual([1, 1, 1]);
    const [alpha, last, mean] = schedule.alphas(6, 3);
    expect(alpha).toBeCloseTo((1 - 0.9 ** 3) / (1 - 0.9 ** 9), 14);
    expect(last).toBe(1);
    expect(mean).toBeCloseTo(3 / 9, 14);
  });

  it('by steps caps an update at (s + 1) / (s + 10), s steps before, and ends at step 4,490 for 0.998 at T = 16', () => {
    const perStep = equivalentDecay(0.998, 1 / 16);
    const schedule = new Schedule({ decays: [0.9, perStep], updateEvery: 16, warmup: 'paper', warmupClock: 'steps' });
    for (const before of [0, 16, 1600, 16_000]) {
      const cap = (before + 1) / (before + 10);
      expect(keep(schedule, before, 16)).toEqual([
        expect.closeTo(Math.min(0.9 ** 16, cap), 13),
        expect.closeTo(Math.min(0.998, cap), 13),
      ]);
    }
    expect(schedule.alphas(20_016, 16)).toBe(schedule.alphas(20_000, 16));
  });
});

describe('Schedule with shapes that grow, and functions', () => {
  /** A schedule of one average of a shape. */
  const shaped = (profile: Profile, options: object = {}) =>
    new Schedule({ decays: [1], profiles: [profile], updateEvery: 1, warmup: 'none', ...options });

  it('gives the averages that float64 sums give, in 10,000 random runs', () => {
    const next = randoms(11);
    const whole = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
    const functions: readonly DecayFunction[] = [
      (step) => 1 - (step + 1) ** -0.7,
      (step) => step / (step + 10),
      (step) => 2 ** (-1 / (0.05 * step)),
      (step) => (step % 3 === 0 ? 1 : 0.5),
    ];
    for (let run = 0; run < 10_000; run += 1) {
      const [updateEvery, startStep, updates] = [whole(1, 20), whole(0, 5), whole(1, 12)];
      const [decay, share, decayOf] = [next(), 0.005 + 0.995 * next(), at(functions, whole(0, 3))];
      const measure = at(['halfLife', 'timeConstant', 'window'] as const, whole(0, 2));
      const growing = { [measure]: { soFar: share } } as GrowingSpec;
      const profiles = ['exponential', growing, decayOf] as const;
      const schedule = new Schedule({ decays: [decay, 1, 1], profiles, updateEvery, warmup: 'none', startStep });
      const found = [0, 0, 0];
      const expected = [0, 0, 0];
      const power = (measure === 'halfLife' ? Math.LN2 : 1) / share;
      const last = updates * updateEvery;
      for (let update = 1; update <= updates; update += 1) {
        const [held, value] = [(update - 1) * updateEvery, 2 * next() - 1];
        const until = held + updateEvery;
        schedule.alphas(startStep + held, updateEvery).forEach((alpha, k) => {
          found[k] = at(found, k) + alpha * (value - at(found, k));
        });
        const keep = (k: number, kept: number) => {
          expected[k] = kept * at(expected, k) + (1 - kept) * value;
        };
        keep(0, decay ** updateEvery);
        keep(2, decayOf(until) ** updateEvery);
        // The share of a step at the end, by the closed form: no recurrence.
        expected[1] = at(expected, 1) + ((until / last) ** power - (held / last) ** power) * value;
      }
      found.forEach((value, k) => {
        expect(Math.abs(value - at(expected, k)), `run ${run}, average ${k}`).toBeLessThan(1e-11);
      });
    }
  });

  it('has at every step the half-life, time constant and window that were asked for', () => {
    for (const soFar of [0.01, 0.05, 0.3]) {
      for (const step of [1e4, 1e6]) {
        const decay = (spec: GrowingSpec) => 1 - at(shaped(spec).alphas(step - 1, 1), 0);
        // Within one step the length itself grows: by a part in `step` of what it is.
        expect(halfLifeOf(decay({ halfLife: { soFar } })) / (soFar * step)).toBeCloseTo(1, 3);
        expect(timeConstantOf(decay({ timeConstant: { soFar } })) / (soFar * step)).toBeCloseTo(1, 3);
        expect(windowOf(decay({ window: { soFar } })) / (soFar * step)).toBeCloseTo(1, 1);
      }
    }
  });

  it('forgets the start at the first update of a growing one, which no warm-up holds back, and window 1 is the plain mean', () => {
    const growing = shaped({ halfLife: { soFar: 0.05 } }, { warmup: 'paper' });
    expect(growing.alphas(0, 1)).toEqual([1]);
    for (const before of [0, 1, 10, 1000])
      expect(at(shaped({ window: { soFar: 1 } }).alphas(before, 3), 0)).toBeCloseTo(3 / (before + 3), 14);
  });

  it('asks a function once a step, with the steps since the start, and warms none up', () => {
    const asked: number[] = [];
    const decayOf = (step: number) => {
      asked.push(step);
      return 0.5 + asked.length / 100;
    };
    const schedule = shaped(decayOf, { startStep: 10, warmup: 'paper' });
    expect(schedule.alphas(5, 5)).toEqual([1]);
    expect(asked).toEqual([]);
    const alpha = at(schedule.alphas(10, 2), 0);
    expect(alpha).toBeCloseTo(1 - 0.51 ** 2, 15);
    // Who looks at the same step, and who foresees another one, asks nobody.
    expect(schedule.alphas(10, 2)).toEqual([alpha]);
    expect(schedule.foreseen(12, 1)[0]).toBeCloseTo(0.49, 15);
    expect(asked).toEqual([2]);
    schedule.alphas(10, 3);
    expect(asked).toEqual([2, 3]);
  });

  it('takes a function that was never asked for one that copies', () => {
    expect(shaped(() => 0.9).foreseen(0, 1)).toEqual([1]);
  });

  it.each([-0.1, 1.1, Number.NaN, '0.9', undefined, Promise.resolve(0.9)])('refuses %j of a function', (value) => {
    const schedule = new Schedule({
      decays: [0.9, 1],
      profiles: ['exponential', () => value as number],
      updateEvery: 1,
      warmup: 'none',
    });
    expect(() => schedule.alphas(6, 1)).toThrow(/^decays\[1\]\(7\): expected a number from 0 to 1, received /);
  });

  it('gives exactly 1 for decay 0 and exactly +0 for decay 1 of a function', () => {
    for (const [decay, alpha] of [
      [0, 1],
      [1, 0],
    ] as const)
      expect(Object.is(at(shaped(() => decay).alphas(3, 5), 0), alpha)).toBe(true);
  });
});
