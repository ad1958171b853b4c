// The compiled addon against its contract, binding.d.ts: names, argument checks, and the CPU core to the bit.
// Needs no TensorFlow except where a test says so.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import ts from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';
import type * as Binding from '../../binding.js';
import { floatsOfAllSizes } from '../support/random.js';

const binding = createRequire(import.meta.url)('../../build/Release/tfjs_ema.node') as typeof Binding;

/** Names of the functions that binding.d.ts exports. */
function declaredFunctions(): string[] {
  const text = readFileSync(new URL('../../binding.d.ts', import.meta.url), 'utf8');
  const source = ts.createSourceFile('binding.d.ts', text, ts.ScriptTarget.ES2022);
  return source.statements.flatMap((s) => (ts.isFunctionDeclaration(s) && s.name ? [s.name.text] : []));
}

/** fma(a, b, c) in float32, exact: the product of two floats fits a double, and the sum's double rounding is undone by rounding to odd. */
function fmaf(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  const partC = sum - product;
  const lost = product - (sum - partC) + (c - partC);
  if (lost === 0 || !Number.isFinite(sum)) return Math.fround(sum);
  const bits = new BigInt64Array(new Float64Array([sum]).buffer);
  const [word = 0n] = bits;
  if ((word & 1n) === 0n) bits[0] = word + (lost > 0 === sum > 0 ? 1n : -1n);
  return Math.fround(new Float64Array(bits.buffer)[0] ?? Number.NaN);
}

/** native/lerp.h in JavaScript. */
function lerp(shadow: number, weight: number, alpha: number): number {
  if (alpha === 1) return weight;
  return alpha === 0 ? shadow : fmaf(alpha, Math.fround(weight - shadow), shadow);
}

const randomFloats = (length: number, seed: number) =>
  floatsOfAllSizes(length, seed, { largest: 2 ** 20, octaves: 40 });

const bitsOf = (values: Float32Array) => Array.from(new Uint32Array(values.slice().buffer));

describe('binding', () => {
  afterAll(() => binding.setThreads(0));

  it('exports exactly the functions that binding.d.ts declares', () => {
    expect(Object.keys(binding).sort()).toEqual(declaredFunctions().sort());
  });

  it('says which kernel and how many threads it uses', () => {
    const info = binding.buildInfo();
    expect(['baseline', 'avx2', 'neon']).toContain(info.cpuKernel);
    expect(info.threads).toBeGreaterThanOrEqual(1);
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(info.version).toBe(version);
  });

  it('counts the updates of the op, and not those of lerp', () => {
    const before = binding.updateCounts();
    binding.lerp(new Float32Array(1), [new Float32Array(1)], new Float32Array(1), false);
    expect(binding.updateCounts()).toEqual(before);
    expect(before).toEqual({ CPU: 0, GPU: 0 });
  });

  it('moves every shadow as lerp.h says, for each length, each K and each offset of the weight', () => {
    for (const averages of [1, 2, 3, 5, 8, 9, 17]) {
      for (const length of [0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 64, 257]) {
        const offset = (length + averages) % 16;
        const weight = randomFloats(length + offset, length + 1).subarray(offset);
        const before = Array.from({ length: averages }, (_, k) => randomFloats(length, 100 * k + length));
        const shadows = before.map((s) => s.slice());
        const alpha = Float32Array.from({ length: averages }, (_, k) => (k % 4 === 3 ? k % 2 : 0.3 ** (k + 1)));
        binding.lerp(weight, shadows, alpha, false);
        for (let k = 0; k < averages; k++) {
          const expected = before[k]?.map((s, i) => lerp(s, weight[i] ?? 0, alpha[k] ?? 0));
          expect(bitsOf(shadows[k] ?? new Float32Array())).toEqual(bitsOf(expected ?? new Float32Array()));
        }
      }
    }
  });

  it('keeps a shadow that equals its weight, takes the weight at alpha 1 and keeps -0 and ignores NaN at alpha 0', () => {
    const weight = new Float32Array([1.1, -3.3, Number.NaN, 5]);
    const shadows = [0, 1, 2].map(() => new Float32Array([1.1, 7, -0, 1e30]));
    binding.lerp(weight, shadows, new Float32Array([0.123, 1, 0]), false);
    expect(shadows[0]?.[0]).toBe(Math.fround(1.1));
    expect(bitsOf(shadows[1] ?? weight)).toEqual(bitsOf(weight));
    expect(bitsOf(shadows[2] ?? weight)).toEqual(bitsOf(new Float32Array([1.1, 7, -0, 1e30])));
  });

  it('keeps subnormal numbers', () => {
    const tiny = 2 ** -149;
    const shadows = [new Float32Array(20).fill(tiny)];
    binding.lerp(new Float32Array(20).fill(3 * tiny), shadows, new Float32Array([0.5]), false);
    expect(Array.from(shadows[0] ?? [])).toEqual(new Array(20).fill(2 * tiny));
  });

  it('compensated: follows float64 where float32 stands still', () => {
    // 1e-8 of a difference of 1 is below half an ulp of a shadow near 1.
    const length = 37;
    const high = new Float32Array(length).fill(1);
    const low = new Float32Array(length);
    const plain = [new Float32Array(length).fill(1)];
    const weight = new Float32Array(length).fill(2);
    const alpha = new Float32Array([1e-8]);
    let exact = 1;
    for (let step = 0; step < 2000; step++) {
      binding.lerp(weight, [high, low], alpha, true);
      binding.lerp(weight, plain, alpha, false);
      exact += (alpha[0] ?? 0) * (2 - exact);
    }
    expect(plain[0]?.[0]).toBe(1);
    // TwoSum loses less than 2^-48 of the value per step: 2000 steps stay below 1e-11.
    for (let i = 0; i < length; i++) expect(Math.abs((high[i] ?? 0) + (low[i] ?? 0) - exact)).toBeLessThan(1e-11);
  });

  it('gives the same bits with one thread and with several', () => {
    const length = 700_001;
    const weight = randomFloats(length, 7);
    const start = [1, 2, 3].map((k) => randomFloats(length, k));
    const alpha = new Float32Array([0.1, 0.01, 0.001]);
    const results = [1, 2, 3, 8].map((threads) => {
      binding.setThreads(threads);
      const shadows = start.map((s) => s.slice());
      binding.lerp(weight, shadows, alpha, false);
      return shadows.map((s) => Buffer.from(s.buffer).toString('base64'));
    });
    for (const result of results) expect(result).toEqual(results[0]);
  });

  it.each([
    ['weight', () => binding.lerp([1] as never, [], new Float32Array(0), false), /weight must be a Float32Array/],
    ['lengths', () => binding.lerp(new Float32Array(2), [new Float32Array(3)], new Float32Array(1), false), /as long/],
    ['alphas', () => binding.lerp(new Float32Array(2), [new Float32Array(2)], new Float32Array(2), false), /one alpha/],
    ['threads', () => binding.setThreads(1.5), /whole number from 0 to 64/],
    ['threads below', () => binding.setThreads(-1), /whole number from 0 to 64/],
    ['threads missing', () => (binding.setThreads as () => void)(), /whole number from 0 to 64/],
  ])('refuses bad arguments: %s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});
