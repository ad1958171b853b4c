// The training of the live page: data, network, averages, and what it tells while it goes on.
// Draws nothing.

import * as tf from '@tensorflow/tfjs';
import { WeightEma } from 'tfjs-ema';
import address from './fashion-mnist.data?url';
import { type Backend, CLASSES, DECAYS, EPOCHS, IMAGES, SIDE, TRAINED } from './settings.js';

const BATCH = 32;

/** What was measured of some weights. */
export interface Scores {
  readonly loss: number;
  readonly accuracy: number;
}

/** How far a training is. */
export interface Progress {
  readonly epoch: number;
  readonly backend: string;
  /** Steps in a second. */
  readonly speed: number;
  /** Share of the time that averaging took; a GPU works on while the page goes on, so that it is not known there. */
  readonly share: number | undefined;
  /** Of the raw weights, then of each average. */
  readonly scores: readonly Scores[];
}

/** A training that can be told to end. */
export interface Training {
  stop(): void;
  /** Saves the best average as a plain tfjs model, by the browser's downloads. */
  save(): Promise<void>;
  /** Settles when it has ended, with all memory given back but that of `save`. */
  readonly ended: Promise<void>;
}

/** Images and labels as numbers. */
async function load(): Promise<{ readonly images: Float32Array; readonly labels: Int32Array }> {
  const { body } = await fetch(address);
  if (body === null) throw new Error(`no data at ${address}`);
  const unpacked = new Response(body.pipeThrough(new DecompressionStream('gzip')));
  const halves = Array.from(new Uint8Array(await unpacked.arrayBuffer())).flatMap((byte) => [byte >> 4, byte & 15]);
  const pixels = IMAGES * SIDE ** 2;
  return {
    images: Float32Array.from(halves.slice(0, pixels), (grey) => grey / 15),
    labels: Int32Array.from(halves.slice(pixels, pixels + IMAGES)),
  };
}

function network(): tf.LayersModel {
  const convolution = { kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' } as const;
  const layers = [
    tf.layers.conv2d({ ...convolution, filters: 16, inputShape: [SIDE, SIDE, 1] }),
    tf.layers.conv2d({ ...convolution, filters: 32 }),
    tf.layers.flatten(),
    tf.layers.dense({ units: CLASSES, activation: 'softmax' }),
  ];
  const model = tf.sequential({ layers });
  const optimizer = tf.train.momentum(0.08, 0.9);
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  return model;
}

/**
 * Starts a training.
 * @param onEpoch is told after each epoch.
 */
export async function train(backend: Backend, onEpoch: (progress: Progress) => void): Promise<Training> {
  if (backend === 'webgpu') await import('@tensorflow/tfjs-backend-webgpu');
  if (!(await tf.setBackend(backend))) throw new Error(`this browser has no ${backend}`);
  const { images, labels } = await load();
  const part = (begin: number, end: number): [tf.Tensor, tf.Tensor] => [
    tf.tensor4d(images.subarray(begin * SIDE ** 2, end * SIDE ** 2), [end - begin, SIDE, SIDE, 1]),
    tf.tensor1d(Float32Array.from(labels.subarray(begin, end))),
  ];
  const [x, y] = part(0, TRAINED);
  const validationData = part(TRAINED, IMAGES);
  const model = network();
  const ema = new WeightEma(tf, { decays: [...DECAYS], updateEvery: 1, onWarning: console.warn });
  let begun = performance.now();
  let before = { steps: 0, seconds: 0 };
  const tell = new tf.CustomCallback({
    onEpochBegin: async () => {
      begun = performance.now();
      before = ema.facts;
    },
    onEpochEnd: async (index) => {
      const seconds = (performance.now() - begun) / 1000;
      const { steps, seconds: averaged } = ema.facts;
      const { raw = {}, averages } = ema.validations.at(-1) ?? { averages: [] };
      onEpoch({
        ...{ epoch: index + 1, backend: tf.getBackend() },
        ...{
          speed: (steps - before.steps) / seconds,
          share: backend === 'cpu' ? (averaged - before.seconds) / seconds : undefined,
        },
        scores: [raw, ...averages].map(({ loss = Number.NaN, acc: accuracy = Number.NaN }) => ({
          loss,
          accuracy,
        })),
      });
    },
  });
  const fit = model.fit(x, y, {
    ...{ epochs: EPOCHS, batchSize: BATCH, verbose: 0 as const, validationData },
    callbacks: [ema.callback({ ties: false }), tell],
  });
  return {
    stop: () => {
      model.stopTraining = true;
    },
    save: async () => {
      await ema.saveModel('best', 'downloads://best-average');
    },
    ended: fit.then(() => tf.dispose([x, y, ...validationData])),
  };
}
