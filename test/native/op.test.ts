// The TensorFlow ops on their own, through tfjs-node: layout, checks before any write, and the traps that TensorFlow and Node set.
// How the library uses them is tested elsewhere.

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import type * as Binding from '../../binding.js';

const require = createRequire(import.meta.url);
const addonPath = require.resolve('../../build/Release/tfjs_ema.node');
const tfjsPath = require.resolve('@tensorflow/tfjs-node');
const tf = require(tfjsPath) as typeof import('@tensorflow/tfjs-node');
const binding = require(addonPath) as typeof Binding;
const { ops } = binding.register();

interface Attribute {
  name: string;
  type: number;
  value: number | boolean;
}
// What the library's tfjs.ts types too; the test keeps its own so that it tests the ops alone.
const backend = tf.backend() as unknown as {
  binding: { TF_ATTR_INT: number; TF_ATTR_BOOL: number };
  executeMultipleOutputs(op: string, attributes: Attribute[], inputs: Tensor[], outputs: number): Tensor[];
};

const int = (name: string, value: number): Attribute => ({ name, type: backend.binding.TF_ATTR_INT, value });
const flag = (value: boolean): Attribute => ({ name: 'compensated', type: backend.binding.TF_ATTR_BOOL, value });
const alphaOf = (...alphas: number[]) => tf.tensor1d(new Int32Array(new Float32Array(alphas).buffer), 'int32');

function create(weights: Tensor[], rows: number, zeroRows = 0): Tensor {
  const attributes = [int('N', weights.length), int('rows', rows), int('zero_rows', zeroRows)];
  const [arena] = backend.executeMultipleOutputs(ops.create, attributes, weights, 1);
  if (arena === undefined) throw new Error('no arena');
  return arena;
}
const update = (arena: Tensor, alpha: Tensor, weights: Tensor[], compensated = false) =>
  backend.executeMultipleOutputs(
    ops.update,
    [int('N', weights.length), flag(compensated)],
    [arena, alpha, ...weights],
    0,
  );
const combine = (
  arena: Tensor,
  [coefficients, compensated]: [number[], boolean],
  alpha: Tensor,
  weights: Tensor[],
): Tensor[] => {
  const bits = tf.tensor1d(new Int32Array(Float64Array.from(coefficients).buffer), 'int32');
  const attributes = [int('N', weights.length), flag(compensated)];
  return backend.executeMultipleOutputs(ops.read, attributes, [arena, bits, alpha, ...weights], weights.length);
};
/** The coefficients of one row of an arena alone, and alphas that move none. */
const only = (row: number, rows: number) => Array.from({ length: rows }, (_, other) => (other === row ? 1 : 0));
const rowsOf = (arena: Tensor, like: Tensor[]) => {
  const floats = like.reduce((sum, { size }) => sum + 16 * Math.ceil(size / 16), 0);
  return arena.size / (32 * Math.ceil(floats / 32));
};
const read = (arena: Tensor, row: number, like: Tensor[]) => {
  const rows = rowsOf(arena, like);
  return combine(arena, [only(row, rows), false], alphaOf(...new Array<number>(rows).fill(0)), like);
};
const write = (arena: Tensor, row: number, values: Tensor[]) =>
  backend.executeMultipleOutputs(ops.write, [int('N', values.length)], [arena, tf.scalar(row, 'int32'), ...values], 0);
const stats = (arena: Tensor, [alpha, ahead, from]: [Tensor, Tensor, number], weights: Tensor[]) =>
  backend.executeMultipleOutputs(
    ops.stats,
    [int('N', weights.length), flag(false)],
    [arena, alpha, ahead, tf.scalar(from, 'int32'), ...weights],
    1,
  );

const shapes = [[3, 5], [7], [], [0, 3], [2, 2, 2, 5], [64]];
const makeWeights = (seed: number) =>
  shapes.map((shape, i) => tf.randomNormal(shape, 0, 1, 'float32', seed + i) as Tensor);
