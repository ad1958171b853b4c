// Averages put together with coefficients: exact where they agree, and nothing left behind.

import { describe, expect, it } from 'vitest';
import { combined } from '../../../src/averages/combination.js';
import { floats, tf } from '../../support/models.js';
import { at } from '../../support/oracle.js';

describe('combined', () => {
  const rows = [1, 2, 3].map((seed) => floats(50, seed));
  const read = (average: number) => [tf.tensor1d(at(rows, average))];

  it('is the sum with coefficients', () => {
    const coefficients = [0.75, -0.5, 0.75];
    const before = tf.memory().numTensors;
    const [tensor] = combined(tf, coefficients, read);
    expect(tf.memory().numTensors).toBe(before + 1);
    tensor?.dataSync().forEach((value, i) => {
      const exact = coefficients.reduce((sum, c, k) => sum + c * at(at(rows, k), i), 0);
      // Two products and two sums of numbers below 2.
      expect(Math.abs(value - exact)).toBeLessThan(4 * 2 ** -23);
    });
    tensor?.dispose();
  });

  it('is an average itself where it alone has a coefficient, and any of them where all are equal, to the bit', () => {
    const [alone] = combined(tf, [0, 1, 0], read);
    expect(alone?.dataSync()).toEqual(at(rows, 1));
    const [equal] = combined(tf, [3.7, -1.9, -0.8], () => read(0));
    expect(equal?.dataSync()).toEqual(at(rows, 0));
    tf.dispose([alone ?? [], equal ?? []]);
  });
});
