// What a command is given a path of: a checkpoint or the folder of a run, read and checked whole.
// Needs no tfjs, and changes nothing.

import { stat } from 'node:fs/promises';
import { EmaError, messageOf } from '../base/errors.js';
import { readWhole } from '../disk/atomic-file.js';
import { metadataOf, openCheckpoint } from '../disk/checkpoint.js';
import { decodeBests, type SavedBest } from '../disk/checkpoint-bests.js';
import { fileSystem } from '../disk/node.js';
import { checkDigests, readRun, type StoredRun } from '../disk/run-folder.js';
import type { StoredContent } from '../disk/safetensors.js';
import { type Standing, standingOf } from '../disk/standing.js';
import { factsOf, type RunFacts } from '../ema/run-facts.js';
import type { Settings } from '../options/fingerprint.js';
import type { ResolvedOptions } from '../options/options.js';
import { labelsOf } from '../schedule/specs.js';

/** Options of a run as its file has them: plain data, functions as some of their values. */
export type SavedOptions = Pick<
  ResolvedOptions,
  'decays' | 'profiles' | 'layerRules' | 'updateEvery' | 'startStep' | 'warmup' | 'warmupClock' | 'precision'
>;

/** A checkpoint, and the model's own files where it is that of a run. */
export interface Saved {
  readonly path: string;
  /** Of all files. */
  readonly bytes: number;
  readonly content: StoredContent;
  readonly run: { readonly stored: StoredRun; readonly facts: RunFacts } | undefined;
  readonly settings: Settings;
  readonly options: SavedOptions;
  readonly standing: Standing;
  readonly bests: readonly SavedBest[];
  /** What the averages are called, in their order. */
  readonly labels: readonly string[];
  /** After how many steps each began that `reset` let begin later than the others, by its place. */
  readonly begun: ReadonlyMap<number, number>;
  /** What the weights are called, and their shape as text; of those that are not averaged the text says so. */
  readonly weights: Readonly<Record<string, string>>;
}

/** How {@link Saved.weights} marks weights that are not averaged. */
export const NOT_AVERAGED = ', not averaged';

/**
 * Opens a checkpoint or a run.
 * @throws {@link EmaError} CHECKPOINT — it is neither, or damaged; the message begins with the path.
 */
export async function openSaved(path: string): Promise<Saved> {
  try {
    return await open(path);
  } catch (error) {
    const message = messageOf(error);
    throw new EmaError('CHECKPOINT', message.includes(path) ? message : `${path}: ${message}`, { cause: error });
  }
}

async function open(path: string): Promise<Saved> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    const file = await readWhole(path, fileSystem());
    return decoded(path, { content: openCheckpoint(file), bytes: file.length, run: undefined });
  }
  const stored = await readRun(path);
  if (stored === undefined)
    throw new EmaError('CHECKPOINT', 'expected a checkpoint or a folder of saveRun(), received one without a model.');
  const content = openCheckpoint(stored.averages);
  const facts = factsOf(content);
  checkDigests(stored, facts.digests);
  const bytes = stored.topology.length + stored.weights.length + stored.averages.length;
  return decoded(path, { content, bytes, run: { stored, facts } });
}

function decoded(path: string, { content, bytes, run }: Pick<Saved, 'content' | 'bytes' | 'run'>): Saved {
  const settings = metadataOf(content, 'settings');
  const options = optionsOf(settings);
  const standing = standingOf(metadataOf(content, 'standing'), options);
  // Nobody asks here for the weights of one by the model's names.
  const bests = decodeBests(content, Object.values(metadataOf(content, 'bests')), {
    decays: options.decays,
    weights: [],
  });
  return {
    ...{ path, bytes, content, run, settings, options, standing, bests },
    begun: new Map(standing.begun),
    labels: labelsOf(options),
    weights: Object.fromEntries(Object.entries(metadataOf(content, 'weights')).map(([name, one]) => [name, `${one}`])),
  };
}

/** The settings by their types: they were written from these, and passed their digest; a file made on purpose may be wrong here. */
function optionsOf(settings: Settings): SavedOptions {
  const { decays, profiles, layerRules } = settings;
  const isNumbers = (value: unknown): boolean =>
    Array.isArray(value) && value.every((one) => typeof one === 'number' && one >= 0 && one <= 1);
  if (!isNumbers(decays) || !Array.isArray(profiles) || !Array.isArray(layerRules))
    throw new EmaError('CHECKPOINT', 'expected the decays of averages among the settings, received others.');
  // As settingsOf wrote them from ResolvedOptions.
  const saved = settings as unknown as SavedOptions;
  return { ...saved, profiles: saved.profiles.map(whole), warmup: whole(saved.warmup) };
}

/** A function was saved as some of its values, or none: it stays one, which nobody calls. */
function whole<Value>(saved: Value): Value | (() => number) {
  return typeof saved === 'object' && saved !== null && 'values' in saved ? () => Number.NaN : saved;
}
