// Decays in every unit, and back.
// Needs no TensorFlow.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EmaError } from '../../../src/base/errors.js';
import * as api from '../../../src/decay.js';
import {
  type DecaySpec,
  decayFromFractionOfRun,
  decayFromHalfLife,
  decayFromTimeConstant,
  decayFromWindow,
  equivalentDecay,
  halfLifeOf,
  PAPER_WINDOWS,
  resolveDecay,
  scaleDecayForBatch,
  stepsOf,
  timeConstantOf,
  windowOf,
} from '../../../src/schedule/decay.js';
import { resolveAverages } from '../../../src/schedule/specs.js';

/** The paper's table 23: window in steps, decay per update of 16 steps, decay per step as printed there. */
const TABLE_23 = [
  [8000, 0.998, 0.999875],
  [4000, 0.996, 0.99975],
  [2000, 0.992, 0.9995],
  [1000, 0.984, 0.999],
  [500, 0.968, 0.998],
] as const;

const CIFAR = { stepsPerEpoch: 391, batchSize: 128, totalSteps: 78_200 };

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof EmaError && error.code === 'INVALID_ARGUMENT') return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the paper’s table 23', () => {
  it.each(TABLE_23)('a window of %i steps is %f per 16 steps and %f per step', (window, perUpdate, perStep) => {
    expect(decayFromWindow(window)).toBe(perStep);
    expect(16 / (1 - perUpdate)).toBeCloseTo(window, 9);
    // The table rounds: 0.968 at T = 16 is 0.997971 per step, printed as 0.998.
    expect(equivalentDecay(perUpdate, 1 / 16)).toBeCloseTo(perStep, 4);
    expect(Math.round(equivalentDecay(perStep, 16) * 1000) / 1000).toBeCloseTo(perUpdate, 2.5);
  });

  it('converts 0.998 at T = 16 to 0.99987488 per step, and back exactly', () => {
    expect(equivalentDecay(0.998, 1 / 16)).toBeCloseTo(0.99987488, 8);
    expect(equivalentDecay(equivalentDecay(0.998, 1 / 16), 16)).toBeCloseTo(0.998, 14);
    expect([equivalentDecay(0, 16), equivalentDecay(1, 0.5)]).toEqual([0, 1]);
  });

  it.each([
    [1.5, 2, /^decay: expected a number from 0 to 1.*received 1\.5/],
    [-0.1, 2, /^decay: .*received -0\.1/],
    ['0.9' as never, 2, /^decay: .*Write 0\.9 without quotes/],
    [0.9, -1, /^steps: expected a number of steps above 0, received -1/],
    [0.9, 0, /^steps: .*received 0/],
    [0.9, Number.NaN, /^steps: .*received NaN/],
  ])('is refused for decay %s, %s times', (decay, steps, message) => {
    expect(messageOf(() => equivalentDecay(decay, steps))).toMatch(message);
  });

  it.each(TABLE_23)(
    'of %i steps: the public conversions give %d at T = 16 and %d per step, both ways',
    (steps, update, step) => {
      const digits = `${step}`.length - 2;
      expect(Number(api.equivalentDecay(update, 1 / 16).toFixed(digits))).toBe(step);
      expect(Number(api.equivalentDecay(step, 16).toFixed(3))).toBe(update);
      expect(api.decayFromWindow(steps)).toBeCloseTo(step, 14);
      expect(api.windowOf(step)).toBeCloseTo(steps, 6);
      expect(api.decayFromHalfLife(api.halfLifeOf(step))).toBeCloseTo(step, 14);
      expect(api.decayFromTimeConstant(api.timeConstantOf(step))).toBeCloseTo(step, 14);
      // Sixteen times the batch: one step where there were 16.
      expect(api.scaleDecayForBatch(step, 16)).toBeCloseTo(api.equivalentDecay(step, 16), 15);
    },
  );

  it('is what auto gives for a run of the paper’s length', () => {
    for (const specs of ['auto', undefined] as const)
      expect(resolveAverages(specs, CIFAR).decays).toEqual([0.998, 0.999, 0.9995, 0.99975, 0.999875]);
    expect(PAPER_WINDOWS.map((share) => (100 * share).toFixed(2))).toEqual(['0.64', '1.28', '2.56', '5.12', '10.23']);
  });
});

