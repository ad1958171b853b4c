// A run in one folder: what is taken of a moment of it, and how it goes on from there, model, optimizer and averages together.
// Opens no files.

import type { io, LayersModel, NamedTensorMap } from '@tensorflow/tfjs';
import { invalid, quote } from '../base/argument.js';
import { EmaError, messageOf } from '../base/errors.js';
import { VERSION } from '../base/version.js';
import { openCheckpoint, otherRun, tensorsOf } from '../disk/checkpoint.js';
import { storedOf } from '../disk/checkpoint-bests.js';
import { type MatchedWeights, matchWeights } from '../disk/checkpoint-weights.js';
import { cut } from '../disk/model-weights.js';
import { checkDigests, type RunFiles, runFiles, type StoredRun } from '../disk/run-folder.js';
import type { StoredContent, StoredTensor } from '../disk/safetensors.js';
import { isSwapped, ownValue, swappedIn } from '../model/swap.js';
import { collectWeights, type Weight } from '../model/weights.js';
import { type Tfjs, trainedWeights } from '../tfjs/backend.js';
import { optimizerDifference, optimizerState, prepareOptimizer, trainingConfigOf } from '../tfjs/optimizer.js';
import type { BestAverages } from '../validation/bests.js';
import type { Attached } from './attached.js';
import { checkpointOf } from './files.js';
import { factsOf, RUN_FACTS, type RunFacts } from './run-facts.js';

/** What {@link WeightEma.resume} gives: where training goes on. */
export interface Resumed {
  /** The model with its weights, compiled and with its optimizer's state. */
  readonly model: LayersModel;
  /** Epochs of `fit` that had ended: its option of this name. 0 in a loop of your own. */
  readonly initialEpoch: number;
}

/** A run at work. */
export interface RunToSave {
  readonly attached: Attached;
  readonly model: LayersModel;
  readonly bests: BestAverages;
  readonly current: number | undefined;
  /** Epochs that have ended. */
  readonly epochs: number;
  readonly warn: (message: string) => void;
}

/** What the names of the optimizer's tensors begin with. */
const OPTIMIZER = 'optimizer/';

/**
 * Takes all of a run, in one turn: training may go on while it is written.
 * @throws {@link EmaError} WEIGHT_DISPOSED, MODEL_CHANGED
 */
