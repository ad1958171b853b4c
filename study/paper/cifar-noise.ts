// Human labels for CIFAR's training images (CIFAR-10N and CIFAR-100N), from their official .pt files.
// Reads no images; those are in cifar.ts.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../data/dataset.js';
import { type CifarDataset, type CifarName, readCifar } from './cifar.js';
import { readPickledArrays } from './pickle.js';

/** Which labels of the file: one annotator, the majority of three, or the worst of three. */
export type NoiseKind =
  | 'worse_label'
  | 'aggre_label'
  | 'random_label1'
  | 'random_label2'
  | 'random_label3'
  | 'noisy_label';

/** A CIFAR data set and what people said its training images show. */
export interface CifarNoise {
  readonly dataset: CifarDataset;
  /** One class per training image, in their order. */
  readonly noisyLabels: Uint8Array;
}

const FILES: Readonly<Record<CifarName, { readonly file: string; readonly usual: NoiseKind }>> = {
  'cifar-10': { file: 'CIFAR-10_human.pt', usual: 'worse_label' },
  'cifar-100': { file: 'CIFAR-100_human.pt', usual: 'noisy_label' },
};
const SITE = 'https://github.com/UCSC-REAL/cifar-10-100n';

/**
 * Reads CIFAR-10N or CIFAR-100N: the images as {@link readCifar}, and the `.pt` file beside them.
 * @param directory what the user named.
 * @param kind which labels. @defaultValue `'worse_label'` and `'noisy_label'`, about 40 % wrong, as in the paper
 * @throws {@link DataError} when a file is missing or damaged, or labels belong to other images.
 * @see Wei et al., "Learning with Noisy Labels Revisited", ICLR 2022.
 */
export function readCifarNoise(name: CifarName, directory: string, kind: NoiseKind = FILES[name].usual): CifarNoise {
  const dataset = readCifar(name, directory);
  const path = [directory, dataset.source].map((folder) => join(folder, FILES[name].file)).find(existsSync);
  if (path === undefined) {
    throw new DataError(`${FILES[name].file} is not in ${directory}. Get it from ${SITE}, folder data.`);
  }
  const arrays = readPickledArrays(pickleInside(path), path);
  const noisy = arrays.get(kind);
  if (noisy === undefined) {
    throw new DataError(`${path}: expected labels '${kind}', received ${[...arrays.keys()].join(', ') || 'none'}.`);
  }
  const { labels } = dataset.train;
  checkImages(path, arrays.get('clean_label'), labels);
  checkLabels(path, noisy, dataset);
  // A part of the training files has the first part of the labels.
  return { dataset, noisyLabels: Uint8Array.from(noisy.slice(0, labels.length)) };
}

/** The true labels in the file must be those of the images: else it is in another order, or of another data set. */
function checkImages(path: string, clean: readonly number[] | undefined, labels: Uint8Array): void {
  if (clean === undefined || clean.length < labels.length) {
    throw new DataError(`${path}: expected clean_label for ${labels.length} images, received ${clean?.length ?? 0}.`);
  }
  const other = labels.findIndex((label, index) => clean[index] !== label);
  if (other >= 0) {
    throw new DataError(
      `${path}: its clean_label says ${clean[other]} for training image ${other}, the images' own label is ${labels[other]}. ` +
        'Its labels are in another order: use the file for PyTorch, and all images of the binary version in their order.',
    );
  }
}

function checkLabels(path: string, noisy: readonly number[], { classes, train }: CifarDataset): void {
  const wrong = noisy.findIndex((label) => !(label >= 0 && label < classes));
  if (noisy.length >= train.count && wrong < 0) return;
  const received = wrong < 0 ? `${noisy.length} labels` : `${noisy[wrong]} for image ${wrong}`;
  throw new DataError(`${path}: expected ${train.count} labels from 0 to ${classes - 1}, received ${received}.`);
}

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER = 0x04034b50;

/** The member `data.pkl` of a file of torch.save: a zip archive whose members are not packed. */
function pickleInside(path: string): Uint8Array {
  const bytes = readFileSync(path);
  try {
    const end = bytes.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
    if (end < 0 || bytes.readUInt32LE(end) !== END_OF_DIRECTORY) throw new RangeError('no zip directory');
    let entry = bytes.readUInt32LE(end + 16);
    for (let left = bytes.readUInt16LE(end + 10); left > 0; left -= 1) {
      if (bytes.readUInt32LE(entry) !== DIRECTORY_ENTRY) throw new RangeError('no zip directory entry');
      const nameLength = bytes.readUInt16LE(entry + 28);
      const name = bytes.toString('utf8', entry + 46, entry + 46 + nameLength);
      if (name.endsWith('/data.pkl')) return storedMember(bytes, entry);
      entry += 46 + nameLength + bytes.readUInt16LE(entry + 30) + bytes.readUInt16LE(entry + 32);
    }
    throw new RangeError('no member data.pkl');
  } catch (error) {
    throw new DataError(
      `${path}: expected a file of torch.save with a member data.pkl (${(error as Error).message}). Get it anew from ${SITE}.`,
      { cause: error },
    );
  }
}

function storedMember(bytes: Buffer, entry: number): Uint8Array {
  const method = bytes.readUInt16LE(entry + 10);
  const size = bytes.readUInt32LE(entry + 24);
  const header = bytes.readUInt32LE(entry + 42);
  if (method !== 0) throw new RangeError(`packing method ${method}`);
  if (bytes.readUInt32LE(header) !== LOCAL_HEADER) throw new RangeError('no local header');
  const start = header + 30 + bytes.readUInt16LE(header + 26) + bytes.readUInt16LE(header + 28);
  if (start + size > bytes.length) throw new RangeError('truncated');
  return bytes.subarray(start, start + size);
}
