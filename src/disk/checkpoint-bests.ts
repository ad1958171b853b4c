// The best averages in a checkpoint: records as metadata, weights as tensors, and back, all of it checked.
// Owns no tensors of tfjs, and chooses nothing.

import type { Tensor } from '@tensorflow/tfjs';
import { fieldOf, isCount, shorten, show } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import type { Weight } from '../model/weights.js';
import type { BestRecord, HeldAverage } from '../validation/bests.js';
import type { Ties } from '../validation/ties.js';
import type { StoredContent, StoredTensor } from './safetensors.js';

/** A best average as saved. */
export interface SavedBest {
  readonly record: BestRecord;
  /** By weight name; undefined where only the record was saved. */
  readonly tensors: ReadonlyMap<string, StoredTensor> | undefined;
}

/** What a saved best average must fit. */
export interface BestsContext {
  readonly decays: readonly number[];
  /** All of the model's weights, and what they are called in the file. */
  readonly weights: readonly (Pick<Weight, 'name' | 'variable'> & { readonly savedAs?: string })[];
}

/** Types of weights, as safetensors names them. */
const STORED_TYPES: Readonly<Record<string, StoredTensor['dtype']>> = { float32: 'F32', int32: 'I32', bool: 'BOOL' };

/** Records as JSON, and weights as tensors `best.<metric>/<weight>`. */
export function encodeBests(bests: readonly HeldAverage[]): {
  readonly metadata: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
} {
  const tensors = new Map<string, StoredTensor>();
  for (const { record, tensors: named } of bests) {
    for (const [name, tensor] of Object.entries(named ?? {})) {
      const stored = storedOf(tensor);
      if (stored !== undefined) tensors.set(tensorName(record.metric, name), stored);
    }
  }
  // JSON has no infinity, which a loss can be.
  const records = bests.map(({ record, tensors: named }) => ({
    ...record,
    value: Number.isFinite(record.value) ? record.value : `${record.value}`,
    hasWeights: named !== undefined,
  }));
  return { metadata: JSON.stringify(records), tensors };
}

/**
 * The best averages of a checkpoint.
 * @param saved the list `bests` of its metadata.
 * @throws {@link EmaError} CHECKPOINT — a record is impossible, comes twice, or a tensor of it is missing.
 */
export function decodeBests(
  content: StoredContent,
  saved: readonly unknown[],
  context: BestsContext,
): readonly SavedBest[] {
  const bests = saved.map((entry: unknown) => {
    const record = recordOf(entry, context.decays);
    if (record === undefined) {
      const text = shorten(JSON.stringify(entry) ?? show(entry));
      throw new EmaError('CHECKPOINT', `checkpoint: expected the record of a best average, received ${text}.`);
    }
    const hasWeights = fieldOf(entry, 'hasWeights') === true;
    return { record, tensors: hasWeights ? weightsOf(content, record.metric, context.weights) : undefined };
  });
  // Else one tensor of the file could be loaded any number of times.
  if (new Set(bests.map(({ record }) => record.metric)).size === bests.length) return bests;
  throw new EmaError('CHECKPOINT', 'checkpoint: expected one best average of each metric, received several.');
}

function weightsOf(
  content: StoredContent,
  metric: string,
  weights: BestsContext['weights'],
): ReadonlyMap<string, StoredTensor> {
  const known = weights.filter(({ variable }) => STORED_TYPES[variable.dtype] !== undefined);
  const pairs = known.map(({ name, savedAs = name, variable: { dtype, shape } }): readonly [string, StoredTensor] => {
    const tensor = content.tensors.get(tensorName(metric, savedAs));
    const type = STORED_TYPES[dtype];
    if (tensor?.dtype === type && JSON.stringify(tensor?.shape) === JSON.stringify(shape) && tensor !== undefined)
      return [name, tensor];
    const expected = `tensor '${tensorName(metric, savedAs)}' of type ${type} and shape [${shape.join(', ')}]`;
    throw new EmaError('CHECKPOINT', `checkpoint: expected ${expected}.`);
  });
  return new Map(pairs);
}

function tensorName(metric: string, weight: string): string {
  return `best.${metric}/${weight}`;
}

/** Copies of the values; undefined for a type that no weight has in practice, such as strings. */
export function storedOf(tensor: Tensor): StoredTensor | undefined {
  const { shape, dtype } = tensor;
  switch (STORED_TYPES[dtype]) {
    case 'F32':
      return { dtype: 'F32', shape, data: Float32Array.from(tensor.dataSync<'float32'>()) };
    case 'I32':
      return { dtype: 'I32', shape, data: Int32Array.from(tensor.dataSync<'int32'>()) };
    case 'BOOL':
      return { dtype: 'BOOL', shape, data: Uint8Array.from(tensor.dataSync<'bool'>()) };
    default:
      return undefined;
  }
}

function recordOf(entry: unknown, decays: readonly number[]): BestRecord | undefined {
  const [metric, epoch, index] = ['metric', 'epoch', 'index'].map((name) => fieldOf(entry, name));
  const saved = fieldOf(entry, 'value');
  const value = typeof saved === 'string' ? Number(saved) : saved;
  if (typeof metric !== 'string' || typeof value !== 'number' || Number.isNaN(value)) return undefined;
  if (!isCount(epoch) || !isCount(index)) return undefined;
  const decay = decays[index];
  if (decay === undefined) return undefined;
  const tied = tiesOf(fieldOf(entry, 'tied'), decays.length);
  const mode = fieldOf(entry, 'mode');
  const said = mode === 'min' || mode === 'max' ? ({ mode } as const) : {};
  return { metric, value, epoch, index, decay, ...said, ...(tied === undefined ? {} : { tied }) };
}

function tiesOf(saved: unknown, averages: number): Ties | undefined {
  const [list, raw] = [fieldOf(saved, 'averages'), fieldOf(saved, 'raw')];
  if (!Array.isArray(list) || typeof raw !== 'boolean') return undefined;
  return { averages: list.filter(isCount).filter((index) => index < averages), raw };
}
