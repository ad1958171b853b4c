// Whether weights are numbers: one look at the device for all of them.
// Decides nothing.

import type { Tensor } from '@tensorflow/tfjs';
import type { Tfjs } from '../tfjs/backend.js';

/** What becomes of an update while a weight is NaN or infinite. */
export type NonFinitePolicy = 'propagate' | 'skip' | 'throw';

/**
 * Whether no element is NaN or infinite. It reads one number back, which waits for the device, and needs memory for a copy meanwhile.
 *
 * By one sum over all of them: what is not finite makes it so, whatever else is in it. Only then is there a closer look, because
 * numbers near 3e38 can do that too.
 */
export function allFinite(tf: Tfjs, tensors: readonly Tensor[]): boolean {
  const [first, ...rest] = tensors.map((tensor) => () => tensor.flatten());
  if (first === undefined) return true;
  const sum: Tensor = tf.tidy(() =>
    first()
      .concat(rest.map((flat) => flat()))
      .sum(),
  );
  return Number.isFinite(numberOf(sum)) || firstNonFinite(tf, tensors) === -1;
}

/** The first tensor with an element that is not finite; -1 when there is none. */
export function firstNonFinite(tf: Tfjs, tensors: readonly Tensor[]): number {
  return tensors.findIndex((tensor) => {
    const all: Tensor = tf.tidy(() => tensor.isFinite().all());
    return numberOf(all) === 0;
  });
}

/** The value of a scalar, which is taken over. */
function numberOf(scalar: Tensor): number | undefined {
  try {
    return scalar.dataSync()[0];
  } finally {
    scalar.dispose();
  }
}