describe("'auto'", () => {
  it.each([
    [1, [0]],
    [2, [0.5]],
    [19, [0.5]],
    // 10.23 % are 2.05 steps, and 1 - 1 / 2.05 is 0.511.
    [20, [0.511]],
    [40, [0.511, 0.756]],
    [312, [0.749, 0.875, 0.9373, 0.9687]],
    [313, [0.5, 0.75, 0.875, 0.9375, 0.9688]],
    [78_200, [0.998, 0.999, 0.9995, 0.99975, 0.999875]],
  ])(
    'leaves out windows of less than two steps, and gives three digits of the rest: %i steps',
    (totalSteps, decays) => {
      expect(resolveAverages('auto', { totalSteps }).decays).toEqual(decays);
    },
  );

  it('gives different decays for every length of a run', () => {
    for (let totalSteps = 1; totalSteps < 1e8; totalSteps = Math.ceil(1.1 * totalSteps)) {
      const { decays } = resolveAverages('auto', { totalSteps });
      expect(decays).toEqual([...new Set(decays)].sort());
      decays.forEach((decay) => {
        expect(decay < 1 && decay >= 0).toBe(true);
      });
    }
  });

  it("needs the length of the run, without which the default is 'anytime'", () => {
    expect(messageOf(() => resolveAverages('auto'))).toMatch(/^totalSteps: /);
    expect(resolveAverages(undefined)).toEqual(resolveAverages('anytime'));
    expect(resolveAverages(undefined).profiles).toHaveLength(6);
  });
});

describe('conversions', () => {
  it('halve, divide by e and reach the mean age that they are named after', () => {
    expect(decayFromHalfLife(100) ** 100).toBeCloseTo(0.5, 13);
    expect(decayFromTimeConstant(100) ** 100).toBeCloseTo(1 / Math.E, 13);
    // Mean age of the kernel (1 - d) d^s is d / (1 - d) = window - 1.
    const decay = decayFromWindow(100);
    let age = 0;
    for (let s = 0; s < 10_000; s += 1) age += s * (1 - decay) * decay ** s;
    expect(age).toBeCloseTo(99, 9);
  });

  it.each([
    ['half-life', decayFromHalfLife, halfLifeOf],
    ['time constant', decayFromTimeConstant, timeConstantOf],
    ['window', decayFromWindow, windowOf],
  ] as const)('a %s survives the way there and back as far as a double near 1 can hold it', (_, to, from) => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 1e9, noNaN: true }), (steps) => {
        // The decay is rounded by at most 2^-53, which changes 1 - decay by 2^-53 / (1 - decay), and 1 - decay >= 0.5 / steps;
        // a few ulp more for the functions themselves.
        const tolerance = 2 * steps * 2 ** -53 + 8 * Number.EPSILON;
        expect(Math.abs(from(to(steps)) / steps - 1)).toBeLessThanOrEqual(tolerance);
      }),
    );
  });

  it('know the ends: 0 forgets at once, 1 never', () => {
    expect([halfLifeOf(0), timeConstantOf(0), windowOf(0)]).toEqual([0, 0, 1]);
    expect([halfLifeOf(1), timeConstantOf(1), windowOf(1)]).toEqual([Infinity, Infinity, Infinity]);
    expect(decayFromWindow(1)).toBe(0);
  });

  it('scale with the batch: kappa times the samples per step, kappa times the exponent', () => {
    expect(scaleDecayForBatch(0.999, 1)).toBe(0.999);
    expect(scaleDecayForBatch(0.999, 8)).toBeCloseTo(0.999 ** 8, 15);
    const samples = { halfLife: { samples: 64_000 } };
    const small = resolveDecay(samples, { batchSize: 32 });
    expect(scaleDecayForBatch(small, 16)).toBeCloseTo(resolveDecay(samples, { batchSize: 512 }), 13);
  });
});

