// One training run with averages: from images to figures per epoch.
// Prints nothing but progress, writes no files.

import type { LayersModel, Tensor2D, Tensor4D } from '@tensorflow/tfjs-node';
import { type EmaCallback, emaCallback } from '../../src/index.js';
import { seededRandom } from '../../tools/shared/random.js';
import type { Progress } from '../../tools/shared/terminal.js';
import type { Tf } from '../../tools/shared/tfjs.js';
import { smallCnn } from '../networks/small-cnn.js';
import { type Levels, standardise } from '../runs/samples.js';
import { drawSplit, type ImageSet, toTensors, trainingBatches } from './batches.js';
import { reporter, stepClock } from './callbacks.js';
import type { DemoOptions } from './options.js';
import { type Recipe, recipeFor, type Track, tracksFor } from './recipe.js';

/** Loss and accuracy on one set of images. */
export interface Score {
  readonly accuracy: number;
  readonly loss: number;
}

/** An average and what validation measured of it. */
export interface AverageRun extends Track {
  /** One score per epoch. */
  readonly epochs: readonly Score[];
}

/** A finished run. */
export interface DemoRun {
  readonly recipe: Recipe;
  readonly steps: number;
  /** Images that really trained and validated: a small data set has fewer than the recipe wants. */
  readonly images: { readonly train: number; readonly validation: number };
  /** Raw weights: one score per epoch. */
  readonly raw: readonly Score[];
  readonly averages: readonly AverageRun[];
  /** Index of the average with the lowest validation loss at the end. */
  readonly best: number;
  readonly stepSeconds: number;
  readonly updateSeconds: number;
  readonly ema: EmaCallback;
  readonly model: LayersModel;
  readonly validation: readonly [Tensor4D, Tensor2D];
  readonly levels: Levels;
  /** Releases averages, model and validation tensors. */
  readonly dispose: () => void;
}

/** Images per batch where nothing is trained; it does not change a result. */
export const EVALUATION_BATCH = 500;

/** The images of a {@link DemoRun}, and how many classes they have. */
export type TrainingSet = ImageSet & { readonly classes: number };

/** Trains the demo's network, tracking the averages. */
export async function train(tf: Tf, set: TrainingSet, options: DemoOptions, progress: Progress): Promise<DemoRun> {
  const { recipe, split, levels, stepsPerEpoch, steps, tracks, random } = plan(set, options);
  const validation = toTensors(tf, set, { indices: split.validation, levels });
  const model = compiledModel(tf, set, recipe, options.seed);
  const ema = emaFor(tf, tracks, { validation, engine: options.engine, progress });
  progress.log(`network: ${smallCnn.description}; ${model.countParams().toLocaleString('en-US')} parameters`);
  const clock = stepClock(tf);
  const callbacks = [clock, ema, reporter(tf, ema, progress, { epochs: recipe.epochs, stepsPerEpoch })];
  const batches = trainingBatches(tf, set, { indices: split.train, levels, batchSize: recipe.batchSize, random });
  await model.fitDataset(batches, { epochs: recipe.epochs, callbacks, verbose: 0 });
  return {
    ...{ recipe, steps, levels, model, ema, validation, ...scores(ema, tracks) },
    images: { train: split.train.length, validation: split.validation.length },
    stepSeconds: clock.seconds,
    updateSeconds: ema.updateSeconds,
    dispose: () => {
      ema.dispose();
      model.optimizer.dispose();
      model.dispose();
      tf.dispose([...validation]);
    },
  };
}

/** All that follows from data and options without training. */
function plan(set: TrainingSet, options: DemoOptions) {
  const recipe = recipeFor(options);
  const random = seededRandom(options.seed);
  const split = drawSplit(
    set.labels.length,
    { train: recipe.trainImages, validation: recipe.validationImages },
    random,
  );
  const stepsPerEpoch = Math.ceil(split.train.length / recipe.batchSize);
  const steps = stepsPerEpoch * recipe.epochs;
  return {
    recipe,
    random,
    split,
    stepsPerEpoch,
    steps,
    tracks: tracksFor(steps),
    levels: standardise(set, { split: set, indices: split.train }),
  };
}

function emaFor(
  tf: Tf,
  tracks: readonly Track[],
  run: { validation: [Tensor4D, Tensor2D]; engine: DemoOptions['engine']; progress: Progress },
): EmaCallback {
  return emaCallback(tf, {
    decays: tracks.map(({ decay }) => decay),
    updateEvery: 1,
    warmup: 'paper',
    batchNorm: 'average',
    engine: run.engine,
    validationData: run.validation,
    batchSize: EVALUATION_BATCH,
    onWarning: (message) => run.progress.log(`note: ${message}`),
  });
}

/** Makes a model ready for {@link evaluate}: the loss and metric of the demo. */
export function compile(tf: Tf, model: LayersModel, { learningRate, momentum }: Recipe): LayersModel {
  const optimizer = tf.train.momentum(learningRate, momentum);
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  return model;
}

/** Scores of the model as it is. */
export function evaluate(tf: Tf, model: LayersModel, [x, y]: readonly [Tensor4D, Tensor2D]): Score {
  const measured = model.evaluate(x, y, { batchSize: EVALUATION_BATCH, verbose: 0 });
  const [loss, accuracy] = [measured].flat().map((scalar) => scalar.dataSync()[0] ?? Number.NaN);
  tf.dispose(measured);
  return { accuracy: accuracy ?? Number.NaN, loss: loss ?? Number.NaN };
}

function compiledModel(
  tf: Tf,
  set: ImageSet & { readonly classes: number },
  recipe: Recipe,
  seed: number,
): LayersModel {
  const { height, width, channels, classes } = set;
  return compile(tf, smallCnn.build(tf, { inputShape: [height, width, channels], classes, seed }), recipe);
}

function scores(ema: EmaCallback, tracks: readonly Track[]): Pick<DemoRun, 'raw' | 'averages' | 'best'> {
  const { validations } = ema;
  return {
    raw: validations.map(({ raw }) => toScore(raw)),
    averages: tracks.map((track, index) => ({
      ...track,
      epochs: validations.map(({ averages }) => toScore(averages[index])),
    })),
    best: validations.at(-1)?.best ?? 0,
  };
}

function toScore(metrics: Readonly<Record<string, number>> = {}): Score {
  return { accuracy: metrics['acc'] ?? Number.NaN, loss: metrics['loss'] ?? Number.NaN };
}
