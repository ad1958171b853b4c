// MNIST-1D: signals of 40 values in 10 classes, made by a formula (Greydanus and Kobak, "Scaling Down Deep Learning with MNIST-1D", 2024).
// The formula is that of the Python package mnist1d 0.0.2, held to it by test/study/domains.test.ts; the random numbers are our own.

import { type Random, seededRandom } from '../../tools/shared/random.js';
import { drawsOf } from '../problems/problem.js';
import type { ImageSplit } from './dataset.js';
import type { StudyImages } from './study-data.js';

/** The ten digits, drawn as lines of 12 points. */
const TEMPLATES: readonly (readonly number[])[] = [
  [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
  [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
  [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
  [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
  [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
  [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
  [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
  [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
  [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
  [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
];
/** Points of a signal before it is taken down to its length. */
const DILATED = 72;
const LENGTH = 40;
const FILTER_DEVIATION = 2;

/** The random numbers of one signal, in the order in which the package draws them. */
export interface SignalDraws {
  /** Zeros behind the template, 36 to 60. */
  readonly padding: number;
  /** Three numbers in [0, 1). */
  readonly scale: number;
  readonly shear: number;
  /** Points by which it is moved, 0 to 47. */
  readonly shift: number;
  /** 72 normal numbers each, for the noise where there is no digit and everywhere. */
  readonly smooth: ArrayLike<number>;
  readonly rough: ArrayLike<number>;
}

/** One signal of a class: padded, stretched, scaled, moved, covered with noise, sheared. */
export function makeSignal(label: number, draws: SignalDraws): Float64Array {
  const padded = [...template(label).map((value) => value + 1e-8), ...new Array<number>(draws.padding).fill(0)];
  const factor = 1 + 0.4 * (draws.scale - 0.5);
  const scaled = interpolate(padded, DILATED).map((value) => value * factor);
  const moved = scaled.map((_, i) => at(scaled, (i - draws.shift + DILATED) % DILATED));
  const smooth = smoothed(Float64Array.from(draws.smooth, (value) => 0.25 * value));
  const slope = 0.75 * (draws.shear - 0.5);
  const noisy = moved.map((value, i) => {
    const covered = (value === 0 ? at(smooth, i) : value) + 0.02 * at(draws.rough, i);
    return covered - slope * (i / (DILATED - 1) - 0.5);
  });
  return interpolate(noisy, LENGTH);
}

/** A digit with mean 0 and deviation 1 over its points, from 0 on, divided by 6. */
function template(label: number): number[] {
  const points = TEMPLATES[label] ?? [];
  const mean = points.reduce((sum, value) => sum + value, 0) / points.length;
  const deviation = Math.sqrt(points.reduce((sum, value) => sum + (value - mean) ** 2, 0) / points.length);
  return points.map((value) => (value - at(points, 0)) / deviation / 6);
}

/** Straight lines between the points, taken at `length` places from the first to the last. */
function interpolate(values: ArrayLike<number>, length: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => {
    const place = (i * (values.length - 1)) / (length - 1);
    const left = Math.min(Math.floor(place), values.length - 2);
    return at(values, left) + (place - left) * (at(values, left + 1) - at(values, left));
  });
}

/** A Gaussian filter over 8 points to each side; beyond its ends the signal is mirrored. */
function smoothed(values: Float64Array): Float64Array {
  const radius = 4 * FILTER_DEVIATION;
  const kernel = Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / 2 / FILTER_DEVIATION ** 2),
  );
  const total = kernel.reduce((sum, value) => sum + value, 0);
  const mirrored = (i: number): number => (i < 0 ? -1 - i : i >= values.length ? 2 * values.length - 1 - i : i);
  return values.map((_, i) =>
    kernel.reduce((sum, weight, k) => sum + (weight / total) * at(values, mirrored(i + k - radius)), 0),
  );
}

function at(values: ArrayLike<number>, index: number): number {
  return values[index] ?? Number.NaN;
}

/** Signals are kept as bytes, from -1 to 1 in steps of 0.008: less than half of the noise on every point. */
function toByte(value: number): number {
  return Math.max(0, Math.min(255, Math.round((255 * (value + 1)) / 2)));
}

function drawSignals(count: number, seed: number): ImageSplit {
  const random = seededRandom(seed);
  const images = new Uint8Array(count * LENGTH);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % TEMPLATES.length);
  for (const [i, label] of labels.entries()) images.set(makeSignal(label, drawSignal(random)).map(toByte), i * LENGTH);
  return { count, images, labels };
}

function drawSignal(random: Random): SignalDraws {
  const whole = (low: number, count: number): number => low + Math.floor(count * random());
  const { normal } = drawsOf(random);
  const [padding, scale, shift] = [whole(36, 25), random(), whole(0, 48)];
  return { padding, scale, shift, smooth: normal(DILATED), rough: normal(DILATED), shear: random() };
}

// Any fixed numbers. The benchmark has 4,000 + 1,000 signals; more to test on cost nothing.
const TRAIN = { count: 5000, seed: 31 } as const;
const TEST = { count: 10_000, seed: 32 } as const;

/** The signals, each an image of one row; the same on every machine. */
export function makeMnist1d(): StudyImages {
  return {
    source: 'its formula',
    height: 1,
    width: LENGTH,
    channels: 1,
    classes: TEMPLATES.length,
    classNames: TEMPLATES.map((_, digit) => `${digit}`),
    train: drawSignals(TRAIN.count, TRAIN.seed),
    test: drawSignals(TEST.count, TEST.seed),
  };
}
