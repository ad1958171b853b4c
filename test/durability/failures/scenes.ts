// Every method that calls tfjs, in a situation in which it has something to lose.
// Holds no expectations.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs';
import type { EmaOptions } from '../../../src/index.js';
import { synthesize } from '../../../src/search.js';
import { setRandomWeights, tf } from '../../support/models.js';
import { attachedTo } from './inside.js';
import { clear, makeStage, type Stage, type StageOptions } from './stage.js';

/** A method, and what comes before. */
export interface Scene {
  /** Steps seen before: 0 leaves the averages unattached, after 2 there was one update, after 3 one more step is pending. @defaultValue 2 */
  readonly steps?: number;
  /** What has happened besides. */
  readonly prepare?: (stage: Stage) => unknown;
  /** Calls the method; tensors that it gives are disposed. */
  readonly run: (stage: Stage) => unknown;
  /** Does what is left to be done after a failure. @defaultValue `run` */
  readonly again?: (stage: Stage) => unknown;
}

/** Options of the averages. */
export const OPTIONS: Readonly<Record<string, EmaOptions>> = {
  plain: { decays: [0.5, 0.9], updateEvery: 2 },
  'all that can be switched on': {
    decays: [0.5, 0.9],
    updateEvery: 2,
    precision: 'compensated',
    constraints: 'apply',
    exclude: ['norm/beta'],
    nonFinite: 'skip',
  },
};

const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-failures-'));
const checkpoint = join(folder, 'longer.safetensors');

/** Writes what scenes read: the checkpoint of a longer run, with best averages. */
export async function saveLonger(options: StageOptions): Promise<void> {
  const stage = makeStage(options, 6);
  await validate(stage);
  await stage.ema.saveCheckpoint(checkpoint);
  clear(stage);
}

/** Removes what scenes wrote. */
export function removeFiles(): void {
  rmSync(folder, { recursive: true });
}

const validate = ({ callback }: Stage): Promise<void> => callback.onEpochEnd(0, {});
/** A validation, and then weights that beat it: smaller ones, of targets around 0. */
async function validateWorse(stage: Stage): Promise<void> {
  await validate(stage);
  for (let step = 0; step < 2; step += 1) {
    tf.tidy(() => stage.model.setWeights(stage.model.getWeights().map((weight) => weight.mul(0.1))));
    stage.ema.update();
  }
}
const predict = (model: LayersModel, { x }: Stage): void => tf.tidy(() => void model.predict(x));

/** By what they call. */
export const SCENES: Readonly<Record<string, Scene>> = {
  attach: { steps: 0, run: ({ ema, model }) => ema.attach(model) },
  'attach, a checkpoint waiting': {
    steps: 0,
    prepare: ({ ema }) => ema.loadCheckpoint(checkpoint),
    run: ({ ema, model }) => ema.attach(model),
  },
  update: {
    steps: 3,
    prepare: ({ model }) => setRandomWeights(model, 5),
    run: ({ ema }) => ema.update(),
    again: ({ model }) => attachedTo(model).progress.flush(),
  },
  use: { run: (stage) => stage.ema.use({ index: 1 }, (model) => predict(model, stage)) },
  'use, a step pending': {
    steps: 3,
    run: (stage) => stage.ema.use({ index: 1 }, (model) => predict(model, stage)),
  },
  'use, of a promise': {
    run: (stage) => stage.ema.use({ index: 0 }, async (model) => predict(model, stage)),
  },
  'use, of a best average': {
    prepare: validate,
    run: (stage) => stage.ema.use('best-loss', (model) => predict(model, stage)),
  },
  'use, of a synthesized average': {
    run: (stage) => stage.ema.use({ synthesized: 0.8 }, (model) => predict(model, stage)),
  },
  read: { steps: 3, run: ({ ema }) => tf.dispose(ema.read({ index: 0 })) },
  'read, of a best average': { prepare: validate, run: ({ ema }) => tf.dispose(ema.read('best-loss')) },
  synthesize: { run: ({ ema }) => tf.dispose(synthesize(ema, 0.8).tensors) },
  diagnose: { run: ({ ema }) => ema.diagnose() },
  saveModel: { run: ({ ema }) => ema.saveModel({ index: 0 }, `file://${join(folder, 'model')}`) },
  saveCheckpoint: { prepare: validate, run: ({ ema }) => ema.saveCheckpoint(join(folder, 'own.safetensors')) },
  loadCheckpoint: { prepare: validate, run: ({ ema }) => ema.loadCheckpoint(checkpoint) },
  saveRun: { prepare: validate, run: ({ ema }) => ema.saveRun(join(folder, 'run')) },
  resume: {
    prepare: async (stage) => {
      await validate(stage);
      await stage.ema.saveRun(join(folder, 'run'));
      setRandomWeights(stage.model, 8);
      stage.ema.update();
    },
    run: ({ ema }) => ema.resume(join(folder, 'run')),
  },
  putBack: { steps: 3, run: ({ ema }) => ema.putBack({ index: 1 }) },
  'putBack, of a best average': { prepare: validate, run: ({ ema }) => ema.putBack('best-loss') },
  recomputeBatchNorm: { run: ({ ema, x }) => ema.recomputeBatchNorm(x, { batchSize: 4 }) },
  record: { steps: 3, run: ({ ema }) => ema.record({ epoch: 0, averages: [{ loss: 1 }, { loss: 2 }] }) },
  // In a fresh place each time: a first validation looks twice at what the model answers, and later ones do not.
  onEpochEnd: { run: validate, again: validate },
  'onEpochEnd, bests beaten': {
    prepare: validateWorse,
    run: ({ callback }) => callback.onEpochEnd(1, {}),
  },
};
