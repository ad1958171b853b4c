// Random cases of the addon's kernel against float64: any floats, any length, any alphas, plain and compensated, several threads.
// The multi-weight tables of the core are drawn in test/native/core; what the ops check is tested in op.

import { createRequire } from 'node:module';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type * as Binding from '../../binding.js';
import { at, ulp } from '../support/oracle.js';
import { floatsOfAllSizes } from '../support/random.js';

const binding = createRequire(import.meta.url)('../../build/Release/tfjs_ema.node') as typeof Binding;

// A case is one number of one average, moved by one step; a run holds about a thousand.
const RUNS = 2000;

const ALPHAS = [0, 2 ** -149, 1e-7, 1e-5, 1e-3, 0.1, 0.5, 0.999, 1 - 2 ** -24, 1];
const alphas = fc.array(
  fc.oneof(fc.constantFrom(...ALPHAS), fc.float({ min: 0, max: 1, noNaN: true }).map(Math.abs)).map(Math.fround),
  { minLength: 1, maxLength: 10 },
);

/** A seeded list of floats: fast-check shrinks the seed and the length, not each number. */
const model = fc.record({
  length: fc.oneof(fc.nat(70), fc.nat(70), fc.nat(1100)),
  seed: fc.integer(),
  /** log2 of the largest magnitude. */
  scale: fc.integer({ min: -149, max: 126 }),
  alphas,
  threads: fc.constantFrom(1, 2, 3, 8),
  compensated: fc.boolean(),
});

const random = (length: number, seed: number, scale: number) =>
  floatsOfAllSizes(length, seed, { largest: 2 ** scale, octaves: 20 });

let cases = 0;

describe('the kernel against float64', () => {
  afterAll(() => {
    binding.setThreads(0);
    console.log(`${cases} random cases`);
  });

  // m is the larger of |s| and |w|. The difference, of at most 2m, is rounded by one ulp of m at most, and that enters times alpha.
  // Plain: rounding the sum adds half an ulp of m. Compensated: rounding the step, of at most 2 alpha m, adds two ulps of m times
  // alpha, and the sum loses nothing. 2^-149: where a step is subnormal. 2^-27: float64's own roundings.
  it('one step is within the bound that its roundings allow', () => {
    fc.assert(
      fc.property(model, ({ length, seed, scale, alphas, threads, compensated }) => {
        const weight = random(length, seed, scale);
        const highs = alphas.map((_, k) => random(length, seed + k + 1, scale));
        const lows = alphas.map(() => new Float32Array(length));
        const moved = [...highs, ...(compensated ? lows : [])].map((shadow) => shadow.slice());
        binding.setThreads(threads);
        binding.lerp(weight, moved, Float32Array.from(alphas), compensated);
        for (const [k, alpha] of alphas.entries()) {
          for (let i = 0; i < length; i++) {
            const [s, w] = [at(at(highs, k), i), at(weight, i)];
            const exact = s + alpha * (w - s);
            const low = compensated ? at(at(moved, alphas.length + k), i) : 0;
            const larger = Math.max(Math.abs(s), Math.abs(w));
            const error = Math.abs(at(at(moved, k), i) + low - exact);
            const bound = ((compensated ? 3 * alpha : alpha + 0.5) + 2 ** -27) * ulp(larger) + 2 ** -149;
            if (!(error <= bound)) {
              const kind = compensated ? 'compensated' : 'plain';
              throw new Error(`${kind}, s = ${s}, w = ${w}, alpha = ${alpha}: ${error / ulp(larger)} ulps`);
            }
          }
        }
        cases += alphas.length * length;
      }),
      { numRuns: RUNS, seed: 1 },
    );
    expect(cases).toBeGreaterThan(100_000);
  });
});
