// What layers keep in fields of their own beside the model's weights: states, masks, counters, seeds, variables.
// Changes nothing but what it is told to, and knows no names but those of tfjs's base layer.

import type { LayersModel, LayerVariable, Tensor, Variable } from '@tensorflow/tfjs';
import type { Tfjs } from './backend.js';
import { isTensor } from './data.js';

/** Everything that layers keep, where it is kept: by layer, list or object, and there by field. */
export type Kept = ReadonlyMap<object, ReadonlyMap<string, unknown>>;

/** What is found in a model. */
export interface Found {
  readonly kept: Kept;
  /** Its weights, and variables that layers hold without having declared them. */
  readonly variables: ReadonlySet<Variable>;
}

/**
 * Fields of every layer that are of tfjs itself (tfjs-layers/src/engine/topology.ts, `Layer`; `_trainable` of a wrapper): no call of a layer
 * changes them, and to set one alone would be wrong, as `trainable_` goes with the flags of the weights.
 */
const BASE = new Set(
  (
    '_callHook _addedWeightNames _stateful id activityRegularizer inputSpec supportsMasking _trainableWeights _nonTrainableWeights _losses ' +
    '_updates _built inboundNodes outboundNodes name trainable_ _trainable batchInputShape dtype initialWeights _refCount fastWeightInitDuringBuild'
  ).split(' '),
);

/** Longer lists and larger records are data, such as a vocabulary, and not what a call changes. */
const LONGEST_LIST = 4096;

/** A layer, as far as it is looked at here; a container is one that has `layers`. */
interface LayerFields {
  readonly _trainableWeights: readonly unknown[];
  readonly inboundNodes: readonly unknown[];
  readonly layers?: unknown;
}

/** Looks through all layers of a model, those inside of others included. */
export function findKept(tf: Tfjs, model: LayersModel): Found {
  const search = new Search(tf);
  search.layer(model);
  // A layer may have layers where they cannot be found, and say which weights they have.
  for (const weight of model.weights) search.weight(weight);
  return search;
}

/** A layer that can be called. */
export interface CalledLayer {
  readonly name: string;
  call(...args: unknown[]): Tensor | Tensor[];
}

/** All layers of a model, those inside of others included. */
export function layersIn(tf: Tfjs, model: LayersModel): CalledLayer[] {
  return [...findKept(tf, model).kept.keys()].flatMap((holder) => {
    // Whatever has the fields of tfjs's base class has its methods, too.
    return isLayer(holder) ? [holder as unknown as CalledLayer] : [];
  });
}

/** Puts values where {@link findKept} found them, and takes away what is there since then. */
export function putKept(tf: Tfjs, kept: Kept): void {
  for (const [holder, entries] of kept) {
    for (const [key, value] of entries) {
      const now: unknown = Reflect.get(holder, key);
      // A layer that was built meanwhile stays built.
      if (!Object.is(now, value) && !(value == null && isPart(tf, now))) Reflect.set(holder, key, value);
    }
    if (isList(holder)) continue;
    for (const [key] of added(tf, holder, entries)) Reflect.deleteProperty(holder, key);
  }
}

/** Every tensor that is kept, other than variables. */
export function tensorsIn(tf: Tfjs, kept: Kept): ReadonlySet<Tensor> {
  const tensors = new Set<Tensor>();
  for (const entries of kept.values())
    for (const value of entries.values()) if (isPlainTensor(tf, value)) tensors.add(value);
  return tensors;
}

/** The same with other tensors in the place of those that are mapped. */
export function withTensors(tf: Tfjs, kept: Kept, tensors: ReadonlyMap<Tensor, Tensor>): Kept {
  const exchanged = (value: unknown): unknown => (isPlainTensor(tf, value) ? (tensors.get(value) ?? value) : value);
  return new Map(
    [...kept].map(([holder, entries]) => [
      holder,
      new Map([...entries].map(([key, value]) => [key, exchanged(value)])),
    ]),
  );
}