describe('units', () => {
  it('come to the same decay in steps, epochs, samples and share of the run', () => {
    const expected = decayFromHalfLife(782);
    const durations = [782, { steps: 782 }, { epochs: 2 }, { samples: 782 * 128 }, { fraction: 0.01 }];
    for (const halfLife of durations) expect(resolveDecay({ halfLife }, CIFAR)).toBeCloseTo(expected, 15);
    expect(resolveDecay({ timeConstant: { epochs: 2 } }, CIFAR)).toBe(decayFromTimeConstant(782));
    expect(resolveDecay({ window: { epochs: 2 } }, CIFAR)).toBe(decayFromWindow(782));
    expect(decayFromFractionOfRun(0.01, 78_200)).toBe(decayFromWindow(782));
  });

  it('leave a plain decay as it is', () => {
    for (const decay of [0, 0.5, 0.999, 1]) expect(resolveDecay(decay)).toBe(decay);
  });

  it('name the figure of the run that is missing', () => {
    expect(messageOf(() => resolveDecay({ halfLife: { epochs: 1 } }))).toMatch(
      /^stepsPerEpoch: .*decay\.halfLife.*number of epochs/,
    );
    expect(messageOf(() => stepsOf({ samples: 5 }))).toMatch(/^batchSize: .*number of samples/);
    expect(messageOf(() => resolveAverages('auto'))).toMatch(/^totalSteps: .*share of the run.*received undefined/);
    expect(messageOf(() => stepsOf({ epochs: 1 }, { stepsPerEpoch: 0 }))).toMatch(
      /stepsPerEpoch: .*above 0, received 0/,
    );
  });
});

describe('mistakes', () => {
  it.each([
    [1.5, /half-life of 1.5 steps write \{ halfLife: 1.5 \}/],
    [-0.1, /decay: expected a number from 0 to 1/],
    [Number.NaN, /received NaN/],
    ['0.99', /received '0.99'/],
    [null, /received null/],
    [{}, /expected one of \{ halfLife \}/],
    [{ halfLive: 3 }, /received .*halfLive/],
    [{ halfLife: 3, window: 4 }, /one measure in one unit/],
    [{ halfLife: { steps: 3, epochs: 4 } }, /decay\.halfLife: .*one measure in one unit/],
    [{ halfLife: { days: 3 } }, /expected one of \{ steps \}/],
    [{ halfLife: null }, /decay\.halfLife/],
    [{ halfLife: 0 }, /above 0, received 0/],
    [{ halfLife: '9' }, /decay\.halfLife/],
    [{ halfLife: { steps: Infinity } }, /decay\.halfLife\.steps/],
    [{ halfLife: 1e17 }, /shorter/],
    [{ window: 0.5 }, /at least 1 step/],
    [{ window: { fraction: 10 } }, /at most 1, received 10\. For 10 % of the run write 0\.1/],
  ])('%j is refused in words that help', (spec, pattern) => {
    expect(messageOf(() => resolveDecay(spec as DecaySpec, CIFAR))).toMatch(pattern);
  });

  it('a list must have decays, and different ones', () => {
    expect(messageOf(() => resolveAverages([]))).toMatch(/a list of at least one, received \[\]/);
    expect(messageOf(() => resolveAverages([0.9, 0.9]))).toMatch(/0.9 stands there twice/);
    expect(messageOf(() => resolveAverages([0.9, { window: 10 }]))).toMatch(/twice/);
    expect(messageOf(() => resolveAverages([0.9, 2]))).toMatch(/decays\[1\]/);
    expect(messageOf(() => resolveAverages({ window: { fraction: 0.01 } }, { totalSteps: 50 }))).toMatch(/too short/);
    expect(messageOf(() => decayFromWindow(0.5))).toMatch(/at least 1 step, received 0.5/);
    expect(messageOf(() => scaleDecayForBatch(0.9, 0))).toMatch(/kappa: expected a ratio/);
  });
});
