// Fashion-MNIST, complete: 60,000 + 10,000 grey images of 28 x 28 in 10 classes (Xiao, Rasul, Vollgraf 2017; MIT licence).
// Reads and verifies its four files; fashion-mnist-files.ts gets them.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DataError, type ImageDataset, type ImageSplit } from './dataset.js';
import { obtainFiles, type Say } from './fashion-mnist-files.js';
import { type IdxArray, readIdx } from './idx.js';

const SIDE = 28;
const CLASS_NAMES = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];

/** SHA-256 of the values of each file (not of the gzip around them, which differs between sources). */
const CHECKSUMS = {
  'train-images-idx3-ubyte.gz': '2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012',
  'train-labels-idx1-ubyte.gz': '657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7',
  't10k-images-idx3-ubyte.gz': 'c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a',
  't10k-labels-idx1-ubyte.gz': '3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9',
} as const;

/**
 * Fashion-MNIST from the cache, from Debian's package, or from its own site.
 * @param say gets progress lines.
 * @throws {@link DataError} when none of them works, or a file is not the published one.
 */
export async function loadFashionMnist(say: Say = () => {}): Promise<ImageDataset> {
  const { folder, source } = await obtainFiles(say);
  return readFashionMnist(folder, source);
}

/**
 * Reads and verifies the four files in `folder`.
 * @throws {@link DataError} when one is missing, damaged, or not the published one.
 */
export function readFashionMnist(folder: string, source: string): ImageDataset {
  return {
    name: 'fashion-mnist',
    source,
    height: SIDE,
    width: SIDE,
    channels: 1,
    classes: CLASS_NAMES.length,
    classNames: CLASS_NAMES,
    train: readSplit(folder, 'train', 60_000),
    test: readSplit(folder, 't10k', 10_000),
  };
}

function readSplit(folder: string, prefix: 'train' | 't10k', count: number): ImageSplit {
  const images = readVerified(folder, `${prefix}-images-idx3-ubyte.gz`, [count, SIDE, SIDE]);
  const labels = readVerified(folder, `${prefix}-labels-idx1-ubyte.gz`, [count]);
  return { count, images: images.values, labels: labels.values };
}

function readVerified(folder: string, name: keyof typeof CHECKSUMS, shape: readonly number[]): IdxArray {
  const path = join(folder, name);
  const array = readIdx(path);
  if (array.shape.join() !== shape.join()) {
    throw new DataError(
      `${path} holds ${array.shape.join(' x ')} values, Fashion-MNIST's has ${shape.join(' x ')}. ` +
        'Remove the file and run again: it is fetched anew.',
    );
  }
  if (createHash('sha256').update(array.values).digest('hex') !== CHECKSUMS[name]) {
    throw new DataError(
      `${path} does not hold the published values (checksum). Remove the file and run again: it is fetched anew.`,
    );
  }
  return array;
}
