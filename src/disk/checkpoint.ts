// What a checkpoint of averages holds, and whether one fits: state to bytes and back, all of it checked.
// Opens no files, and moves no average.

import type { NamedTensorMap } from '@tensorflow/tfjs';
import type { ModelShadows, Part } from '../averages/shadows.js';
import { invalid, isPositive, shorten } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import { settingDifferences, settingsOf } from '../options/fingerprint.js';
import type { ResolvedOptions } from '../options/options.js';
import type { Tfjs } from '../tfjs/backend.js';
import type { HeldAverage } from '../validation/bests.js';
import { decodeBests, encodeBests, type SavedBest } from './checkpoint-bests.js';
import { matchWeights } from './checkpoint-weights.js';
import {
  checkDigests,
  decodeSafetensors,
  encodeSafetensors,
  type StoredContent,
  type StoredTensor,
  withDigests,
} from './safetensors.js';
import { type Standing, standingOf } from './standing.js';

/** What a checkpoint holds beyond the averages. */
export interface CheckpointOptions {
  /** Whether the weights of the best averages of all epochs are saved, so that `use('best', ...)` and `use('best-loss', ...)` work in the resumed run. @defaultValue true */
  readonly keepBest?: boolean;
}

/** Values of one average, in the order of the model's weights. */
export interface SavedAverage {
  readonly average: number;
  readonly part: Part;
  readonly values: readonly Float32Array[];
}

/** A checkpoint that fits. */
export interface Checkpoint {
  readonly standing: Standing;
  readonly averages: readonly SavedAverage[];
  /** The best averages of all epochs, with their weights where those were saved. */
  readonly bests: readonly SavedBest[];
}

/** What a checkpoint is made of. */
export interface CheckpointSource {
  readonly shadow: ModelShadows;
  readonly options: ResolvedOptions;
  readonly standing: Standing;
  readonly bests: readonly HeldAverage[];
  /** What else is in the file. */
  readonly beside?: StoredContent | undefined;
}

/** The version of the layout: names of tensors and metadata. */
const VERSION = '1';
/** At most so many differences are listed. */
const LISTED = 10;
/** Characters of a text of the metadata: 10,000 weights with their shapes are half a million. To read one takes up to 64 bytes. */
const MAX_JSON = 4_000_000;
/** How deep such a text nests: settings nest five deep. */
const MAX_DEPTH = 32;

/**
 * The bytes of a checkpoint: tensors `average.<index>/<weight>`, with `precision: 'compensated'` also `average.<index>.low/<weight>`, for best
 * averages `best.<metric>/<weight>`; and metadata `tfjs-ema` (version), `standing`,
 * `bests`, `settings`, `weights`, `length` where that of the run is known, and SHA-256 digests.
 * @returns pieces to be written one after the other.
 * @throws {@link EmaError} INVALID_ARGUMENT — more or longer names of weights than a checkpoint may hold.
 */
export function encodeCheckpoint({
  shadow,
  options,
  standing,
  bests,
  beside,
}: CheckpointSource): readonly Uint8Array[] {
  const tensors = new Map<string, StoredTensor>();
  for (const { average, part } of rowsOf(options)) {
    const values = shadow.values(average, part);
    shadow.weights.averaged.forEach(({ name, variable: { shape } }, index) => {
      const data = values[index];
      if (data !== undefined) tensors.set(tensorName(average, part, name), { dtype: 'F32', shape, data });
    });
  }
  const best = encodeBests(bests);
  const metadata = new Map([
    ['tfjs-ema', VERSION],
    ['standing', JSON.stringify(standing)],
    ['bests', best.metadata],
    ['settings', JSON.stringify(settingsOf(options))],
    ['weights', JSON.stringify(weightsOf(shadow))],
    ...lengthOf(options),
    ...(beside?.metadata ?? []),
  ]);
  for (const [name, { length }] of metadata) {
    if (length > MAX_JSON) throw invalid(`${name} of the checkpoint`, `at most ${MAX_JSON} characters`, length);
  }
  const all = new Map([...tensors, ...best.tensors, ...(beside?.tensors ?? [])]);
  return encodeSafetensors(withDigests({ tensors: all, metadata }));
}

/**
 * The content of a checkpoint, once every byte of it was checked; whether it fits is still to be seen.
 * @throws {@link EmaError} CHECKPOINT — damaged, or of another version.
 */
export function openCheckpoint(bytes: Uint8Array): StoredContent {
  const content = decodeSafetensors(bytes);
  checkVersion(content.metadata.get('tfjs-ema'));
  checkDigests(content);
  return content;
}

/** The run's length, of which `'auto'` and fractions were shares. */
function lengthOf({ run: { totalSteps } }: ResolvedOptions): readonly (readonly [string, string])[] {
  return totalSteps === undefined ? [] : [['length', `${totalSteps}`]];
}

/** Steps that the run was to have when it was saved; undefined where that was not known. */
export function plannedSteps({ metadata }: StoredContent): number | undefined {
  const length = Number(metadata.get('length'));
  return isPositive(length) ? length : undefined;
}

/**
 * The state in a checkpoint.
 * @throws {@link EmaError} CHECKPOINT — of another model or other options: all differences.
 */
