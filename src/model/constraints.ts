// Constraints of layers on averaged weights.
// Decides nothing, and changes neither weights nor averages.

import type { Tensor } from '@tensorflow/tfjs';
import { constraintOf, type Tfjs } from '../tfjs/backend.js';
import type { Weight } from './weights.js';

/** What becomes of the constraints of layers. */
export type ConstraintPolicy = 'ignore' | 'apply';

/**
 * Values as the constraints of their weights want them; those of weights without one are passed on as they are.
 *
 * `nonNeg` leaves an average of weights that satisfy it as it is, to the bit; the norms divide by a norm plus 1e-7.
 * @param values one per weight; taken over.
 */
export function constrained(tf: Tfjs, weights: readonly Weight[], values: readonly Tensor[]): readonly Tensor[] {
  return values.map((value, index) => {
    const layerVariable = weights[index]?.layerVariable;
    const constraint = layerVariable === undefined ? undefined : constraintOf(layerVariable);
    if (constraint === undefined) return value;
    const projected = tf.tidy(() => constraint.apply(value));
    value.dispose();
    return projected;
  });
}
