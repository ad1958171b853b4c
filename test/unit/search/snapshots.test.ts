// Averages from snapshots of a run that has ended: coefficients and errors against shares written down step by step, in any schedule.
// Needs no TensorFlow.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../../../src/options/fingerprint.js';
import { type EmaOptions, resolveOptions } from '../../../src/options/options.js';
import { Schedule } from '../../../src/schedule/schedule.js';
import { resolveAverages } from '../../../src/schedule/specs.js';
import type { SynthesizedWhich } from '../../../src/schedule/which.js';
import type { Snapshot } from '../../../src/search/snapshot-run.js';
import { fromSnapshots } from '../../../src/search/snapshots.js';
import { thrownBy } from '../../support/expect.js';
import { at } from '../../support/oracle.js';

type Wanted = SynthesizedWhich['synthesized'];

/** As it comes from a file. */
function savedSettings(options: EmaOptions): Snapshot['settings'] {
  return JSON.parse(JSON.stringify(settingsOf(resolveOptions(options))));
}

/**
 * Shares of the start and of every step up to `last` in an average as somebody sees it after `steps`: by applying every update to a whole array.
 */
function sharesOf(options: EmaOptions, wanted: Wanted, { steps, last }: { steps: number; last: number }): Float64Array {
  const { updateEvery, startStep, warmup, warmupClock } = resolveOptions(options);
  const averages = resolveAverages([wanted]);
  const schedule = new Schedule({ ...averages, updateEvery, startStep, warmup, warmupClock });
  const shares = new Float64Array(last + 1);
  shares[0] = 1;
  let held = 0;
  for (let step = 1; step <= steps; step += 1) {
    const isDue = step === startStep || (step > startStep && (step - startStep) % updateEvery === 0);
    if (!isDue && step < steps) continue;
    const alpha = at(schedule.alphas(held, step - held), 0);
    for (let s = 0; s < step; s += 1) shares[s] = at(shares, s) * (1 - alpha);
    shares[step] = alpha;
    held = step;
  }
  return shares;
}

function errorOf(coefficients: readonly number[], kernels: readonly Float64Array[], target: Float64Array) {
  const error = target.map((share, s) => coefficients.reduce((sum, c, k) => sum + c * at(at(kernels, k), s), -share));
  const size = (list: Float64Array): number => Math.sqrt(list.reduce((sum, x) => sum + x * x, 0));
  return { l1: error.reduce((sum, x) => sum + Math.abs(x), 0), l2: size(error) / size(target) };
}

const SPECS: readonly Wanted[] = [
  'uniform',
  { relativeWidth: 0.05 },
  { relativeWidth: 0.1 },
  0.9,
  0.98,
  { window: { soFar: 0.1 } },
];

