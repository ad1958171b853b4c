// What a data set of the study is, and the names that options and conditions give them.
// Reads nothing: ../plan/catalog.ts knows which file reads which.

import type { ImageDataset } from './dataset.js';

/** Data sets by name; the `n` ones have human labels. */
export const STUDY_DATA = [
  'fashion-mnist',
  'mnist',
  'letters',
  'mnist-1d',
  'cifar-10',
  'cifar-100',
  'cifar-10n',
  'cifar-100n',
] as const;

/** Name of a data set. */
export type StudyDataName = (typeof STUDY_DATA)[number];

/** Images of a data set, whatever its name. */
export type StudyImages = Omit<ImageDataset, 'name'>;

/** A data set as it was read, with human labels where it has them. */
export interface LoadedData {
  readonly images: StudyImages;
  /** One label per training image, some wrong. */
  readonly humanLabels: Uint8Array | undefined;
}