const valuesOf = (tensors: Tensor[]) => tensors.map((t) => Array.from(t.dataSync()));

describe('ops', () => {
  it('create copies every weight into every row, read gives them back with their shapes', () => {
    const weights = makeWeights(1);
    const arena = create(weights, 3, 1);
    for (const row of [0, 1, 2]) {
      const values = read(arena, row, weights);
      expect(values.map((v) => v.shape)).toEqual(shapes);
      expect(valuesOf(values)).toEqual(valuesOf(weights));
    }
    expect(
      valuesOf(read(arena, 3, weights))
        .flat()
        .every((x) => x === 0),
    ).toBe(true);
  });

  it('update moves each row by its own alpha, in place', () => {
    const [start, next] = [makeWeights(1), makeWeights(50)];
    const arena = create(start, 2);
    update(arena, alphaOf(0.25, 1), next);
    const moved = valuesOf(read(arena, 0, next));
    valuesOf(start).forEach((values, i) => {
      values.forEach((s, j) => {
        const w = next[i]?.dataSync()[j] ?? 0;
        // One rounding of the difference, one of the sum: half an ulp each of numbers below 8.
        expect(Math.abs((moved[i]?.[j] ?? 0) - (s + 0.25 * (w - s)))).toBeLessThan(2 ** -21);
      });
    });
    expect(valuesOf(read(arena, 1, next))).toEqual(valuesOf(next));
  });

  it('update takes one alpha for each weight and average', () => {
    const [start, next] = [makeWeights(1), makeWeights(50)];
    const arena = create(start, 2);
    const alphas = shapes.flatMap((_, i) => (i % 2 === 0 ? [0, 1] : [1, 0]));
    update(arena, alphaOf(...alphas), next);
    for (const row of [0, 1]) {
      const expected = shapes.map((_, i) => (alphas[2 * i + row] === 1 ? next[i] : start[i]) as Tensor);
      expect(valuesOf(read(arena, row, next))).toEqual(valuesOf(expected));
    }
  });

  it('write overwrites one row and leaves the others', () => {
    const [start, other] = [makeWeights(1), makeWeights(9)];
    const arena = create(start, 3);
    write(arena, 1, other);
    expect([0, 1, 2].map((row) => valuesOf(read(arena, row, start)))).toEqual([start, other, start].map(valuesOf));
  });

  it('what read returned does not change with the next update', () => {
    const weights = makeWeights(1);
    const arena = create(weights, 1);
    const before = read(arena, 0, weights);
    const values = valuesOf(before);
    update(arena, alphaOf(0.5), makeWeights(2));
    expect(valuesOf(before)).toEqual(values);
    expect(valuesOf(read(arena, 0, weights))).not.toEqual(values);
  });

  it('stats gives the norms, distances and counts of one average', () => {
    const start = [tf.tensor1d([3, 4]), tf.tensor1d([1, 1, 1, 1])];
    const next = [tf.tensor1d([3, 4.5]), tf.tensor1d([1, Number.NaN, Number.POSITIVE_INFINITY, 1])];
    const arena = create(start, 2);
    write(arena, 1, [tf.tensor1d([0, 0]), tf.tensor1d([1, 1, 1, 1])]);
    const [figures] = stats(arena, [alphaOf(1e-9, 0.5), alphaOf(0, 0), 1], next);
    const all = figures?.arraySync() as number[][][];
    // weight norm, shadow norm, distance, cosine, largest distance, non-finite, dead zone, drift from the second average
    const [weightNorm, shadowNorm, distance, cosine, largest, nonFinite, dead, drift] = all[0]?.[0] ?? [];
    expect(weightNorm).toBeCloseTo(Math.hypot(3, 4.5), 5);
    expect([shadowNorm, distance, largest, nonFinite, dead, drift]).toEqual([5, 0.5, 0.5, 0, 1, 5]);
    expect(cosine).toBeCloseTo((9 + 18) / (5 * Math.hypot(3, 4.5)), 6);
    expect(all[1]?.[0]?.[5]).toBe(2);
    expect(all[0]?.[1]?.slice(6)).toEqual([0, 0]);
  });

  it('read ahead gives what an update would leave, to the bit, for one alpha and for one per weight; the arena stays', () => {
    const [start, next] = [makeWeights(1), makeWeights(50)];
    for (const alphas of [[0.9, 0.3], shapes.flatMap((_, i) => [0.9, [0, 0.3, 1][i % 3] ?? 0])]) {
      const arena = create(start, 2);
      const ahead = valuesOf(combine(arena, [[0, 1], false], alphaOf(...alphas), next));
      expect([0, 1].map((row) => valuesOf(read(arena, row, next)))).toEqual([start, start].map(valuesOf));
      update(arena, alphaOf(...alphas), next);
      expect(ahead).toEqual(valuesOf(read(arena, 1, next)));
    }
  });

  it('read ahead of compensated averages gives the high part of high + low', () => {
    const arena = create([tf.ones([21])], 1, 1);
    const weights = [tf.fill([21], 2)];
    for (let i = 0; i < 5; i++) update(arena, alphaOf(1e-8), weights, true);
    const ahead = valuesOf(combine(arena, [[1, 0], true], alphaOf(3e-8), weights));
    const before = [0, 1].map((row) => valuesOf(read(arena, row, weights)));
    update(arena, alphaOf(3e-8), weights, true);
    expect(ahead).toEqual(valuesOf(read(arena, 0, weights)));
    // Without what the low parts hold, the step would be lost: 3e-8 is less than half an ulp of 1.
    expect(ahead).not.toEqual(before[0]);
  });

  it('read adds up rows with coefficients, each weight with its own alphas, and rounds once', () => {
    const [start, next] = [makeWeights(1), makeWeights(50)];
    for (const alphas of [[0.9, 0.3, 0], shapes.flatMap((_, i) => [[0, 0.3, 1][i % 3] ?? 0, 0.5, 0])]) {
      const arena = create(start, 3);
      write(arena, 2, makeWeights(70));
      const combined = valuesOf(combine(arena, [[1.5, -1, 0.5], false], alphaOf(...alphas), next));
      update(arena, alphaOf(...alphas), next);
      const rows = [0, 1, 2].map((row) => valuesOf(read(arena, row, next)));
      const exact = (i: number, j: number) =>
        [1.5, -1, 0.5].reduce((sum, c, row) => sum + c * (rows[row]?.[i]?.[j] ?? Number.NaN), 0);
      expect(combined).toEqual(shapes.map((_, i) => combined[i]?.map((_value, j) => Math.fround(exact(i, j)))));
    }
  });

  it('read of compensated averages adds up their low parts too', () => {
    const arena = create([tf.ones([5])], 2, 2);
    for (let i = 0; i < 5; i++) update(arena, alphaOf(1e-8, 0), [tf.fill([5], 2)], true);
    const weights = [tf.ones([5])];
    const lows = combine(arena, [[0, 0, 1, 0], true], alphaOf(0, 0), weights)[0]?.dataSync()[0] ?? 0;
    const difference = combine(arena, [[1, -1, 1, -1], true], alphaOf(0, 0), weights)[0]?.dataSync()[0];
    expect(lows).not.toBe(0);
    // The high parts are equal.
    expect(difference).toBe(lows);
  });

  it('stats ahead are those that an update would leave', () => {
    const [start, next] = [makeWeights(1), makeWeights(50)].map((list) => list.filter(({ size }) => size > 0));
    const arena = create(start ?? [], 2);
    update(arena, alphaOf(0.5, 0.1), next ?? []);
    const [ahead] = stats(arena, [alphaOf(1e-9, 0.5), alphaOf(0.2, 1), 0], next ?? []);
    update(arena, alphaOf(0.2, 1), next ?? []);
    const [after] = stats(arena, [alphaOf(1e-9, 0.5), alphaOf(0, 0), 0], next ?? []);
    expect(ahead?.arraySync()).toEqual(after?.arraySync());
  });

  it('compensated: the low parts take what float32 rounds away', () => {
    const arena = create([tf.ones([5])], 1, 1);
    for (let i = 0; i < 100; i++) update(arena, alphaOf(1e-8), [tf.fill([5], 2)], true);
    const [high, low] = [0, 1].map((row) => read(arena, row, [tf.ones([5])])[0]?.dataSync()[0] ?? 0);
    const exact = 2 - (1 - Math.fround(1e-8)) ** 100;
    expect(Math.abs((high ?? 0) + (low ?? 0) - exact)).toBeLessThan(1e-12);
    expect(Math.abs((high ?? 0) - exact)).toBeLessThan(2 ** -23);
  });

  const weights = makeWeights(1);
  const refusals: [string, (arena: Tensor) => unknown, RegExp][] = [
    ['too few alphas', (arena) => update(arena, alphaOf(0.5), weights), /alpha must have 2 numbers, or 12, received 1/],
    [
      'an alpha above 1',
      (arena) => update(arena, alphaOf(0.5, 1.5), weights),
      /alpha must be in \[0, 1\], received 1.5/,
    ],
    ['a NaN alpha', (arena) => update(arena, alphaOf(Number.NaN, 0), weights), /alpha must be in \[0, 1\]/],
    ['fewer weights', (arena) => update(arena, alphaOf(0.5, 0.5), weights.slice(0, 5)), /do not fit the arena/],
    [
      'too few coefficients',
      (arena) => combine(arena, [[1], false], alphaOf(0, 0), weights),
      /coefficients must be 2 float64 numbers, received 2 halves/,
    ],
    [
      'a coefficient that is not finite',
      (arena) => combine(arena, [[1, Number.NaN], false], alphaOf(0, 0), weights),
      /coefficients must be finite/,
    ],
    [
      'no coefficient other than 0',
      (arena) => combine(arena, [[0, 0], false], alphaOf(0, 0), weights),
      /a coefficient must be other than 0/,
    ],
    [
      'more averages than travel at once',
      () =>
        combine(
          create(weights, 33),
          [new Array<number>(33).fill(1), false],
          alphaOf(...new Array<number>(33).fill(0)),
          weights,
        ),
      /at most 32 averages can be combined, received coefficients of 33/,
    ],
    ['a negative row', (arena) => write(arena, -1, weights), /row must be in 0 to 1, received -1/],
    [
      'alphas of a read that fit no weights',
      (arena) => combine(arena, [[1, 0], false], alphaOf(0.5), weights),
      /alpha must have 2 numbers, or 12, received 1/,
    ],
    [
      'to read low parts ahead',
      (arena) => combine(arena, [[0, 1], true], alphaOf(0.5), weights),
      /low parts are read as they are/,
    ],
    [
      'statistics from an average that is not there',
      (arena) => stats(arena, [alphaOf(0, 0), alphaOf(0, 0), 2], weights),
      /row must be in 0 to 1, received 2/,
    ],
    ['an odd compensated arena', () => update(create(weights, 3), alphaOf(0.5), weights, true), /even number of rows/],
  ];
  it.each(refusals)('refuses %s before anything is written', (_, call, message) => {
    const arena = create(weights, 2);
    expect(() => call(arena)).toThrow(message);
    expect(() => call(arena)).toThrow('tfjs-ema: refused, nothing was written: ');
    for (const row of [0, 1]) expect(valuesOf(read(arena, row, weights))).toEqual(valuesOf(weights));
  });

  it('refuses a weight that shares memory with the arena', () => {
    const arena = create([tf.ones([32])], 1);
    expect(() => update(arena, alphaOf(0.5), [arena.reshape([4, 8])])).toThrow(/shares memory with the arena/);
  });

  it('register gives every caller the same names', () => {
    expect(binding.register()).toEqual(binding.register());
    expect(binding.register().ops).toEqual(ops);
  });
});

