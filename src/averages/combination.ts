// Averages put together with coefficients.
// Finds no coefficients.

import type { Tensor } from '@tensorflow/tfjs';
import type { Tfjs } from '../tfjs/backend.js';

/**
 * A combination of averages; the caller disposes it.
 * @param coefficients one per average; they add up to 1.
 * @param read fresh tensors of an average, which are taken over.
 */
export function combined(
  tf: Tfjs,
  coefficients: readonly number[],
  read: (average: number) => readonly Tensor[],
): readonly Tensor[] {
  const base = coefficients.indexOf(Math.max(...coefficients));
  // base + sum of c * (average - base): exact where the averages agree, whatever the coefficients.
  const start = read(base);
  const values = coefficients.reduce((sums, coefficient, average) => {
    if (average === base || coefficient === 0) return sums;
    const other = read(average);
    const next = sums.map((sum, index) => tf.tidy(() => addScaled(tf, sum, [coefficient, other[index], start[index]])));
    tf.dispose([...other, ...(sums === start ? [] : sums)]);
    return next;
  }, start);
  if (values !== start) tf.dispose([...start]);
  return values;
}

/** `sum + factor * (to - from)`. */
function addScaled(
  tf: Tfjs,
  sum: Tensor,
  [factor, to, from]: readonly [number, Tensor | undefined, Tensor | undefined],
): Tensor {
  return to === undefined || from === undefined ? sum.clone() : tf.add(sum, tf.mul(factor, tf.sub(to, from)));
}
