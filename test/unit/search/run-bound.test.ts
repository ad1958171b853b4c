// The bound after a run: that of every update on its own, by looks at so few that time and memory do not grow with the run.
// That no average is further off than the bound is in synthesized.test.ts.

import { describe, expect, it, vi } from 'vitest';
import type { Interval } from '../../../src/averages/progress.js';
import { type EmaOptions, resolveOptions } from '../../../src/options/options.js';
import { Schedule } from '../../../src/schedule/schedule.js';
import type { DecaySpecs } from '../../../src/schedule/specs.js';
import { boundOfRuns } from '../../../src/search/run-bound.js';
import { boundAfter, synthesisOf } from '../../../src/search/synthesized.js';
import { at } from '../../support/oracle.js';
import { synthesize } from '../../support/synthesis.js';

/** Every update of a run, one by one, from the last: what run-bound.ts must give. */
function oneByOne(options: EmaOptions, wanted: number, intervals: readonly Interval[]): number {
  const resolved = resolveOptions(options);
  const { coefficients } = synthesisOf(resolved, wanted);
  const schedule = new Schedule({
    ...resolved,
    decays: [...resolved.decays, wanted],
    profiles: [...resolved.profiles, 'exponential'],
  });
  let held = 0;
  const moves = intervals.flatMap(([pending, updates]) =>
    Array.from({ length: updates }, () => {
      const before = held;
      held += pending;
      return schedule.alphas(before, pending);
    }),
  );
  const kept = [...coefficients, -1];
  let bound = 0;
  for (const alphas of moves.reverse()) {
    let share = 0;
    kept.forEach((one, k) => {
      share += one * at(alphas, k);
      kept[k] = one * (1 - at(alphas, k));
    });
    bound += Math.abs(share);
  }
  return bound + Math.abs(kept.reduce((sum, one) => sum + one, 0));
}

const bound = (options: EmaOptions, wanted: number, intervals: readonly Interval[]): number => {
  const resolved = resolveOptions(options);
  return boundAfter(synthesisOf(resolved, wanted), resolved, intervals);
};

const DECAYS = [0.998, 0.999, 0.9995, 0.99975, 0.999875];

const RUNS: readonly [what: string, options: EmaOptions, intervals: readonly Interval[]][] = [
  ['without warm-up', { warmup: 'none', updateEvery: 1 }, [[1, 60_000]]],
  ['too short to forget its start', { warmup: 'none', updateEvery: 1 }, [[1, 700]]],
  ['with the paper’s warm-up', { updateEvery: 16 }, [[16, 8000]]],
  ['still in the warm-up', { updateEvery: 1 }, [[1, 9000]]],
  ['with a warm-up by steps', { updateEvery: 16, warmup: { cap: 'paper', by: 'steps' } }, [[16, 8000]]],
  ['with inverse gamma', { updateEvery: 4, warmup: { inverseGamma: { scale: 1, power: 2 / 3 } } }, [[4, 20_000]]],
  ['with an early inverse gamma', { updateEvery: 1, warmup: { inverseGamma: { scale: 20, power: 2 } } }, [[1, 30_000]]],
  ['without bias', { updateEvery: 1, warmup: 'zero-debias' }, [[1, 30_000]]],
  ['with a warm-up that jumps', { updateEvery: 1, warmup: (t) => (t < 5000 ? 0.99 : 1) }, [[1, 12_000]]],
  [
    'with reads in between',
    { updateEvery: 16 },
    [
      [16, 3000],
      [5, 1],
      [16, 2000],
      [1, 40],
      [16, 2500],
      [7, 1],
    ],
  ],
  [
    'that started late',
    { updateEvery: 4, start: 1000, warmup: 'none' },
    [
      [1000, 1],
      [4, 9000],
    ],
  ],
  ['that was read before its start', { updateEvery: 1, start: 4000 }, [[1, 20_000]]],
  [
    'that was read in the middle',
    { updateEvery: 16 },
    [
      [16, 6000],
      [3, 1],
      [16, 3000],
    ],
  ],
];

