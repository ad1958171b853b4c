// What of a `WeightEma` is called seldom, and is a promise: files, a second model, BatchNorm's statistics anew.
// Documents nothing: the methods of the class do.

import type { io, LayersModel, NamedTensorMap } from '@tensorflow/tfjs';
import { boolean, checkNames, fieldOf, invalid } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import { readWhole, writeAtomically } from '../disk/atomic-file.js';
import { type CheckpointOptions, checkPath, openCheckpoint } from '../disk/checkpoint.js';
import { resolve } from '../disk/node.js';
import { checkFolder, readRun, writeRun } from '../disk/run-folder.js';
import { type SaveTarget, saverOf } from '../disk/save-model.js';
import { inTurn } from '../disk/turns.js';
import { checkStatistics, type InputData, type RecomputeOptions, recomputeBatchNorm } from '../model/batch-norm.js';
import { type AverageTwin, makeTwin } from '../model/twin.js';
import { isLayersModel } from '../model/variables.js';
import type { Which } from '../schedule/which.js';
import { isTraining } from '../tfjs/backend.js';
import { checkReadable } from './attached.js';
import type { Averaging } from './averaging.js';
import { checkpointOf, saveSelected, storedAverages } from './files.js';
import { recomputeStatistics } from './recompute.js';
import { type Resumed, resumeRun, takeRun } from './run.js';

/** See `WeightEma.asModel`. */
export async function asModel(averaging: Averaging, which: Which | NamedTensorMap): Promise<AverageTwin> {
  const attached = averaging.live('asModel');
  const { weights } = attached.shadows;
  const fix = 'read() gives the tensors by name, to assign to variables of your own.';
  const model = averaging.layersModel(attached, 'asModel', fix);
  // A wrong name is told before a model is made for it.
  averaging.select(which, attached);
  return makeTwin(averaging.tf, { model, weights }, () => {
    const now = averaging.live('refresh');
    const selected = averaging.select(which, now);
    return selected.isFixed || now.progress.steps > 0 ? now.read(selected) : now.shadows.own();
  });
}

/** See `WeightEma.recomputeBatchNorm`. */
export async function recompute(averaging: Averaging, data: InputData, options: RecomputeOptions): Promise<void> {
  checkNames(options, ['which', 'batchSize']);
  const { which, batchSize } = options;
  const attached = averaging.live('recomputeBatchNorm');
  const fix = 'Variables that are not trainable are used live: set statistics among them yourself, inside of use().';
  const model = averaging.layersModel(attached, 'recomputeBatchNorm', fix);
  const { batchNorm, decays } = averaging.options;
  if (batchNorm !== 'average') throw invalid('batchNorm', "'average', for recomputeBatchNorm", batchNorm);
  checkStatistics(model, attached.shadows.weights.live);
  if (averaging.bests.find(which) !== undefined) throw invalid('which', 'an average that is still kept up', which);
  const indices = which === undefined ? decays.map((_, index) => index) : [averaging.indexOf(which)];
  const pass = (): Promise<void> => recomputeBatchNorm(averaging.tf, model, { data, batchSize });
  await recomputeStatistics(averaging.tf, () => averaging.live('recomputeBatchNorm'), { indices, pass });
}

/** See `WeightEma.saveModel`. */
export async function saveModel(
  averaging: Averaging,
  {
    which,
    target,
    config,
  }: {
    readonly which: Which | NamedTensorMap;
    readonly target: SaveTarget;
    readonly config: io.SaveConfig | undefined;
  },
): Promise<io.SaveResult> {
  const attached = averaging.live('saveModel');
  const fix = 'read() gives the tensors by name; saveCheckpoint() saves averages to go on from.';
  const model = averaging.layersModel(attached, 'saveModel', fix);
  const save = saverOf(averaging.tf, target);
  if (config !== undefined) checkNames(config, ['trainableOnly', 'includeOptimizer'] satisfies (keyof io.SaveConfig)[]);
  checkReadable(averaging.tf, 'saveModel');
  const selected = averaging.select(which, attached);
  return saveSelected(averaging.tf, { attached, model, which, selected, config }, save);
}

