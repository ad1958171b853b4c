// An average whose memory is any part of the run, as a combination of tracked ones of that kind, after the run and without snapshots.
// Pure numbers: coefficients and how far off they are; reads no average.

import { invalid } from '../base/argument.js';
import { widthFromExponent } from '../schedule/profile.js';
import { type Combining, MAX_AMPLIFICATION } from './synthesis.js';

/**
 * Combines tracked power-function averages into one with another exponent: least squares over their shares, with coefficients that add up
 * to 1.
 *
 * An average with exponent `g` gives the weights of the part `x` of the run so far the share `(g + 1) x ** g dx`. With `u = -ln x` these are
 * `(a + 1/2) exp(-a u)`, `a = g + 1/2`, of the inner product `1 / (a + b)`: again a matrix of Cauchy's type, with
 * `B(a) = prod (a - a_j) / (a + a_j)` in the place of the product for decays. The constraint is the inner product with the plain mean, whose
 * `a` is 1/2. So
 *
 * `c_i = ((a + 1/2) d_i(a) + B(a) B(1/2) / (1 - B(1/2) ** 2) d_i(1/2)) / (a_i + 1/2)`,
 * `d_i(a) = 2 a_i / (a + a_i) prod_(j != i) (a_i + a_j) (a - a_j) / ((a_i - a_j) (a + a_j))`, and the relative L2 error is
 * `|B(a)| sqrt(1 + 2 a B(1/2) ** 2 / ((a + 1/2) ** 2 (1 - B(1/2) ** 2)))`.
 *
 * Shares of an update are differences of `x ** (g + 1)` at its ends, whatever lies between updates.
 *
 * @param exponents of the tracked averages, above -1/2; undefined for one of another kind, which gets the coefficient 0.
 * @param wanted between the smallest and the largest of them.
 * @throws `EmaError` INVALID_ARGUMENT — outside the range of the tracked exponents, where the error grows without limit; or two of them so
 *   close that rounding would decide.
 * @see The kernels and the idea: "Analyzing and Improving the Training Dynamics of Diffusion Models", arXiv 2312.02696, section 3.2.
 */
export function synthesizePower(exponents: readonly (number | undefined)[], wanted: number): Combining {
  const tracked = exponents.flatMap((exponent) => exponent ?? []);
  const ends = [Math.min(...tracked), Math.max(...tracked)] as const;
  if (!(wanted >= ends[0] && wanted <= ends[1])) {
    const [from, to] = [widthOf(ends[1]), widthOf(ends[0])];
    const fix = 'Outside of them the error grows without limit: track a wider range in the next run.';
    throw invalid('synthesized', `a relative width from ${from} to ${to}`, widthOf(wanted), fix);
  }
  const place = exponents.indexOf(wanted);
  if (place >= 0)
    return { coefficients: exponents.map((_, i) => (i === place ? 1 : 0)), kernelError: 0, amplification: 1 };
  const rates = tracked.map((exponent) => exponent + 0.5);
  const a = wanted + 0.5;
  const blaschke = (x: number): number => rates.reduce((product, rate) => product * ((x - rate) / (x + rate)), 1);
  const [own, mean] = [blaschke(a), blaschke(0.5)];
  const lack = (own * mean) / (1 - mean ** 2);
  const coefficients = exponents.map((exponent) => {
    if (exponent === undefined) return 0;
    const rate = exponent + 0.5;
    return ((a + 0.5) * projected(rates, rate, a) + lack * projected(rates, rate, 0.5)) / (rate + 0.5);
  });
  const amplification = coefficients.reduce((sum, c) => sum + Math.abs(c), 0);
  // Not (x <= limit), so that NaN from equal exponents is refused as well.
  if (!(amplification <= MAX_AMPLIFICATION)) {
    const fix = `Rounding errors would grow ${amplification.toPrecision(2)} times.`;
    throw invalid('decays', 'tracked averages that differ', tracked.map(widthOf), fix);
  }
  const kernelError = Math.abs(own) * Math.sqrt(1 + (2 * a * mean ** 2) / ((a + 0.5) ** 2 * (1 - mean ** 2)));
  return { coefficients, kernelError, amplification };
}

/** The standard deviation of an average's steps as a part of the run, to four digits: what its exponent is in a user's words. */
function widthOf(exponent: number): number {
  return Number(widthFromExponent(exponent).toPrecision(4));
}

/** Coefficient of `exp(-rate u)` in the projection of `exp(-a u)` onto the span of all. */
function projected(rates: readonly number[], rate: number, a: number): number {
  return rates.reduce(
    (product, other) =>
      other === rate ? product : (product * ((rate + other) * (a - other))) / ((rate - other) * (a + other)),
    (2 * rate) / (a + rate),
  );
}
