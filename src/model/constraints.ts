// Constraints of layers on averaged weights.
// Decides nothing, and changes neither weights nor averages.

import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs';
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

/** Share of a weight's largest element that counts as a change: constraints of norms divide by a norm plus 1e-7. */
const NOTICEABLE = 1e-5;

/**
 * What would become of weights where tfjs loads them, which applies their constraints. It waits for the device.
 * @param values by weight name.
 * @returns a warning that names the first that would change; undefined where none would.
 */
export function changedByLoading(tf: Tfjs, weights: readonly Weight[], values: NamedTensorMap): string | undefined {
  for (const { name, layerVariable } of weights) {
    const constraint = layerVariable === undefined ? undefined : constraintOf(layerVariable);
    const value = values[name];
    if (constraint === undefined || value === undefined) continue;
    const [by = 0, largest = 0] = tf.tidy(() => {
      const change = constraint.apply(value).sub(value);
      return [change, value].map((tensor) => tensor.abs().max().dataSync()[0]);
    });
    if (by <= NOTICEABLE * largest) continue;
    return (
      `saveModel: tfjs applies the constraints of layers when it loads a model, which changes weight '${name}' of this average by up to ` +
      `${by.toPrecision(2)}, so that the loaded model predicts otherwise. With constraints: 'apply' averages satisfy them before they are saved.`
    );
  }
  return undefined;
}
