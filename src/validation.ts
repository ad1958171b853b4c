// Measuring the raw weights and every average on the same data.
// Chooses nothing, and leaves the model as it was.

import type { LayersModel, Scalar } from '@tensorflow/tfjs';
import { invalid } from './argument.js';
import type { WeightEma } from './ema.js';
import type { Metrics } from './selection.js';
import { evaluateDataset } from './tfjs.js';
import { inOrder, isDataset, sides, type ValidationData } from './validation-data.js';

/** What one validation measured. */
export interface Validation {
  /** Of the model's own weights. */
  readonly raw: Metrics;
  /** Of each average, in the order of `decays`. */
  readonly averages: readonly Metrics[];
}

/**
 * Evaluates the raw weights, then every average, on the same data with `model.evaluate` or `model.evaluateDataset`.
 * @param batchSize samples per batch of tensors; a data set has its own batches.
 * @throws {@link EmaError} INVALID_ARGUMENT — the data set yields nothing.
 * @throws {@link EmaError} as `WeightEma.use`
 */
export async function validate(
  ema: WeightEma,
  model: LayersModel,
  { data, batchSize }: { readonly data: ValidationData; readonly batchSize: number },
): Promise<Validation> {
  const names = uniqueNames(model.metricsNames);
  const measure = async (evaluate: () => Promise<Scalars>): Promise<Metrics> => toMetrics(names, await evaluate());
  const evaluate = (): Promise<Scalars> => evaluateModel(model, data, batchSize);
  const raw = await measure(evaluate);
  const averages: Metrics[] = [];
  for (let index = 0; index < ema.averages; index += 1) {
    averages.push(await measure(() => ema.use({ index }, evaluate)));
  }
  return { raw, averages };
}

type Scalars = Scalar | Scalar[];

async function evaluateModel(model: LayersModel, data: ValidationData, batchSize: number): Promise<Scalars> {
  if (isDataset(data)) return evaluateDataset(model, data);
  const [xs, ys] = sides(data);
  return model.evaluate(inOrder(xs, model.inputNames), inOrder(ys, model.outputNames), { batchSize, verbose: 0 });
}

async function toMetrics(names: readonly string[], scalars: Scalars): Promise<Metrics> {
  const list = Array.isArray(scalars) ? scalars : [scalars];
  const metrics: Record<string, number> = {};
  try {
    const values = await Promise.all(list.map((scalar) => scalar.data()));
    names.forEach((name, index) => {
      const value = values[index]?.[0];
      if (value === undefined) throw invalid('validationData', 'at least one batch', 'a data set without any');
      metrics[name] = value;
    });
  } finally {
    for (const scalar of list) scalar.dispose();
  }
  return metrics;
}

/** Numbers repeated names (`acc_0`, `acc_1`) as tfjs does for its logs. */
function uniqueNames(names: readonly string[]): string[] {
  return names.map((name, index) => {
    const isUnique = names.indexOf(name) === names.lastIndexOf(name);
    return isUnique ? name : `${name}_${names.slice(0, index).filter((other) => other === name).length}`;
  });
}
