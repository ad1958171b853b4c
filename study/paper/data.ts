// The paper's data sets by name, from a folder that the user names; the `n` ones have human labels.
// Choice only: each set's file reads it.

import { DataError } from '../data/dataset.js';
import type { LoadedData } from '../data/study-data.js';
import { type CifarName, readCifar } from './cifar.js';
import { readCifarNoise } from './cifar-noise.js';

/**
 * Reads one of them.
 * @param directory folder of the CIFAR files.
 * @throws {@link DataError} when it is missing, or is not what it should be.
 */
export function loadPaperData(name: CifarName | `${CifarName}n`, directory: string | undefined): LoadedData {
  if (directory === undefined) {
    throw new DataError(`${name} cannot be fetched: name the folder with its binary files with --data-dir.`);
  }
  if (name === 'cifar-10' || name === 'cifar-100')
    return { images: readCifar(name, directory), humanLabels: undefined };
  const { dataset, noisyLabels } = readCifarNoise(name === 'cifar-10n' ? 'cifar-10' : 'cifar-100', directory);
  return { images: dataset, humanLabels: noisyLabels };
}
