// Averages that were not tracked, from those that were: coefficients against linear algebra, and errors against their bounds.
// Needs no TensorFlow.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EmaError } from '../../../src/base/errors.js';
import { decayFromHalfLife, halfLifeOf } from '../../../src/schedule/decay.js';
import { Schedule, type WarmupCap } from '../../../src/schedule/schedule.js';
import { boundOfRuns, type UpdateRun } from '../../../src/search/run-bound.js';
import type { Synthesis } from '../../../src/search/synthesis.js';
import { normals } from '../../support/random.js';
import { synthesize } from '../../support/synthesis.js';

/** Half-lives 50, 100, 200, 400, 800. */
const DOUBLING = [50, 100, 200, 400, 800].map(decayFromHalfLife);

/** Least squares by brute force: kernels written out, normal equations with a Lagrange multiplier, solved by elimination. */
function bruteForce(decays: readonly number[], wanted: number, length: number): number[] {
  const kernel = (b: number): Float64Array => Float64Array.from({ length }, (_, s) => (1 - b) * b ** s);
  const kernels = decays.map(kernel);
  const target = kernel(wanted);
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, s) => sum + value * (b[s] ?? 0), 0);
  const rows = kernels.map((row) => [...kernels.map((other) => dot(row, other)), 1, dot(row, target)]);
  rows.push([...kernels.map(() => 1), 0, 1]);
  return solve(rows).slice(0, decays.length);
}

/** Gaussian elimination with row pivoting on an augmented matrix. */
function solve(rows: number[][]): number[] {
  const n = rows.length;
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Number.NaN;
  for (let column = 0; column < n; column += 1) {
    let pivot = column;
    for (let i = column; i < n; i += 1) if (Math.abs(at(i, column)) > Math.abs(at(pivot, column))) pivot = i;
    [rows[column], rows[pivot]] = [rows[pivot] ?? [], rows[column] ?? []];
    for (let i = 0; i < n; i += 1) {
      if (i === column) continue;
      const factor = at(i, column) / at(column, column);
      rows[i] = (rows[i] ?? []).map((value, j) => value - factor * at(column, j));
    }
  }
  return rows.map((row, i) => (row[n] ?? Number.NaN) / at(i, i));
}

/** A path of weights: drift, oscillation and noise, each coordinate its own. */
function path(kind: 'walk' | 'converging' | 'noise' | 'jump', steps: number, seed: number): Float64Array[] {
  const noise = normals(seed);
  const now = Float64Array.from({ length: 8 }, noise);
  return Array.from({ length: steps + 1 }, (_, t) => {
    now.forEach((value, i) => {
      if (kind === 'walk') now[i] = value + 0.1 * noise();
      if (kind === 'noise') now[i] = noise();
      if (kind === 'converging') now[i] = value + (i - value) * 0.003 + 0.05 * noise();
      if (kind === 'jump') now[i] = t < steps - 300 ? i : -i;
    });
    return now.slice();
  });
}

interface Run {
  readonly decays: readonly number[];
  readonly updateEvery: number;
  readonly warmup: WarmupCap;
}

/** The averages of a path, the last after fewer steps, and the alphas of each update. */
function run(
  weights: readonly Float64Array[],
  { decays, updateEvery, warmup }: Run,
): { ends: Float64Array[]; alphas: (readonly number[])[] } {
  const schedule = new Schedule({ decays, updateEvery, warmup });
  const ends = decays.map(() => (weights[0] ?? new Float64Array()).slice());
  const alphas: (readonly number[])[] = [];
  for (let before = 0; before < weights.length - 1; before += updateEvery) {
    const pending = Math.min(updateEvery, weights.length - 1 - before);
    const now = schedule.alphas(before, pending);
    const live = weights[before + pending] ?? new Float64Array();
    ends.forEach((mean, k) => {
      live.forEach((value, i) => {
        mean[i] = (mean[i] ?? 0) + (now[k] ?? 0) * (value - (mean[i] ?? 0));
      });
    });
    alphas.push(now);
  }
  return { ends, alphas };
}

