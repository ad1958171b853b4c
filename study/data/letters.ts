// Letter recognition: 20,000 printed letters as 16 whole numbers from 0 to 15, in 26 classes (Frey and Slate 1991; UCI).
// Reads the copy in Debian's r-cran-mlbench; package-file.ts gets it.

import { join } from 'node:path';
import { DataError, type ImageSplit } from './dataset.js';
import type { Say } from './fashion-mnist-files.js';
import { packageFile } from './package-file.js';
import { readDataFrame } from './rda.js';
import type { StudyImages } from './study-data.js';

const NAME = 'LetterRecognition';
const FEATURES = 16;
const CLASSES = 26;
/** The first ones train, the others test, as Frey and Slate had it. */
const TRAIN = 16_000;
const TEST = 4_000;

/**
 * The letters, each an image of one pixel with 16 channels.
 * @throws {@link DataError} they cannot be had, or are not what they should be.
 */
export async function loadLetters(say: Say = () => {}): Promise<StudyImages> {
  const bytes = await packageFile(
    {
      title: 'Letter recognition',
      name: 'letters',
      packages: ['r-cran-mlbench'],
      command: (root) => ['xz', '-dc', join(root, 'usr/lib/R/site-library/mlbench/data', `${NAME}.rda`)],
      sha256: '92844a4562cfe66720dea2b19f30cf83c155dec85c96a20f041f3e4e6db01c61',
    },
    say,
  );
  const [letters, ...features] = readDataFrame(bytes, NAME).map(({ values }) => values);
  if (letters?.length !== TRAIN + TEST || features.length !== FEATURES) {
    throw new DataError(
      `${NAME}: expected ${TRAIN + TEST} letters of ${FEATURES} numbers, received ${letters?.length} of ${features.length}.`,
    );
  }
  const split = (start: number, count: number): ImageSplit => ({
    count,
    images: Uint8Array.from({ length: count * FEATURES }, (_, i) => {
      return features[i % FEATURES]?.[start + Math.floor(i / FEATURES)] ?? 0;
    }),
    labels: Uint8Array.from({ length: count }, (_, i) => (letters[start + i] ?? 0) - 1),
  });
  return {
    source: "Debian's r-cran-mlbench",
    height: 1,
    width: 1,
    channels: FEATURES,
    classes: CLASSES,
    classNames: Array.from({ length: CLASSES }, (_, index) => String.fromCharCode(65 + index)),
    train: split(0, TRAIN),
    test: split(TRAIN, TEST),
  };
}
