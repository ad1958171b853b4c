// One training run from its specification to its result, through model.fitDataset and the package's callback.
// Reads no files and writes none.

import type { Callback } from '@tensorflow/tfjs-node';
import type { Tf } from '../../tools/shared/tfjs.js';
import type { LogitNetwork } from '../networks/logit-network.js';
import { trainingBatches, uploadBatches } from './batches.js';
import type { Condition, RunSpec } from './condition.js';
import { learningRateAt, type Steps, stepsOf } from './learning-rate.js';
import { judgeRun, type TrainedRun } from './outcome.js';
import { Recorder } from './recorder.js';
import type { RunLogits, RunResult } from './result.js';
import type { RunSamples } from './samples.js';
import { copyWeights, Trackers } from './trackers.js';

/** What a run needs beside its specification. */
export interface RunInput {
  readonly spec: RunSpec<Condition>;
  /** The one that the condition names. */
  readonly network: LogitNetwork;
  readonly samples: RunSamples;
  /** Digits; needed where transfer is measured. */
  readonly probe: RunSamples | undefined;
  /** Called after each epoch with the epochs trained. */
  readonly onEpoch: (epoch: number) => void;
}

/** What a run gives. */
export interface RunOutput {
  readonly result: RunResult;
  readonly logits: RunLogits;
}

const MOMENTUM = 0.9;

/** Trains and judges. The same specification gives the same output, bit for bit, on one thread of one machine. */
export async function trainRun(tf: Tf, input: RunInput): Promise<RunOutput> {
  const { condition, seed } = input.spec;
  const steps = stepsOf(input.samples.train.indices.length, condition.recipe);
  const run = prepare(tf, input, steps);
  try {
    await trainModel(tf, run, { steps, onEpoch: input.onEpoch });
    const { trackers, recorder } = run;
    const windows = trackers.all.map(({ track }) => [track.id, track.window]);
    const about = { conditionId: condition.id, seed, steps: steps.total, stepsPerEpoch: steps.perEpoch };
    const recorded = { engine: trackers.engine, curves: recorder.curves, memorisation: recorder.memorisation };
    const { logits, ...outcome } = await judgeRun(tf, run);
    return { result: { ...about, ...recorded, windows: Object.fromEntries(windows), ...outcome }, logits };
  } finally {
    release(tf, run);
  }
}

function prepare(tf: Tf, { spec, network, samples, probe }: RunInput, steps: Steps): TrainedRun {
  const { condition, seed, engine } = spec;
  const { measures, recipe } = condition;
  const { height, width, channels, classes } = samples.images;
  const setup = { inputShape: [height, width, channels], classes, seed, weightDecay: recipe.weightDecay } as const;
  const model = network.build(tf, setup);
  const initial = copyWeights(tf, model);
  const trackers = new Trackers(tf, { averages: condition.averages, steps }, engine);
  const validation = uploadBatches(tf, samples.validation, samples);
  const needsTrain = measures.memorisation || measures.recompute !== false;
  const train = needsTrain ? uploadBatches(tf, samples.train, samples) : undefined;
  const recorder = new Recorder(tf, { model, condition, trackers, validation, train });
  const digits = measures.probe ? probe : undefined;
  return { spec, samples, probe: digits, model, trackers, recorder, validation, train, initial };
}

async function trainModel(
  tf: Tf,
  { spec, samples, model, trackers, recorder }: TrainedRun,
  { steps, onEpoch }: { readonly steps: Steps; readonly onEpoch: (epoch: number) => void },
): Promise<void> {
  const { data, recipe } = spec.condition;
  const { batchSize, epochs, learningRate } = recipe;
  const optimizer = tf.train.momentum(learningRate.peak, MOMENTUM, true);
  model.compile({ optimizer, loss: (wanted, logits) => tf.losses.softmaxCrossEntropy(wanted, logits) });
  let step = 0;
  const hooks = hookCallback(tf, {
    beforeBatch: () => {
      // Assigning to `learningRate` has no effect in tfjs: the optimizer keeps the value in a tensor.
      optimizer.setLearningRate(learningRateAt(learningRate, step, steps));
      step += 1;
    },
    afterEpoch: async (epoch) => {
      await recorder.onEpochEnd(epoch);
      if (recipe.bootstrap) trackers.bootstrap();
      onEpoch(epoch);
    },
  });
  try {
    const batches = trainingBatches(tf, samples, { batchSize, shift: data.shift, seed: spec.seed });
    const callbacks = [...trackers.callbacks, hooks];
    await model.fitDataset(batches, { epochs, verbose: 0, yieldEvery: 'epoch', callbacks });
  } finally {
    optimizer.dispose();
  }
}

function release(tf: Tf, { model, trackers, validation, train, initial }: TrainedRun): void {
  trackers.dispose();
  validation.dispose();
  train?.dispose();
  tf.dispose([...initial]);
  model.dispose();
}

/** What happens around training. */
interface Hooks {
  readonly beforeBatch: () => void;
  readonly afterEpoch: (epoch: number) => Promise<void>;
}

/** A callback of functions. tfjs's own CustomCallback reads the loss after every batch, and so waits for the device. */
function hookCallback(tf: Tf, { beforeBatch, afterEpoch }: Hooks): Callback {
  class HookCallback extends tf.Callback {
    override async onBatchBegin(): Promise<void> {
      beforeBatch();
    }

    override async onEpochEnd(epoch: number): Promise<void> {
      await afterEpoch(epoch + 1);
    }
  }
  return new HookCallback();
}
