// CIFAR-10 and CIFAR-100 in their official binary formats, from a folder that the user names.
// Downloads nothing; the human labels of CIFAR-N are in cifar-noise.ts.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataError, type ImageDataset, type ImageSplit } from '../data/dataset.js';

const SIDE = 32;
const CHANNELS = 3;
const PLANE = SIDE * SIDE;
const PIXELS = PLANE * CHANNELS;

/** Which of the two. */
export type CifarName = 'cifar-10' | 'cifar-100';

/** A CIFAR data set; as other data sets, but for its name. */
export type CifarDataset = Omit<ImageDataset, 'name'> & { readonly name: CifarName };

/** How one of the two lies on disk. */
interface Layout {
  readonly train: readonly string[];
  readonly test: readonly string[];
  /** Bytes of labels before the pixels of each image; the last of them is the class. */
  readonly labelBytes: number;
  readonly classes: number;
  readonly namesFile: string;
  /** The folder in the official archive. */
  readonly folder: string;
  readonly archive: string;
}

const LAYOUTS: Readonly<Record<CifarName, Layout>> = {
  'cifar-10': {
    train: [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`),
    test: ['test_batch.bin'],
    labelBytes: 1,
    classes: 10,
    namesFile: 'batches.meta.txt',
    folder: 'cifar-10-batches-bin',
    archive: 'cifar-10-binary.tar.gz',
  },
  'cifar-100': {
    train: ['train.bin'],
    test: ['test.bin'],
    // The coarse label (20 superclasses), then the fine one.
    labelBytes: 2,
    classes: 100,
    namesFile: 'fine_label_names.txt',
    folder: 'cifar-100-binary',
    archive: 'cifar-100-binary.tar.gz',
  },
};

/**
 * Reads CIFAR-10 or CIFAR-100 (fine labels): the files of the binary version, in `directory` itself or in the folder of
 * the official archive inside it. Training files of CIFAR-10 that are not there are left out, but the first must be.
 * @param directory what the user named.
 * @throws {@link DataError} when a file is missing, truncated, of another format or has a class that does not exist.
 * @see https://www.cs.toronto.edu/~kriz/cifar.html
 */
export function readCifar(name: CifarName, directory: string): CifarDataset {
  const layout = LAYOUTS[name];
  const folder = existsSync(join(directory, layout.folder)) ? join(directory, layout.folder) : directory;
  const present = layout.train.filter((file, index) => index === 0 || existsSync(join(folder, file)));
  return {
    name,
    source: folder,
    height: SIDE,
    width: SIDE,
    channels: CHANNELS,
    classes: layout.classes,
    classNames: classNames(join(folder, layout.namesFile), layout.classes),
    train: readSplit(folder, present, layout),
    test: readSplit(folder, layout.test, layout),
  };
}

function readSplit(folder: string, files: readonly string[], layout: Layout): ImageSplit {
  const record = layout.labelBytes + PIXELS;
  const parts = files.map((file) => ({ path: join(folder, file), bytes: readRecords(join(folder, file), layout) }));
  const count = parts.reduce((sum, { bytes }) => sum + bytes.length / record, 0);
  const split = { count, images: new Uint8Array(count * PIXELS), labels: new Uint8Array(count) };
  let image = 0;
  for (const { path, bytes } of parts) {
    for (let start = 0; start < bytes.length; start += record, image += 1) {
      const label = bytes[start + layout.labelBytes - 1] ?? 0;
      if (label >= layout.classes) throw wrongClass(path, start / record, label, layout);
      split.labels[image] = label;
      interleave(bytes.subarray(start + layout.labelBytes, start + record), split.images, image * PIXELS);
    }
  }
  return split;
}

/** The files hold a plane of red, then green, then blue; tensors here have channels last. */
function interleave(planes: Uint8Array, target: Uint8Array, offset: number): void {
  for (let channel = 0; channel < CHANNELS; channel += 1) {
    for (let pixel = 0; pixel < PLANE; pixel += 1) {
      target[offset + pixel * CHANNELS + channel] = planes[channel * PLANE + pixel] ?? 0;
    }
  }
}

function readRecords(path: string, layout: Layout): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const fix = `Get ${layout.archive}, unpack it, and name its folder with --data-dir.`;
    throw new DataError(`${path} cannot be read: ${(error as Error).message}. ${fix}`, { cause: error });
  }
  const record = layout.labelBytes + PIXELS;
  if (bytes.length > 0 && bytes.length % record === 0) return bytes;
  const start = Buffer.from(bytes.subarray(0, 2)).toString('hex');
  const guess =
    start === '1f8b'
      ? 'It is a gzip archive: unpack it first.'
      : start.startsWith('80')
        ? 'It looks like a Python pickle: the binary version is needed, not the Python one.'
        : `It is truncated, or of another format. Get ${layout.archive} anew.`;
  throw new DataError(`${path}: expected images of ${record} bytes each, received ${bytes.length} bytes. ${guess}`);
}

function wrongClass(path: string, image: number, label: number, layout: Layout): DataError {
  return new DataError(
    `${path}: expected classes 0 to ${layout.classes - 1}, received ${label} for image ${image}. ` +
      `It is of another format, or damaged. Get ${layout.archive} anew.`,
  );
}

/** Names of the classes, one a line; numbers where the file is missing or has other lines than classes. */
function classNames(path: string, classes: number): string[] {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  const names = lines.map((line) => line.trim()).filter((line) => line !== '');
  return names.length === classes ? names : Array.from({ length: classes }, (_, index) => `${index}`);
}