describe('the bound of a run', () => {
  it.each(RUNS)('%s is that of every update on its own', (_, options, intervals) => {
    for (const wanted of [0.9985, 0.9992, 0.9998]) {
      const expected = oneByOne({ ...options, decays: DECAYS }, wanted, intervals);
      const found = bound({ ...options, decays: DECAYS }, wanted, intervals);
      expect(expected).toBeGreaterThan(1e-4);
      // Alphas of a block's middle, in blocks of a thousandth of their age.
      expect(Math.abs(found / expected - 1)).toBeLessThan(1e-5);
    }
  });

  it('of few updates is that of every update on its own, to rounding', () => {
    const options: EmaOptions = { decays: [0.5, 0.8, 0.9, 0.95], updateEvery: 3 };
    const intervals: Interval[] = [
      [3, 60],
      [1, 1],
      [3, 90],
      [2, 1],
    ];
    const expected = oneByOne(options, 0.85, intervals);
    expect(Math.abs(bound(options, 0.85, intervals) - expected)).toBeLessThan(1e-14);
  });

  it('of a tracked decay is exactly 0, and before any update as well', () => {
    for (const [, options, intervals] of RUNS) expect(bound({ ...options, decays: DECAYS }, 0.9995, intervals)).toBe(0);
    expect(bound({ decays: DECAYS }, 0.9992, [])).toBeLessThan(1e-15);
  });

  it('leaves averages of other shapes out, as the combination does', () => {
    const decays: DecaySpecs = ['uniform', ...DECAYS, { relativeWidth: 0.1 }];
    expect(bound({ decays, updateEvery: 16 }, 0.9992, [[16, 5000]])).toBe(
      bound({ decays: DECAYS, updateEvery: 16 }, 0.9992, [[16, 5000]]),
    );
  });

  it('looks at each update where alphas may jump', () => {
    let asked = 0;
    const alphasOf = () => {
      asked += 1;
      return [0.5, 0.25, 0.4];
    };
    boundOfRuns([0.5, 0.5], [{ updates: 50, isSmooth: false, alphasOf }]);
    expect(asked).toBe(50);
    // Until what is left can no longer change a digit.
    boundOfRuns([0.5, 0.5], [{ updates: 1e6, isSmooth: false, alphasOf }]);
    expect(asked).toBeLessThan(50 + 200);
  });
});

describe('the bound of a run of 100 million updates', () => {
  const run = { totalSteps: 1e8 };
  const long: readonly [what: string, options: EmaOptions][] = [
    ['without warm-up', { warmup: 'none' }],
    ['with the paper’s warm-up', {}],
    ['with inverse gamma', { warmup: { inverseGamma: { scale: 1, power: 0.9 } } }],
    ['without bias', { warmup: 'zero-debias' }],
  ];
  it.each(long)('%s looks at fewer than one update in a thousand', (_, more) => {
    // Windows of 0.6 ... 10 % of the run.
    const options: EmaOptions = { decays: 'auto', run, updateEvery: 1, ...more };
    const { decays } = resolveOptions(options);
    const wanted = Math.sqrt(at(decays, 1) * at(decays, 2));
    const looks = vi.spyOn(Schedule.prototype, 'alphas');
    const found = bound(options, wanted, [[1, 1e8]]);
    const count = looks.mock.calls.length;
    looks.mockRestore();
    // 45,000 to 67,000: what it takes in time and memory, on any machine.
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(1e5);
    // The run is ten of the slowest windows, so that only a warm-up makes a difference to the kernels' own bound.
    const kernel = synthesize(decays, wanted).bound;
    expect(found).toBeGreaterThan(kernel / 2);
    expect(found).toBeLessThan(2 * kernel);
    if (more.warmup === 'none') expect(Math.abs(found / kernel - 1)).toBeLessThan(1e-3);
  });
});
