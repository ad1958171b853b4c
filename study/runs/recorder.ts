// What is measured after each epoch: validation of the raw weights and every average, memorisation.
// Trains nothing, and judges nothing on test images.

import type { LayersModel } from '@tensorflow/tfjs-node';
import { recomputeBatchNorm } from '../../src/index.js';
import type { Tf } from '../../tools/shared/tfjs.js';
import { type NoisyFit, noisyFit } from '../metrics/memorisation.js';
import { softmax, topClasses } from '../metrics/predictions.js';
import { batchesOf, type TensorBatches } from './batches.js';
import type { Condition } from './condition.js';
import { evaluateLogits, evaluatePoint, type Point } from './evaluation.js';
import type { Curve } from './result.js';
import { copyWeights, type Trackers } from './trackers.js';
import { RAW, RECOMPUTED } from './tracks.js';

/** What a recorder looks at. */
export interface RecorderInput {
  readonly model: LayersModel;
  readonly condition: Condition;
  readonly trackers: Trackers;
  readonly validation: TensorBatches;
  /** Training images; needed where memorisation is measured. */
  readonly train: TensorBatches | undefined;
}

/** Records one run, epoch by epoch. */
export class Recorder {
  readonly #tf: Tf;
  readonly #input: RecorderInput;
  readonly #curves = new Map<string, Point[]>();
  readonly #memorisation = new Map<string, NoisyFit[]>();

  /** @param input the run. */
  constructor(tf: Tf, input: RecorderInput) {
    this.#tf = tf;
    this.#input = input;
  }

  /** Validation curves by track. */
  get curves(): Record<string, Curve> {
    const entries = [...this.#curves].map(([id, points]): [string, Curve] => {
      return [id, { accuracy: points.map(({ accuracy }) => accuracy), loss: points.map(({ loss }) => loss) }];
    });
    return Object.fromEntries(entries);
  }

  /** Fits of right and wrong labels by track. */
  get memorisation(): Record<string, readonly NoisyFit[]> {
    return Object.fromEntries(this.#memorisation);
  }

  /** The last validation of a track. */
  last(track: string): Point {
    const point = this.#curves.get(track)?.at(-1);
    if (point === undefined) throw new RangeError(`expected a recorded track, received '${track}'`);
    return point;
  }

  /**
   * Measures after an epoch; the model has its raw weights before and after.
   * @param epoch epochs trained, from 1.
   */
  async onEpochEnd(epoch: number): Promise<void> {
    const { model, condition, trackers, validation } = this.#input;
    // Without the callback nothing is measured either: the run is there for its weights at the end.
    if (condition.averages.main === 'none') return;
    const raw = await evaluatePoint(model, validation);
    push(this.#curves, RAW, raw);
    for (const tracker of trackers.all) {
      const { id } = tracker.track;
      await tracker.use(async () => {
        push(this.#curves, id, await evaluatePoint(model, validation));
      });
    }
    trackers.keepBest(epoch, { raw, main: trackers.main.map(({ track }) => this.last(track.id)) });
    if (condition.measures.memorisation) await this.#recordMemorisation();
    if (condition.measures.recompute === 'each epoch') await this.#recordRecomputed();
  }

  /** Curves of the averages without warm-up as they would be with BatchNorm statistics of their own. */
  async #recordRecomputed(): Promise<void> {
    const tf = this.#tf;
    const { model, trackers, train, validation } = this.#input;
    if (train === undefined) return;
    const raw = copyWeights(tf, model);
    for (const { track, use } of trackers.all) {
      if (!track.id.startsWith('plain')) continue;
      const weights = use(() => copyWeights(tf, model));
      model.setWeights(weights);
      await recomputeBatchNorm(tf, model, { data: batchesOf(tf, train) });
      push(this.#curves, `${track.id}${RECOMPUTED}`, await evaluatePoint(model, validation));
      tf.dispose(weights);
    }
    model.setWeights(raw);
    tf.dispose(raw);
  }

  async #recordMemorisation(): Promise<void> {
    const { model, trackers, train } = this.#input;
    if (train === undefined) return;
    const measure = async (id: string): Promise<void> => {
      const predicted = topClasses(softmax(await evaluateLogits(model, train, 'given')));
      push(this.#memorisation, id, noisyFit({ predicted, given: train.given, real: train.real }));
    };
    await measure(RAW);
    const { slowest } = trackers;
    if (slowest !== undefined) await slowest.use(() => measure(slowest.track.id));
  }
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key) ?? [];
  list.push(value);
  map.set(key, list);
}
