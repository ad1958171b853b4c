// Class probabilities with their labels: what every metric of a classifier is computed from.
// Holds no metric, and no tensors.

/** Class probabilities of n samples, one row a sample, and the labels they are judged by. */
export interface Predictions {
  /** n x classes, row by row; each row sums to 1. */
  readonly probabilities: Float64Array;
  /** n classes, each an integer from 0. */
  readonly labels: ArrayLike<number>;
  /** Number of classes, at least 2. */
  readonly classes: number;
}

/** Logits of n samples and their labels. */
export interface Logits {
  /** n x classes, row by row. */
  readonly logits: ArrayLike<number>;
  /** n classes, each an integer from 0. */
  readonly labels: ArrayLike<number>;
  /** Number of classes, at least 2. */
  readonly classes: number;
}

/**
 * Softmax of `logits / temperature`, in double precision.
 * @param temperature above 0.
 */
export function softmax({ logits, labels, classes }: Logits, temperature = 1): Predictions {
  checkShape(logits.length, labels.length, classes);
  const probabilities = new Float64Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const peak = largest(logits, start, classes);
    let sum = 0;
    for (let i = start; i < start + classes; i += 1) {
      const value = Math.exp((at(logits, i) - at(logits, peak)) / temperature);
      probabilities[i] = value;
      sum += value;
    }
    for (let i = start; i < start + classes; i += 1) probabilities[i] = at(probabilities, i) / sum;
  }
  return { probabilities, labels, classes };
}

/** The most probable class of each sample; of equals the first. */
export function topClasses({ probabilities, classes }: Predictions): Int32Array {
  return Int32Array.from({ length: probabilities.length / classes }, (_, row) => {
    return largest(probabilities, row * classes, classes) - row * classes;
  });
}

/** The probability of each sample's most probable class. */
export function confidences({ probabilities, classes }: Predictions): Float64Array {
  return Float64Array.from({ length: probabilities.length / classes }, (_, row) => {
    return at(probabilities, largest(probabilities, row * classes, classes));
  });
}

/** Throws unless `values` are `samples` rows of `classes` numbers, and there is at least one. */
export function checkShape(values: number, samples: number, classes: number): void {
  if (samples > 0 && classes >= 2 && values === samples * classes) return;
  throw new RangeError(
    `expected samples x classes numbers, received ${values} for ${samples} samples x ${classes} classes`,
  );
}

/** An element that must be there. */
export function at(values: ArrayLike<number>, index: number): number {
  const value = values[index];
  if (value === undefined) throw new RangeError(`expected an index below ${values.length}, received ${index}`);
  return value;
}

/** Position of the largest of `count` values from `start`. */
function largest(values: ArrayLike<number>, start: number, count: number): number {
  let best = start;
  for (let i = start + 1; i < start + count; i += 1) if (at(values, i) > at(values, best)) best = i;
  return best;
}
