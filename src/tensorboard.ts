// `tfjs-ema/tensorboard`: the metrics of raw weights and of every average as runs that share their charts, and histograms of both.
// Writes through tfjs-node's own summary writer; measures nothing.

import type { Callback, NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { checkNames, invalid } from './base/argument.js';
import { EmaError } from './base/errors.js';
import type { WeightEma } from './ema/weight-ema.js';
import { collectWeights } from './model/weights.js';
import type { Tfjs } from './tfjs/backend.js';
import type { Metrics } from './validation/selection.js';

/** Options of {@link emaTensorBoard}. */
export interface EmaTensorBoardOptions {
  /** Folder of the logs, as given to `tensorboard --logdir`. It is made; other logs in it stay. */
  readonly logdir: string;
  /**
   * Epochs between histograms of all weights; 0 for none. Each reads every average once.
   * @defaultValue 1
   */
  readonly histogramFreq?: number;
}

/** The part of tfjs-node's summary writer that is used. */
export interface SummaryWriter {
  /** Adds a point to a chart. */
  scalar(name: string, value: number, step: number): void;
  /** Adds a histogram of a tensor's elements. */
  histogram(name: string, data: Tensor, step: number, buckets?: number): void;
  /** Writes to the file what is still held back. */
  flush(): void;
}

/** tfjs-node or tfjs-node-gpu: what {@link emaTensorBoard} needs beyond {@link Tfjs}. */
export interface TfjsNode extends Tfjs {
  /** The namespace `tf.node`. */
  readonly node: { summaryFileWriter(logdir: string): SummaryWriter };
}

// tfjs-node's histogram takes 30 floats and more of memory per element. A million show the shape.
const MOST_ELEMENTS = 2 ** 20;

/**
 * Makes a callback that writes logs for TensorBoard at the end of each epoch. Raw weights and averages are runs of their own:
 * `raw`, `ema_best`, and `ema_` with each average's label, such as `ema_0.999`. Their tags are those of `tf.node.tensorBoard`:
 * `epoch_loss` of all of them is one chart, and the histograms of a weight stand side by side. The step is the epoch, from 1.
 *
 * Metrics are those of `ema.callback` in the same fit, where it validates. A histogram of a weight with more than 2^20 elements is of every n-th of them;
 * a weight with an element that is no finite number gets none.
 *
 * @param tf tfjs-node, that the model is made with.
 * @param ema the averages; the place of their own callback in the same fit does not matter.
 * @param options see {@link EmaTensorBoardOptions}.
 * @returns the callback, for one fit at a time.
 * @throws `EmaError` INVALID_ARGUMENT — `tf` is not tfjs-node, or an option is wrong.
 * @example
 * ```ts
 * const ema = new WeightEma(tf);
 * const board = emaTensorBoard(tf, ema, { logdir: 'logs' });
 * await model.fit(x, y, { epochs: 10, validationSplit: 0.1, callbacks: [ema.callback(), board, tf.node.tensorBoard('logs')] });
 * ```
 */
export function emaTensorBoard(tf: TfjsNode, ema: WeightEma, options: EmaTensorBoardOptions): Callback {
  if (typeof tf?.node?.summaryFileWriter !== 'function')
    throw invalid('tf', 'tfjs-node or tfjs-node-gpu', tf, 'Its writer makes the files: plain tfjs has none.');
  if (!Array.isArray(ema?.validations)) throw invalid('ema', 'a WeightEma', ema);
  const { logdir, histogramFreq } = checkOptions(options);
  const writers = new Map<string, SummaryWriter>();
  const writerOf = (run: string): SummaryWriter => {
    const writer = writers.get(run) ?? tf.node.summaryFileWriter(`${logdir}/${run}`);
    writers.set(run, writer);
    return writer;
  };
  let written = 0;
  const writeNewMetrics = (): void => {
    for (const { epoch, raw, averages, best } of ema.validations.slice(written)) {
      const point = (run: string, metrics: Metrics) => writeMetrics(writerOf(run), metrics, epoch + 1);
      point('raw', raw);
      ema.labels.forEach((label, index) => {
        point(`ema_${label}`, averages[index] ?? {});
      });
      if (best !== undefined) point('ema_best', { ...averages[best], ema_best_decay: ema.decays[best] ?? Number.NaN });
    }
    written = ema.validations.length;
    for (const writer of writers.values()) writer.flush();
  };
  return new (class extends tf.Callback {
    override async onTrainBegin(): Promise<void> {
      written = ema.validations.length;
    }

    override async onEpochEnd(epoch: number): Promise<void> {
      if (ema.engine === undefined) throw notInFit();
      if (histogramFreq > 0 && epoch % histogramFreq === 0) {
        writeHistograms(tf, { writer: writerOf('raw'), step: epoch + 1 }, rawWeights(tf, this.model));
        for (const [index, label] of ema.labels.entries()) {
          const average = ema.read({ index });
          try {
            writeHistograms(tf, { writer: writerOf(`ema_${label}`), step: epoch + 1 }, average);
          } finally {
            tf.dispose(average);
          }
        }
      }
      writeNewMetrics();
    }

    // Where ours stands before the averaging callback, the last epoch's metrics come only now.
    override async onTrainEnd(): Promise<void> {
      writeNewMetrics();
    }
  })();
}

function checkOptions(options: EmaTensorBoardOptions): Required<EmaTensorBoardOptions> {
  checkNames(options, ['logdir', 'histogramFreq']);
  const { logdir, histogramFreq = 1 } = options;
  if (typeof logdir !== 'string' || logdir === '') throw invalid('logdir', "a folder such as 'logs'", logdir);
  if (!Number.isSafeInteger(histogramFreq) || histogramFreq < 0)
    throw invalid('histogramFreq', 'a whole number of epochs, or 0 for no histograms', histogramFreq);
  return { logdir, histogramFreq };
}

function notInFit(): EmaError {
  const fix = 'Put both into it: callbacks: [ema.callback(), emaTensorBoard(tf, ema, { logdir })].';
  return new EmaError('NOT_ATTACHED', `emaTensorBoard: the averaging callback takes no part in this fit. ${fix}`);
}

function writeMetrics(writer: SummaryWriter, metrics: Metrics, step: number): void {
  for (const [name, value] of Object.entries(metrics)) writer.scalar(`epoch_${name}`, value, step);
}

/** The live weights by the names that averages give them; they stay the model's. */
function rawWeights(tf: Tfjs, model: Callback['model']): NamedTensorMap {
  const { averaged, live } = collectWeights(tf, model, { batchNorm: 'average' });
  return Object.fromEntries([...averaged, ...live].map(({ name, variable }) => [name, variable]));
}

interface Place {
  readonly writer: SummaryWriter;
  readonly step: number;
}

function writeHistograms(tf: Tfjs, { writer, step }: Place, weights: NamedTensorMap): void {
  for (const [name, weight] of Object.entries(weights)) {
    tf.tidy(() => {
      const data = sampled(weight);
      const [low = Number.NaN] = data.min().dataSync();
      const [high = Number.NaN] = data.max().dataSync();
      if (!Number.isFinite(Math.fround(high - low))) return;
      if (low < high) writer.histogram(name, data, step);
      else writer.histogram(name, aroundConstant(tf, low, data.size), step, 3);
    });
  }
}

/** At most {@link MOST_ELEMENTS} of a weight's elements, evenly spaced. */
function sampled(weight: Tensor): Tensor {
  const flat = weight.flatten().toFloat();
  const stride = Math.ceil(flat.size / MOST_ELEMENTS);
  return stride <= 1 ? flat : flat.stridedSlice([0], [flat.size], [stride]);
}

/**
 * tfjs-node 4.22 fails at a weight whose elements are all equal, such as a bias at its start ("Can't concatenate scalars"). With
 * two elements more, half below and half above, it has the bounds that TensorFlow gives a constant, and a peak in the middle.
 */
function aroundConstant(tf: Tfjs, value: number, size: number): Tensor {
  // Half, but more where a float32 near the value could not tell.
  const reach = Math.max(0.5, Math.abs(value) * 2 ** -20);
  const elements = new Float32Array(size + 2).fill(value);
  elements.set([value - reach, value + reach]);
  return tf.tensor1d(elements);
}
