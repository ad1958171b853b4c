// Every use of what tfjs does not document, typed by the interfaces below; each cast says why it is safe.
// Holds no EMA knowledge.

import type {
  KernelBackend,
  LayersModel,
  LayerVariable,
  Tensor,
  TensorContainer,
  data as tfData,
  Variable,
} from '@tensorflow/tfjs';
import { messageOf } from '../base/errors.js';

/** The parts of the caller's tfjs that this package uses: `tfjs`, `tfjs-node` and `tfjs-node-gpu` all have them. */
export type Tfjs = Pick<
  typeof import('@tensorflow/tfjs'),
  | 'Callback'
  | 'LayersModel'
  | 'Variable'
  | 'add'
  | 'backend'
  | 'dispose'
  | 'engine'
  | 'fill'
  | 'getBackend'
  | 'io'
  | 'keep'
  | 'loadLayersModel'
  | 'models'
  | 'mul'
  | 'nextFrame'
  | 'scalar'
  | 'sub'
  | 'tensor'
  | 'tensor1d'
  | 'tidy'
  | 'zeros'
>;

/** What `model.evaluateDataset` takes. */
export type EvaluationDataset = Parameters<LayersModel['evaluateDataset']>[0];

/** A `tf.data` stream of batches `{ xs, ys }`, as the functions of `tf.data` type it. */
export type Dataset = EvaluationDataset | tfData.Dataset<TensorContainer>;

/** The elements of a data set, one at a time; whoever takes them disposes their tensors. */
export async function* elementsOf(dataset: Dataset): AsyncGenerator<TensorContainer, void, undefined> {
  // An iterator is typed with what a model takes; what comes out of it is looked at where it is used.
  const iterator = await (dataset as tfData.Dataset<TensorContainer>).iterator();
  for (;;) {
    const { value, done } = await iterator.next();
    if (value !== null && value !== undefined) yield value;
    if (done) return;
  }
}

/** Whether `fit` trains a model now. */
export function isTraining(model: LayersModel): boolean {
  // Private in the types: tfjs-layers/src/engine/training.ts.
  const view = (insideOf(model) ?? model) as unknown as { readonly isTraining?: boolean };
  return view.isTraining === true;
}

/** The model that a Sequential makes inside of itself, anew at each compile; it is what a callback is given. */
function insideOf(model: object): LayersModel | undefined {
  // tfjs-layers/src/models.ts, `Sequential`: private in the types.
  return (model as { readonly model?: LayersModel }).model;
}

/** Whether a model is the one inside of a Sequential. */
export function isInside(outer: object, model: LayersModel): boolean {
  return insideOf(outer) === model;
}

/** The loss of each output, as `compile` set it up: a value per sample, unless it is a function of the user's. */
export function lossFunctionsOf(model: LayersModel): LayersModel['lossFunctions'] | undefined {
  // A Sequential compiles the model inside of it, and takes over all but this list.
  const view = model as { readonly lossFunctions?: LayersModel['lossFunctions'] };
  return view.lossFunctions ?? insideOf(model)?.lossFunctions;
}

/** The weights that a step of a compiled model's optimizer moves, in its order: those that compile collected, but for what is frozen since. */
export function trainedWeights(model: LayersModel): readonly LayerVariable[] {
  // Private in the types: tfjs-layers/src/engine/training.ts. A Sequential compiles the model inside of it.
  const view = model as unknown as { readonly collectedTrainableWeights?: readonly LayerVariable[] };
  const inside = insideOf(model);
  const collected = view.collectedTrainableWeights ?? (inside === undefined ? [] : trainedWeights(inside));
  return collected.filter(({ trainable }) => trainable);
}

/** A model with the layers that another one's config describes, and weights of its own. */
export function sameArchitecture(tf: Tfjs, model: LayersModel): Promise<LayersModel> {
  // Text or object, by the second argument.
  type Topology = Parameters<Tfjs['models']['modelFromJSON']>[0];
  return tf.models.modelFromJSON({ modelTopology: model.toJSON(null, false) } as Topology);
}

