// The images of a run: which train and which validate, wrong labels, standardised grey levels.
// Reads no files and makes no tensors; the data sets come from ../data, batches are made in batches.ts.

import { permutation, type Random, seededRandom } from '../../tools/shared/random.js';
import type { ImageSplit } from '../data/index.js';
import type { LoadedData, StudyImages } from '../data/study-data.js';
import type { DataChoice } from './condition.js';

/** The shape of one image. */
export type ImageShape = Pick<StudyImages, 'height' | 'width' | 'channels'>;

/** Byte to network input, per channel. */
export type Levels = readonly Float32Array[];

/** Some images with their labels, in memory. */
export interface Samples {
  readonly split: ImageSplit;
  /** Which images of the split. */
  readonly indices: Uint32Array;
  /** Their labels as trained or judged on. */
  readonly given: Uint8Array;
  /** Their true labels. */
  readonly real: Uint8Array;
}

/** All images of a run. */
export interface RunSamples {
  readonly images: StudyImages;
  readonly train: Samples;
  readonly validation: Samples;
  readonly test: Samples;
  /** Byte to network input, per channel: mean 0 and standard deviation 1 over the training images. */
  readonly levels: Levels;
}

// Any fixed numbers: split and noise are the same for every seed, on every machine.
const SPLIT_SEED = 1;
const NOISE_SEED = 2;

/** How many of the images train and how many validate. */
export function sampleCounts(
  available: number,
  { train = Number.POSITIVE_INFINITY, validation: choice }: Pick<DataChoice, 'train' | 'validation'>,
): { train: number; validation: number } {
  const validation = choice === 'test' ? 0 : choice;
  const wanted = validation < 1 ? Math.round(validation * available) : validation;
  const held = Math.min(wanted, Math.floor(available / 2));
  return { train: Math.min(train, available - held), validation: held };
}

/** Draws split and noise, always the same for the same choice. */
export function drawSamples(data: LoadedData, choice: DataChoice): RunSamples {
  const { images, humanLabels } = choice.classes === undefined ? data : ofClasses(data, choice.classes);
  const order = permutation(images.train.count, seededRandom(SPLIT_SEED));
  const { train: trained, validation: held } = sampleCounts(order.length, choice);
  const random = seededRandom(NOISE_SEED);
  const pick = (indices: Uint32Array, given: Uint8Array): Samples => {
    const real = Uint8Array.from(indices, (index) => images.train.labels[index] ?? 0);
    return {
      split: images.train,
      indices,
      given: withNoise(
        Uint8Array.from(indices, (index) => given[index] ?? 0),
        images.classes,
        choice.noise,
        random,
      ),
      real,
    };
  };
  const train = pick(order.slice(held, held + trained), humanLabels ?? images.train.labels);
  const validation = pick(order.slice(0, held), images.train.labels);
  const { labels, count } = images.test;
  const test = {
    split: images.test,
    indices: Uint32Array.from({ length: count }, (_, index) => index),
    given: labels,
    real: labels,
  };
  const levels = standardise(images, train);
  return { images, train, validation: choice.validation === 'test' ? test : validation, test, levels };
}

/** Only the images of some classes, under numbers from 0. */
function ofClasses({ images }: LoadedData, [from, to]: readonly [number, number]): LoadedData {
  const size = images.height * images.width * images.channels;
  const split = ({ images: pixels, labels }: ImageSplit): ImageSplit => {
    const indices = [...labels.keys()].filter((index) => (labels[index] ?? 0) >= from && (labels[index] ?? 0) < to);
    const chosen = new Uint8Array(indices.length * size);
    for (const [row, index] of indices.entries())
      chosen.set(pixels.subarray(index * size, (index + 1) * size), row * size);
    return {
      count: indices.length,
      images: chosen,
      labels: Uint8Array.from(indices, (index) => (labels[index] ?? 0) - from),
    };
  };
  const classNames = images.classNames.slice(from, to);
  const chosen = { ...images, classes: to - from, classNames, train: split(images.train), test: split(images.test) };
  return { images: chosen, humanLabels: undefined };
}

/** Labels of which a share, drawn one by one, is replaced by one of the other classes, each equally likely. */
export function withNoise(labels: Uint8Array, classes: number, share: number, random: Random): Uint8Array {
  if (share === 0) return labels;
  return labels.map((label) => {
    if (random() >= share) return label;
    return (label + 1 + Math.floor(random() * (classes - 1))) % classes;
  });
}

/** Per channel, what each byte becomes so that the given images have mean 0 and standard deviation 1. */
export function standardise(
  { height, width, channels }: ImageShape,
  { split, indices }: Pick<Samples, 'split' | 'indices'>,
): Levels {
  const size = height * width * channels;
  return Array.from({ length: channels }, (_, channel) => {
    const histogram = new Float64Array(256);
    for (const index of indices) {
      for (let at = index * size + channel; at < (index + 1) * size; at += channels) {
        const level = split.images[at] ?? 0;
        histogram[level] = (histogram[level] ?? 0) + 1;
      }
    }
    const total = indices.length * height * width;
    const mean = histogram.reduce((sum, count, level) => sum + count * level, 0) / total;
    const variance = histogram.reduce((sum, count, level) => sum + count * (level - mean) ** 2, 0) / total;
    const deviation = Math.sqrt(variance) || 1;
    return Float32Array.from({ length: 256 }, (_value, level) => (level - mean) / deviation);
  });
}
