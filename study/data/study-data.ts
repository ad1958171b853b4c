// The data sets of the study by name: those that are fetched, and those read from a folder that the user names.
// Choice only: each set's file reads it.

import { readCifar } from './cifar.js';
import { readCifarNoise } from './cifar-noise.js';
import { DataError, type ImageDataset, loadFashionMnist, loadMnistDigits } from './index.js';

/** Data sets by name; the `n` ones have human labels. */
export const STUDY_DATA = ['fashion-mnist', 'mnist', 'cifar-10', 'cifar-100', 'cifar-10n', 'cifar-100n'] as const;

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

/**
 * Reads a data set, fetching it first where that is possible.
 * @param directory folder of the CIFAR files.
 * @param say gets progress lines.
 * @throws {@link DataError} when it cannot be had, or is not what it should be.
 */
export async function loadStudyData(
  name: StudyDataName,
  directory: string | undefined,
  say: (line: string) => void = () => {},
): Promise<LoadedData> {
  if (name === 'fashion-mnist') return { images: await loadFashionMnist(say), humanLabels: undefined };
  if (name === 'mnist') return { images: loadMnistDigits(), humanLabels: undefined };
  if (directory === undefined) {
    throw new DataError(`${name} cannot be fetched: name the folder with its binary files with --data-dir.`);
  }
  switch (name) {
    case 'cifar-10':
    case 'cifar-100':
      return { images: readCifar(name, directory), humanLabels: undefined };
    case 'cifar-10n':
    case 'cifar-100n': {
      const { dataset, noisyLabels } = readCifarNoise(name === 'cifar-10n' ? 'cifar-10' : 'cifar-100', directory);
      return { images: dataset, humanLabels: noisyLabels };
    }
    default:
      return name satisfies never;
  }
}