/** The kind of an op's attribute. */
export type Attribute = { readonly name: string; readonly type: 'int' | 'bool'; readonly value: number | boolean };

// What tfjs-node keeps for a tensor: tfjs-node/src/nodejs_kernel_backend.ts, `TensorData`. A tensor made from an array is
// uploaded by its first op: until then `values` holds the array and `id` means nothing.
interface TensorData {
  readonly id: number;
  readonly values: unknown;
}

interface NodeBinding {
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_BOOL: number;
  executeOp(name: string, attributes: readonly object[], inputs: readonly number[], outputs: number): readonly object[];
}

/** The backend of tfjs-node, as far as it is used here. */
export interface NodeBackend {
  readonly binding: NodeBinding;
  readonly tensorMap: { readonly data: WeakMap<object, TensorData> };
  getInputTensorIds(tensors: readonly Tensor[]): number[];
  executeMultipleOutputs(
    name: string,
    attributes: readonly object[],
    inputs: readonly Tensor[],
    outputs: number,
  ): Tensor[];
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

function isNodeBackend(backend: object): backend is NodeBackend {
  // The one look inside: an optional view of the same object, whose every member is checked before use.
  const view = backend as Partial<{ [K in keyof NodeBackend]: Partial<NodeBackend[K]> }>;
  return (
    isFunction(view.executeMultipleOutputs) &&
    isFunction(view.getInputTensorIds) &&
    isFunction(view.binding?.executeOp) &&
    view.tensorMap?.data instanceof WeakMap
  );
}

/**
 * The backend of tfjs-node, when it is the current one.
 * @returns the backend, or why it cannot be used.
 */
export function nodeBackend(tf: Tfjs): NodeBackend | string {
  let backend: object;
  try {
    // Before the name: the first call chooses the backend.
    backend = tf.backend();
  } catch (error) {
    return `tfjs has no backend yet (await tf.ready() first): ${messageOf(error)}`;
  }
  if (tf.getBackend() !== 'tensorflow') {
    return `tfjs runs on the backend '${tf.getBackend()}': native updates need tfjs-node or tfjs-node-gpu (backend 'tensorflow')`;
  }
  return isNodeBackend(backend) ? backend : 'this version of tfjs-node has other internals than 4.x';
}

function attributesFor(backend: NodeBackend, attributes: readonly Attribute[]): readonly object[] {
  const { TF_ATTR_INT, TF_ATTR_BOOL } = backend.binding;
  return attributes.map(({ name, type, value }) => ({
    name,
    type: type === 'int' ? TF_ATTR_INT : TF_ATTR_BOOL,
    value,
  }));
}

/**
 * Runs an op by name, on whatever backend tfjs works now.
 * @returns its outputs, fresh tensors of the current tidy scope.
 */
export function runOp(
  { tf, backend }: { readonly tf: Tfjs; readonly backend: NodeBackend },
  op: { readonly name: string; readonly attributes: readonly Attribute[]; readonly outputs: number },
  inputs: readonly Tensor[],
): Tensor[] {
  const outputs = backend.executeMultipleOutputs(op.name, attributesFor(backend, op.attributes), inputs, op.outputs);
  const { tensorInfo } = tf.engine().state;
  for (const { dataId } of outputs) {
    const info = tensorInfo.get(dataId);
    // tfjs takes them for tensors of the current backend, and would look for them there. The type has more members than are used here.
    if (info !== undefined && !Object.is(info.backend, backend)) info.backend = backend as unknown as KernelBackend;
  }
  return outputs;
}

/**
 * An op without outputs that runs again and again: everything that can be made once is.
 *
 * It hands TensorFlow's tensor ids to the binding itself: `executeMultipleOutputs` makes three arrays a call and looks each
 * tensor up twice. That takes 7 % off an update of 20 to 600 small tensors (46.6 us instead of 49.8 at 161; lower decile of
 * 4,000 interleaved calls on a busy 2-core machine).
 */
export class RepeatedOp {
  readonly #backend: NodeBackend;
  readonly #name: string;
  readonly #attributes: readonly object[];
  readonly #ids: number[];

