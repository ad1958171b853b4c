// The study's metrics against closed forms and against scikit-learn's and SciPy's values.
// The recorded values are made by tools/fixtures/record-metrics.py.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  equalMassBins,
  equalWidthBins,
  expectedCalibrationError,
  fitTemperature,
} from '../../study/metrics/calibration.js';
import { churn, jensenShannon } from '../../study/metrics/consistency.js';
import { meanInterval, pairedInterval, pairwiseInterval, studentQuantile } from '../../study/metrics/intervals.js';
import { memorisedAt, noisyFit } from '../../study/metrics/memorisation.js';
import { type Predictions, softmax } from '../../study/metrics/predictions.js';
import { accuracy, brier, negativeLogLikelihood } from '../../study/metrics/scores.js';

interface Paired {
  readonly after: number[];
  readonly before: number[];
  readonly mean: number;
  readonly interval: [number, number];
}

interface Fixture {
  readonly classes: number;
  readonly labels: number[];
  readonly first: number[];
  readonly second: number[];
  readonly values: Record<string, number>;
  readonly paired: Paired[];
  readonly studentQuantiles: { readonly probability: number; readonly degrees: number; readonly value: number }[];
}

const fixture = JSON.parse(readFileSync(new URL('../fixtures/metrics.json', import.meta.url), 'utf8')) as Fixture;
const { classes, labels } = fixture;
const first = { logits: fixture.first, labels, classes };
const p = softmax(first);
const q = softmax({ logits: fixture.second, labels, classes });

/** Both sides compute in float64: only the order of a few hundred additions differs. */
const DIGITS = 12;

/** Predictions of two classes from the probability of class 1. */
function binary(probabilities: readonly number[], wanted: readonly number[]): Predictions {
  const rows = probabilities.flatMap((value) => [1 - value, value]);
  return { probabilities: Float64Array.from(rows), labels: wanted, classes: 2 };
}

describe('metrics equal scikit-learn', () => {
  it.each([
    ['accuracy', () => accuracy(p)],
    ['negativeLogLikelihood', () => negativeLogLikelihood(p)],
    ['brier', () => brier(p)],
    ['ece15', () => expectedCalibrationError(equalWidthBins(p, 15))],
    ['ece100', () => expectedCalibrationError(equalMassBins(p, 100))],
    ['churn', () => churn(p, q)],
    ['jensenShannon', () => jensenShannon(p, q)],
  ])('in %s', (name, value) => {
    expect(value()).toBeCloseTo(fixture.values[name] ?? Number.NaN, DIGITS);
  });

  it('in the best temperature, up to the tolerance of its minimiser, and in the loss there', () => {
    const temperature = fitTemperature(first);
    expect(temperature).toBeCloseTo(fixture.values['temperature'] ?? Number.NaN, 6);
    const scaled = negativeLogLikelihood(softmax(first, temperature));
    expect(scaled).toBeCloseTo(fixture.values['scaledNegativeLogLikelihood'] ?? Number.NaN, DIGITS);
  });

  it('in paired t-intervals', () => {
    for (const { after, before, mean, interval } of fixture.paired) {
      const estimate = pairedInterval(after, before);
      expect(estimate.mean).toBeCloseTo(mean, DIGITS);
      expect(estimate.interval?.[0]).toBeCloseTo(interval[0], 9);
      expect(estimate.interval?.[1]).toBeCloseTo(interval[1], 9);
    }
  });

  it('in quantiles of the t distribution', () => {
    for (const { probability, degrees, value } of fixture.studentQuantiles) {
      expect(studentQuantile(probability, degrees) / value).toBeCloseTo(1, 9);
    }
  });
});

describe('scores have their closed forms', () => {
  const half = binary([0.5, 0.5, 0.5, 0.5], [0, 1, 1, 1]);

  it('undecided predictions cost ln 2 and a Brier score of one half', () => {
    expect(negativeLogLikelihood(half)).toBeCloseTo(Math.LN2, 15);
    expect(brier(half)).toBe(0.5);
    expect(accuracy(half)).toBe(0.25);
  });

  it('a certain and wrong prediction costs a finite loss and the largest Brier score', () => {
    const wrong = binary([1], [0]);
    expect(negativeLogLikelihood(wrong)).toBeCloseTo(52 * Math.LN2, 12);
    expect(brier(wrong)).toBe(2);
  });

  it('softmax does not overflow', () => {
    expect([...softmax({ logits: [1000, 0], labels: [0], classes: 2 }).probabilities]).toEqual([1, 0]);
  });

  it('a shape that does not fit throws', () => {
    expect(() => softmax({ logits: [1, 2, 3], labels: [0], classes: 2 })).toThrow(
      'received 3 for 1 samples x 2 classes',
    );
    expect(() => softmax({ logits: [], labels: [], classes: 2 })).toThrow('received 0');
  });
});

