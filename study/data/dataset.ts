// What a labelled set of images is, whatever its source.
// No files, no downloads.

/** Images of one split, row by row, with their classes. */
export interface ImageSplit {
  /** Number of images. */
  readonly count: number;
  /** `count * height * width * channels` bytes, 0 to 255; channels last. */
  readonly images: Uint8Array;
  /** `count` classes, 0 to `classes - 1`. */
  readonly labels: Uint8Array;
}

/** A labelled set of images in two splits. */
export interface ImageDataset {
  /** Which data set. */
  readonly name: 'fashion-mnist' | 'mnist';
  /** Where this copy came from, for people. */
  readonly source: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: number;
  /** What the classes are called, in their order. */
  readonly classNames: readonly string[];
  readonly train: ImageSplit;
  readonly test: ImageSplit;
}

/** A data set cannot be had, or its files are not what they should be; the message ends with the way out. */
export class DataError extends Error {
  override readonly name = 'DataError';
}

/** Bytes 0 to 255 as numbers 0 to 1. */
export function toUnitRange(bytes: Uint8Array): Float32Array {
  // A loop: Float32Array.from takes ten times as long, and Fashion-MNIST has 47 million of them.
  const numbers = new Float32Array(bytes.length);
  for (let index = 0; index < bytes.length; index += 1) numbers[index] = (bytes[index] ?? 0) / 255;
  return numbers;
}

/**
 * The first `count` images of a split, without copying them.
 * @param count at most the split's own; the whole split where it is larger.
 */
export function firstOf(split: ImageSplit, count: number): ImageSplit {
  const taken = Math.min(count, split.count);
  const size = split.count === 0 ? 0 : split.images.length / split.count;
  return { count: taken, images: split.images.subarray(0, taken * size), labels: split.labels.subarray(0, taken) };
}