function combine(coefficients: readonly number[], averages: readonly Float64Array[]): Float64Array {
  return Float64Array.from(averages[0] ?? [], (_, i) =>
    coefficients.reduce((sum, c, k) => sum + c * (averages[k]?.[i] ?? 0), 0),
  );
}

function distance(a: Float64Array, b: Float64Array): number {
  return Math.hypot(...a.map((value, i) => value - (b[i] ?? 0)));
}

/** The greatest distance of the weights from one point, here their last place. */
function radius(weights: readonly Float64Array[]): number {
  const last = weights.at(-1) ?? new Float64Array();
  return Math.max(...weights.map((point) => distance(point, last)));
}

/** One update of these alphas. */
const single = (alphas: readonly number[]): UpdateRun => ({ updates: 1, isSmooth: false, alphasOf: () => alphas });

/** Updates of one step each. */
const smooth = (schedule: Schedule, updates: number): UpdateRun => ({
  ...{ updates, isSmooth: true },
  alphasOf: (index) => schedule.alphas(index, 1),
});

/** Measured error, and what a synthesis promises. */
function measure(
  weights: readonly Float64Array[],
  tracked: Run,
  wanted: number,
): { error: number; synthesis: Synthesis; inRun: number } {
  const synthesis = synthesize(tracked.decays, wanted);
  const { ends, alphas } = run(weights, { ...tracked, decays: [...tracked.decays, wanted] });
  const truth = ends.pop() ?? new Float64Array();
  const inRun = boundOfRuns(synthesis.coefficients, alphas.map(single));
  return { error: distance(combine(synthesis.coefficients, ends), truth), synthesis, inRun };
}

describe('the closed form', () => {
  it.each([
    [DOUBLING, 130],
    [[20, 30, 50].map(decayFromHalfLife), 41],
    [[10, 40, 160].map(decayFromHalfLife), 20],
    [[0, 0.5, 0.9], 3],
  ])('is the least-squares solution with sum 1 (%#)', (decays, halfLife) => {
    const wanted = decayFromHalfLife(halfLife);
    const expected = bruteForce(decays, wanted, 40 * Math.ceil(halfLifeOf(Math.max(...decays))));
    const { coefficients } = synthesize(decays, wanted);
    // Elimination loses the digits of the Gram matrix's condition, up to 1e6 here; the closed form loses none.
    expected.forEach((c, k) => {
      expect(coefficients[k]).toBeCloseTo(c, 8);
    });
  });

  it('reports the relative L2 and the L1 error of its kernel', () => {
    const wanted = decayFromHalfLife(70);
    const { coefficients, kernelError, bound } = synthesize(DOUBLING, wanted);
    let [square, whole, size] = [0, 0, 0];
    for (let s = 0; s < 40_000; s += 1) {
      const kernel = (1 - wanted) * wanted ** s;
      const mine = DOUBLING.reduce((sum, b, k) => sum + (coefficients[k] ?? 0) * (1 - b) * b ** s, 0);
      square += (mine - kernel) ** 2;
      whole += kernel ** 2;
      size += Math.abs(mine - kernel);
    }
    expect(kernelError).toBeCloseTo(Math.sqrt(square / whole), 10);
    expect(bound).toBeCloseTo(size, 10);
  });

  it('adds up to 1 for up to 16 decays at any distance', () => {
    const spacings = fc.array(fc.double({ min: 1.2, max: 6, noNaN: true }), { minLength: 1, maxLength: 15 });
    fc.assert(
      fc.property(spacings, fc.double({ min: 0, max: 1, noNaN: true }), (ratios, where) => {
        const halfLives = [3];
        for (const ratio of ratios) halfLives.push((halfLives.at(-1) ?? 3) * ratio);
        const last = halfLives.at(-1) ?? 3;
        const wanted = Math.min(last, 3 * (last / 3) ** where);
        const { coefficients, amplification } = synthesize(halfLives.map(decayFromHalfLife), decayFromHalfLife(wanted));
        const sum = coefficients.reduce((total, c) => total + c, 0);
        expect(Math.abs(sum - 1)).toBeLessThan(1e-11 * amplification);
      }),
      { numRuns: 30 },
    );
  });

  it('gives a tracked average back exactly', () => {
    DOUBLING.forEach((decay, index) => {
      const { coefficients, kernelError, bound, amplification } = synthesize(DOUBLING, decay);
      expect(coefficients).toEqual(DOUBLING.map((_, k) => (k === index ? 1 : 0)));
      expect([kernelError, bound, amplification]).toEqual([0, 0, 1]);
    });
  });

  it('leaves an average that never moves out', () => {
    const wanted = decayFromHalfLife(70);
    const { coefficients } = synthesize([...DOUBLING, 1], wanted);
    expect(coefficients).toEqual([...synthesize(DOUBLING, wanted).coefficients, 0]);
  });

  it('errs by at most 1.1 % of the kernel when half-lives double, by 9.7 % when they are four times apart', () => {
    const worst = (ratio: number): number => {
      const decays = [0, 1, 2, 3, 4].map((k) => decayFromHalfLife(20 * ratio ** k));
      const places = Array.from({ length: 79 }, (_, i) => 20 * ratio ** ((i + 1) / 20));
      return Math.max(...places.map((h) => synthesize(decays, decayFromHalfLife(h)).kernelError));
    };
    expect(worst(2)).toBeLessThan(0.011);
    expect(worst(4)).toBeLessThan(0.097);
  });

  it('sums old steps in blocks without losing the bound', () => {
    // The same kernels on another scale of time, where nearly all steps are in blocks.
    const exact = synthesize([200, 400, 800].map(decayFromHalfLife), decayFromHalfLife(300));
    const blocks = synthesize([2e6, 4e6, 8e6].map(decayFromHalfLife), decayFromHalfLife(3e6));
    expect(blocks.bound / exact.bound).toBeCloseTo(1, 2);
  });
});