/** See `WeightEma.saveCheckpoint`. */
export async function saveCheckpoint(averaging: Averaging, path: string, options: CheckpointOptions): Promise<void> {
  const take = checkpointTaker(averaging, 'saveCheckpoint', options);
  const target = resolve(checkPath(path));
  const pieces = take();
  await inTurn(target, () => writeAtomically(target, pieces));
}

/** See `WeightEma.checkpoint`. */
export async function checkpoint(averaging: Averaging, options: CheckpointOptions): Promise<Blob> {
  const pieces = checkpointTaker(averaging, 'checkpoint', options)();
  // Typed for memory that threads may share, which none of it is.
  return new Blob(pieces.map((piece) => new Uint8Array(piece)));
}

/** Checks what can be wrong before anything is taken. */
function checkpointTaker(
  averaging: Averaging,
  method: string,
  options: CheckpointOptions,
): () => readonly Uint8Array[] {
  checkNames(options, ['keepBest']);
  const { keepBest = true } = options;
  const attached = averaging.live(method);
  const withWeights = boolean('keepBest', keepBest);
  checkReadable(averaging.tf, method);
  const { bests, current } = averaging;
  return () => checkpointOf(attached, { bests, current, withWeights });
}

/** See `WeightEma.loadCheckpoint`. */
export async function loadCheckpoint(averaging: Averaging, source: string | Blob): Promise<void> {
  averaging.checkUsable();
  if (typeof source !== 'string' && !isBlob(source))
    throw invalid(
      'source',
      "a file's path such as 'run/ema.safetensors', or a Blob",
      source,
      'Of bytes make one: new Blob([bytes]).',
    );
  const bytes = isBlob(source)
    ? new Uint8Array(await source.arrayBuffer())
    : await readWhole(resolve(checkPath(source)));
  averaging.goOn(storedAverages(averaging.tf, openCheckpoint(bytes)));
}

/** By its shape: under jest, and in a frame of a page, there are several kinds of Blob. */
function isBlob(source: string | Blob): source is Blob {
  return typeof fieldOf(source, 'arrayBuffer') === 'function';
}

/** See `WeightEma.saveRun`. */
export async function saveRun(averaging: Averaging, folder: string): Promise<void> {
  const { tf, bests, current, epochs } = averaging;
  const attached = averaging.live('saveRun');
  const fix = 'saveCheckpoint() saves the averages; save variables and optimizer beside it.';
  const model = averaging.layersModel(attached, 'saveRun', fix);
  const target = checkFolder(folder);
  const warn = (message: string): void => averaging.warnings.add(message);
  await writeRun(target, takeRun(tf, { attached, model, bests, current, epochs, warn }));
}

/** See `WeightEma.resume`. */
export async function resume(
  averaging: Averaging,
  folder: string,
  model: LayersModel | undefined,
): Promise<Resumed | undefined> {
  averaging.checkUsable();
  if (model !== undefined && !isLayersModel(averaging.tf, model)) throw invalid('model', 'a tf.LayersModel', model);
  const stored = await readRun(checkFolder(folder));
  // Asked again: reading took a while.
  averaging.checkUsable();
  if (stored === undefined) return undefined;
  const { attached } = averaging;
  if (model !== undefined) attached?.shadows.checkModel(model);
  const fix = 'loadCheckpoint() loads a file of saveCheckpoint().';
  const own = attached && averaging.layersModel(attached, 'resume', fix);
  const target = model ?? own;
  if (target !== undefined && isTraining(target)) {
    const received = `'${target.name}', which fit trains now`;
    throw invalid('resume', 'a model that is not being trained', received, 'Let fit end first.');
  }
  const resumed = await resumeRun(averaging.tf, stored, {
    model: target,
    goOn: (content, restored) => {
      // Making a model took a while, too.
      if (averaging.attached !== attached) {
        const message =
          'resume: another model was attached while the saved one was made, whose averages these are. Await resume(), then attach the ' +
          'model that it returns; or give yours: resume(folder, model).';
        throw new EmaError('MODEL_CHANGED', message);
      }
      averaging.goOn(storedAverages(averaging.tf, content), restored);
    },
  });
  averaging.epochs = resumed.initialEpoch;
  averaging.resumedAt = resumed.initialEpoch;
  return resumed;
}
