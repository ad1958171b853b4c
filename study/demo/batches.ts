// From images in memory to tensors for the demo: the split, images with their classes, shuffled batches.
// The same seed gives the same batches; tfjs's own shuffling would not.

import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node';
import { permutation, type Random, shuffle } from '../../tools/shared/random.js';
import type { Tf } from '../../tools/shared/tfjs.js';
import type { ImageSplit } from '../data/index.js';
import { imageTensor } from '../runs/batches.js';
import type { ImageShape, Levels } from '../runs/samples.js';

/** Images and labels in memory. */
export type ImageSet = ImageSplit & ImageShape;

/** Which images train and which validate: indices that do not meet. */
export interface Split {
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
}

/**
 * Draws a split.
 * @param count images to draw from.
 * @param wanted sizes; more than there is gives what there is, validation first.
 */
export function drawSplit(count: number, wanted: { train: number; validation: number }, random: Random): Split {
  const order = permutation(count, random);
  const validation = Math.min(wanted.validation, Math.floor(count / 5));
  return {
    validation: order.slice(0, validation),
    train: order.slice(validation, validation + wanted.train),
  };
}

/** Standardised images and their labels as tensors; the caller disposes them. */
export function toTensors(
  tf: Tf,
  set: ImageSet,
  { indices, levels }: { readonly indices: Uint32Array; readonly levels: Levels },
): [Tensor4D, Tensor2D] {
  const labels = Float32Array.from(indices, (index) => set.labels[index] ?? 0);
  return [imageTensor(tf, { shape: set, split: set, levels }, indices), tf.tensor2d(labels, [labels.length, 1])];
}

/**
 * The training images as batches for `model.fitDataset`, in a new order each epoch. The last batch of an epoch may be smaller.
 * @param indices which images; shuffled in place.
 */
export function trainingBatches(
  tf: Tf,
  set: ImageSet,
  { indices, levels, batchSize, random }: { indices: Uint32Array; levels: Levels; batchSize: number; random: Random },
) {
  return tf.data.generator(function* (): Generator<{ xs: Tensor; ys: Tensor }> {
    shuffle(indices, random);
    for (let from = 0; from < indices.length; from += batchSize) {
      const [xs, ys] = toTensors(tf, set, { indices: indices.subarray(from, from + batchSize), levels });
      yield { xs, ys };
    }
  });
}
