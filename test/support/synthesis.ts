// How far a combination of averages is off, from all steps of a run: the reference of run-bound.ts, which does not go through them.
// Combines nothing itself.

import { combine, type Synthesis } from '../../src/search/synthesis.js';

/** Steps up to this age are summed one by one for the L1 norm, older ones in blocks of a thousandth of their age. */
const SINGLE_STEPS = 1000;

/** {@link combine}, with the bound of a run without a warm-up. */
export function synthesize(decays: readonly number[], decay: number): Synthesis {
  const combining = combine(decays, decay);
  return { ...combining, decay, bound: residualNorm(decays, combining.coefficients, decay) };
}

/**
 * L1 norm of `sum c_i k_i - k_a`, where a block of steps sums to `sum c_i (b_i ** first - b_i ** end)`.
 *
 * In a block where the error changes sign its parts cancel, which hides next to nothing: at most one block per kernel, a
 * thousandth of its age long, with the error near 0 in it.
 */
function residualNorm(decays: readonly number[], coefficients: readonly number[], wanted: number): number {
  const kernels = [...decays, wanted];
  const signed = [...coefficients, -1];
  const slowest = Math.max(...kernels.filter((b) => b < 1));
  const last = Math.log(Number.EPSILON) / Math.log(slowest);
  let tails = kernels.map(() => 1);
  let bound = 0;
  for (let age = 0; age < last; ) {
    age += Math.max(1, Math.floor(age / SINGLE_STEPS));
    const older = kernels.map((b) => b ** age);
    bound += Math.abs(signed.reduce((sum, c, k) => sum + c * ((tails[k] ?? 0) - (older[k] ?? 0)), 0));
    tails = older;
  }
  return bound + Math.abs(signed.reduce((sum, c, k) => sum + c * (tails[k] ?? 0), 0));
}
