// The demo's training run: a small network on real images, with the averages that the README recommends.
// Prints nothing but progress, writes no files.

import type { LayersModel, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node';
import { WeightEma } from '../../src/index.js';
import { formatBar, formatDuration, type Progress } from '../../tools/shared/terminal.js';
import type { Tf } from '../../tools/shared/tfjs.js';
import type { ImageDataset } from '../data/index.js';
import { smallCnn } from '../networks/small-cnn.js';
import { toTensors, trainingBatches } from '../runs/batches.js';
import { drawSamples, type RunSamples } from '../runs/samples.js';
import type { DemoOptions } from './options.js';

/**
 * The learning rate stays constant: the last weights then jump about their mean, which is what averaging removes. Decaying
 * the rate to zero removes the same noise in another way, and leaves averages less to gain.
 */
export const RECIPE = { batchSize: 128, learningRate: 0.1, momentum: 0.9 } as const;

/** Images at the most, and epochs unless told otherwise. */
const SIZES = {
  quick: { train: 15_000, validation: 5_000, epochs: 8 },
  full: { train: 54_000, validation: 6_000, epochs: 12 },
} as const;

/** Images per batch where nothing is trained; it does not change a result. */
const EVALUATION_BATCH = 500;

/** Loss and accuracy on one set of images. */
export interface Score {
  readonly loss: number;
  readonly accuracy: number;
}

/** A finished run. */
export interface DemoRun {
  readonly epochs: number;
  readonly samples: RunSamples;
  readonly model: LayersModel;
  readonly ema: WeightEma;
  /** In `fitDataset`, validation included. */
  readonly seconds: number;
  /** Releases averages and model. */
  readonly dispose: () => void;
}

/** Trains the demo's network, with averages of it. */
export async function train(
  tf: Tf,
  images: ImageDataset,
  options: Pick<DemoOptions, 'mode' | 'epochs' | 'seed' | 'engine'>,
  progress: Progress,
): Promise<DemoRun> {
  const sizes = SIZES[options.mode];
  const epochs = options.epochs ?? sizes.epochs;
  const samples = sampled(images, sizes);
  const stepsPerEpoch = Math.ceil(samples.train.indices.length / RECIPE.batchSize);
  const model = compile(tf, smallCnn.build(tf, networkSetup(images, options.seed)));
  progress.log(`network: ${smallCnn.description}; ${model.countParams().toLocaleString('en-US')} parameters`);
  const validationData = toTensors(tf, samples.validation, samples);
  const ema = new WeightEma(tf, {
    // Batches made one by one have no number that fit could tell.
    run: { totalSteps: stepsPerEpoch * epochs },
    engine: options.engine,
    onWarning: (message) => progress.log(`note: ${message}`),
  });
  const begin = performance.now();
  const batches = trainingBatches(tf, samples, { ...RECIPE, shift: 0, seed: options.seed });
  const log = (line: string): void => progress.log(`${line}   ${formatDuration((performance.now() - begin) / 1000)}`);
  const average = ema.callback({ validationData, batchSize: EVALUATION_BATCH, log });
  const callbacks = [average, bar(tf, progress, { epochs, stepsPerEpoch })];
  await model.fitDataset(batches, { epochs, callbacks, verbose: 0 });
  tf.dispose(validationData);
  const dispose = (): void => {
    ema.dispose();
    release(model);
  };
  return { epochs, samples, model, ema, seconds: (performance.now() - begin) / 1000, dispose };
}

/** A fifth of a small data set validates. */
function sampled(images: ImageDataset, { train, validation }: { readonly train: number; readonly validation: number }) {
  const held = Math.min(validation, Math.floor(images.train.count / 5));
  const choice = { name: images.name, train, validation: held, noise: 0, shift: 0 };
  return drawSamples({ images, humanLabels: undefined }, choice);
}

function networkSetup({ height, width, channels, classes }: ImageDataset, seed: number) {
  return { inputShape: [height, width, channels], classes, seed } as const;
}

/** Makes a model ready for {@link evaluate}. */
export function compile(tf: Tf, model: LayersModel): LayersModel {
  const optimizer = tf.train.momentum(RECIPE.learningRate, RECIPE.momentum);
  model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  return model;
}

/** The model's score as it is. */
export function evaluate(tf: Tf, model: LayersModel, [x, y]: readonly [Tensor4D, Tensor2D]): Score {
  const measured = model.evaluate(x, y, { batchSize: EVALUATION_BATCH, verbose: 0 });
  const [loss = Number.NaN, accuracy = Number.NaN] = [measured].flat().map((scalar) => scalar.dataSync()[0]);
  tf.dispose(measured);
  return { loss, accuracy };
}

/** Releases a compiled model. */
export function release(model: LayersModel): void {
  model.optimizer.dispose();
  model.dispose();
}

/** Shows, on a terminal, how far an epoch is. */
function bar(tf: Tf, progress: Progress, run: { readonly epochs: number; readonly stepsPerEpoch: number }) {
  return new (class extends tf.Callback {
    readonly #begin = performance.now();
    #epoch = 0;

    override async onEpochBegin(epoch: number): Promise<void> {
      this.#epoch = epoch;
    }
    override async onBatchEnd(batch: number): Promise<void> {
      const { epochs, stepsPerEpoch } = run;
      const done = this.#epoch * stepsPerEpoch + batch + 1;
      const left = ((performance.now() - this.#begin) / 1000 / done) * (epochs * stepsPerEpoch - done);
      const place = `epoch ${this.#epoch + 1}/${epochs}`;
      progress.update(`${place} ${formatBar(batch + 1, stepsPerEpoch)} about ${formatDuration(left)} left`);
    }
  })();
}

/** A share as people read it. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