  constructor(backend: NodeBackend, op: { readonly name: string; readonly attributes: readonly Attribute[] }) {
    this.#backend = backend;
    this.#name = op.name;
    this.#attributes = attributesFor(backend, op.attributes);
    this.#ids = [];
  }

  /** Takes `first`, `second` and `rest`, in this order, as inputs of the next run. Here all errors are found that are not TensorFlow's. */
  prepare(first: Tensor, second: Tensor, rest: readonly Tensor[]): void {
    const ids = this.#ids;
    ids[0] = this.#idOf(first);
    ids[1] = this.#idOf(second);
    for (let i = 0; i < rest.length; i += 1) {
      // Within bounds: a check here would cost as much as the lookup.
      ids[i + 2] = this.#idOf(rest[i] as Tensor);
    }
  }

  /** Runs the op. */
  run(): void {
    this.#backend.binding.executeOp(this.#name, this.#attributes, this.#ids, 0);
  }

  #idOf(tensor: Tensor): number {
    const data = this.#backend.tensorMap.data.get(tensor.dataId);
    if (data !== undefined && data.values === null) return data.id;
    // Not uploaded yet, living on another backend, or disposed (this throws).
    const [id] = this.#backend.getInputTensorIds([tensor]);
    if (id === undefined) throw new Error(`no TensorFlow handle for tensor ${tensor.id}`);
    return id;
  }
}

/**
 * Whether a tensor's data still exists. `isDisposed` is no answer: after `tf.disposeVariables()` or `engine().reset()` it
 * stays false.
 */
export function isAlive(tf: Tfjs, tensor: Tensor): boolean {
  return !tensor.isDisposed && tf.engine().state.tensorInfo.has(tensor.dataId);
}

/** Whether a model was disposed by everyone who has it: once more, and tfjs throws. */
export function isModelDisposed(model: LayersModel): boolean {
  // Protected in the types: tfjs-layers/src/engine/container.ts.
  return (model as unknown as { readonly _refCount: number })._refCount === 0;
}

/** A number as tensors get it: in the order in which they are made. */
export function nextTensorId(tf: Tfjs): number {
  // Private in the types: tfjs-core/src/engine.ts. It leaves a number out, which nobody misses.
  return (tf.engine() as unknown as { nextTensorId(): number }).nextTensorId();
}

/**
 * What tfjs makes of floats on the device of a page: `half` where WebGL cannot render to float32, as on older phones; `unreadable` where a
 * tensor of WebGPU cannot be read at once: it is zeros then, without an error, as where Chromium composes pages without a GPU.
 *
 * Asked of the device: `floatPrecision()` says 16 of float32 textures, too (tfjs-backend-webgl/src/backend_webgl.ts).
 */
export function floatsOf(tf: Tfjs): 'single' | 'half' | 'unreadable' {
  if (!['webgl', 'webgpu'].includes(tf.getBackend())) return 'single';
  // 2^-20 of 1 is there in float32 and lost in half floats; in a tensor too large for tfjs to compute it on the CPU.
  const [sum = 0] = tf.tidy(() => tf.add(tf.fill([1024], 1), tf.fill([1024], 2 ** -20)).dataSync());
  if (sum < 1) return 'unreadable';
  return sum === 1 ? 'half' : 'single';
}

/** Whether a gradient is being taken: what runs now is recorded, and undone by it. */
export function isTakingGradient(tf: Tfjs): boolean {
  return tf.engine().state.gradientDepth > 0;
}

/**
 * Runs ops that no gradient sees: what they make is a constant to every gradient that is being taken.
 *
 * As tfjs itself stops recording while a kernel runs. Clones of variables, too: to tfjs they are the variable.
 */
export function offTape<R>(tf: Tfjs, fn: () => R): R {
  const { state } = tf.engine();
  state.kernelDepth += 1;
  try {
    return fn();
  } finally {
    state.kernelDepth -= 1;
  }
}

/**
 * The variable behind a weight: one object for the weight's whole life, whose data every optimizer step replaces.
 * @returns undefined when the weight was disposed.
 */
