// Telling candidates apart on the same samples, against published tables and by simulation.
// Needs no TensorFlow.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pairedTest, studentTwoSided, tiedWith } from '../../../src/validation/paired-test.js';
import { normals } from '../../support/random.js';

describe('Student’s distribution', () => {
  it.each([
    // Degrees of freedom, and the 97.5 % point from published tables.
    [1, 12.706204736],
    [2, 4.30265273],
    [3, 3.182446305],
    [4, 2.776445105],
    [5, 2.570581836],
    [9, 2.262157163],
    [10, 2.228138852],
    [29, 2.045229642],
    [30, 2.042272456],
    [120, 1.979930405],
    [1e6, 1.959966],
    [1e9, 1.959964],
  ])('with %i degrees has its 97.5 % point at %s', (degrees, t) => {
    expect(studentTwoSided(t, degrees)).toBeCloseTo(0.05, 6);
    expect(studentTwoSided(-t, degrees)).toBeCloseTo(0.05, 6);
  });

  it('has its closed forms for 1 and 2 degrees', () => {
    for (const t of [0, 0.3, 1, 7, 1000]) {
      expect(studentTwoSided(t, 1)).toBeCloseTo(1 - (2 / Math.PI) * Math.atan(t), 13);
      expect(studentTwoSided(t, 2)).toBeCloseTo(1 - t / Math.sqrt(2 + t * t), 13);
    }
  });

  it('is 1 at 0, 0 at infinity, and falls in between', () => {
    for (const degrees of [1, 2, 3, 8, 99, 1e4]) {
      const values = [0, 0.1, 1, 2, 5, 50, Infinity].map((t) => studentTwoSided(t, degrees));
      expect(values[0]).toBeCloseTo(1, 15);
      expect(values.at(-1)).toBeCloseTo(0, 15);
      expect([...values].sort((a, b) => b - a)).toEqual(values);
    }
  });
});

describe('losses', () => {
  it('are compared by the mean difference over its standard error', () => {
    const first = [2.1, 1.9, 3.2, 2.8];
    const second = [1.8, 1.7, 2.7, 2.9];
    // Differences 0.3, 0.2, 0.5, -0.1: mean 0.225, deviation 0.25, error 0.125, t = 1.8 with 3 degrees.
    const { samples, mean, standardError, pValue, differs } = pairedTest(first, second);
    expect(samples).toBe(4);
    expect(mean).toBeCloseTo(0.225, 14);
    expect(standardError).toBeCloseTo(0.125, 14);
    // 1 - 2/pi (theta + sin theta cos theta), tan theta = 1.8 / sqrt(3).
    const theta = Math.atan(1.8 / Math.sqrt(3));
    expect(pValue).toBeCloseTo(1 - (2 / Math.PI) * (theta + Math.sin(theta) * Math.cos(theta)), 13);
    expect(differs).toBe(false);
  });

  it('keep their digits where they are large beside the difference', () => {
    const first = Float64Array.from({ length: 1000 }, (_, i) => 1e9 + (i % 7));
    const second = Float64Array.from(first, (value, i) => value - (i % 2 === 0 ? 0.5 : 0.25));
    expect(pairedTest(first, second).standardError).toBeCloseTo(0.125 / Math.sqrt(999), 12);
  });

  it('have the same verdict the other way round', () => {
    const scores = fc.array(
      fc.tuple(fc.double({ min: -5, max: 5, noNaN: true }), fc.double({ min: -5, max: 5, noNaN: true })),
    );
    fc.assert(
      fc.property(scores, (pairs) => {
        const there = pairedTest(
          pairs.map(([a]) => a),
          pairs.map(([, b]) => b),
        );
        const back = pairedTest(
          pairs.map(([, b]) => b),
          pairs.map(([a]) => a),
        );
        expect(back.pValue).toBeCloseTo(there.pValue, 12);
        expect(back.mean).toBeCloseTo(-there.mean, 12);
      }),
    );
  });

  it('that are the same, or too few, are not told apart; that differ alike everywhere, are', () => {
    expect(pairedTest([], [])).toEqual({ samples: 0, mean: 0, standardError: 0, pValue: 1, differs: false });
    expect(pairedTest([1.5], [0.2]).differs).toBe(false);
    expect(pairedTest([1.5, 2.5, 3], [1.5, 2.5, 3])).toMatchObject({ mean: 0, pValue: 1, differs: false });
    expect(pairedTest([1.5, 2.5, 3], [1.25, 2.25, 2.75])).toMatchObject({
      mean: 0.25,
      standardError: 0,
      differs: true,
    });
  });

  it('of equal candidates differ in about 5 % of validations, however few the samples', () => {
    for (const samples of [3, 10, 100]) {
      const noise = normals(samples);
      let wrong = 0;
      for (let trial = 0; trial < 2000; trial += 1) {
        const first = Array.from({ length: samples }, noise);
        const second = Array.from({ length: samples }, noise);
        if (pairedTest(first, second).differs) wrong += 1;
      }
      // 100 expected; the deviation of a binomial count is 9.7: within four of them.
      expect(Math.abs(wrong - 100)).toBeLessThan(39);
    }
  });
});

