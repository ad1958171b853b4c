// BatchNorm's statistics of averages, recomputed one average after the other.
// Knows no data: a pass over it is handed in.

import type { NamedTensorMap } from '@tensorflow/tfjs';
import type { Tfjs } from '../tfjs/backend.js';
import type { Attached } from './attached.js';

/**
 * Lets `pass` write statistics into the model while each average stands in its place, and takes what it wrote into the averages. All or
 * nothing: where a pass fails, every average is as before.
 * @param live the averages; asked anew before each, because a pass takes a while. It throws when they are gone.
 * @param indices places of the averages.
 * @param pass over the data.
 * @throws {@link EmaError} as {@link WeightEma.use}
 */
export async function recomputeStatistics(
  tf: Tfjs,
  live: () => Attached,
  { indices, pass }: { readonly indices: readonly number[]; readonly pass: () => Promise<void> },
): Promise<void> {
  const found: NamedTensorMap[] = [];
  try {
    for (const index of indices) {
      const attached = live();
      attached.checkOwnWeights('recomputeBatchNorm', 'Let use() return before.');
      attached.shadows.checkModel();
      // The averages will change: what is pending goes into them as they were.
      attached.progress.flush();
      // What the pass writes into the model is the average's, not the model's.
      found.push(await attached.scope.capture(attached.shadows.swapIn(index), pass));
    }
    const { progress, shadows } = live();
    progress.rewrite(() => {
      for (const [place, index] of indices.entries()) shadows.patch(index, found[place] ?? {});
    });
  } finally {
    for (const statistics of found) tf.dispose(statistics);
  }
}
