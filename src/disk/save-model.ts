// A plain tfjs model on disk, written so that after any crash its folder holds the old one or the new one; and how it was made.
// Puts no average into a model.

import type { io } from '@tensorflow/tfjs';
import { fieldOf, invalid } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import type { Settings } from '../options/fingerprint.js';
import type { Tfjs } from '../tfjs/backend.js';
import type { BestRecord } from '../validation/bests.js';
import { type FileSystem, makeFolder, readWhole, writeAtomically } from './atomic-file.js';
import { basename, fileSystem, join, resolve } from './node.js';
import { inTurn } from './turns.js';

/** Where {@link WeightEma.saveModel} writes: a URL such as `file://folder`, or a handler of tfjs. */
export type SaveTarget = io.IOHandler | string;

/** How a saved average was made: `tfjsEma` in the `userDefinedMetadata` of its model. */
export interface Provenance {
  /** Version of this package. */
  readonly version: string;
  /** What was asked for, such as `'best-loss'`; `'weights'` for tensors that were given. */
  readonly which: unknown;
  /** Which average that was: its place in `settings.decays`, and what it is called; no place for a `'synthesized'` one, nor for `'weights'`. */
  readonly index?: number;
  readonly label: string;
  /** Of the run when this was saved. */
  readonly steps: number;
  readonly updates: number;
  /** The step at which `reset` of this average, and not of all, let it begin anew; else absent. */
  readonly begun?: number;
  /** Options on which averages depend: decays, `updateEvery`, `warmup` ... */
  readonly settings: Settings;
  /** Of a best average: when it was that, by what. */
  readonly best?: BestRecord;
}

/** Name of the provenance in a model's metadata. */
const NAME = 'tfjsEma';
/** Beside what tfjs writes into a `model.json`, that of a run names the file of its averages. */
export const RUN = 'tfjsEmaRun';
const FILE_SCHEME = 'file://';
/** The file that makes a folder a model's. */
export const TOPOLOGY = 'model.json';
/** Names of the weights' file: the one that the model in the folder does not use. */
const WEIGHTS: readonly string[] = ['weights.bin', 'weights-2.bin'];

/**
 * Checks where a model is to be saved, before anything is done for it.
 * @throws {@link EmaError} INVALID_ARGUMENT — tfjs knows no way to write there.
 */
export function saverOf(tf: Tfjs, target: SaveTarget): (artifacts: io.ModelArtifacts) => Promise<io.SaveResult> {
  if (typeof target !== 'string') return handlerSaver(target);
  if (!target.startsWith(FILE_SCHEME)) return handlerSaver(tf.io.getSaveHandlers(target)[0], target);
  if (target === FILE_SCHEME) throw invalid('target', "a folder, such as 'file://model-ema'", target);
  const folder = resolve(target.slice(FILE_SCHEME.length));
  return async (artifacts) => {
    await inTurn(folder, () => writeModel(folder, artifacts));
    return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
  };
}

/**
 * Takes what `model.save` would write.
 * @param save calls `model.save` with the handler that it is given.
 * @returns undefined where nothing was handed to the handler.
 */
export async function artifactsOf(
  tf: Tfjs,
  save: (handler: io.IOHandler) => Promise<io.SaveResult>,
): Promise<{ readonly artifacts: io.ModelArtifacts | undefined; readonly result: io.SaveResult }> {
  let artifacts: io.ModelArtifacts | undefined;
  const result = await save({
    save: async (taken: io.ModelArtifacts): Promise<io.SaveResult> => {
      artifacts = taken;
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(taken) };
    },
  });
  return { artifacts, result };
}

/** The artifacts with a provenance beside the model's own metadata. */
export function withProvenance(artifacts: io.ModelArtifacts, provenance: Provenance): io.ModelArtifacts {
  return { ...artifacts, userDefinedMetadata: { ...artifacts.userDefinedMetadata, [NAME]: provenance } };
}