describe('right and wrong answers', () => {
  const answers = (both: number, first: number, second: number, neither: number): [number[], number[]] => {
    const pick = (values: readonly [number, number, number, number]): number[] =>
      [both, first, second, neither].flatMap((count, i) => new Array<number>(count).fill(values[i] ?? 0));
    return [pick([1, 1, 0, 0]), pick([1, 0, 1, 0])];
  };

  it('are compared by McNemar’s exact test', () => {
    // Of 10 samples that one alone got right, 1 to 9: 2 (1 + 10) / 2^10.
    expect(pairedTest(...answers(50, 1, 9, 40)).pValue).toBeCloseTo(22 / 1024, 14);
    const [five, six] = [pairedTest(...answers(50, 0, 5, 45)), pairedTest(...answers(50, 0, 6, 44))];
    expect([five.differs, six.differs]).toEqual([false, true]);
    expect(five.pValue).toBeCloseTo(2 / 32, 14);
    expect(six.pValue).toBeCloseTo(2 / 64, 14);
    expect(pairedTest(...answers(50, 7, 7, 36)).pValue).toBe(1);
    expect(pairedTest(...answers(100, 0, 0, 0)).pValue).toBe(1);
  });

  it('say by how much, too', () => {
    const { mean, standardError } = pairedTest(...answers(50, 10, 4, 36));
    expect(mean).toBeCloseTo(0.06, 14);
    // Variance of the differences: (14 - 36 / 100) / 99.
    expect(standardError).toBeCloseTo(Math.sqrt((14 - 0.36) / 99 / 100), 14);
  });

  it('of a large validation set agree with the normal approximation', () => {
    const { pValue } = pairedTest(...answers(100_000, 5100, 4900, 1000));
    // z = 200 / sqrt(10,000) = 2; the exact test counts the half of the middle term more.
    expect(pValue).toBeGreaterThan(0.0455);
    expect(pValue).toBeLessThan(0.047);
    expect(pairedTest(...answers(0, 0, 100_000, 0)).pValue).toBe(0);
  });
});

describe('ties', () => {
  it('are the candidates that the samples cannot tell from the best, and the best', () => {
    const noise = normals(5);
    const best = Array.from({ length: 500 }, noise);
    const close = best.map((value) => value + 0.001 + 0.1 * noise());
    const worse = best.map((value) => value + 0.1 + 0.1 * noise());
    expect(tiedWith([worse, best, close], 1)).toEqual([1, 2]);
    expect(tiedWith([best], 0)).toEqual([0]);
  });

  it('are not looked for among scores that cannot be compared', () => {
    expect(() => tiedWith([[1]], 1)).toThrow(/best: expected an index below 1, received 1/);
    expect(() => pairedTest([1, 2], [1])).toThrow(/second: expected 2 scores, as many as first, received 1/);
    expect(() => pairedTest([1, Number.NaN], [1, 2])).toThrow(/first\[1\]: expected a finite score, received NaN/);
    expect(() => pairedTest([1, 2], [1, Infinity])).toThrow(/second\[1\]/);
  });
});
