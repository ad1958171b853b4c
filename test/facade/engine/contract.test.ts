// The engine contract, over every engine: native and js on tfjs-node, js on the CPU backend of plain tfjs; js on a page's backends.
// Expected values come from float64; equality is exact where the contract promises it.

import type { Tensor } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EmaError } from '../../../src/base/errors.js';
import type { Engine, Shadows } from '../../../src/engine/contract.js';
import { jsEngine } from '../../../src/engine/js.js';
import { nativeEngine } from '../../../src/engine/native.js';
import { compare, STATISTICS, type Statistic } from '../../../src/engine/statistics.js';
import { thrownBy } from '../../support/expect.js';
import { floats, tf } from '../../support/models.js';
import { at, bits, Oracle, ulp } from '../../support/oracle.js';

const SHAPES = [[3, 5], [7], [], [0, 3], [2, 2, 2, 5], [65]];

function makeWeights(seed: number, shapes: readonly number[][] = SHAPES): Tensor[] {
  return shapes.map((shape, i) => tf.tensor(floats(tf.util.sizeFromShape(shape), seed * 100 + i), shape));
}

function values(tensors: readonly Tensor[]): Float32Array[] {
  return tensors.map((tensor) => Float32Array.from(tensor.dataSync()));
}

function readValues(shadows: Shadows, average: number, like: readonly Tensor[], part?: 'high' | 'low'): Float32Array[] {
  const tensors = shadows.read(average, like, part);
  const result = values(tensors);
  tf.dispose(tensors);
  return result;
}

/** The coefficients of one average alone. */
const only = (average: number, averages: number) => Array.from({ length: averages }, (_, k) => (k === average ? 1 : 0));

const allBits = (lists: readonly Float32Array[]) => lists.map((list) => Array.from(bits(list)));

function makeNative(): Engine {
  const engine = nativeEngine(tf);
  if (typeof engine === 'string') throw new Error(engine);
  return engine;
}

const makeJs = () => jsEngine(tf, 'test');
/** That of a page, by test/browser/setup.ts. */
const pages: unknown = Reflect.get(globalThis, 'tfjsEmaBackend');
const contenders =
  typeof pages === 'string'
    ? [{ title: `js on a page's backend ${pages}`, backend: pages, make: makeJs }]
    : [
        { title: 'native on tfjs-node', backend: 'tensorflow', make: makeNative },
        { title: 'js on tfjs-node', backend: 'tensorflow', make: makeJs },
        { title: 'js on the CPU backend', backend: 'cpu', make: makeJs },
      ];

