// A second model with the weights of an average: a teacher, a target network, a model to serve while training goes on.
// Decides nothing about averages: it is told how to read one.

import type { LayersModel, NamedTensorMap, Variable } from '@tensorflow/tfjs';
import { EmaError, messageOf } from '../base/errors.js';
import { declaredWeights, isModelDisposed, sameArchitecture, type Tfjs, variableOf } from '../tfjs/backend.js';
import type { ModelWeights, Weight } from './weights.js';

/** A model of its own with the weights of an average. */
export interface AverageTwin {
  /**
   * The model: for `predict` and `apply` as it is; compile it to evaluate. It is frozen, so that no optimizer moves its weights; as in
   * any frozen model of tfjs, `getWeights()` lists them layer by layer.
   */
  readonly model: LayersModel;
  /**
   * Takes the average as it is now: one copy of its weights on the device, and no wait. Before the first step, the model's own weights.
   * @returns the model, as in `twin.refresh().predict(x)`.
   * @throws {@link EmaError} DISPOSED — of the twin or of the averages; POISONED as `read`.
   */
  refresh(): LayersModel;
  /** Releases the twin's weights. A second call does nothing. */
  dispose(): void;
}

/** One weight of the model, and the same of its twin. */
interface Pair {
  readonly weight: Weight;
  readonly variable: Variable;
}

/**
 * Makes a twin: the same architecture from the model's config, with weights of its own, which hold the average.
 * @param read the average by weight name, taken over.
 * @throws {@link EmaError} INVALID_ARGUMENT — the config does not describe the model: a layer of a user's own that is not registered.
 */
export async function makeTwin(
  tf: Tfjs,
  { model: original, weights }: { readonly model: LayersModel; readonly weights: ModelWeights },
  read: () => NamedTensorMap,
): Promise<AverageTwin> {
  const model = await cloned(tf, original);
  let isDisposed = false;
  const own = declaredWeights(model).flatMap(({ weight }) => variableOf(weight) ?? []);
  const dispose = (): void => {
    if (isDisposed) return;
    isDisposed = true;
    // Its owner may have done so.
    if (!isModelDisposed(model)) model.dispose();
    // tfjs leaves the weights of a layer that the model applies twice.
    for (const variable of own) if (!variable.isDisposed) variable.dispose();
  };
  try {
    const pairs = paired(original, model, weights);
    // An optimizer without a list of variables trains all that exist and take part in its loss. Both are needed: a Sequential hands
    // its own flag on when it is first used or compiled, and the flag does not reach the layers of a model inside of a model.
    model.trainable = false;
    for (const { variable } of pairs) variable.trainable = false;
    const refresh = (): LayersModel => {
      if (isDisposed) throw new EmaError('DISPOSED', 'the twin was disposed. Make a new one by asModel().');
      write(tf, pairs, read());
      return model;
    };
    refresh();
    return { model, refresh, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

async function cloned(tf: Tfjs, model: LayersModel): Promise<LayersModel> {
  try {
    return await sameArchitecture(tf, model);
  } catch (cause) {
    throw notTwinned(messageOf(cause), { cause });
  }
}

/** By place: both have the same layers in the same order, while names are made unique anew. */
function paired(original: LayersModel, model: LayersModel, { averaged, live }: ModelWeights): Pair[] {
  const known = new Map([...averaged, ...live].map((weight) => [weight.layerVariable, weight]));
  const [from, to] = [declaredWeights(original), declaredWeights(model)];
  if (from.length !== to.length) throw notTwinned(`it has ${to.length} weights, and the model ${from.length}`);
  return from.flatMap(({ weight: live }, index) => {
    const weight = known.get(live);
    const twin = to[index]?.weight;
    const variable = twin === undefined ? undefined : variableOf(twin);
    if (weight === undefined || variable === undefined) return [];
    const [a, b] = [weight.variable, variable].map(({ shape, dtype }) => `${dtype} [${shape}]`);
    if (a !== b) throw notTwinned(`weight '${weight.name}' is ${b} there, and ${a} in the model`);
    return [{ weight, variable }];
  });
}

function write(tf: Tfjs, pairs: readonly Pair[], values: NamedTensorMap): void {
  try {
    for (const { weight, variable } of pairs) {
      const value = values[weight.name];
      if (value !== undefined) variable.assign(value);
    }
  } finally {
    tf.dispose(values);
  }
}

function notTwinned(reason: string, options?: ErrorOptions): EmaError {
  const fix =
    'Register layers of your own with tf.serialization.registerClass, and give them a getConfig() that describes them.';
  return new EmaError(
    'INVALID_ARGUMENT',
    `asModel: expected a model that can be made again from its config: ${reason}. ${fix}`,
    options,
  );
}