export function variableOf(weight: LayerVariable): Variable | undefined {
  // `val` is protected in the types, and `read()` returns it but throws after dispose.
  const { val } = weight as unknown as { readonly val: Variable };
  return val.isDisposed ? undefined : val;
}

/** The constraint that a layer gave its weight: what `LayerVariable.write` applies, and training does not. */
export function constraintOf(weight: LayerVariable): { readonly apply: (value: Tensor) => Tensor } | undefined {
  // Private in the types: tfjs-layers/src/variables.ts.
  const { constraint } = weight as unknown as { readonly constraint?: { apply(value: Tensor): Tensor } | null };
  return constraint ?? undefined;
}

// A layer's own lists and the layers inside it: containers have `layers`, wrappers `layer` or two directions, recurrent
// layers a `cell`, a stack of them `cells` (tfjs-layers/src/engine/topology.ts, layers/wrappers.ts, layers/recurrent.ts).
interface LayerInside {
  readonly _trainableWeights?: readonly LayerVariable[];
  readonly _nonTrainableWeights?: readonly LayerVariable[];
  readonly layers?: readonly LayerInside[];
  readonly layer?: LayerInside;
  readonly forwardLayer?: LayerInside;
  readonly backwardLayer?: LayerInside;
  readonly cell?: LayerInside;
  readonly cells?: readonly LayerInside[];
  readonly movingMean?: LayerVariable;
  readonly movingVariance?: LayerVariable;
  momentum?: number;
}

/** A BatchNorm layer: tfjs-layers/src/layers/normalization.ts. */
export interface BatchNormLayer {
  readonly movingMean: LayerVariable;
  readonly movingVariance: LayerVariable;
  /** Share of a statistic that a batch keeps; read anew at each batch. */
  momentum: number;
  /** Runs the layer once; a model that applies it twice calls it twice. */
  call(inputs: Tensor | Tensor[], kwargs: object): Tensor | Tensor[];
}

/** A weight and how its layer declared it. */
export interface DeclaredWeight {
  readonly weight: LayerVariable;
  /** False for BatchNorm's moving statistics; freezing a layer does not change it. */
  readonly trainable: boolean;
}

/**
 * The weights of a model, each once, in the order of its layers: unlike `model.weights`, freezing a layer does not change it.
 */
export function declaredWeights(model: LayersModel): DeclaredWeight[] {
  const found = new Map<LayerVariable, DeclaredWeight>();
  for (const layer of layersInside(model)) {
    for (const weight of layer._trainableWeights ?? []) found.set(weight, { weight, trainable: true });
    for (const weight of layer._nonTrainableWeights ?? []) found.set(weight, { weight, trainable: false });
  }
  const own = new Set(model.weights);
  const inOrder = [...found.values()].filter(({ weight }) => own.has(weight));
  // A layer of a user's own kind may keep weights elsewhere: they follow, as they say of themselves.
  const missed = [...own].filter((weight) => !found.has(weight));
  return [...inOrder, ...missed.map((weight) => ({ weight, trainable: weight.trainable }))];
}

/** The BatchNorm layers of a model, each once, also of models inside it. */
export function batchNormLayers(model: LayersModel): BatchNormLayer[] {
  return [...layersInside(model)].filter(isBatchNorm);
}

function isBatchNorm(layer: LayerInside): layer is LayerInside & BatchNormLayer {
  return layer.movingMean !== undefined && layer.movingVariance !== undefined && typeof layer.momentum === 'number';
}

/** The model itself and every layer in it, each once, in order. */
function layersInside(model: LayersModel): ReadonlySet<LayerInside> {
  const seen = new Set<LayerInside>();
  const walk = (layer: LayerInside | undefined): void => {
    if (layer === undefined || layer === null || seen.has(layer)) return;
    seen.add(layer);
    const inside = [layer.layer, layer.forwardLayer, layer.backwardLayer, layer.cell];
    for (const inner of [...inside, ...(layer.cells ?? []), ...(layer.layers ?? [])]) walk(inner);
  };
  // A view of the same object: every member is optional, so that reading one that is missing is harmless.
  walk(model as unknown as LayerInside);
  return seen;
}
