// From images in memory to tensors: the split, validation tensors, shuffled batches.
// The same seed gives the same batches; tfjs's own shuffling would not.

import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node';
import { permutation, type Random, shuffle } from './random.js';
import type { Tf } from './tfjs.js';

/** Images and labels in memory. */
export interface ImageSet {
  /** Grey levels from 0 to 255, image after image, row after row. */
  readonly images: Uint8Array;
  /** The class of each image. */
  readonly labels: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

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

/** A grey level as the network sees it: mean 0 and standard deviation 1 over the given images. */
export function standardiser({ images, height, width, channels }: ImageSet, indices: Uint32Array): Float32Array {
  const size = height * width * channels;
  const histogram = new Float64Array(256);
  for (const index of indices) {
    for (const level of images.subarray(index * size, (index + 1) * size))
      histogram[level] = (histogram[level] ?? 0) + 1;
  }
  const total = indices.length * size;
  const mean = histogram.reduce((sum, n, level) => sum + n * level, 0) / total;
  const variance = histogram.reduce((sum, n, level) => sum + n * (level - mean) ** 2, 0) / total;
  const deviation = Math.sqrt(variance) || 1;
  return Float32Array.from({ length: 256 }, (_, level) => (level - mean) / deviation);
}

/** Standardised images and their labels as tensors; the caller disposes them. */
export function toTensors(tf: Tf, set: ImageSet, indices: Uint32Array, levels: Float32Array): [Tensor4D, Tensor2D] {
  const { images, labels, height, width, channels } = set;
  const size = height * width * channels;
  const x = new Float32Array(indices.length * size);
  const y = new Float32Array(indices.length);
  let to = 0;
  indices.forEach((index, row) => {
    for (const level of images.subarray(index * size, (index + 1) * size)) {
      x[to] = levels[level] ?? 0;
      to += 1;
    }
    y[row] = labels[index] ?? 0;
  });
  return [tf.tensor4d(x, [indices.length, height, width, channels]), tf.tensor2d(y, [indices.length, 1])];
}

/**
 * The training images as batches for `model.fitDataset`, in a new order each epoch. The last batch of an epoch may be smaller.
 * @param indices which images; shuffled in place.
 */
export function trainingBatches(
  tf: Tf,
  set: ImageSet,
  {
    indices,
    levels,
    batchSize,
    random,
  }: { indices: Uint32Array; levels: Float32Array; batchSize: number; random: Random },
) {
  return tf.data.generator(function* (): Generator<{ xs: Tensor; ys: Tensor }> {
    shuffle(indices, random);
    for (let from = 0; from < indices.length; from += batchSize) {
      const [xs, ys] = toTensors(tf, set, indices.subarray(from, from + batchSize), levels);
      yield { xs, ys };
    }
  });
}
