// Samples as tensors: uploaded once for evaluation, and in shuffled, augmented batches for training.
// Draws no split and no noise; those are in samples.ts.

import type { Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node';
import { permutation, type Random, seededRandom } from '../../tools/shared/random.js';
import type { Tf } from '../../tools/shared/tfjs.js';
import type { ImageSplit } from '../data/index.js';
import type { ImageShape, Levels, RunSamples, Samples } from './samples.js';

/** Samples as tensors on the device, in batches: what the evaluations of a run share. */
export interface TensorBatches {
  readonly batches: readonly Tensor4D[];
  readonly given: Uint8Array;
  readonly real: Uint8Array;
  dispose(): void;
}

/** Uploads samples once. */
export function uploadBatches(
  tf: Tf,
  samples: Samples,
  { images, levels }: Pick<RunSamples, 'images' | 'levels'>,
  batchSize = 500,
): TensorBatches {
  const batches: Tensor4D[] = [];
  for (let start = 0; start < samples.indices.length; start += batchSize) {
    const indices = samples.indices.subarray(start, start + batchSize);
    batches.push(imageTensor(tf, { shape: images, levels, split: samples.split }, indices));
  }
  return { batches, given: samples.given, real: samples.real, dispose: () => tf.dispose(batches) };
}

/** The images as a data set, which may dispose what it is given. */
export function batchesOf(tf: Tf, { batches }: TensorBatches) {
  return tf.data.generator(function* () {
    for (const batch of batches) yield { xs: batch.clone() };
  });
}

/** Samples as two tensors, images and their labels as one-hot rows, which the caller disposes. */
export function toTensors(
  tf: Tf,
  { split, indices, given }: Pick<Samples, 'split' | 'indices' | 'given'>,
  { images, levels }: Pick<RunSamples, 'images' | 'levels'>,
): [Tensor4D, Tensor2D] {
  return [imageTensor(tf, { shape: images, levels, split }, indices), oneHot(tf, given, images.classes)];
}

/** A batch for `fitDataset`: images, and labels as one-hot rows. */
export interface TrainingBatch {
  readonly [name: string]: Tensor;
  readonly xs: Tensor4D;
  readonly ys: Tensor2D;
}

/**
 * The training images in batches, in a new order and with new augmentation at each iteration, which is an epoch.
 * @param seed same seed, same batches.
 */
export function trainingBatches(
  tf: Tf,
  samples: RunSamples,
  { batchSize, shift, seed }: { batchSize: number; shift: number; seed: number },
) {
  const { train, images, levels } = samples;
  const orderRandom = seededRandom(seed * 2);
  const moveRandom = seededRandom(seed * 2 + 1);
  return tf.data.generator(function* (): Generator<TrainingBatch> {
    const order = permutation(train.indices.length, orderRandom);
    for (let start = 0; start < order.length; start += batchSize) {
      const rows = order.subarray(start, start + batchSize);
      const indices = rows.map((row) => train.indices[row] ?? 0);
      const moves = shift === 0 ? undefined : drawMoves(rows.length, shift, moveRandom);
      yield {
        xs: imageTensor(tf, { shape: images, levels, split: train.split, moves }, indices),
        ys: oneHot(
          tf,
          rows.map((row) => train.given[row] ?? 0),
          images.classes,
        ),
      };
    }
  });
}

/** How one image is moved. */
export interface Move {
  readonly right: number;
  readonly down: number;
  readonly mirrored: boolean;
}

function drawMoves(count: number, shift: number, random: Random): Move[] {
  const distance = (): number => Math.floor(random() * (2 * shift + 1)) - shift;
  return Array.from({ length: count }, () => ({ right: distance(), down: distance(), mirrored: random() < 0.5 }));
}

/** Images, and how their bytes become network input. */
export interface Pixels {
  readonly shape: ImageShape;
  readonly split: ImageSplit;
  readonly levels: Levels;
  /** One for each image taken; none for images as they are. */
  readonly moves?: readonly Move[] | undefined;
}

/** Some images of a split as a tensor. */
export function imageTensor(tf: Tf, pixels: Pixels, indices: Uint32Array): Tensor4D {
  const { height, width, channels } = pixels.shape;
  const size = height * width * channels;
  const values = new Float32Array(indices.length * size);
  for (const [row, index] of indices.entries()) {
    const source = pixels.split.images.subarray(index * size, (index + 1) * size);
    const target = values.subarray(row * size, (row + 1) * size);
    const move = pixels.moves?.[row];
    if (move === undefined) copyPixels(source, target, pixels.levels);
    else movePixels(source, target, pixels, move);
  }
  return tf.tensor4d(values, [indices.length, height, width, channels]);
}

function copyPixels(source: Uint8Array, target: Float32Array, levels: Levels): void {
  const channels = levels.length;
  for (let channel = 0; channel < channels; channel += 1) {
    const level = levels[channel] ?? new Float32Array(256);
    for (let at = channel; at < source.length; at += channels) target[at] = level[source[at] ?? 0] ?? 0;
  }
}

/** Pixels from outside the image are byte 0. */
function movePixels(source: Uint8Array, target: Float32Array, { shape, levels }: Pixels, move: Move): void {
  const { height, width, channels } = shape;
  let at = 0;
  for (let y = 0; y < height; y += 1) {
    const fromY = y - move.down;
    for (let x = 0; x < width; x += 1) {
      const mirrored = move.mirrored ? width - 1 - x : x;
      const fromX = mirrored - move.right;
      const inside = fromY >= 0 && fromY < height && fromX >= 0 && fromX < width;
      const from = (fromY * width + fromX) * channels;
      for (let channel = 0; channel < channels; channel += 1, at += 1) {
        target[at] = levels[channel]?.[inside ? (source[from + channel] ?? 0) : 0] ?? 0;
      }
    }
  }
}

function oneHot(tf: Tf, classesOfRows: ArrayLike<number>, classes: number): Tensor2D {
  const values = new Float32Array(classesOfRows.length * classes);
  for (let row = 0; row < classesOfRows.length; row += 1) values[row * classes + (classesOfRows[row] ?? 0)] = 1;
  return tf.tensor2d(values, [classesOfRows.length, classes]);
}
