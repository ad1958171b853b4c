// Models without layers: the variables of a model that is written by hand, and telling them from a layers model.
// Knows no averages.

import type { LayersModel, Variable } from '@tensorflow/tfjs';
import { fieldOf, invalid, show } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import type { Tfjs } from '../tfjs/backend.js';

/**
 * The variables of a model that is written by hand: a list, whose names are those of the variables, or a record by names of your own,
 * which are the same in every run. A slash in a name makes groups: `'block0/attention/query'`.
 *
 * Each variable once, also where the model uses it twice. Trainable ones of type float32 are averaged; those that are not trainable when
 * they are attached, integers and bools are used as they are, live, and copied where averages are read.
 */
export type ModelVariables = readonly Variable[] | { readonly [name: string]: Variable };

/** Whose weights are averaged. */
export type ModelSource = LayersModel | ModelVariables;

/** A variable and its name in the model. */
export interface NamedVariable {
  readonly name: string;
  readonly variable: Variable;
}

/** Whether it is a layers model, and of this copy of tfjs. */
export function isLayersModel(tf: Tfjs, model: ModelSource): model is LayersModel {
  return model instanceof tf.LayersModel;
}

/** The error for what variables alone are not enough for. */
export function noLayersModel(method: string, fix: string): EmaError {
  return new EmaError(
    'NO_LAYERS_MODEL',
    `${method}: expected averages of a layers model, these are of variables. ${fix}`,
  );
}

/**
 * The layers model, for what needs one.
 * @param method what needs it.
 * @param fix what to do with variables instead.
 * @throws {@link EmaError} NO_LAYERS_MODEL — there are variables only.
 */
export function layersModelOf(
  tf: Tfjs,
  model: ModelSource,
  { method, fix }: { readonly method: string; readonly fix: string },
): LayersModel {
  if (isLayersModel(tf, model)) return model;
  throw noLayersModel(method, fix);
}

/**
 * The variables of a model that is written by hand, in their order.
 * @throws {@link EmaError} INVALID_ARGUMENT — it is neither a list nor a record of variables; a name or a variable stands there twice.
 */
export function variablesIn(tf: Tfjs, model: ModelVariables): NamedVariable[] {
  const entries = entriesOf(tf, model);
  const seen = new Map<string | Variable, string>();
  for (const { name, variable } of entries) {
    // The second one cannot be the key of an object.
    if (name === '' || name === '__proto__') throw invalid('model', 'variables with names', name);
    const twice = seen.get(variable);
    if (twice !== undefined)
      throw invalid('model', 'each variable once', `'${twice}' and '${name}', which are the same variable`);
    if (seen.has(name)) {
      const fix = 'Give a record by names of your own: { encoder: a, decoder: b }.';
      throw invalid('model', 'variables with different names', `two called '${name}'`, fix);
    }
    seen.set(name, name).set(variable, name);
  }
  return entries;
}

function entriesOf(tf: Tfjs, model: ModelVariables): NamedVariable[] {
  if (typeof model !== 'object' || model === null) throw neither(model);
  if (typeof fieldOf(model, 'then') === 'function') throw neither(model, 'It is a promise: await the model first.');
  const isList = Array.isArray(model);
  return Object.entries(model).map(([key, variable]: readonly [string, unknown]) => {
    if (variable instanceof tf.Variable) return { name: isList ? variable.name : key, variable };
    const isRecord = Object.getPrototypeOf(model) === Object.prototype;
    const place = isList ? `[${key}]` : `.${key}`;
    throw neither(
      model,
      isList || isRecord ? `model${place} is ${show(variable)}: all in one list or record.` : hintOf(model),
    );
  });
}

/** What to do with an object that is no model of variables. */
function hintOf(model: object): string {
  // By its shape: a class has another name in a bundle, and is another one in another copy of tfjs.
  if ('modelUrl' in model && 'loadOptions' in model)
    return 'A GraphModel cannot be trained: give the layers model that it was made from.';
  return 'layers' in model ? 'If it is a model, another copy of tfjs made it: import the same one everywhere.' : '';
}

function neither(model: unknown, hint = ''): EmaError {
  const expected =
    'a tf.LayersModel of the same tfjs as given to the constructor, or the tf.Variables of a model in a list or by name';
  return invalid('model', expected, model, hint);
}
