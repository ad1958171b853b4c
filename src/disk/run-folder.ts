// The folder of a run: a plain tfjs model, and the file that averages and optimizer go on from, switched together by one rename.
// Knows no model and no average: it is given bytes, and finds out whether they are still those.

import type { io } from '@tensorflow/tfjs';
import { invalid } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import {
  abandon,
  discard,
  type FileSystem,
  makeFolder,
  type OwnNames,
  ownName,
  readWhole,
  removeStale,
  writeAtomically,
  writeOwn,
} from './atomic-file.js';
import { createHash, fileSystem, join, resolve } from './node.js';
import { filesNamedIn, modelJson, RUN, TOPOLOGY, topologyIn } from './save-model.js';
import { inTurn } from './turns.js';

/** SHA-256 of the model's two files: they are kept in the third, which has digests of its own. */
export interface ModelDigests {
  readonly topology: string;
  readonly weights: string;
}

/** The files of one moment of a run, by name. */
export interface RunFiles {
  readonly topology: Uint8Array;
  readonly others: ReadonlyMap<string, readonly Uint8Array[]>;
}

/** A run as it was read: the two files of the model, which fit to their digests only where {@link checkDigests} says so. */
export interface StoredRun {
  readonly folder: string;
  readonly topology: Uint8Array;
  readonly weights: Uint8Array;
  readonly averages: Uint8Array;
}

const WEIGHTS: OwnNames = { prefix: 'weights.', suffix: '.bin' };
const AVERAGES: OwnNames = { prefix: 'averages.', suffix: '.safetensors' };

/**
 * Checks the argument of the methods.
 * @throws {@link EmaError} INVALID_ARGUMENT
 */
export function checkFolder(folder: string): string {
  if (typeof folder === 'string' && folder !== '' && !folder.includes('://')) return folder;
  throw invalid('folder', "a folder's path such as 'run'", folder);
}

/**
 * The files of a run.
 * @param artifacts of the model, without its weights.
 * @param weights of the model, as tfjs writes them.
 * @param averages gives the bytes of the third file, in which the digests of the other two are.
 */
export function runFiles(
  artifacts: io.ModelArtifacts,
  weights: readonly Uint8Array[],
  averages: (digests: ModelDigests) => readonly Uint8Array[],
): RunFiles {
  const [weightsName, averagesName] = [ownName(WEIGHTS), ownName(AVERAGES)];
  const topology = modelJson({ ...artifacts, [RUN]: averagesName }, weightsName);
  const digests = { topology: digestOf([topology]), weights: digestOf(weights) };
  return {
    topology,
    others: new Map([
      [weightsName, weights],
      [averagesName, averages(digests)],
    ]),
  };
}

/**
 * Writes a run, `model.json` last: until it takes its place the folder is the old run, and from then on the new one, whose other files the
 * old one does not name. Files of other kinds in the folder stay. Saves of one folder come one after the other.
 * @param folder made where it does not exist.
 * @param fs the file system. @defaultValue `node:fs/promises`
 * @throws {@link EmaError} CHECKPOINT — it cannot be written; the old run is as before.
 */
export async function writeRun(folder: string, files: RunFiles, fs: FileSystem = fileSystem()): Promise<void> {
  const place = resolve(folder);
  await inTurn(place, () => writeNow(place, files, fs));
}

async function writeNow(folder: string, { topology, others }: RunFiles, fs: FileSystem): Promise<void> {
  await makeFolder(folder, fs);
  const topologyBefore = await topologyIn(folder, fs);
  const old = filesNamedIn(topologyBefore);
  // A model that is no run would go.
  if (topologyBefore !== undefined && old.length > 0) namesIn(folder, topologyBefore);
  for (const names of [WEIGHTS, AVERAGES]) await removeStale(folder, names, { keep: old, fs });
  await writeOwn(folder, others, fs);
  try {
    await writeAtomically(join(folder, TOPOLOGY), [topology], fs);
  } catch (error) {
    // The new one may be in place all the same. Where nobody can tell, the next save finds out.
    const named = await topologyIn(folder, fs).then(filesNamedIn, () => undefined);
    for (const name of [...old, ...others.keys()]) {
      if (named === undefined) abandon(join(folder, name));
      else if (!named.includes(name)) await discard(join(folder, name), fs);
    }
    throw error;
  }
  for (const name of old) await discard(join(folder, name), fs);
  // Another process may take their place and be killed before it has removed them.
  for (const name of others.keys()) abandon(join(folder, name));
}

/**
 * Reads a run.
 * @returns undefined where the folder has no model, or does not exist.
 * @throws {@link EmaError} CHECKPOINT — it holds a model that is no run, or a file of the run is missing or cannot be read.
 */
export async function readRun(folder: string, fs: FileSystem = fileSystem()): Promise<StoredRun | undefined> {
  const place = resolve(folder);
  for (;;) {
    const topology = await topologyIn(place, fs);
    if (topology === undefined) return undefined;
    try {
      const [weights, averages] = namesIn(folder, topology);
      const read = (name: string) => readWhole(join(place, name), fs);
      return { folder, topology, weights: await read(weights), averages: await read(averages) };
    } catch (error) {
      // Somebody may have saved meanwhile, so that these files are gone and others are there.
      const now = await topologyIn(place, fs);
      if (now === undefined || digestOf([now]) === digestOf([topology])) throw error;
    }
  }
}

/**
 * Checks that the files of the model are those that were saved with the averages.
 * @throws {@link EmaError} CHECKPOINT
 */
export function checkDigests({ folder, topology, weights }: StoredRun, digests: ModelDigests): void {
  const own = { [TOPOLOGY]: [topology, digests.topology], weights: [weights, digests.weights] } as const;
  for (const [name, [bytes, digest]] of Object.entries(own)) {
    if (digestOf([bytes]) === digest) continue;
    throw new EmaError(
      'CHECKPOINT',
      `${folder}: expected the bytes that were saved, received others as ${name}. The run is damaged: use an earlier copy of its folder.`,
    );
  }
}

function namesIn(folder: string, topology: Uint8Array): readonly [weights: string, averages: string] {
  const [weights, averages, ...more] = filesNamedIn(topology);
  if (weights !== undefined && averages?.startsWith(AVERAGES.prefix) && more.length === 0) return [weights, averages];
  throw new EmaError(
    'CHECKPOINT',
    `${folder}: expected a folder of saveRun(), received one with another model, or a damaged ${TOPOLOGY}. ` +
      'Load such a model by tf.loadLayersModel(), or choose another folder.',
  );
}

function digestOf(pieces: readonly Uint8Array[]): string {
  const hash = createHash();
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}
