// What an optimizer of tfjs keeps: its figures, its scalars and its slots; taken down, and put into another of the same class.
// Trains nothing. tfjs's own getWeights leaves out Adamax, and Adam's products of betas, which it then computes anew, to other bits.

import type { io, LayersModel, Optimizer, Tensor, Variable } from '@tensorflow/tfjs';
import type { Tfjs } from './backend.js';
import { isTensor } from './data.js';

/** An optimizer's state, but for the values of its tensors. */
export interface OptimizerFacts {
  readonly className: string;
  /** Numbers and switches by field: the learning rate, the count of its steps. */
  readonly figures: Readonly<Record<string, number | boolean>>;
  /** Fields that are a tensor. */
  readonly scalars: readonly string[];
  /** Fields that are lists with a tensor for each trained weight: what those are called. */
  readonly slots: Readonly<Record<string, readonly string[]>>;
}

/** An optimizer's state. */
export interface OptimizerState extends OptimizerFacts {
  /** The optimizer's own: by field, those of a list by `field/index`. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Fields that hold something else: an optimizer of somebody's own, of which they are not part of the state. */
  readonly unknown: readonly string[];
}

// tfjs-core/src/optimizers/*.ts: all that is kept between steps are fields of these kinds.
interface Slot {
  readonly originalName: string;
  readonly variable: Variable;
}

function fieldsOf(optimizer: Optimizer): Record<string, unknown> {
  // Asked first: the getter makes the counter where no step was made yet.
  void optimizer.iterations;
  // A view of the same object, whose every field is looked at before use.
  return optimizer as unknown as Record<string, unknown>;
}

function isSlot(value: unknown): value is Slot {
  return typeof value === 'object' && value !== null && 'variable' in value && isTensor(value.variable);
}

/** The state of a model's optimizer; undefined where it is not compiled. */
export function optimizerState(model: LayersModel): OptimizerState | undefined {
  const { optimizer } = model;
  // Typed as if there were always one.
  if (optimizer === undefined || optimizer === null) return undefined;
  const figures: Record<string, number | boolean> = {};
  const scalars: string[] = [];
  const slots: Record<string, string[]> = {};
  const tensors = new Map<string, Tensor>();
  const unknown: string[] = [];
  for (const [field, value] of Object.entries(fieldsOf(optimizer))) {
    if (typeof value === 'number' || typeof value === 'boolean') figures[field] = value;
    else if (isTensor(value)) {
      scalars.push(field);
      tensors.set(field, value);
    } else if (Array.isArray(value) && value.every(isSlot)) {
      slots[field] = value.map(({ originalName }) => originalName);
      for (const [index, { variable }] of value.entries()) tensors.set(`${field}/${index}`, variable);
    } else if (typeof value === 'object' && value !== null) unknown.push(field);
  }
  return { className: optimizer.getClassName(), figures, scalars, slots, tensors, unknown };
}

/**
 * Why a saved state cannot be put into the optimizer of a model; undefined where it can.
 * @param has whether a tensor was saved.
 */
export function optimizerDifference(
  model: LayersModel,
  saved: OptimizerFacts,
  has: (name: string) => boolean,
): string | undefined {
  const own = optimizerState(model);
  if (own === undefined) return `the optimizer was ${saved.className}, now the model is not compiled`;
  if (own.className !== saved.className) return `the optimizer was ${saved.className}, now it is ${own.className}`;
  const namesOf = ({ figures, scalars, slots }: OptimizerFacts): string =>
    [...Object.keys(figures), ...scalars, ...Object.keys(slots)].sort().join(', ');
  if (namesOf(own) !== namesOf(saved))
    return `${saved.className} kept ${namesOf(saved)}, now it keeps ${namesOf(own)}: another version of tfjs`;
  for (const [field, names] of Object.entries(saved.slots)) {
    const missing = names.find((_, index) => !has(`${field}/${index}`));
    if (missing !== undefined) return `${saved.className} kept ${missing}, which is missing`;
  }
  return undefined;
}

/** A state that is ready to be put in: what can fail has been done. */
export interface PreparedOptimizer {
  /** Puts it in. */
  commit(): void;
  /** Gives its memory back. */
  discard(): void;
}

/**
 * Makes a saved state ready for the optimizer of a model, which {@link optimizerDifference} found to fit.
 * @param tensors by name; they stay the caller's.
 */
export function prepareOptimizer(
  tf: Tfjs,
  model: LayersModel,
  { facts, tensors }: { readonly facts: OptimizerFacts; readonly tensors: Readonly<Record<string, Tensor>> },
): PreparedOptimizer {
  const fields = fieldsOf(model.optimizer);
  const made: Tensor[] = [];
  const variableOf = (name: string): Variable => {
    const tensor = tensors[name];
    if (tensor === undefined) throw new Error(`no tensor ${name} of the optimizer`);
    const variable = tensor.variable(false);
    made.push(variable);
    return variable;
  };
  const discard = (): void => tf.dispose(made);
  try {
    const scalars = facts.scalars.map((field) => [field, variableOf(field)] as const);
    const slots = Object.entries(facts.slots).map(([field, names]) => {
      const list = names.map((originalName, index) => ({ originalName, variable: variableOf(`${field}/${index}`) }));
      return [field, list] as const;
    });
    const commit = (): void => {
      for (const tensor of optimizerState(model)?.tensors.values() ?? []) tensor.dispose();
      Object.assign(fields, Object.fromEntries(scalars), Object.fromEntries(slots), facts.figures);
    };
    return { commit, discard };
  } catch (error) {
    discard();
    throw error;
  }
}

/**
 * How a model is compiled, as `tf.loadLayersModel` takes it; undefined where it is not, or by functions, which no file can hold.
 *
 * Names as they were given: in snake case, as tfjs itself writes them, 'MSE' would come back as 'mSE'.
 */
export function trainingConfigOf(model: LayersModel): io.TrainingConfig | undefined {
  const { optimizer, loss } = model;
  if (optimizer === undefined || optimizer === null) return undefined;
  // Undefined where compile was given none.
  const given = model.metrics ?? [];
  const metrics = typeof given === 'string' ? [given] : given;
  if (!isOfNames(loss) || !isOfNames(metrics)) return undefined;
  const optimizer_config = { class_name: optimizer.getClassName(), config: optimizer.getConfig() };
  // The types have functions in them, which there are none of now.
  return { loss, metrics, optimizer_config } as io.TrainingConfig;
}

function isOfNames(value: unknown): boolean {
  if (typeof value === 'string') return true;
  return typeof value === 'object' && value !== null && Object.values(value).every(isOfNames);
}
