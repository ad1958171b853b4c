// Measuring the raw weights and every average on the same data, in one pass over it.
// Chooses nothing, and leaves the model as it was.

import type { LayersModel } from '@tensorflow/tfjs';
import type { Which } from '../schedule/which.js';
import type { Tfjs } from '../tfjs/backend.js';
import { inOrder, isDataset, sides, type TensorInput, type ValidationData } from '../tfjs/data.js';
import { States } from '../tfjs/states.js';
import { firstUnsteady } from '../tfjs/steadiness.js';
import { type Batch, type BatchSource, groupsOf } from './batches.js';
import { Meter, type Reading, type ValidationScores } from './meter.js';
import type { Metrics } from './selection.js';

/** What one validation measured. */
export interface Validation {
  /** Of the model's own weights. */
  readonly raw: Metrics;
  /** Of each average, in the order of `decays`. */
  readonly averages: readonly Metrics[];
}

/** Averages that can stand in the model for a while: a `WeightEma`. */
export interface MeasuredAverages {
  /** What they are called. */
  readonly labels: readonly string[];
  /** Runs `fn` while an average stands in the model. */
  use<R>(which: Which, fn: () => R): R;
  /** Checks that the model can be run, before it is run with its own weights. */
  checkMeasurable(): void;
  /**
   * Tells the user.
   * @internal
   */
  warn(message: string): void;
}

/** The model to measure with, the data, and what to keep of what is measured. */
export interface MeasureSource extends BatchSource {
  /** A compiled model. */
  readonly model: LayersModel;
  /** Metrics of which what every sample scored is kept. */
  readonly scored?: readonly string[];
}

/** What is measured: an average, or the model's own weights. */
export type Candidate = Which | 'raw';

/**
 * Measures the raw weights and every average on the same data, as `model.evaluate` and `model.evaluateDataset` would.
 * @throws {@link EmaError} as {@link measure}
 */
export async function validate(
  tf: Tfjs,
  ema: MeasuredAverages,
  source: MeasureSource,
): Promise<Validation & { readonly scores: ValidationScores }> {
  const averages = ema.labels.map((_, index) => ({ index }));
  const [raw, ...rest] = await measure(tf, ema, { ...source, candidates: ['raw', ...averages] });
  const empty: Reading = { metrics: {}, scores: {} };
  const { metrics, scores } = raw ?? empty;
  return {
    raw: metrics,
    averages: rest.map((reading) => reading.metrics),
    scores: { raw: scores, averages: rest.map((reading) => reading.scores) },
  };
}

/**
 * Measures candidates on the same batches, each of which is fetched once. No candidate stays in the model while a batch is waited for, and
 * each goes on from states of its own, which begin as those of the model: so that order means nothing, and training finds what it left.
 * @returns one reading per candidate.
 * @throws {@link EmaError} INVALID_ARGUMENT — there is no data, it does not fit the model, or the model is not compiled.
 * @throws {@link EmaError} as `WeightEma.use`
 */
export async function measure(
  tf: Tfjs,
  ema: MeasuredAverages,
  { model, candidates, scored = [], ...source }: MeasureSource & { readonly candidates: readonly Candidate[] },
): Promise<Reading[]> {
  ema.checkMeasurable();
  const meters = candidates.map((candidate) => {
    const meter = new Meter(tf, model, scored);
    return { candidate, meter, states: new States(tf, model) };
  });
  try {
    checkShapes(tf, model, source.data);
    let isToLook = !looked.has(ema);
    for await (const group of groupsOf(tf, model, source)) {
      if (isToLook) warnOfUnsteady(tf, ema, { model, group });
      isToLook = false;
      for (const { candidate, meter, states } of meters) {
        const run = (): void =>
          states.run(() => {
            for (const batch of group) meter.add(batch);
          });
        if (candidate === 'raw') run();
        else ema.use(candidate, run);
      }
    }
    looked.add(ema);
    return await Promise.all(meters.map(({ meter }) => meter.read()));
  } finally {
    for (const { meter, states } of meters) {
      meter.dispose();
      states.dispose();
    }
  }
}

/** Averages whose model was looked at before it was measured: once is enough. */
const looked = new WeakSet<MeasuredAverages>();

/** Warns of a layer that is not measured alike twice, whatever is put back. */
function warnOfUnsteady(
  tf: Tfjs,
  ema: MeasuredAverages,
  { model, group }: { readonly model: LayersModel; readonly group: Iterable<Batch> },
): void {
  for (const { inputs, samples } of group) {
    if (samples === 0) continue;
    const layer = firstUnsteady(tf, model, () => tf.tidy(() => void model.apply([...inputs])));
    if (layer !== undefined)
      ema.warn(
        `validation: layer '${layer}' answers the same inputs otherwise each time, with every weight, state and seed that can be found put back: ` +
          'it keeps something out of reach, as in a #private field, a closure, a Map, a Set or an object inside of an object of a class, or draws random ' +
          'numbers while it is not trained. So averages are not compared alike, and measuring leaves a trace. Keep it as a number, a tensor, a list ' +
          'or a plain object in a field of the layer, or in a weight: they are put back.',
      );
    return;
  }
}

/** Lets tfjs check tensors by a look at the first sample: a loss would take targets of another shape for what can be broadcast. */
function checkShapes(tf: Tfjs, model: LayersModel, data: ValidationData): void {
  if (isDataset(data)) return;
  // A model can be made for batches of one size, as a recurrent one with states is.
  const batchSize = model.inputs[0]?.shape[0] ?? 1;
  const look = (side: TensorInput, names: readonly string[]) =>
    [inOrder(side, names)].flat().map((tensor) => tensor.slice(0, batchSize));
  const [xs, ys] = sides(data);
  const states = new States(tf, model);
  try {
    tf.tidy(() => {
      const [inputs, targets] = [look(xs, model.inputNames), look(ys, model.outputNames)];
      states.run(() => void model.evaluate(inputs, targets, { batchSize, verbose: 0 }));
    });
  } finally {
    states.dispose();
  }
}
