// What a finished run is judged by: every set of weights on the test images, and the linear probe.
// Trains no network; train.ts does.

import type { LayersModel, Tensor } from '@tensorflow/tfjs-node';
import { recomputeBatchNorm } from '../../src/index.js';
import type { Tf } from '../../tools/shared/tfjs.js';
import { batchesOf, type TensorBatches, uploadBatches } from './batches.js';
import type { Condition, RunSpec } from './condition.js';
import { digestWeights } from './digest.js';
import { type Judged, judge, judgeTransfer, type ProbeImages } from './judge.js';
import type { Recorder } from './recorder.js';
import type { ModelId, RunLogits, RunResult } from './result.js';
import type { RunSamples } from './samples.js';
import { copyWeights, type Snapshot, type Trackers } from './trackers.js';
import { RAW, UNIFORM } from './tracks.js';

/** A trained model and all that was recorded of its run. */
export interface TrainedRun {
  readonly spec: RunSpec<Condition>;
  readonly samples: RunSamples;
  /** Digits for the linear probe, where it is measured. */
  readonly probe: RunSamples | undefined;
  readonly model: LayersModel;
  readonly trackers: Trackers;
  readonly recorder: Recorder;
  readonly validation: TensorBatches;
  /** Training images, where BatchNorm statistics are recomputed. */
  readonly train: TensorBatches | undefined;
  /** Weights before the first step. */
  readonly initial: readonly Tensor[];
}

/** Models whose test logits are kept, for comparisons between seeds. */
const KEPT: readonly ModelId[] = ['sgdLast', 'sgdLoss', 'emaLoss'];

/** Results by model, and test accuracies of probes. */
export interface Outcome extends Pick<RunResult, 'models' | 'probe' | 'weightsDigest'> {
  readonly logits: RunLogits;
}

/** Judges a trained run; its model is left with other weights. */
export async function judgeRun(tf: Tf, run: TrainedRun): Promise<Outcome> {
  const weightsDigest = await digestWeights(run.model.getWeights());
  if (run.spec.condition.averages.main === 'none') return { models: {}, probe: {}, weightsDigest, logits: {} };
  const candidates = collectCandidates(tf, run);
  try {
    const judged = await judgeModels(tf, run, candidates);
    const probe = run.probe === undefined ? {} : await judgeProbes(tf, run, { probe: run.probe, candidates });
    const models = Object.fromEntries([...judged].map(([id, { result }]) => [id, result]));
    const kept = [...judged].filter(([id]) => KEPT.includes(id)).map(([id, { logits }]) => [id, logits]);
    return { models, probe, weightsDigest, logits: Object.fromEntries(kept) };
  } finally {
    for (const { weights } of candidates.values()) tf.dispose([...weights]);
  }
}

/** Copies of every set of weights to judge. */
function collectCandidates(tf: Tf, { spec, model, trackers }: TrainedRun): Map<ModelId, Snapshot> {
  const epoch = spec.condition.recipe.epochs;
  const last = (track: string | undefined, weights: Snapshot['weights'] | undefined): Snapshot | undefined =>
    track === undefined || weights === undefined ? undefined : { track, epoch, weights };
  const all: [ModelId, Snapshot | undefined][] = [
    ['sgdLast', last(RAW, copyWeights(tf, model))],
    ['sgdAccuracy', trackers.best('raw', 'acc')],
    ['sgdLoss', trackers.best('raw', 'loss')],
    ['emaAccuracy', trackers.best('main', 'acc')],
    ['emaLoss', trackers.best('main', 'loss')],
    ['emaLast', last(trackers.slowest?.track.id, trackers.copySlowest())],
    ['uniform', last(UNIFORM, trackers.copyUniform())],
  ];
  return new Map(all.flatMap(([id, candidate]) => (candidate === undefined ? [] : [[id, candidate]])));
}

async function judgeModels(tf: Tf, run: TrainedRun, candidates: Map<ModelId, Snapshot>): Promise<Map<ModelId, Judged>> {
  const { model, samples, validation, train } = run;
  const test = uploadBatches(tf, samples.test, samples);
  const judged = new Map<ModelId, Judged>();
  try {
    for (const [id, { track, epoch, weights }] of candidates) {
      model.setWeights([...weights]);
      judged.set(id, await judge(model, { track, epoch }, { validation, test }));
      const recomputed = RECOMPUTED[id];
      if (run.spec.condition.measures.recompute === false || recomputed === undefined) continue;
      if (train !== undefined) await recomputeBatchNorm(tf, model, { data: batchesOf(tf, train) });
      judged.set(recomputed, await judge(model, { track, epoch }, { validation, test }));
    }
    return judged;
  } finally {
    test.dispose();
  }
}

const RECOMPUTED: Readonly<Partial<Record<ModelId, ModelId>>> = {
  emaAccuracy: 'emaAccuracyRecomputed',
  emaLoss: 'emaLossRecomputed',
};

async function judgeProbes(
  tf: Tf,
  { model, initial, spec }: TrainedRun,
  { probe, candidates }: { readonly probe: RunSamples; readonly candidates: Map<ModelId, Snapshot> },
): Promise<Record<string, number>> {
  const upload = (name: 'train' | 'test'): TensorBatches => uploadBatches(tf, probe[name], probe);
  const images: ProbeImages = { train: upload('train'), test: upload('test'), classes: probe.images.classes };
  const accuracies: Record<string, number> = {};
  const measure = async (name: string, weights: readonly Tensor[]): Promise<void> => {
    model.setWeights([...weights]);
    accuracies[name] = await judgeTransfer(tf, model, images, spec.seed);
  };
  try {
    await measure('random', initial);
    for (const id of KEPT) await measure(id, candidates.get(id)?.weights ?? initial);
    return accuracies;
  } finally {
    images.train.dispose();
    images.test.dispose();
  }
}
