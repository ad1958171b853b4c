// Calibration: how far confidence is from accuracy, in bins, and the temperature that corrects it.
// Holds no scores that need no bins; those are in scores.ts.

import { bisect } from 'simple-statistics';
import { at, confidences, type Logits, type Predictions, softmax, topClasses } from './predictions.js';

/** Samples of one bin: where they lie, and how right they are. */
export interface ReliabilityBin {
  /** Samples in the bin. */
  readonly count: number;
  /** Mean confidence; 0 in an empty bin. */
  readonly confidence: number;
  /** Share of right predictions; 0 in an empty bin. */
  readonly accuracy: number;
}

/**
 * Reliability in bins of equal width: bin i holds confidences in (i / bins, (i + 1) / bins].
 * @param bins at least 1; 15 is usual. @defaultValue 15
 * @see Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 2.
 */
export function equalWidthBins(predictions: Predictions, bins = 15): ReliabilityBin[] {
  return reliability(predictions, bins, (confidence) => {
    return Math.min(bins - 1, Math.max(0, Math.ceil(confidence * bins) - 1));
  });
}

/**
 * Reliability in bins of equally many samples, by rising confidence.
 * @param bins at least 1; the paper has 100. @defaultValue 100
 * @see Nixon et al., "Measuring Calibration in Deep Learning", 2019.
 */
export function equalMassBins(predictions: Predictions, bins = 100): ReliabilityBin[] {
  const all = confidences(predictions);
  const order = Array.from(all.keys()).sort((a, b) => at(all, a) - at(all, b) || a - b);
  const binOf = new Int32Array(all.length);
  for (const [rank, sample] of order.entries()) binOf[sample] = Math.floor((rank * bins) / all.length);
  return reliability(predictions, bins, (_confidence, sample) => at(binOf, sample));
}

/** Expected calibration error: `sum_b (n_b / n) |accuracy_b - confidence_b|`, in [0, 1]. */
export function expectedCalibrationError(bins: readonly ReliabilityBin[]): number {
  const samples = bins.reduce((sum, bin) => sum + bin.count, 0);
  return bins.reduce((sum, bin) => sum + (bin.count / samples) * Math.abs(bin.accuracy - bin.confidence), 0);
}

/**
 * The temperature T that minimises the negative log-likelihood of `softmax(logits / T)`, within [0.05, 20].
 *
 * The likelihood is concave in b = 1 / T, with slope `mean(z[label] - sum_c p_c z_c)`: its root is found by bisection.
 * @see Guo et al., ICML 2017, section 4.2.
 */
export function fitTemperature(data: Logits): number {
  const slope = (logB: number): number => likelihoodSlope(data, 1 / Math.exp(logB));
  const limit = Math.log(20);
  if (slope(limit) >= 0) return 1 / 20;
  if (slope(-limit) <= 0) return 20;
  return 1 / Math.exp(bisect(slope, -limit, limit, 60, 1e-10));
}

function likelihoodSlope(data: Logits, temperature: number): number {
  const { probabilities, labels, classes } = softmax(data, temperature);
  let sum = 0;
  for (let row = 0; row < labels.length; row += 1) {
    const start = row * classes;
    sum += at(data.logits, start + at(labels, row));
    for (let i = start; i < start + classes; i += 1) sum -= at(probabilities, i) * at(data.logits, i);
  }
  return sum / labels.length;
}

function reliability(
  predictions: Predictions,
  bins: number,
  binOf: (confidence: number, sample: number) => number,
): ReliabilityBin[] {
  const top = topClasses(predictions);
  const sums = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, right: 0 }));
  for (const [sample, confidence] of confidences(predictions).entries()) {
    const bin = sums[binOf(confidence, sample)];
    if (bin === undefined) throw new RangeError(`bins: expected an integer of at least 1, received ${bins}`);
    bin.count += 1;
    bin.confidence += confidence;
    if (at(top, sample) === at(predictions.labels, sample)) bin.right += 1;
  }
  return sums.map(({ count, confidence, right }) => {
    const divisor = Math.max(count, 1);
    return { count, confidence: confidence / divisor, accuracy: right / divisor };
  });
}