class Search implements Found {
  readonly kept = new Map<object, ReadonlyMap<string, unknown>>();
  readonly variables = new Set<Variable>();
  readonly #tf: Tfjs;
  readonly #seen = new Set<object>();

  constructor(tf: Tfjs) {
    this.#tf = tf;
  }

  layer(layer: object): void {
    if (this.#seen.has(layer)) return;
    this.#seen.add(layer);
    // A container is tfjs's own: `stopTraining` of a model is one of its fields.
    if (isContainer(layer)) {
      for (const [, value] of fieldsOf(layer))
        for (const inner of [value].flat()) if (isLayer(inner)) this.layer(inner);
      return;
    }
    this.#holder(layer, fieldsOf(layer), true);
  }

  weight(weight: LayerVariable): void {
    // `val` is protected in the types: see `variableOf`.
    this.variables.add((weight as unknown as { readonly val: Variable }).val);
  }

  #holder(holder: object, fields: readonly (readonly [string, unknown])[], mayEnter: boolean): void {
    const entries = new Map<string, unknown>();
    this.kept.set(holder, entries);
    for (const [key, value] of fields) {
      entries.set(key, value);
      this.#value(value, mayEnter);
    }
    // After the elements: setting one that was taken away makes the list longer.
    if (Array.isArray(holder)) entries.set('length', holder.length);
  }

  /** @param mayEnter whether an object of some class is looked into: of a layer and its lists only. Further away may be anything. */
  #value(value: unknown, mayEnter: boolean): void {
    if (typeof value !== 'object' || value === null) return;
    if (value instanceof this.#tf.Variable) this.variables.add(value);
    else if (isTensor(value) || isWeight(value)) return;
    else if (isLayer(value)) this.layer(value);
    else if (!this.#seen.has(value)) {
      if (!isList(value) && !isRecord(value) && !mayEnter) return;
      this.#seen.add(value);
      const length = isList(value) ? lengthOf(value) : Object.keys(value).length;
      if (length <= LONGEST_LIST) this.#holder(value, fieldsOf(value), isList(value) && mayEnter);
    }
  }
}

/** Fields that a call can have written: own ones with a value that is no function. */
function fieldsOf(holder: object): (readonly [string, unknown])[] {
  const isOfLayer = isLayer(holder);
  const fields: [string, unknown][] = [];
  for (const key of Object.keys(holder)) {
    if (isOfLayer && BASE.has(key)) continue;
    const value: unknown = Reflect.get(holder, key);
    if (typeof value !== 'function') fields.push([key, value]);
  }
  return fields;
}

function added(tf: Tfjs, holder: object, entries: ReadonlyMap<string, unknown>): (readonly [string, unknown])[] {
  return fieldsOf(holder).filter(([key, value]) => !entries.has(key) && !isPart(tf, value));
}

/** Whether a value is a part that a layer is made of, such as a weight or a layer, and not a value that it keeps. */
function isPart(tf: Tfjs, value: unknown): boolean {
  if (typeof value === 'function') return true;
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isPlainTensor(tf, value);
}

function isPlainTensor(tf: Tfjs, value: unknown): value is Tensor {
  return isObject(value) && isTensor(value) && !(value instanceof tf.Variable);
}

function isLayer(value: unknown): value is LayerFields {
  return isObject(value) && '_trainableWeights' in value && 'inboundNodes' in value;
}

function isContainer(value: object): boolean {
  return isLayer(value) && Array.isArray(value.layers) && 'containerNodes' in value;
}

function isRecord(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isList(value: object): boolean {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}

function lengthOf(list: object): number {
  return 'length' in list && typeof list.length === 'number' ? list.length : Number.POSITIVE_INFINITY;
}

function isWeight(value: object): boolean {
  return 'val' in value && 'originalName' in value;
}