describe.each(contenders)('$title', ({ backend, make }) => {
  let engine: Engine;
  let tensorsBefore = 0;

  beforeAll(async () => {
    await tf.setBackend(backend);
    engine = make();
    tensorsBefore = tf.memory().numTensors;
  });

  afterAll(() => {
    expect(tf.memory().numTensors).toBe(tensorsBefore);
  });

  function withShadows(
    weights: Tensor[],
    averages: number,
    run: (shadows: Shadows) => void,
    precision: 'fp32' | 'compensated' = 'fp32',
  ): void {
    const shadows = engine.create(weights, { averages, precision });
    try {
      run(shadows);
    } finally {
      shadows.dispose();
      tf.dispose(weights);
    }
  }

  it.each([1, 5, 9])('creates %i averages that are the weights, to the bit', (averages) => {
    const weights = makeWeights(1);
    const expected = allBits(values(weights));
    withShadows(weights, averages, (shadows) => {
      expect(shadows.averages).toBe(averages);
      for (let k = 0; k < averages; k += 1) expect(allBits(readValues(shadows, k, weights))).toEqual(expected);
      const read = shadows.read(0, weights);
      expect(read.map((tensor) => tensor.shape)).toEqual(SHAPES);
      tf.dispose(read);
    });
  });

  it('keeps -0, infinities and NaN as they are', () => {
    const special = tf.tensor1d([-0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 3.4e38]);
    const expected = allBits(values([special]));
    withShadows([special], 2, (shadows) => {
      expect(allBits(readValues(shadows, 1, [special]))).toEqual(expected);
    });
  });

  it('moves each average by its own alpha: s + alpha (w - s)', () => {
    const start = makeWeights(2);
    const next = makeWeights(3);
    const alphas = [0.5, 0.1, 1e-3, 0.9];
    withShadows(start, alphas.length, (shadows) => {
      shadows.update(next, alphas);
      alphas.forEach((alpha, k) => {
        const rounded = Math.fround(alpha);
        readValues(shadows, k, next).forEach((list, i) => {
          const s = at(values(start), i);
          const w = at(values(next), i);
          list.forEach((value, j) => {
            const [from, to] = [at(s, j), at(w, j)];
            const exact = from + rounded * (to - from);
            // Two roundings of numbers of at most alpha |w - s|, one of the result, which lies between s and w.
            const bound = 2 ** -23 * rounded * Math.abs(to - from) + ulp(Math.max(Math.abs(from), Math.abs(to))) / 2;
            expect(Math.abs(value - exact)).toBeLessThanOrEqual(bound);
          });
        });
      });
    });
    tf.dispose(next);
  });

  it('takes alphas for each weight: the K of one weight stand together', () => {
    const start = makeWeights(4, [[3], [4]]);
    const next = makeWeights(5, [[3], [4]]);
    withShadows(start, 2, (shadows) => {
      shadows.update(next, [1, 0, 0, 1]);
      expect(allBits(readValues(shadows, 0, next))).toEqual(allBits([at(values(next), 0), at(values(start), 1)]));
      expect(allBits(readValues(shadows, 1, next))).toEqual(allBits([at(values(start), 0), at(values(next), 1)]));
    });
    tf.dispose(next);
  });

  it('keeps an average with alpha 0 and takes the weights with alpha 1, to the bit, whatever they are', () => {
    const start = tf.tensor1d([-0, 1e-30, Number.NaN, 1, Number.POSITIVE_INFINITY]);
    const next = tf.tensor1d([5, -0, 2, Number.NaN, Number.NEGATIVE_INFINITY]);
    const before = allBits(values([start]));
    const after = allBits(values([next]));
    withShadows([start], 2, (shadows) => {
      shadows.update([next], [0, 1]);
      expect(allBits(readValues(shadows, 0, [next]))).toEqual(before);
      expect(allBits(readValues(shadows, 1, [next]))).toEqual(after);
    });
    tf.dispose(next);
  });

  it('leaves an average that equals its weights where it is, for every alpha', () => {
    const weights = makeWeights(6);
    const expected = allBits(values(weights));
    withShadows(weights, 3, (shadows) => {
      for (let step = 0; step < 20; step += 1) shadows.update(weights, [0.3, 1e-7, 0.999]);
      for (let k = 0; k < 3; k += 1) expect(allBits(readValues(shadows, k, weights))).toEqual(expected);
    });
  });

  it('follows the float64 average over 300 updates whose alphas change', () => {
    const decays = [0.9, 0.99];
    const start = makeWeights(7);
    const oracles = decays.map(() => new Oracle(values(start)));
    withShadows(start, decays.length, (shadows) => {
      for (let step = 0; step < 300; step += 1) {
        const weights = makeWeights(1000 + step);
        const used = decays.map((decay) => Math.min(decay, (step + 1) / (step + 10)));
        shadows.update(
          weights,
          used.map((decay) => 1 - decay),
        );
        used.forEach((decay, k) => {
          at(oracles, k).update(values(weights), decay);
        });
        tf.dispose(weights);
      }
      decays.forEach((decay, k) => {
        readValues(shadows, k, start).forEach((list, i) => {
          // Each update rounds by at most 2^-23 (numbers below 1), and decays what was: a geometric sum.
          const bound = 2 ** -23 / (1 - decay);
          list.forEach((value, j) => {
            expect(Math.abs(value - at(at(at(oracles, k).shadows, i), j))).toBeLessThan(bound);
          });
        });
      });
    });
  });

  it('gives fresh tensors: what happens to them does not reach the average', () => {
    const weights = makeWeights(8);
    const expected = allBits(values(weights));
    withShadows(weights, 1, (shadows) => {
      const first = shadows.read(0, weights);
      const variable = tf.variable(at(first, 0));
      tf.tidy(() => variable.assign(tf.zeros([3, 5])));
      variable.dispose();
      tf.dispose(first);
      expect(allBits(readValues(shadows, 0, weights))).toEqual(expected);
    });
  });

  it('shows in an earlier read nothing of a later update', () => {
    const weights = makeWeights(9);
    const next = makeWeights(10);
    withShadows(weights, 1, (shadows) => {
      const early = shadows.read(0, weights);
      const before = allBits(values(early));
      shadows.update(next, [0.5]);
      expect(allBits(values(early))).toEqual(before);
      expect(allBits(readValues(shadows, 0, next))).not.toEqual(before);
      tf.dispose(early);
    });
    tf.dispose(next);
  });

  it('writes an average and goes on from there', () => {
    const start = makeWeights(11);
    const other = makeWeights(12);
    withShadows(start, 2, (shadows) => {
      const untouched = allBits(readValues(shadows, 1, start));
      shadows.write(0, other);
      expect(allBits(readValues(shadows, 0, start))).toEqual(allBits(values(other)));
      expect(allBits(readValues(shadows, 1, start))).toEqual(untouched);
      shadows.update(start, [1, 0]);
      expect(allBits(readValues(shadows, 0, start))).toEqual(untouched);
    });
    tf.dispose(other);
  });

  it('updates all or nothing: with a disposed weight at the end every average is as before', () => {
    const weights = makeWeights(13);
    const next = makeWeights(14);
    next.at(-1)?.dispose();
    withShadows(weights, 3, (shadows) => {
      const before = [0, 1, 2].map((k) => allBits(readValues(shadows, k, weights)));
      const count = tf.memory().numTensors;
      let thrown: unknown;
      try {
        shadows.update(next, [0.5, 0.5, 0.5]);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(EmaError);
      expect((thrown as EmaError).code).toMatch(/^(WEIGHT_DISPOSED|NATIVE_FAILURE)$/);
      expect((thrown as EmaError).cause).toBeInstanceOf(Error);
      expect([0, 1, 2].map((k) => allBits(readValues(shadows, k, weights)))).toEqual(before);
      // The alphas of the failed update may stay for the next one.
      expect(tf.memory().numTensors - count).toBeLessThanOrEqual(1);
    });
    tf.dispose(next);
  });

  it('lives through a tidy scope around its creation and its updates, and leaves no tensors behind', () => {
    const weights = makeWeights(15);
    const count = tf.memory().numTensors;
    const kept: Shadows[] = [];
    tf.tidy(() => {
      const shadows = engine.create(weights, { averages: 2, precision: 'fp32' });
      shadows.update(weights, [0.5, 0.1]);
      kept.push(shadows);
    });
    const shadows = at(kept, 0);
    const inUse = tf.memory().numTensors;
    for (let step = 0; step < 30; step += 1) shadows.update(weights, [1 / (step + 2), 0.1]);
    tf.tidy(() => shadows.update(weights, [0.25, 0.1]));
    expect(tf.memory().numTensors).toBe(inUse);
    expect(allBits(readValues(shadows, 0, weights))).toEqual(allBits(values(weights)));
    shadows.dispose();
    expect(tf.memory().numTensors).toBe(count);
    tf.dispose(weights);
  });

  it('throws on every call after dispose', () => {
    const weights = makeWeights(18);
    const shadows = engine.create(weights, { averages: 1, precision: 'fp32' });
    shadows.dispose();
    expect(() => shadows.update(weights, [0.5])).toThrow(EmaError);
    expect(() => shadows.read(0, weights)).toThrow(EmaError);
    expect(() => shadows.write(0, weights)).toThrow(EmaError);
    tf.dispose(weights);
    const left = tf.memory().numTensors - tensorsBefore;
    // The native engine made the alphas of the update that it then refused.
    expect(left).toBeLessThanOrEqual(1);
    tensorsBefore += left;
  });

  it('refuses low parts without compensation, and averages that do not exist', () => {
    const weights = makeWeights(19);
    withShadows(weights, 2, (shadows) => {
      expect(() => shadows.read(0, weights, 'low')).toThrow(EmaError);
      expect(() => shadows.read(2, weights)).toThrow(EmaError);
      expect(() => shadows.write(2, weights)).toThrow(EmaError);
    });
  });

  it.each(['fp32', 'compensated'] as const)(
    'reads and compares averages ahead of an update as it would leave them, and makes none, with precision %s',
    (precision) => {
      const shapes = [[3, 5], [], [65], [0, 2]];
      const [start, middle, next] = [makeWeights(24, shapes), makeWeights(25, shapes), makeWeights(26, shapes)];
      const lists = [
        [0.3, 0, 1],
        [0.3, 0, 1, 0.01, 0.5, 0, 1, 1, 1e-9, 0, 0.2, 0.4],
      ];
      for (const alphas of lists) {
        const options = { averages: 3, precision };
        const [ahead, made] = [engine.create(start, options), engine.create(start, options)];
        for (const shadows of [ahead, made]) shadows.update(middle, [0.25, 0.6, 0]);
        const stored = [0, 1, 2].map((k) => readValues(ahead, k, next));
        const later = alphas.map((alpha) => alpha / 2);
        const found = ahead.statistics(next, { next: later, ahead: alphas, from: 2 });
        const count = tf.memory().numTensors;
        const read = [0, 1, 2].map((k) => {
          const tensors = ahead.combine(only(k, 3), next, alphas);
          const result = values(tensors);
          expect(tensors.map(({ shape }) => shape)).toEqual(shapes);
          tf.dispose(tensors);
          return result;
        });
        expect(tf.memory().numTensors).toBe(count);
        expect([0, 1, 2].map((k) => readValues(ahead, k, next))).toEqual(stored);
        made.update(next, alphas);
        expect(read).toEqual([0, 1, 2].map((k) => readValues(made, k, next)));
        expect(found).toEqual(made.statistics(next, { next: later, from: 2 }));
        // Nothing moved, low parts included: both are the same after the same updates.
        ahead.update(next, alphas);
        for (const shadows of [ahead, made]) shadows.update(middle, [0.1, 0.2, 0.3]);
        for (const k of [0, 1, 2]) expect(readValues(ahead, k, next)).toEqual(readValues(made, k, next));
        for (const shadows of [ahead, made]) shadows.dispose();
      }
      tf.dispose([start, middle, next]);
    },
  );

  it('reads ahead into memory of its own, which no later update changes', () => {
    const [start, next, later] = [makeWeights(27), makeWeights(28), makeWeights(29)];
    withShadows(start, 2, (shadows) => {
      for (const alphas of [
        [0, 1],
        [0.5, 0.5],
      ]) {
        const tensors = [0, 1].map((k) => shadows.combine(only(k, 2), next, alphas));
        const before = tensors.map(values);
        shadows.update(later, [0.7, 0.7]);
        expect(tensors.map(values)).toEqual(before);
        tf.dispose(tensors);
      }
      for (const coefficients of [
        [0, 0],
        [1, 0, 0.5],
      ])
        expect(() => shadows.combine(coefficients, next, [0.5, 0.5])).toThrow(EmaError);
    });
    tf.dispose([next, later]);
  });

  it.each(['fp32', 'compensated'] as const)(
    'combines averages as they would be after an update: within its bound of float64, with precision %s',
    (precision) => {
      const shapes = [[3, 5], [], [65], [0, 2]];
      const [start, middle, next] = [makeWeights(31, shapes), makeWeights(32, shapes), makeWeights(33, shapes)];
      const zeros = shapes.map((shape) => tf.zeros(shape));
      const [shadows, made] = [0, 1].map(() => engine.create(start, { averages: 4, precision })) as [Shadows, Shadows];
      for (const one of [shadows, made]) one.update(middle, [0.25, 0.6, 0, 0.4]);
      const lists = [
        [0, 0, 0, 0],
        [0.3, 0, 1, 1e-3],
        [0.3, 0, 1, 0.2, 0.01, 0.5, 0, 1, 1, 1e-9, 0.3, 0, 0.2, 0.4, 1, 0],
      ];
      for (const alphas of lists) {
        made.update(next, alphas);
        const rows = [0, 1, 2, 3].map((k) => {
          const low = precision === 'compensated' ? readValues(made, k, next, 'low') : undefined;
          return readValues(made, k, next).map((list, i) =>
            Array.from(list, (value, j) => value + at(low?.[i] ?? [0], low === undefined ? 0 : j)),
          );
        });
        for (const coefficients of [
          [0.25, 0.25, 0.25, 0.25],
          [700, -1000.5, 0, 301.5],
          [0, 2, 0, -2],
          [0, 0, 0, 0.5],
        ]) {
          const tensors = shadows.combine(coefficients, next, alphas);
          expect(tensors.map(({ shape }) => shape)).toEqual(shapes);
          const base = at(
            rows,
            coefficients.findIndex((c) => Math.abs(c) === Math.max(...coefficients.map(Math.abs))),
          );
          values(tensors).forEach((list, i) => {
            list.forEach((value, j) => {
              const terms = coefficients.map((c, k) => c * at(at(at(rows, k), i), j));
              const exact = terms.reduce((sum, term) => sum + term, 0);
              const from = at(at(base, i), j);
              const distance = coefficients.reduce(
                (sum, c, k) => sum + Math.abs(c * (at(at(at(rows, k), i), j) - from)),
                0,
              );
              const bound =
                engine.name === 'native'
                  ? ulp(exact) / 2 + 2 ** -50 * terms.reduce((sum, term) => sum + Math.abs(term), 0)
                  : 12 * 2 ** -24 * (distance + Math.abs(exact));
              expect(Math.abs(value - exact)).toBeLessThanOrEqual(bound);
            });
          });
          tf.dispose(tensors);
        }
        for (const one of [shadows, made]) {
          for (const k of [0, 1, 2, 3]) {
            one.write(k, middle);
            if (precision === 'compensated') one.write(k, zeros, 'low');
          }
          one.update(start, [0.25, 0.6, 0, 0.4]);
        }
      }
      for (const one of [shadows, made]) one.dispose();
      tf.dispose([start, middle, next, zeros]);
    },
  );

  it('combines averages that are equal to the same, to the bit, and leaves out what has no coefficient', () => {
    const weights = makeWeights(34);
    const expected = allBits(values(weights));
    const ruined = weights.map((weight) => tf.fill(weight.shape, Number.POSITIVE_INFINITY));
    withShadows(weights, 3, (shadows) => {
      shadows.write(2, ruined);
      const tensors = shadows.combine([40.7, -39.7, 0], weights, [0, 0, 0.5]);
      expect(allBits(values(tensors))).toEqual(expected);
      tf.dispose(tensors);
    });
    tf.dispose(ruined);
  });

  it.each(['fp32', 'compensated'] as const)(
    'compares every weight with every average, with precision %s',
    (precision) => {
      const shapes = [[3, 5], [], [65], [0, 2]];
      const start = makeWeights(22, shapes);
      const next = makeWeights(23, shapes);
      const alphas = [0.5, 0.1, 0];
      withShadows(
        start,
        3,
        (shadows) => {
          shadows.update(next, [0.25, 0.75, 0]);
          const figures = shadows.statistics(next, { next: alphas, from: 1 });
          const count = tf.memory().numTensors;
          expect(shadows.statistics(next, { next: alphas, ahead: [0, 0, 0], from: 1 })).toEqual(figures);
          expect(tf.memory().numTensors).toBe(count);
          expect(figures).toHaveLength(4 * 3 * STATISTICS.length);
          const rows = alphas.map((_, k) => readValues(shadows, k, next));
          const lows = alphas.map((_, k) => (precision === 'fp32' ? [] : readValues(shadows, k, next, 'low')));
          values(next).forEach((weight, i) => {
            alphas.forEach((alpha, k) => {
              const average = at(at(rows, k), i);
              const low = at(lows, k)[i];
              const expected = compare({
                weight,
                average,
                low,
                from: k === 1 ? undefined : at(rows, 1)[i],
                alpha: Math.fround(alpha),
              });
              const found = figures.subarray((3 * i + k) * STATISTICS.length);
              expected.forEach((value, f) => {
                // Sums in double in both, whose order and fma differ: 65 * 2^-53 of them; then one rounding to float32.
                expect(Math.abs(at(found, f) - value), STATISTICS[f]).toBeLessThanOrEqual(2 ** -23 * Math.abs(value));
              });
            });
          });
          // A rule per weight: dead is what has alpha 0, and nothing else.
          const perWeight = shadows.statistics(next, {
            next: [0.5, 0, 0.5, 0.5, 0.5, 0.5, 0, 0.5, 0.5, 0.5, 0.5, 0.5],
            from: 0,
          });
          const dead = STATISTICS.indexOf('deadZone');
          const deadOf = (i: number, k: number) => at(perWeight, (3 * i + k) * STATISTICS.length + dead);
          expect([deadOf(0, 0), deadOf(0, 1), deadOf(1, 1), deadOf(2, 0), deadOf(2, 1)]).toEqual([0, 15, 0, 65, 0]);
        },
        precision,
      );
      tf.dispose(next);
    },
  );

  it('counts as dead what differs from its weight and stands still in float32, which compensation moves', () => {
    const start = [tf.ones([40]), tf.ones([2])];
    const next = [tf.fill([40], 1.0001), tf.fill([2], Number.NaN)];
    const dead = (precision: 'fp32' | 'compensated') => {
      const shadows = engine.create(start, { averages: 1, precision });
      const figures = shadows.statistics(next, { next: [1e-4], from: 0 });
      shadows.dispose();
      return ['deadZone', 'nonFinite'].map((name) =>
        [0, 1].map((i) => at(figures, i * STATISTICS.length + STATISTICS.indexOf(name as Statistic))),
      );
    };
    expect(dead('fp32')).toEqual([
      [40, 0],
      [0, 2],
    ]);
    expect(dead('compensated')).toEqual([
      [0, 0],
      [0, 2],
    ]);
    tf.dispose([start, next]);
  });

  it('counts its bytes', () => {
    const weights = makeWeights(16, [[64], [32]]);
    withShadows(weights, 3, (shadows) => expect(shadows.bytes).toBe(4 * 96 * 3));
  });

  describe("with precision 'compensated'", () => {
    it('follows the float64 average where float32 stands still', () => {
      // alpha |w - s| = 1e-8 is below half an ulp of 1: in float32 nothing moves.
      const shadow = tf.ones([40]);
      const weight = tf.fill([40], 1.0001);
      const [alpha, steps] = [1e-4, 2000];
      const exact = 1 + (Math.fround(1.0001) - 1) * (1 - (1 - Math.fround(alpha)) ** steps);
      const pair = [shadow, shadow];
      const end = (precision: 'fp32' | 'compensated') => {
        const shadows = engine.create(pair, { averages: 1, precision });
        for (let step = 0; step < steps; step += 1) shadows.update([weight, weight], [alpha]);
        const high = at(at(readValues(shadows, 0, pair), 1), 0);
        const low = precision === 'fp32' ? 0 : at(at(readValues(shadows, 0, pair, 'low'), 1), 0);
        shadows.dispose();
        return high + low;
      };
      expect(end('fp32')).toBe(1);
      expect(Math.abs(end('compensated') - exact)).toBeLessThan(1e-11);
      tf.dispose([shadow, weight]);
    });

    it('starts, restarts and jumps with low parts of zero', () => {
      const weights = makeWeights(17);
      const zeros = values(weights).map((list) => new Float32Array(list.length));
      withShadows(
        weights,
        2,
        (shadows) => {
          expect(allBits(readValues(shadows, 1, weights, 'low'))).toEqual(allBits(zeros));
          shadows.write(0, weights, 'low');
          expect(allBits(readValues(shadows, 0, weights, 'low'))).toEqual(allBits(values(weights)));
          shadows.update(weights, [1, 0]);
          expect(allBits(readValues(shadows, 0, weights, 'low'))).toEqual(allBits(zeros));
          expect(shadows.bytes).toBeGreaterThanOrEqual(4 * 2 * 2 * 128);
        },
        'compensated',
      );
    });
  });
});

describe('native alone', () => {
  it('says that its op refused an update, names the cause, wrote nothing, and goes on', async () => {
    await tf.setBackend('tensorflow');
    const weights = makeWeights(20, [[3], [4]]);
    const shadows = makeNative().create(weights, { averages: 1, precision: 'fp32' });
    const wrong = makeWeights(21, [[3], [400]]);
    const before = allBits(readValues(shadows, 0, weights));
    const error = thrownBy(() => shadows.update(wrong, [0.5]), 'NATIVE_FAILURE');
    expect(error.message).toMatch(/^the update was refused, and every average is as before: .*do not fit the arena/s);
    expect(allBits(readValues(shadows, 0, weights))).toEqual(before);
    thrownBy(() => shadows.update(weights, [1.5]), 'NATIVE_FAILURE');
    thrownBy(() => shadows.update(weights, [0.5, 0.5, 0.5]), 'NATIVE_FAILURE');
    expect(allBits(readValues(shadows, 0, weights))).toEqual(before);
    const right = makeWeights(22, [[3], [4]]);
    shadows.update(right, [1]);
    expect(allBits(readValues(shadows, 0, weights))).toEqual(allBits(values(right)));
    tf.dispose(right);
    shadows.dispose();
    tf.dispose([weights, wrong]);
  });
});

describe('native against js', () => {
  it('differs by at most 1 ulp of the larger of average and weight per update', async () => {
    await tf.setBackend('tensorflow');
    const native = makeNative();
    const js = jsEngine(tf, 'test');
    // For alpha <= 0.5 the product alpha (w - s), which js alone rounds, is at most the larger of the two: half an ulp of
    // it, so that the rounded sums are neighbours at most. Larger alphas allow 2.
    const alphas = [0.5, 0.1, 2.5e-3, 1.25e-4, 1e-7];
    let differing = 0;
    for (let trial = 0; trial < 40; trial += 1) {
      const start = makeWeights(300 + trial, [[1023], [65]]);
      const next = makeWeights(700 + trial, [[1023], [65]]);
      const both = [native, js].map((engine) => {
        const shadows = engine.create(start, { averages: alphas.length, precision: 'fp32' });
        shadows.update(next, alphas);
        const result = alphas.map((_, k) => readValues(shadows, k, start));
        shadows.dispose();
        return result;
      });
      alphas.forEach((_, k) => {
        [0, 1].forEach((i) => {
          const [a, b] = [at(at(at(both, 0), k), i), at(at(at(both, 1), k), i)];
          a.forEach((value, j) => {
            const scale = Math.max(Math.abs(at(at(values(start), i), j)), Math.abs(at(at(values(next), i), j)));
            if (value !== at(b, j)) differing += 1;
            if (Math.abs(value - at(b, j)) > ulp(scale))
              expect.fail(`alpha ${at(alphas, k)}: ${value} and ${at(b, j)}`);
          });
        });
      });
      tf.dispose([start, next]);
    }
    // They do round differently: otherwise this test would compare an engine with itself.
    expect(differing).toBeGreaterThan(0);
  });
});
