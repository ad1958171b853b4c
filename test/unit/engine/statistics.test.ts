// The figures of one weight beside its average, against closed forms; both engines give the same: see engine.contract.
// Needs no TensorFlow.

import { describe, expect, it } from 'vitest';
import { compare, STATISTICS, type Statistic } from '../../../src/engine/statistics.js';

const figure = (name: Statistic, of: Partial<Parameters<typeof compare>[0]>): number | undefined =>
  compare({ weight: [3, 4.5], average: [3, 4], low: undefined, from: undefined, alpha: 0.5, ...of })[
    STATISTICS.indexOf(name)
  ];

describe('compare', () => {
  it('gives norms, distance, cosine, largest distance and the distance from another average', () => {
    expect(figure('weightNorm', {})).toBe(Math.sqrt(9 + 20.25));
    expect(figure('averageNorm', {})).toBe(5);
    expect(figure('distance', {})).toBe(0.5);
    expect(figure('maxDistance', {})).toBe(0.5);
    expect(figure('cosine', {})).toBe((9 + 18) / (5 * Math.sqrt(29.25)));
    expect(figure('drift', {})).toBe(0);
    expect(figure('drift', { from: [0, 0] })).toBe(5);
  });

  it('calls the cosine 0 where either is 0, and counts what is not finite', () => {
    expect(figure('cosine', { weight: [0, 0] })).toBe(0);
    expect(figure('nonFinite', { weight: [Number.NaN, Number.POSITIVE_INFINITY] })).toBe(2);
    expect(figure('maxDistance', { weight: [Number.NaN, 4] })).toBe(0);
  });

  it('counts as dead what differs from its weight and would not move, which compensation moves', () => {
    // alpha |w - s| = 2.4e-8 is below half an ulp of 1.
    const next = Math.fround(1 + 2 ** -12);
    const small = { weight: [next, 1, 2], average: [1, 1, 1], alpha: Math.fround(1e-4) };
    expect(figure('deadZone', small)).toBe(1);
    expect(figure('deadZone', { ...small, low: [0, 0, 0] })).toBe(0);
    expect(figure('deadZone', { ...small, alpha: 0 })).toBe(2);
    expect(figure('deadZone', { ...small, alpha: 1 })).toBe(0);
  });
});