/**
 * Writes a model's folder as tfjs does, `model.json` last: until it takes its place, the folder is the old model, and from then on the new
 * one, because the new weights are in a file that the old model does not name. Other files in the folder stay.
 * @param folder made where it does not exist.
 * @param fs the file system. @defaultValue `node:fs/promises`
 * @throws {@link EmaError} CHECKPOINT — it cannot be written; the old model is as before.
 */
export async function writeModel(
  folder: string,
  artifacts: io.ModelArtifacts,
  fs: FileSystem = fileSystem(),
): Promise<void> {
  await makeFolder(folder, fs);
  const old = filesNamedIn(await topologyIn(folder, fs));
  // Of a run, whose averages and optimizer would go.
  if (old.some((name) => name.endsWith('.safetensors')))
    throw new EmaError(
      'CHECKPOINT',
      `${folder}: expected a folder of its own for the model, and this one holds a run of saveRun(). Save it beside: 'file://${folder}/best'.`,
    );
  const weights = WEIGHTS.find((name) => !old.includes(name)) ?? 'weights-3.bin';
  await writeAtomically(join(folder, weights), weightPieces(artifacts), fs);
  await writeAtomically(join(folder, TOPOLOGY), [modelJson(artifacts, weights)], fs);
  // Nothing names them any more; what cannot be removed is overwritten by the next save but one.
  for (const name of old) await fs.unlink(join(folder, name)).catch(() => undefined);
}

function fixOf(target: string): string {
  if (!target.includes('://')) return `For a folder write 'file://${target}'.`;
  return /^(indexeddb|localstorage|downloads):/.test(target)
    ? "Only a browser has it: in Node write 'file://folder'."
    : '';
}

function handlerSaver(
  handler: io.IOHandler | undefined,
  target?: string,
): (artifacts: io.ModelArtifacts) => Promise<io.SaveResult> {
  const save = handler?.save?.bind(handler);
  if (save !== undefined) return save;
  const expected = 'a URL for which tfjs has save handlers, such as file://folder, or a handler with a save method';
  throw invalid('target', expected, target ?? handler, target === undefined ? '' : fixOf(target));
}

/**
 * The bytes of a `model.json`.
 * @param weights name of the file with the weights.
 */
export function modelJson(
  { weightData, weightSpecs, ...rest }: io.ModelArtifacts & { readonly [RUN]?: string },
  weights: string,
): Uint8Array {
  const whole = { ...rest, weightsManifest: [{ paths: [weights], weights: weightSpecs ?? [] }] };
  return new TextEncoder().encode(JSON.stringify(whole));
}

function weightPieces({ weightData = [] }: io.ModelArtifacts): readonly Uint8Array[] {
  return (Array.isArray(weightData) ? weightData : [weightData]).map((buffer) => new Uint8Array(buffer));
}

/**
 * The bytes of the `model.json` in a folder; undefined where there is none.
 * @throws {@link EmaError} CHECKPOINT — it cannot be read.
 */
export async function topologyIn(folder: string, fs: FileSystem = fileSystem()): Promise<Uint8Array | undefined> {
  return readWhole(join(folder, TOPOLOGY), fs).catch((error: unknown) => {
    // Any other failure must not pass for a folder without a model: its weights would be written over.
    if (error instanceof EmaError && fieldOf(error.cause, 'code') === 'ENOENT') return undefined;
    throw error;
  });
}

/** Files in its folder that a `model.json` names, that of the averages of a run last; none where it could not be loaded. */
export function filesNamedIn(topology: Uint8Array | undefined): readonly string[] {
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(topology));
    const manifest = fieldOf(json, 'weightsManifest');
    const groups: readonly unknown[] = Array.isArray(manifest) ? manifest : [];
    const paths = [...groups.flatMap((group) => fieldOf(group, 'paths')), fieldOf(json, RUN)];
    return paths.filter((path) => typeof path === 'string').filter((path) => path !== '' && basename(path) === path);
  } catch {
    return [];
  }
}
