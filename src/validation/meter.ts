// Loss and metrics of one candidate, summed over batches on the device, and what every sample scored.
// Puts no weights into the model.

import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import { invalid } from '../base/argument.js';
import { lossFunctionsOf, type Tfjs } from '../tfjs/backend.js';
import { isTensor } from '../tfjs/data.js';
import type { Batch } from './batches.js';
import type { Metrics } from './selection.js';

/** What each sample scored, by metric: loss, or 1 and 0 for right and wrong. Only metrics that have a value per sample. */
export type SampleScores = Readonly<Record<string, Float32Array>>;

/** What each sample scored, of the same samples in the same order. */
export interface ValidationScores {
  readonly raw: SampleScores;
  readonly averages: readonly SampleScores[];
}

/** What was measured of one candidate. */
export interface Reading {
  readonly metrics: Metrics;
  readonly scores: SampleScores;
}

interface Measured {
  /** Mean over the batch, per metric. */
  readonly means: Tensor[];
  /** By metric, one value per sample. */
  readonly scores: { [metric: string]: Tensor };
}

/**
 * Measures the weights that stand in the model, as `model.evaluate` and `model.evaluateDataset` do: the mean of each batch weighs as
 * much as the batch has samples. With several outputs these two put the numbers under wrong names; here `loss` is the sum over outputs.
 */
export class Meter {
  readonly #tf: Tfjs;
  readonly #model: LayersModel;
  readonly #names: readonly string[];
  /** Metrics whose scores are kept: those of them that have one per sample. */
  readonly #scored: Set<string>;
  readonly #scores = new Map<string, Tensor[]>();
  #sums: Tensor[] = [];
  #samples = 0;

  /** @param scored metrics of which to keep what every sample scored. */
  constructor(tf: Tfjs, model: LayersModel, scored: readonly string[]) {
    this.#tf = tf;
    this.#model = model;
    this.#names = metricNames(model);
    this.#scored = new Set(scored);
  }

  /** Measures a batch; waits for nothing. */
  add(batch: Batch): void {
    if (batch.samples === 0) return;
    const { sums, scores } = this.#tf.tidy(() => {
      const { means, scores } = this.#measure(batch);
      const sums = means.map((mean, index) => {
        const sum = mean.mul(batch.samples);
        const before = this.#sums[index];
        return before === undefined ? sum : before.add(sum);
      });
      return { sums, scores };
    });
    for (const tensor of [...sums, ...Object.values(scores)]) this.#tf.keep(tensor);
    this.#tf.dispose(this.#sums);
    this.#sums = sums;
    this.#samples += batch.samples;
    for (const name of this.#scored) this.#keepScore(name, scores[name]);
  }

  /**
   * Waits for the numbers.
   * @throws {@link EmaError} INVALID_ARGUMENT — there was no batch.
   */
  async read(): Promise<Reading> {
    if (this.#samples === 0) throw invalid('validationData', 'at least one batch', 'a data set without any');
    const means = this.#tf.tidy(() => this.#sums.map((sum): Tensor => sum.div(this.#samples)));
    // Whatever scope a caller is in ends before the numbers are there.
    for (const mean of means) this.#tf.keep(mean);
    try {
      const values = await Promise.all(means.map((mean) => mean.data<'float32'>()));
      const metrics = Object.fromEntries(this.#names.map((name, index) => [name, values[index]?.[0] ?? Number.NaN]));
      const scores: Record<string, Float32Array> = {};
      for (const [name, parts] of this.#scores) scores[name] = await joined(parts);
      return { metrics, scores };
    } finally {
      this.#tf.dispose(means);
    }
  }

  /** Releases what is held. */
  dispose(): void {
    this.#tf.dispose([this.#sums, ...this.#scores.values()].flat());
    this.#sums = [];
    this.#scores.clear();
  }

  #measure({ inputs, targets, samples }: Batch): Measured {
    const [first] = inputs;
    const output = this.#model.apply(inputs.length === 1 && first !== undefined ? first : [...inputs]);
    const outputs = [output].flat().filter(isTensor);
    const losses = (lossFunctionsOf(this.#model) ?? []).map((loss, index) =>
      loss(at(targets, index), at(outputs, index)),
    );
    const metrics = this.#model.metricsTensors.map(([metric, index]) => metric(at(targets, index), at(outputs, index)));
    const total = losses.map((loss) => loss.mean()).reduce((sum, mean) => sum.add(mean));
    const perSample = losses.map((loss) => scoreOf(loss, samples));
    const scores: { [metric: string]: Tensor } = {};
    this.#names.forEach((name, index) => {
      const score = index === 0 ? sumOf(perSample) : scoreOf(at(metrics, index - 1), samples);
      if (this.#scored.has(name) && score !== undefined) scores[name] = score;
    });
    return { means: [total, ...metrics.map((metric) => metric.mean())], scores };
  }

  #keepScore(name: string, score: Tensor | undefined): void {
    const parts = this.#scores.get(name) ?? [];
    if (score !== undefined) {
      this.#scores.set(name, [...parts, score]);
      return;
    }
    this.#tf.dispose(parts);
    this.#scores.delete(name);
    this.#scored.delete(name);
  }
}