describe('on paths of weights', () => {
  const wanted = [60, 75, 140, 300, 560, 790].map(decayFromHalfLife);
  const kinds = ['walk', 'converging', 'noise', 'jump'] as const;

  it.each(kinds)('the measured error stays within the bound: %s', (kind) => {
    for (const steps of [40, 700, 3000]) {
      const weights = path(kind, steps, 7);
      const reach = radius(weights);
      for (const updateEvery of [1, 16]) {
        for (const decay of wanted) {
          const { error, synthesis } = measure(weights, { decays: DOUBLING, updateEvery, warmup: 'none' }, decay);
          // 1e-12: rounding of the simulated averages.
          expect(error).toBeLessThanOrEqual(synthesis.bound * reach + 1e-12);
        }
      }
    }
  });

  it.each(kinds)('with a warm-up the measured error stays within the bound of the run: %s', (kind) => {
    for (const steps of [40, 700, 3000]) {
      const weights = path(kind, steps, 11);
      const reach = radius(weights);
      for (const updateEvery of [1, 16]) {
        for (const decay of wanted) {
          const { error, inRun } = measure(weights, { decays: DOUBLING, updateEvery, warmup: 'paper' }, decay);
          expect(error).toBeLessThanOrEqual(inRun * reach + 1e-12);
        }
      }
    }
  });

  it('the bound of a run is that of the kernel where there is no warm-up, and reached by the worst path', () => {
    const decay = decayFromHalfLife(75);
    const { coefficients, bound } = synthesize(DOUBLING, decay);
    const alphas = [...DOUBLING, decay].map((b) => 1 - b);
    expect(boundOfRuns(coefficients, [{ updates: 40_000, isSmooth: true, alphasOf: () => alphas }])).toBeCloseTo(
      bound,
      12,
    );
    // The worst path goes to and fro with the sign of the kernel's error.
    const steps = 40_000;
    const worst = Array.from({ length: steps + 1 }, (_, t) => {
      const age = steps - t;
      const sign = DOUBLING.reduce(
        (sum, b, k) => sum + (coefficients[k] ?? 0) * (1 - b) * b ** age,
        -(1 - decay) * decay ** age,
      );
      return new Float64Array([Math.sign(sign)]);
    });
    const { ends } = run(worst, { decays: [...DOUBLING, decay], updateEvery: 1, warmup: 'none' });
    const truth = ends.pop()?.[0] ?? Number.NaN;
    expect(Math.abs((combine(coefficients, ends)[0] ?? Number.NaN) - truth)).toBeCloseTo(bound, 8);
  });

  it('the bound of a short run is reached by the worst path, of which the start is a part', () => {
    const decays = [...DOUBLING, decayFromHalfLife(140)];
    const steps = 60;
    const still = Array.from({ length: steps + 1 }, () => new Float64Array(1));
    const { coefficients } = synthesize(DOUBLING, decayFromHalfLife(140));
    const schedule = new Schedule({ decays, updateEvery: 1, warmup: 'none' });
    const bound = boundOfRuns(coefficients, [smooth(schedule, steps)]);
    const errorOf = (weights: readonly Float64Array[]): number => {
      const { ends } = run(weights, { decays, updateEvery: 1, warmup: 'none' });
      const truth = ends.pop()?.[0] ?? Number.NaN;
      return (combine(coefficients, ends)[0] ?? Number.NaN) - truth;
    };
    // The error is linear in the weights: its sign at each step, from a path that is 1 there alone.
    const worst = still.map((_, step) => {
      const only = still.map((zero, t) => (t === step ? Float64Array.of(1) : zero));
      return Float64Array.of(Math.sign(errorOf(only)));
    });
    expect(errorOf(worst)).toBeCloseTo(bound, 12);
  });

  it('a long run that was not in a warm-up lately has the same bound with it', () => {
    const decay = decayFromHalfLife(75);
    const schedule = new Schedule({ decays: [...DOUBLING, decay], updateEvery: 1, warmup: 'paper' });
    const { coefficients, bound } = synthesize(DOUBLING, decay);
    expect(boundOfRuns(coefficients, [smooth(schedule, 60_000)])).toBeCloseTo(bound, 6);
  });
});