export function decodeCheckpoint(content: StoredContent, shadow: ModelShadows, options: ResolvedOptions): Checkpoint {
  const { savedAs, differences: others } = matchWeights(metadataOf(content, 'weights'), weightsOf(shadow));
  const differences = [...settingDifferences(metadataOf(content, 'settings'), settingsOf(options)), ...others];
  if (differences.length > 0) throw otherRun(differences);
  const averages = rowsOf(options).map(({ average, part }) => ({
    average,
    part,
    values: shadow.weights.averaged.map(({ name, variable: { shape } }) =>
      dataOf(content, tensorName(average, part, savedAs(name)), shape),
    ),
  }));
  const bests = decodeBests(content, Object.values(metadataOf(content, 'bests')), {
    decays: options.decays,
    weights: [...shadow.weights.averaged, ...shadow.weights.live].map((one) => ({
      ...one,
      savedAs: savedAs(one.name),
    })),
  });
  return { standing: standingOf(metadataOf(content, 'standing'), options), averages, bests };
}

/**
 * Checks the argument of the methods.
 * @throws {@link EmaError} INVALID_ARGUMENT
 */
export function checkPath(path: string): string {
  if (typeof path === 'string' && path !== '' && !path.includes('://')) return path;
  throw invalid('path', "a file's path such as 'run/ema.safetensors'", path);
}

function rowsOf(options: ResolvedOptions): { readonly average: number; readonly part: Part }[] {
  const parts: readonly Part[] = options.precision === 'compensated' ? ['high', 'low'] : ['high'];
  return parts.flatMap((part) => options.decays.map((_, average) => ({ average, part })));
}

function tensorName(average: number, part: Part, weight: string): string {
  return `average.${average}${part === 'low' ? '.low' : ''}/${weight}`;
}

/** What the model's weights are called, and `live` or their shape: its fingerprint. */
function weightsOf({ weights }: ModelShadows): Readonly<Record<string, unknown>> {
  const shapeOf = (shape: readonly number[]) => `[${shape.join(', ')}]`;
  return Object.fromEntries([
    ...weights.averaged.map(({ name, variable }) => [name, shapeOf(variable.shape)]),
    ...weights.live.map(({ name, variable }) => [name, `${shapeOf(variable.shape)}, not averaged`]),
  ]);
}

function checkVersion(version: string | undefined): void {
  if (version === VERSION) return;
  if (version === undefined) {
    throw new EmaError('CHECKPOINT', 'checkpoint: expected one of this package, received a file of another one.');
  }
  throw new EmaError(
    'CHECKPOINT',
    `checkpoint: expected format version ${VERSION}, received ${shorten(version)}. Load it with the version of tfjs-ema that saved it.`,
  );
}

/**
 * An object from the metadata: it passed its digest, so only a file made on purpose is wrong here.
 * @throws {@link EmaError} CHECKPOINT
 */
export function metadataOf({ metadata }: StoredContent, name: string): Readonly<Record<string, unknown>> {
  const text = metadata.get(name) ?? '';
  if (text.length > MAX_JSON) {
    throw new EmaError(
      'CHECKPOINT',
      `checkpoint: expected at most ${MAX_JSON} characters as '${name}' of the metadata, received ${text.length}.`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EmaError('CHECKPOINT', `checkpoint: expected JSON as '${name}' of the metadata.`, { cause });
  }
  if (!isObject(value) || isDeep(value)) {
    throw new EmaError(
      'CHECKPOINT',
      `checkpoint: expected an object as '${name}' of the metadata, at most ${MAX_DEPTH} deep.`,
    );
  }
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Whether a value nests so deep that to compare or show it might exhaust the stack. */
function isDeep(value: unknown): boolean {
  let level: readonly unknown[] = [value];
  for (let depth = 0; depth < MAX_DEPTH; depth += 1)
    level = level.filter(isObject).flatMap((one) => Object.values(one));
  return level.some(isObject);
}

/** The error for a checkpoint of another model, or of other options. */
export function otherRun(differences: readonly string[]): EmaError {
  const more = differences.length > LISTED ? `; and ${differences.length - LISTED} more` : '';
  return new EmaError(
    'CHECKPOINT',
    `checkpoint: expected one of this model and these options, received another: ${differences.slice(0, LISTED).join('; ')}` +
      `${more}. Give the options of the saved run, and its model: name the layers (tf.layers.dense({ name: 'head', ... })), as layers ` +
      'with names, a loaded model, or a record of variables have the same weight names in every run.',
  );
}

function dataOf({ tensors }: StoredContent, name: string, shape: readonly number[]): Float32Array {
  const tensor = tensors.get(name);
  if (tensor?.dtype === 'F32' && JSON.stringify(tensor.shape) === JSON.stringify(shape)) return tensor.data;
  throw new EmaError(
    'CHECKPOINT',
    `checkpoint: expected tensor '${name}' of type F32 and shape [${shape.join(', ')}].`,
  );
}

/** Tensors of stored values, by weight name, in the current scope. */
export function tensorsOf(tf: Tfjs, stored: ReadonlyMap<string, StoredTensor>): NamedTensorMap {
  const types = { F32: 'float32', I32: 'int32', BOOL: 'bool', U8: 'int32' } as const;
  const pairs = [...stored].map(([name, { data, shape, dtype }]) => [name, tf.tensor(data, [...shape], types[dtype])]);
  return Object.fromEntries(pairs);
}