export function takeRun(tf: Tfjs, { attached, model, bests, current, epochs, warn }: RunToSave): RunFiles {
  const weights = weightsOf(tf, model).flatMap((weight) => {
    const value = storedOf(ownValue(weight));
    return value === undefined ? [] : [{ ...weight, value }];
  });
  attached.shadows.checkModel();
  const optimizer = optimizerState(model);
  warnOfMissing(optimizer, warn);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, tensor] of optimizer?.tensors ?? []) {
    const value = storedOf(tensor);
    if (value !== undefined) tensors.set(`${OPTIMIZER}${name}`, value);
  }
  const weightSpecs = weights.map(({ name, layerVariable, variable: { shape, dtype } }) => ({
    ...{ name: layerVariable?.originalName ?? name, shape },
    dtype: dtype === 'int32' || dtype === 'bool' ? dtype : ('float32' as const),
  }));
  const bytes = weights.map(({ value: { data } }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const names = weights.map(({ name }) => name);
  return runFiles({ ...artifactsOf(model), weightSpecs }, bytes, (digests) => {
    const { className, figures, scalars, slots } = optimizer ?? {};
    const kept = optimizer && { className, figures, scalars, slots };
    const facts = { epochs, digests, names, optimizer: kept, trained: trainedNames(model, weights) };
    const beside = { tensors, metadata: new Map([[RUN_FACTS, JSON.stringify(facts)]]) };
    return checkpointOf(attached, { bests, current, withWeights: true, beside });
  });
}

/**
 * Goes on from a run, all or nothing.
 * @param target `model`: the caller's, or none to make the saved one; `goOn` lets the averages go on, or throws where they do not fit.
 * @throws {@link EmaError} CHECKPOINT — damaged, or of another model or optimizer, or one that tfjs cannot make.
 * @throws {@link EmaError} INVALID_ARGUMENT — only the caller can make the model. SWAPPED_IN, WEIGHT_DISPOSED — of the caller's model.
 */
export async function resumeRun(
  tf: Tfjs,
  stored: StoredRun,
  {
    model,
    goOn,
  }: { readonly model: LayersModel | undefined; readonly goOn: (content: StoredContent, model: LayersModel) => void },
): Promise<Resumed> {
  const content = openCheckpoint(stored.averages);
  const facts = factsOf(content);
  checkDigests(stored, facts.digests);
  const target = model ?? (await madeAnew(tf, stored, facts));
  try {
    restore(tf, target, { stored, content, facts, goOn });
  } catch (error) {
    if (model === undefined) release(tf, target);
    throw error;
  }
  return { model: target, initialEpoch: facts.epochs };
}

/** Every weight of a model, in an order that no option changes. */
function weightsOf(tf: Tfjs, model: LayersModel): readonly Weight[] {
  const { averaged, live } = collectWeights(tf, model, { batchNorm: 'average' });
  return [...averaged, ...live];
}

/** Names of the weights that the optimizer trains, in its order. */
function trainedNames(model: LayersModel, weights: readonly Weight[]): readonly string[] {
  const names = new Map(weights.map(({ layerVariable, name }) => [layerVariable, name]));
  return trainedWeights(model).flatMap((weight) => names.get(weight) ?? []);
}

/** What `model.save` writes, but for the weights: it would take those of an average that stands in their place, and the optimizer's later. */
function artifactsOf(model: LayersModel): io.ModelArtifacts {
  const trainingConfig = trainingConfigOf(model);
  const userDefinedMetadata = model.getUserDefinedMetadata();
  return {
    modelTopology: model.toJSON(null, false),
    ...{ format: 'layers-model', generatedBy: `tfjs-ema v${VERSION}`, convertedBy: null },
    ...(trainingConfig === undefined ? {} : { trainingConfig }),
    ...(userDefinedMetadata === undefined ? {} : { userDefinedMetadata }),
  };
}

function warnOfMissing(optimizer: ReturnType<typeof optimizerState>, warn: RunToSave['warn']): void {
  if (optimizer === undefined) {
    const fix = 'Give it to model.compile(), or save its getWeights() beside the run.';
    warn(`saveRun: the model is not compiled, so that an optimizer of your own is not in the run. ${fix}`);
  } else if (optimizer.unknown.length > 0) {
    const kept = 'numbers, tensors and lists of { originalName, variable }';
    const fields = optimizer.unknown.join(', ');
    warn(`saveRun: of the optimizer ${optimizer.className}, ${kept} are saved. In the run there is no ${fields}.`);
  }
}

/** What the model's own file says of it: it passed its digest. */
function topologyOf({ topology }: StoredRun): io.ModelJSON {
  return JSON.parse(new TextDecoder().decode(topology));
}

function specsOf(stored: StoredRun): readonly io.WeightsManifestEntry[] {
  return topologyOf(stored).weightsManifest.flatMap(({ weights }) => weights);
}

/** The saved model, as tfjs makes it: compiled, with the optimizer's state still to come. */
async function madeAnew(tf: Tfjs, stored: StoredRun, facts: RunFacts): Promise<LayersModel> {
  const { weightsManifest: _, ...topology } = topologyOf(stored);
  const fix = "Give one of the same architecture: resume('run', makeModel()).";
  if (facts.optimizer !== undefined && topology.trainingConfig === undefined) {
    const expected =
      'a compiled model, because the saved one has a loss or a metric that is a function, as no file can hold it';
    throw invalid('model', expected, undefined, fix);
  }
  const weightData = new Uint8Array(stored.weights).buffer;
  const artifacts: io.ModelArtifacts = { ...topology, weightSpecs: [...specsOf(stored)], weightData };
  let model: LayersModel;
  try {
    model = await tf.loadLayersModel({ load: async () => artifacts });
  } catch (cause) {
    const register = 'Register classes of your own by tf.serialization.registerClass(), or give the model';
    throw new EmaError(
      'CHECKPOINT',
      `${stored.folder}: expected a model that tfjs can load. ${register}: resume('run', makeModel()). tfjs says: ${messageOf(cause)}`,
      { cause },
    );
  }
  if (facts.optimizer === undefined || trainAgain(model, weightsOf(tf, model), facts)) return model;
  release(tf, model);
  throw invalid('model', 'a model, because which weights of the saved one are trained is in no file', undefined, fix);
}

/** Releases a model that was made here, and its optimizer, which tfjs leaves to who compiled it. */
function release(tf: Tfjs, model: LayersModel): void {
  tf.dispose([...(optimizerState(model)?.tensors.values() ?? [])]);
  model.dispose();
}

/** Freezes what the run did not train. @returns whether the model trains then what the run trained. */
function trainAgain(model: LayersModel, weights: readonly Weight[], { trained }: RunFacts): boolean {
  const isSame = (): boolean => JSON.stringify(trainedNames(model, weights)) === JSON.stringify(trained);
  if (isSame()) return true;
  for (const { name, layerVariable } of weights)
    if (layerVariable !== undefined && !trained.includes(name)) layerVariable.trainable = false;
  const { optimizer, loss, metrics = [] } = model;
  // What is trained is collected there.
  model.compile({ optimizer, loss, metrics });
  return isSame();
}

interface ToRestore {
  readonly stored: StoredRun;
  readonly content: StoredContent;
  readonly facts: RunFacts;
  readonly goOn: (content: StoredContent, model: LayersModel) => void;
}

function restore(tf: Tfjs, model: LayersModel, { stored, content, facts, goOn }: ToRestore): void {
  const weights = weightsOf(tf, model);
  if (isSwapped(weights)) throw swappedIn('resume', 'Let use() return first: it gives the weights back.');
  const { optimizer } = facts;
  const saved = new Map(
    [...content.tensors].flatMap(([name, tensor]) =>
      name.startsWith(OPTIMIZER) ? [[name.slice(OPTIMIZER.length), tensor] as const] : [],
    ),
  );
  const matched = matchedWith(weights, stored, facts);
  const own = trainedNames(model, weights).map(matched.savedAs);
  const misfit =
    optimizer && (optimizerDifference(model, optimizer, (name) => saved.has(name)) ?? slotDifference(facts, own));
  const differences = [...matched.differences, ...(misfit === undefined ? [] : [misfit])];
  if (differences.length > 0) throw otherRun(differences);
  tf.tidy(() => {
    const values = valuesOf(tf, stored, facts);
    const next = optimizer && prepareOptimizer(tf, model, { facts: optimizer, tensors: tensorsOf(tf, saved) });
    try {
      goOn(content, model);
    } catch (error) {
      next?.discard();
      throw error;
    }
    // From here on nothing fails. Not by setWeights, nor as tfjs has loaded them: both apply the layers' constraints, which training does not.
    for (const { name, variable } of weights) {
      const value = values[matched.savedAs(name)];
      if (value !== undefined) variable.assign(value);
    }
    next?.commit();
  });
}

/** Whether the optimizer would find what it kept for one weight at another; nothing where it keeps nothing for weights. */
function slotDifference({ optimizer, trained }: RunFacts, own: readonly string[]): string | undefined {
  if (optimizer === undefined || Object.values(optimizer.slots).every(({ length }) => length === 0)) return undefined;
  const index = trained.findIndex((name, place) => own[place] !== name);
  const place = index >= 0 ? index : trained.length;
  const [was, is] = [trained[place], own[place]];
  if (was === is) return undefined;
  const textOf = (name: string | undefined): string => (name === undefined ? 'no weight' : `weight ${quote(name)}`);
  return `${optimizer.className} trained ${textOf(was)} as number ${place + 1}, now it trains ${textOf(is)} there: freeze the same layers before compile`;
}

function matchedWith(weights: readonly Weight[], stored: StoredRun, { names }: RunFacts): MatchedWeights {
  const textOf = (shape: readonly (number | null)[], dtype: string) => `${dtype} [${shape.join(', ')}]`;
  const specs = specsOf(stored);
  const saved = Object.fromEntries(names.map((name, index) => [name, specs[index]]));
  return matchWeights(
    Object.fromEntries(Object.entries(saved).map(([name, spec]) => [name, spec && textOf(spec.shape, spec.dtype)])),
    Object.fromEntries(weights.map(({ name, variable: { shape, dtype } }) => [name, textOf(shape, dtype)])),
  );
}

/** The model's weights by name, in the current scope. */
function valuesOf(tf: Tfjs, stored: StoredRun, { names }: RunFacts): NamedTensorMap {
  const weights = cut(stored.folder, stored.weights, specsOf(stored));
  return tensorsOf(tf, new Map(weights.map(({ value }, index) => [names[index] ?? '', value])));
}
