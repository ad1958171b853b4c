// The addon's CPU core against the formula in JavaScript, bit for bit; needs no TensorFlow.
// Prints nothing and judges nothing but equality.

import type { Addon } from '../engine/addon.js';
import { randomFloats } from './random.js';

/** What the comparison found. */
export interface SelfTest {
  /** Float32 numbers compared. */
  readonly compared: number;
  /** How many of them differ in a bit. */
  readonly differing: number;
}

const LENGTH = 1003;
const ALPHAS = [0, 1, 0.5, 0.001, 1e-6];

/**
 * Runs the addon's `lerp` and the same in JavaScript on the same numbers.
 * @param addon the loaded addon.
 * @returns how many numbers were compared, and how many differ.
 */
export function coreSelfTest(addon: Pick<Addon, 'lerp'>): SelfTest {
  const weight = randomFloats(LENGTH, 1);
  const alphas = Float32Array.from(ALPHAS);
  const before = ALPHAS.map((_, k) => randomFloats(LENGTH, k + 2));
  const after = before.map((shadow) => shadow.slice());
  addon.lerp(weight, after, alphas, false);
  let differing = 0;
  before.forEach((shadow, k) => {
    const expected = bitsOf(shadow.map((value, i) => lerp(value, weight[i] ?? 0, alphas[k] ?? 0)));
    const received = bitsOf(after[k] ?? new Float32Array());
    differing += expected.filter((bits, i) => bits !== received[i]).length;
  });
  return { compared: LENGTH * ALPHAS.length, differing };
}

/** `Lerp` of native/lerp.h in JavaScript; all of them float32 numbers. */
export function lerp(shadow: number, weight: number, alpha: number): number {
  if (alpha === 1) return weight;
  return alpha === 0 ? shadow : fma(alpha, Math.fround(weight - shadow), shadow);
}

/**
 * a * b + c of float32 numbers with one rounding. The product of two floats fits a double; the sum is rounded to odd there
 * (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008), so that rounding it again does no harm.
 */
export function fma(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  const partC = sum - product;
  const lost = product - (sum - partC) + (c - partC);
  if (lost === 0 || !Number.isFinite(sum)) return Math.fround(sum);
  const double = new Float64Array([sum]);
  const bits = new BigInt64Array(double.buffer);
  const [word = 0n] = bits;
  if ((word & 1n) === 0n) bits[0] = word + (lost > 0 === sum > 0 ? 1n : -1n);
  return Math.fround(double[0] ?? Number.NaN);
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}
