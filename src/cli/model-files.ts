// A tfjs layers model on disk as plain data: its topology, and its weights by name.
// Makes no model, and needs no tfjs.

import type { io } from '@tensorflow/tfjs';
import { fieldOf, isCount } from '../base/argument.js';
import { readWhole } from '../disk/atomic-file.js';
import { cut, type FileWeight, noModel } from '../disk/model-weights.js';
import { join } from '../disk/node.js';
import { RUN, TOPOLOGY } from '../disk/save-model.js';

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
  const isText = (text: unknown): boolean => typeof text === 'string';
  const isGroup = (group: unknown): boolean =>
    isList(fieldOf(group, 'paths'), isText) &&
    isList(fieldOf(group, 'weights'), (one) => isText(fieldOf(one, 'name')) && isList(fieldOf(one, 'shape'), isCount));
  if (!isList(manifest, isGroup)) throw noModel(folder, 'one without a list of weights, their names and shapes');
  // As tfjs writes it; types of weights are looked at where these are cut.
  return json as Topology;
}
