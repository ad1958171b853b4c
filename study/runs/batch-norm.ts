// Recomputing BatchNorm's moving statistics for the weights that a model has now, by a pass over training images.
// Changes nothing else of the model.

import type { LayersModel, layers, Tensor } from '@tensorflow/tfjs-node';
import type { Tf } from '../tfjs.js';

// `momentum` is an ordinary field of tfjs's layer (tfjs-layers/src/layers/normalization.ts) that its types do not show.
type BatchNormLayer = layers.Layer & { momentum: number };

/**
 * Sets every moving mean and variance to its average over the batches, each batch counting the same.
 *
 * In the n-th batch the layer keeps `1 - 1/n` of its statistics, so that after N batches they are exact means. No gradient is
 * taken; the other weights stay as they are. Does nothing to a model without BatchNorm.
 * @param batches inputs of the model, all of one size but the last.
 * @see the last step of SWA: Izmailov et al., UAI 2018.
 */
export function recomputeBatchNorm(tf: Tf, model: LayersModel, batches: readonly Tensor[]): void {
  const normalised = model.layers.filter(isBatchNorm);
  if (normalised.length === 0) return;
  const momenta = normalised.map(({ momentum }) => momentum);
  try {
    for (const layer of normalised) resetStatistics(tf, layer);
    for (const [index, batch] of batches.entries()) {
      for (const layer of normalised) layer.momentum = index / (index + 1);
      tf.tidy(() => {
        model.apply(batch, { training: true });
      });
    }
  } finally {
    normalised.forEach((layer, index) => {
      layer.momentum = momenta[index] ?? layer.momentum;
    });
  }
}

/** Zeros, so that the first batch's statistics are taken over without rounding. */
function resetStatistics(tf: Tf, layer: BatchNormLayer): void {
  tf.tidy(() => {
    for (const weight of layer.nonTrainableWeights) weight.write(tf.zeros(weight.shape.map((side) => side ?? 1)));
  });
}

function isBatchNorm(layer: layers.Layer): layer is BatchNormLayer {
  return layer.getClassName() === 'BatchNormalization';
}