describe('refusals', () => {
  const messageOf = (make: () => unknown): string => {
    try {
      make();
    } catch (error) {
      if (error instanceof EmaError && error.code === 'INVALID_ARGUMENT') return error.message;
      throw error;
    }
    throw new Error('nothing was thrown');
  };

  it('does not extrapolate', () => {
    const text = /half-life from 50 to 800 steps, received 801\. Outside the tracked decays the error grows/;
    expect(messageOf(() => synthesize(DOUBLING, decayFromHalfLife(801)))).toMatch(text);
    expect(messageOf(() => synthesize(DOUBLING, decayFromHalfLife(49)))).toMatch(/received 49\./);
    expect(messageOf(() => synthesize(DOUBLING, 1))).toMatch(/received Infinity/);
    expect(messageOf(() => synthesize([0.9], 0.91))).toMatch(/half-life from 6\.579 to 6\.579/);
    expect(messageOf(() => synthesize([1], 0.9))).toMatch(/tracked averages with decays below 1/);
    expect(messageOf(() => synthesize([], 0.9))).toMatch(/tracked averages/);
  });

  it('does not divide by the difference of decays that are the same or nearly so', () => {
    expect(messageOf(() => synthesize([0.9, 0.99, 0.99], 0.95))).toMatch(/decays that differ, received \[0.99, 0.99\]/);
    expect(messageOf(() => synthesize([0.9, 0.99, 0.990001, 0.9999], 0.999))).toMatch(/\[0.99, 0.990001\].*times/);
  });

  it('takes decays only', () => {
    expect(messageOf(() => synthesize(DOUBLING, Number.NaN))).toMatch(/decay: expected a number/);
    expect(messageOf(() => synthesize([0.9, 1.1], 0.95))).toMatch(/decays\[1\]/);
  });
});
