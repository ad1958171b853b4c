// A tfjs layers model on disk as plain data: its topology, and its weights by name.
// Makes no model, and needs no tfjs.

import type { io } from '@tensorflow/tfjs';
import { fieldOf, quote } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import { readWhole } from '../disk/atomic-file.js';
import { join } from '../disk/node.js';
import type { StoredTensor } from '../disk/safetensors.js';
import { RUN, TOPOLOGY } from '../disk/save-model.js';

/** One weight as its file has it. */
export interface FileWeight {
  readonly name: string;
  readonly dtype: 'float32' | 'int32' | 'bool';
  readonly value: StoredTensor;
}

/** A model's files. */
export interface ModelFiles {
  /** What `model.json` says, but for the weights, and for what only the program that trained it can use. */
  readonly artifacts: io.ModelArtifacts;
  readonly weights: readonly FileWeight[];
}

/**
 * Reads the folder of a model that tfjs saved.
 * @throws {@link EmaError} CHECKPOINT — it is none, or its weights are not what `model.json` says.
 */
export async function readModel(folder: string): Promise<ModelFiles> {
  const topology = await readWhole(join(folder, TOPOLOGY));
  return modelOf(folder, topology, async (name) => readWhole(join(folder, name)));
}

/**
 * A model from its `model.json`.
 * @param read gives one of the files that it names.
 */
export async function modelOf(
  folder: string,
  topology: Uint8Array,
  read: (name: string) => Promise<Uint8Array>,
): Promise<ModelFiles> {
  const { weightsManifest, trainingConfig: _, [RUN]: __, ...rest } = parsed(folder, topology);
  const weights: FileWeight[] = [];
  for (const { paths, weights: specs } of weightsManifest) {
    const files = await Promise.all(paths.map(read));
    weights.push(
      ...cut(folder, new Uint8Array(await new Blob(files.map((file) => file.slice())).arrayBuffer()), specs),
    );
  }
  return { artifacts: rest, weights };
}

type Topology = io.ModelJSON & { readonly [RUN]?: unknown };

function parsed(folder: string, topology: Uint8Array): Topology {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(topology));
  } catch (cause) {
    throw noModel(folder, 'a file that is no JSON', cause);
  }
  const [format, manifest] = [fieldOf(json, 'format'), fieldOf(json, 'weightsManifest')];
  if (format === 'graph-model') throw noModel(folder, 'a graph model, which has other weights');
  const isList = (list: unknown, isOne: (one: unknown) => boolean): boolean => Array.isArray(list) && list.every(isOne);
  const isSize = (size: unknown): boolean => Number.isSafeInteger(size) && Number(size) >= 0;
  const isText = (text: unknown): boolean => typeof text === 'string';
  const isGroup = (group: unknown): boolean =>
    isList(fieldOf(group, 'paths'), isText) &&
    isList(fieldOf(group, 'weights'), (one) => isText(fieldOf(one, 'name')) && isList(fieldOf(one, 'shape'), isSize));
  if (!isList(manifest, isGroup)) throw noModel(folder, 'one without a list of weights, their names and shapes');
  // As tfjs writes it; types of weights are looked at below.
  return json as Topology;
}

/** Each weight's bytes, one after the other. */
function cut(folder: string, data: Uint8Array, specs: readonly io.WeightsManifestEntry[]): FileWeight[] {
  let at = 0;
  const weights = specs.map(({ name, shape, dtype, quantization }): FileWeight => {
    if (quantization !== undefined) throw noModel(folder, `quantized weights, such as ${quote(name)}`);
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool')
      throw noModel(folder, `weight ${quote(name)} of type ${quote(`${dtype}`)}`);
    const begin = at;
    at += shape.reduce((product, size) => product * size, dtype === 'bool' ? 1 : Float32Array.BYTES_PER_ELEMENT);
    if (at > data.length) throw noModel(folder, `${data.length} bytes of weights, too few for ${quote(name)}`);
    return { name, dtype, value: storedAs(data.slice(begin, at), { shape, dtype }) };
  });
  if (at === data.length) return weights;
  throw noModel(folder, `${data.length} bytes of weights where ${TOPOLOGY} has ${at}`);
}

function storedAs(
  bytes: Uint8Array<ArrayBuffer>,
  { shape, dtype }: { readonly shape: readonly number[]; readonly dtype: FileWeight['dtype'] },
): StoredTensor {
  switch (dtype) {
    case 'float32':
      return { dtype: 'F32', shape, data: new Float32Array(bytes.buffer) };
    case 'int32':
      return { dtype: 'I32', shape, data: new Int32Array(bytes.buffer) };
    case 'bool':
      return { dtype: 'BOOL', shape, data: bytes };
    default:
      return dtype satisfies never;
  }
}

function noModel(folder: string, received: string, cause?: unknown): EmaError {
  const expected = `expected a layers model as model.save('file://${folder}') of tfjs writes it`;
  return new EmaError('CHECKPOINT', `${folder}: ${expected}, received ${received}.`, { cause });
}