describe('calibration', () => {
  it('is perfect where confidence 3/4 is right three times in four', () => {
    const predictions = binary([0.75, 0.75, 0.75, 0.75], [1, 1, 1, 0]);
    expect(expectedCalibrationError(equalWidthBins(predictions, 15))).toBe(0);
    expect(expectedCalibrationError(equalMassBins(predictions, 1))).toBe(0);
  });

  it('puts the edge of a bin into the lower bin, and 1 into the last', () => {
    const bins = equalWidthBins(binary([0.5, 0.75, 1], [1, 1, 1]), 4);
    expect(bins.map(({ count }) => count)).toEqual([0, 1, 1, 1]);
  });

  it('gives bins of equal mass when the samples divide evenly, and differing by one when not', () => {
    const predictions = binary([0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85], [1, 1, 1, 1, 1, 1, 1]);
    expect(equalMassBins(predictions, 7).map(({ count }) => count)).toEqual([1, 1, 1, 1, 1, 1, 1]);
    expect(equalMassBins(predictions, 3).map(({ count }) => count)).toEqual([3, 2, 2]);
    expect(equalMassBins(predictions, 3)[0]?.confidence).toBeCloseTo(0.6, 15);
  });

  it('temperature T undoes logits multiplied by T', () => {
    const stretched = { ...first, logits: fixture.first.map((value) => 3 * value) };
    expect(fitTemperature(stretched) / fitTemperature(first)).toBeCloseTo(3, 8);
  });

  it('temperature stops at its limits where no finite one is best', () => {
    expect(fitTemperature({ logits: [1, 0, 0, 1], labels: [0, 1], classes: 2 })).toBe(1 / 20);
    expect(fitTemperature({ logits: [1, 0, 0, 1], labels: [1, 0], classes: 2 })).toBe(20);
  });
});

describe('consistency', () => {
  it('is zero with itself, and ln 2 and churn 1 between opposite certainties', () => {
    expect(churn(p, p)).toBe(0);
    expect(jensenShannon(p, p)).toBe(0);
    const [zero, one] = [binary([0, 0], [0, 0]), binary([1, 1], [0, 0])];
    expect(churn(zero, one)).toBe(1);
    expect(jensenShannon(zero, one)).toBeCloseTo(Math.LN2, 15);
  });

  it('is symmetric', () => {
    expect(jensenShannon(p, q)).toBe(jensenShannon(q, p));
  });
});

describe('memorisation', () => {
  it('counts right and wrong labels apart', () => {
    const fit = noisyFit({ predicted: [0, 1, 2, 2, 0], given: [0, 1, 1, 2, 1], real: [0, 1, 2, 0, 0] });
    expect(fit).toEqual({ clean: 1, noisy: 1 / 3 });
  });

  it('is read where the clean part reaches the level, on a straight line between epochs', () => {
    const curve = [
      { clean: 0.5, noisy: 0.1 },
      { clean: 0.8, noisy: 0.2 },
      { clean: 1, noisy: 0.6 },
    ];
    expect(memorisedAt(curve, 0.9)).toBeCloseTo(0.4, 12);
    expect(memorisedAt(curve, 0.5)).toBe(0.1);
    expect(memorisedAt(curve.slice(0, 2), 0.9)).toBeUndefined();
  });
});

describe('intervals', () => {
  it('of one seed have a mean and no bounds', () => {
    expect(meanInterval([2])).toEqual({ mean: 2, interval: undefined, seeds: 1 });
  });

  it('by jackknife of a mean of additive pairs equal the t-interval of twice the values', () => {
    // The mean over pairs of x_i + x_j is 2 mean(x), whose jackknife error is exactly 2 s / sqrt(n).
    const values = [0.3, 0.9, 0.2, 0.7, 0.65];
    const pairs = pairwiseInterval(values.length, (i, j) => (values[i] ?? 0) + (values[j] ?? 0));
    const direct = meanInterval(values.map((value) => 2 * value));
    expect(pairs.mean).toBeCloseTo(direct.mean, 12);
    expect(pairs.interval?.[0]).toBeCloseTo(direct.interval?.[0] ?? Number.NaN, 12);
    expect(pairs.interval?.[1]).toBeCloseTo(direct.interval?.[1] ?? Number.NaN, 12);
  });

  it('of pairs need three seeds', () => {
    expect(pairwiseInterval(2, () => 0.1)).toEqual({ mean: 0.1, interval: undefined, seeds: 2 });
    expect(() => pairwiseInterval(1, () => 0.1)).toThrow('at least 2');
  });

  it('refuse seeds that do not pair', () => {
    expect(() => pairedInterval([1, 2], [1])).toThrow('received 2 and 1 values');
    expect(() => meanInterval([])).toThrow('received none');
  });
});