describe('an average from snapshots', () => {
  it('has the errors that its shares have, and no coefficients with their sum are better', () => {
    const run = fc.record({
      updateEvery: fc.integer({ min: 1, max: 7 }),
      start: fc.constantFrom(0, 13),
      warmup: fc.constantFrom('none', 'paper', 'zero-debias', {
        cap: { inverseGamma: { scale: 1, power: 0.7 } },
        by: 'steps',
      }),
    });
    const snapshot = fc.record({ steps: fc.integer({ min: 1, max: 200 }), index: fc.integer({ min: 0, max: 5 }) });
    const snapshots = fc.uniqueArray(snapshot, {
      minLength: 1,
      maxLength: 7,
      selector: (one) => `${one.steps} ${one.index}`,
    });
    const wanted = fc.constantFrom<Wanted>({ relativeWidth: 0.07 }, { relativeWidth: 0.2 }, 0.95, 'uniform', {
      halfLife: { soFar: 0.05 },
    });
    fc.assert(
      fc.property(
        run,
        snapshots,
        wanted,
        fc.double({ min: 0.2, max: 1, noNaN: true }),
        (schedule, saved, aim, part) => {
          const options = { ...schedule, decays: SPECS } as EmaOptions;
          const last = Math.max(...saved.map(({ steps }) => steps));
          const moment = Math.ceil(part * last);
          const settings = savedSettings(options);
          const found = fromSnapshots(
            saved.map((one) => ({ ...one, settings })),
            aim,
            moment,
          );
          const { coefficients } = found;
          expect(Math.abs(coefficients.reduce((sum, c) => sum + c, -1))).toBeLessThan(1e-9 * found.amplification);
          const kernels = saved.map(({ steps, index }) => sharesOf(options, at(SPECS, index), { steps, last }));
          const target = sharesOf(options, aim, { steps: moment, last });
          const { l1, l2 } = errorOf(coefficients, kernels, target);
          // Sums in another order, of terms as large as the amplification.
          expect(Math.abs(found.bound - l1)).toBeLessThan(1e-11 * found.amplification);
          expect(Math.abs(found.kernelError - l2)).toBeLessThan(1e-11 * found.amplification);
          for (const [one, other] of saved.flatMap((_, i) =>
            saved.slice(i + 1).map((_, j) => [i, i + 1 + j] as const),
          )) {
            for (const move of [1e-2, -1e-2]) {
              const moved = coefficients.map((c, k) => c + (k === one ? move : k === other ? -move : 0));
              // The ridge is 1e-10 of the vectors' squares, and as much may be lost.
              expect(errorOf(moved, kernels, target).l2).toBeGreaterThan(l2 - 1e-4);
            }
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('comes nearer with more snapshots, and to the average itself where that was saved', () => {
    const settings = savedSettings({ decays: [{ relativeWidth: 0.05 }, { relativeWidth: 0.1 }], updateEvery: 1 });
    const saved = (count: number) =>
      Array.from({ length: 2 * count }, (_, i) => ({
        steps: (20_000 / count) * (1 + (i >> 1)),
        index: i % 2,
        settings,
      }));
    const errors = (wanted: Wanted) => [4, 8, 16, 32].map((count) => fromSnapshots(saved(count), wanted));
    for (const wanted of [{ relativeWidth: 0.07 }, { relativeWidth: 0.2 }, { halfLife: 1000 }] as const) {
      const found = errors(wanted);
      found.slice(1).forEach(({ kernelError, bound }, i) => {
        expect(kernelError).toBeLessThan(0.75 * at(found, i).kernelError);
        expect(bound).toBeLessThan(at(found, i).bound);
      });
    }
    expect(at(errors({ relativeWidth: 0.07 }), 3).bound).toBeLessThan(2e-3);
    const itself = fromSnapshots(saved(8), { relativeWidth: 0.1 }, 12_500);
    expect(itself.bound).toBeLessThan(1e-6);
    expect(at(itself.coefficients, 2 * 4 + 1)).toBeCloseTo(1, 6);
    expect(itself.decay).toBe(1);
  });

  it('is of averages that are alike, or saved twice, without coefficients that grow', () => {
    const settings = savedSettings({ decays: [0.99, 0.99 + 1e-9, 0.999], updateEvery: 1 });
    const saved = [0, 1, 2, 2].map((index) => ({ steps: 1000, index, settings }));
    const { amplification, kernelError, coefficients } = fromSnapshots(saved, 0.995);
    expect(amplification).toBeLessThan(3);
    expect(kernelError).toBeLessThan(fromSnapshots(saved.slice(1, 3), 0.995).kernelError + 1e-5);
    expect(coefficients.every(Number.isFinite)).toBe(true);
  });

  it('is refused of other things than averages of one run, each with its place', () => {
    const ramp = (step: number) => 1 - 1 / (step + 1);
    const settings = savedSettings({ decays: [0.9, 'uniform', ramp], updateEvery: 1 });
    const one = { steps: 100, index: 0, settings };
    const refused = (snapshots: readonly Snapshot[], wanted: Wanted = 0.9, steps?: number) =>
      thrownBy(() => fromSnapshots(snapshots, wanted, steps), 'INVALID_ARGUMENT').message;
    expect(refused([])).toMatch(/^snapshots: expected a WeightEma, or a list of at least one snapshot/);
    expect(refused({} as never)).toMatch(/^snapshots: expected a WeightEma, or a list/);
    expect(refused([one, { ...one, steps: 1.5 }])).toMatch(/^snapshots\[1\].steps: expected an integer of at least 1/);
    expect(refused([one, { ...one, index: 3 }])).toMatch(
      /^snapshots\[1\].index: expected the place of a tracked average, below 3/,
    );
    expect(refused([{ steps: 100, settings }])).toMatch(/^snapshots\[0\].index.*Save averages by their decay or place/);
    expect(refused([{ ...one, best: {} }])).toMatch(/^snapshots\[0\]: expected an average as it was at its step/);
    expect(refused([{ ...one, begun: 40 }])).toMatch(
      /^snapshots\[0\]: expected an average of all steps of its run, received 'one that began anew at step 40'/,
    );
    expect(refused([one, { ...one, index: 2 }])).toMatch(/^settings.profiles\[2\]: expected the shape of an average/);
    expect(refused([one], 0.9, 101)).toMatch(/^steps: expected at most 100, that of the last snapshot, received 101/);
    expect(refused([one], 1.5)).toMatch(/^decays\[0\]: expected a number from 0 to 1/);
    expect(refused([{ steps: 1, index: 0 } as never])).toMatch(
      /^snapshots\[0\].settings: expected those of its Provenance/,
    );
    const every2 = savedSettings({ decays: [0.9, 'uniform', ramp], updateEvery: 2 });
    expect(refused([one, { ...one, settings: every2 }])).toMatch(/^snapshots\[1\]: .*updateEvery was 1, now it is 2/);
    const own = savedSettings({ decays: 0.9, warmup: (t) => t / (t + 1) });
    expect(refused([{ ...one, settings: own }])).toMatch(/^settings.warmup: expected 'paper', 'none'/);
    const layers = savedSettings({ decays: 0.9, layerDecays: [{ match: 'a', decay: 0.5 }] });
    expect(refused([{ ...one, settings: layers }])).toMatch(/^settings.layerRules: expected none, for synthesize/);
  });
});
