// The weights of a model: which are averaged, which stay live, and what each is called.
// Holds no shadows and changes nothing.

import type { LayersModel, LayerVariable, Variable } from '@tensorflow/tfjs';
import { invalid } from '../base/argument.js';
import { EmaError, messageOf } from '../base/errors.js';
import { type DeclaredWeight, declaredWeights, isAlive, type Tfjs, variableOf } from '../tfjs/backend.js';
import { checkMatches, matches, type Pattern } from './patterns.js';
import { isLayersModel, type ModelSource, variablesIn } from './variables.js';

/** What happens to BatchNorm's moving statistics. */
export type BatchNormPolicy = 'average' | 'copy';

/** One weight of the model. */
export interface Weight {
  /** Its name in the model, as `model.save` writes it; made unique where layers of nested models share a name. */
  readonly name: string;
  /** Its layer's own object for it, the same for the weight's whole life; undefined for a variable of a model without layers. */
  readonly layerVariable: LayerVariable | undefined;
  /** Its value: the same object, with new data after each optimizer step. */
  readonly variable: Variable;
}

/** A weight as its model has it now. */
interface Declared extends Omit<Weight, 'variable'> {
  /** Undefined when its layer disposed it. */
  readonly variable: Variable | undefined;
  readonly isTrainable: boolean;
}

/** The weights of one model. */
export interface ModelWeights {
  /** Those that are averaged, in the order of the layers. */
  readonly averaged: readonly Weight[];
  /** Integers, bools, weights that were left out and, by policy, moving statistics: used as they are. */
  readonly live: readonly Weight[];
}

/** Weights to average, by name; the others are live. */
export interface Selection {
  /** @defaultValue all */
  readonly include?: readonly Pattern[] | undefined;
  /** @defaultValue none */
  readonly exclude?: readonly Pattern[] | undefined;
}

/**
 * Collects a model's weights, each once, however many layers share it.
 * @param selection by name, besides the policy for moving statistics.
 * @throws {@link EmaError} MODEL_NOT_BUILT — it has no float32 weights (yet).
 * @throws {@link EmaError} WEIGHT_DISPOSED — a weight was disposed.
 * @throws {@link EmaError} INVALID_ARGUMENT — a pattern matches no weight, no weight is left to average, or as `variablesIn`.
 */
export function collectWeights(
  tf: Tfjs,
  model: ModelSource,
  { batchNorm, ...selection }: Selection & { readonly batchNorm: BatchNormPolicy },
): ModelWeights {
  const declared = declaredIn(tf, model);
  const names = declared.map(({ name }) => name);
  const isSelected = selector(selection, names);
  const averaged: Weight[] = [];
  const live: Weight[] = [];
  for (const { name, layerVariable, variable, isTrainable } of declared) {
    if (variable === undefined || !isAlive(tf, variable)) throw disposed(name);
    // What a layer does not train are statistics; a variable that nobody trains may be anything.
    const isMeant = isTrainable || (layerVariable !== undefined && averagesStatistics(batchNorm));
    const isAveraged = variable.dtype === 'float32' && isMeant && isSelected(name);
    (isAveraged ? averaged : live).push({ name, layerVariable, variable });
  }
  if (averaged.length > 0) return { averaged, live };
  if (selection.include !== undefined || selection.exclude !== undefined) {
    const message =
      'include and exclude: expected patterns that leave weights to average, received patterns that leave none.';
    throw new EmaError('INVALID_ARGUMENT', message);
  }
  if (isLayersModel(tf, model)) throw notBuilt('it has no float32 weights');
  throw invalid('model', 'at least one trainable variable of type float32', 'none');
}

/** Every weight that a model has now, with or without layers. */
function declaredIn(tf: Tfjs, model: ModelSource): Declared[] {
  if (!isLayersModel(tf, model)) {
    return variablesIn(tf, model).map(({ name, variable }) => ({
      ...{ name, variable, layerVariable: undefined },
      isTrainable: variable.trainable,
    }));
  }
  const declared = weightsOf(model);
  const names = uniqueNames(declared.map(({ weight }) => weight.originalName));
  return declared.map(({ weight, trainable }, index) => ({
    ...{ name: names[index] ?? weight.name, layerVariable: weight },
    variable: variableOf(weight),
    isTrainable: trainable,
  }));
}

/**
 * Whether moving statistics (weights that their layer declares non-trainable) are averaged with the weights.
 *
 * The paper averages them (EMAN); with `'copy'` the averaged weights run with the live statistics.
 * @see arXiv 2411.18704, section 3.4.
 */
function averagesStatistics(policy: BatchNormPolicy): boolean {
  switch (policy) {
    case 'average':
      return true;
    case 'copy':
      return false;
    default:
      return policy satisfies never;
  }
}

function selector({ include, exclude = [] }: Selection, names: readonly string[]): (name: string) => boolean {
  if (include !== undefined) checkMatches('include', include, names);
  checkMatches('exclude', exclude, names);
  const isMeant = (patterns: readonly Pattern[], name: string): boolean => patterns.some((one) => matches(one, name));
  return (name) => (include === undefined || isMeant(include, name)) && !isMeant(exclude, name);
}

/**
 * Checks that a model still has exactly the weights that were collected.
 * @throws {@link EmaError} MODEL_CHANGED — names what was added and what is gone.
 */
export function checkSameWeights(tf: Tfjs, weights: ModelWeights, model: ModelSource): void {
  const now = declaredIn(tf, model);
  const before = [...weights.averaged, ...weights.live];
  const added = others(now, before);
  const gone = others(before, now);
  if (added.length === 0 && gone.length === 0) return;
  throw new EmaError(
    'MODEL_CHANGED',
    `the model has other weights than when the average was attached: added ${list(added)}; gone ${list(gone)}. ` +
      'Make a new WeightEma for the changed model.',
  );
}

/** Names of the weights that are not among others: told by the object that stays, whatever their names are now. */
function others(weights: readonly (Weight | Declared)[], known: readonly (Weight | Declared)[]): string[] {
  const identities = new Set(known.map(({ layerVariable, variable }) => layerVariable ?? variable));
  return weights
    .filter(({ layerVariable, variable }) => !identities.has(layerVariable ?? variable))
    .map(({ name }) => name);
}

/** The error for a weight that no longer exists. */
export function disposed(name: string, cause?: unknown): EmaError {
  return new EmaError(
    'WEIGHT_DISPOSED',
    `weight '${name}' of the model was disposed (model.dispose() or tf.disposeVariables()?). ` +
      'The averages are still there: read() returns them.',
    cause === undefined ? undefined : { cause },
  );
}

function weightsOf(model: LayersModel): DeclaredWeight[] {
  try {
    return declaredWeights(model);
  } catch (cause) {
    throw notBuilt(messageOf(cause));
  }
}

function notBuilt(reason: string): EmaError {
  return new EmaError(
    'MODEL_NOT_BUILT',
    `model: expected a built model: ${reason}. Give its first layer an inputShape, or call model.build() or model.predict() first.`,
  );
}

/** Numbers the later ones of equal names, as `name_1`, `name_2`. */
function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let i = 1; taken.has(unique); i += 1) unique = `${name}_${i}`;
    taken.add(unique);
    return unique;
  });
}

function list(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  return `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
}
