// Drift against noise: what simulated weights of each kind show, and the verdict on them.
// Measures nothing of a model.

import { describe, expect, it } from 'vitest';
import { references, signalOf } from '../../../src/diagnosis/signal.js';
import { randoms } from '../../support/models.js';

const [FAST, SLOW] = [0.9, 0.99] as const;
const ELEMENTS = 400;

/** Drift and noise of many weights after updates whose moves `next` makes. */
function simulated(updates: number, next: (weight: number, random: () => number) => number) {
  const random = randoms(3);
  let [drift, noise] = [0, 0];
  for (let element = 0; element < ELEMENTS; element += 1) {
    let [weight, fast, slow] = [0, 0, 0];
    for (let update = 0; update < updates; update += 1) {
      weight = next(weight, random);
      fast += (1 - FAST) * (weight - fast);
      slow += (1 - SLOW) * (weight - slow);
    }
    drift += (fast - slow) ** 2;
    noise += (weight - fast) ** 2;
  }
  return { drift: Math.sqrt(drift), noise: Math.sqrt(noise) };
}

const verdictOn = ({ drift, noise }: { drift: number; noise: number }) =>
  signalOf(drift, noise, references(FAST, SLOW)).verdict;

describe('references', () => {
  it('is the ratio that a straight line shows', () => {
    const { drift, noise } = simulated(3000, (weight) => weight + 1);
    expect(drift / noise).toBeCloseTo(references(FAST, SLOW)?.line ?? 0, 6);
  });

  it('is the ratio that a random walk shows', () => {
    const { drift, noise } = simulated(1500, (weight, random) => weight + random() - 0.5);
    // The standard error of a root mean square of 400 elements is 3.5 %, of the ratio of two at most 7 %; three of them.
    const walk = references(FAST, SLOW)?.walk ?? 0;
    expect(Math.abs(drift / noise / walk - 1)).toBeLessThan(0.21);
  });

  it('is none without two decays between 0 and 1', () => {
    expect(references(0.9, 0.9)).toBeUndefined();
    expect(references(0, 0.9)).toBeUndefined();
    expect(references(0.9, 1)).toBeUndefined();
  });
});

describe('signalOf', () => {
  it('calls weights that jump about a place noise, a line drift, and what wanders neither', () => {
    expect(verdictOn(simulated(1000, (_, random) => random() - 0.5))).toBe('noise');
    expect(verdictOn(simulated(1000, (weight) => weight + 1))).toBe('drift');
    expect(verdictOn(simulated(1500, (weight, random) => weight + random() - 0.5 + 0.02))).toBe('mixed');
  });

  it('says what to do, and nothing where it cannot tell', () => {
    const known = references(FAST, SLOW);
    expect(signalOf(1, 10, known).advice).toBe('noise-dominated: a lower learning rate or averaging helps');
    expect(signalOf(10, 1, known).advice).toBe('drift-dominated: this decay lags');
    expect(signalOf(10, 1, undefined)).toEqual({
      drift: 10,
      noise: 1,
      ratio: 10,
      verdict: undefined,
      advice: '',
      references: undefined,
    });
    expect(signalOf(0, 0, known).verdict).toBeUndefined();
  });
});
