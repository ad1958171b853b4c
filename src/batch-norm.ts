// What happens to BatchNorm's moving statistics, by policy.
// Knows no other capability.

import type { BatchNormPolicy } from './options.js';

/**
 * Whether moving statistics (weights that their layer declares non-trainable) are averaged with the weights.
 *
 * The paper averages them (EMAN); with `'copy'` the averaged weights run with the live statistics.
 * @see arXiv 2411.18704, section 3.4.
 */
export function averagesStatistics(policy: BatchNormPolicy): boolean {
  switch (policy) {
    case 'average':
      return true;
    case 'copy':
      return false;
    default:
      return policy satisfies never;
  }
}
