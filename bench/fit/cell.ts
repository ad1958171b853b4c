// Trains one model with `model.fit`, without a callback and with ours, in interleaved rounds, and times whole steps and the
// callback's hooks. Says nothing on the terminal.

import type { Callback, LayersModel, Tensor } from '@tensorflow/tfjs';
import { median } from 'simple-statistics';
import { loadAddon } from '../../src/engine/addon.js';
import { WeightEma } from '../../src/index.js';
import { tf } from '../../tools/shared/tfjs.js';
import { orderOf } from '../shared/rounds.js';
import { decaysOf } from '../update/trials.js';
import { buildModel } from './models.js';
import type { FitContender, FitModel, FitReport, FitResult, FitTask } from './trials.js';

const CLASSES = 10;

interface Data {
  readonly x: Tensor;
  readonly y: Tensor;
}

/** Times of one fit, in microseconds. */
interface FitTimes {
  readonly whole: number;
  readonly hooks: number;
}

interface Trainer {
  readonly contender: FitContender;
  readonly times: FitTimes[];
  fit(): Promise<FitTimes>;
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

/** Noise: a step's cost does not depend on what is learned. */
function noise({ input, batchSize, steps }: FitModel): Data {
  const samples = batchSize * steps;
  const x = tf.randomNormal([samples, ...input]);
  const y = tf.tidy(() => tf.oneHot(tf.randomUniform([samples], 0, CLASSES, 'int32'), CLASSES).toFloat());
  return { x, y };
}

/** Counts the time inside the hooks that fit calls for each batch. */
function countHooks(callback: Callback): () => number {
  let spent = 0;
  for (const hook of ['onBatchBegin', 'onBatchEnd'] as const) {
    const own = callback[hook].bind(callback);
    callback[hook] = (batch, logs) => {
      const start = now();
      const done = own(batch, logs);
      spent += now() - start;
      return done;
    };
  }
  return () => spent;
}

function trainerOf(contender: FitContender, model: LayersModel, { x, y }: Data, batchSize: number): Trainer {
  const { ema } = contender;
  const average =
    ema && new WeightEma(tf, { decays: decaysOf(ema.k), updateEvery: ema.updateEvery, engine: ema.engine });
  const fit = async (): Promise<FitTimes> => {
    const callback = average?.callback();
    const hooks = callback === undefined ? () => 0 : countHooks(callback);
    const start = now();
    await model.fit(x, y, {
      batchSize,
      epochs: 1,
      shuffle: false,
      verbose: 0,
      yieldEvery: 'never',
      ...(callback && { callbacks: [callback] }),
    });
    return { whole: now() - start, hooks: hooks() };
  };
  return { contender, times: [], fit };
}

function resultOf(model: FitModel, { contender, times }: Trainer, reference: readonly FitTimes[]): FitResult {
  return {
    shape: model.shape,
    batchSize: model.batchSize,
    contender: contender.name,
    stepMs: median(times.map(({ whole }) => whole)) / model.steps / 1000,
    hookUs: median(times.map(({ hooks }) => hooks)) / model.steps,
    share: median(times.map(({ whole, hooks }) => hooks / whole)),
    ratio: median(times.map(({ whole }, round) => whole / (reference[round]?.whole ?? whole))),
  };
}

/**
 * Measures one model in this process.
 * @param onProgress receives how far it is.
 */
export async function measureFit(
  { model: fitModel, rounds }: FitTask,
  onProgress: (text: string) => void,
): Promise<FitReport> {
  const model = buildModel(fitModel.shape);
  // The cheapest optimizer: with any other, the callback's share is smaller.
  model.compile({ optimizer: tf.train.sgd(0.001), loss: 'categoricalCrossentropy' });
  const data = noise(fitModel);
  const trainers = fitModel.contenders.map((contender) => trainerOf(contender, model, data, fitModel.batchSize));
  for (const trainer of trainers) await trainer.fit();
  for (let round = 0; round < rounds; round += 1) {
    onProgress(`round ${round + 1} of ${rounds}`);
    for (const trainer of orderOf(trainers, round)) trainer.times.push(await trainer.fit());
  }
  const reference = trainers[0]?.times ?? [];
  const addon = loadAddon();
  const versions = 'addon' in addon ? { tensorflow: addon.addon.register().tensorflow } : {};
  return { results: trainers.map((trainer) => resultOf(fitModel, trainer, reference)), versions };
}