/** Runs a CommonJS script in a child process and returns its output. */
function run(script: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
  try {
    writeFileSync(join(folder, 'script.cjs'), script);
    copyFileSync(addonPath, join(folder, 'copy.node'));
    const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };
    return execFileSync(process.execPath, [join(folder, 'script.cjs')], { encoding: 'utf8', stdio: 'pipe', env });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const prelude = `
const tf = require(${JSON.stringify(tfjsPath)});
const backend = tf.backend();
const N = [{ name: 'N', type: backend.binding.TF_ATTR_INT, value: 1 }];
const compensated = { name: 'compensated', type: backend.binding.TF_ATTR_BOOL, value: false };
const rows = ['rows', 'zero_rows'].map((name, i) => ({ name, type: backend.binding.TF_ATTR_INT, value: 1 - i }));
function oneUpdate(ops, from, to, alpha) {
  const w = tf.fill([100], from);
  const [arena] = backend.executeMultipleOutputs(ops.create, [...N, ...rows], [w], 1);
  const bits = tf.tensor1d(new Int32Array(new Float32Array([alpha]).buffer), 'int32');
  backend.executeMultipleOutputs(ops.update, [...N, compensated], [arena, bits, tf.fill([100], to)], 0);
  const one = tf.tensor1d(new Int32Array(Float64Array.of(1).buffer), 'int32');
  const none = tf.scalar(0, 'int32'); // the bits of alpha 0
  return backend.executeMultipleOutputs(ops.read, [...N, compensated], [arena, one, none, w], 1)[0].dataSync()[99];
}`;

describe('ops in a process', () => {
  it('registering before TensorFlow is loaded says what to do, and works once it is', () => {
    const output = run(`
      const binding = require(${JSON.stringify(addonPath)});
      try { binding.register(); } catch (error) { console.log(error.message); }
      ${prelude}
      console.log(oneUpdate(binding.register().ops, 0, 1, 0.5));`);
    expect(output).toMatch(/import @tensorflow\/tfjs-node before[^\n]*\n0\.5\n$/);
  });

  it('two copies of the addon live side by side', () => {
    const output = run(`${prelude}
      const copies = [${JSON.stringify(addonPath)}, require('node:path').join(__dirname, 'copy.node')].map((p) => require(p).register().ops);
      console.log(copies[0].update !== copies[1].update, copies.map((ops) => oneUpdate(ops, 0, 1, 0.25)).join());`);
    expect(output).toBe('true 0.25,0.25\n');
  });

  it('the ops outlive the workers that registered them', () => {
    const output = run(`${prelude}
      const { Worker } = require('node:worker_threads');
      const code = 'require("node:worker_threads").parentPort.postMessage(require(' + ${JSON.stringify(JSON.stringify(addonPath))} + ').register().ops)';
      (async () => {
        let ops;
        for (let i = 0; i < 20; i++) {
          const worker = new Worker(code, { eval: true });
          worker.once('message', (message) => { ops = message; });
          await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
        }
        console.log(oneUpdate(ops, 0, 1, 0.25));
      })();`);
    expect(output).toBe('0.25\n');
  });

  it('alphas that change at each update leave no kernels behind', () => {
    const output = run(`${prelude}
      const { ops } = require(${JSON.stringify(addonPath)}).register();
      const w = tf.ones([10]);
      const [arena] = backend.executeMultipleOutputs(ops.create, [...N, ...rows], [w], 1);
      const updates = (count) => { for (let i = 0; i < count; i++) {
        const bits = tf.tensor1d(new Int32Array(new Float32Array([Math.random()]).buffer), 'int32');
        backend.executeMultipleOutputs(ops.update, [...N, compensated], [arena, bits, w], 0);
        bits.dispose();
      } };
      updates(20000);
      const before = process.memoryUsage.rss();
      updates(20000);
      console.log((process.memoryUsage.rss() - before) / 20000);`);
    // One cached kernel per value costs 1,800 B an update; a few hundred kilobytes of other growth are allowed for.
    expect(Number(output)).toBeLessThan(100);
  });
});
