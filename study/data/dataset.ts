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

/** A data set cannot be had, or its files are not what they should be; the message ends with the fix. */
export class DataError extends Error {
  override readonly name = 'DataError';
}
