// Weights as one short text: equal for equal bits.
// Keeps nothing.

import { createHash } from 'node:crypto';
import type { Tensor } from '@tensorflow/tfjs-node';

/** SHA-256 of the weights' bytes, in order. */
export async function digestWeights(weights: readonly Tensor[]): Promise<string> {
  const hash = createHash('sha256');
  for (const weight of weights) {
    const values = await weight.data();
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest('hex');
}