/**
 * The names of what a model measures, repeated ones numbered (`acc_0`, `acc_1`) as tfjs does for its logs.
 * @throws {@link EmaError} INVALID_ARGUMENT — the model is not compiled.
 */
export function metricNames(model: LayersModel): string[] {
  const names: readonly string[] | undefined = model.metricsNames;
  if (names === undefined) throw invalid('model', 'a compiled model', 'one without a loss', 'Call model.compile().');
  return names.map((name, index) => {
    const isUnique = names.indexOf(name) === names.lastIndexOf(name);
    return isUnique ? name : `${name}_${names.slice(0, index).filter((other) => other === name).length}`;
  });
}

/** What each metric of a compiled model is measured by, by name: its function, and of the loss that of each output. */
export type Measures = Pick<ReadonlyMap<string, readonly unknown[]>, 'get'>;

const OWN: readonly unknown[] = ['a function of the user'];
/** Of what a function of the user's measures: no loss and no metric of the model. */
export const OWN_MEASURES: Measures = { get: () => OWN };

/** What the metrics of a model are measured by; nothing where it is not compiled. */
export function measuresOf(model: LayersModel): Measures {
  const compiled: readonly string[] | undefined = model.metricsNames;
  if (compiled === undefined) return new Map();
  const metrics = model.metricsTensors.map(([metric]) => [metric]);
  return new Map(
    metricNames(model).map((name, index) => [name, (index === 0 ? lossFunctionsOf(model) : metrics[index - 1]) ?? []]),
  );
}

/** One value per sample: the mean over all other axes. Undefined for what was reduced over samples. */
function scoreOf(values: Tensor, samples: number): Tensor | undefined {
  if (values.rank === 0 || values.shape[0] !== samples) return undefined;
  return values.rank === 1 ? values.toFloat() : values.reshape([samples, -1]).mean(1);
}

function sumOf(scores: readonly (Tensor | undefined)[]): Tensor | undefined {
  return scores.reduce((sum, score) => (sum === undefined || score === undefined ? undefined : sum.add(score)));
}

async function joined(parts: readonly Tensor[]): Promise<Float32Array> {
  const values = await Promise.all(parts.map((part) => part.data<'float32'>()));
  const whole = new Float32Array(values.reduce((length, part) => length + part.length, 0));
  let from = 0;
  for (const part of values) {
    whole.set(part, from);
    from += part.length;
  }
  return whole;
}

function at(tensors: readonly Tensor[], index: number): Tensor {
  const tensor = tensors[index];
  if (tensor === undefined) throw invalid('model', `an output ${index}`, `${tensors.length} outputs`);
  return tensor;
}
