// What is measured after each epoch: validation of the raw weights and every average, best snapshots, memorisation, SWA.
// Trains nothing, and judges nothing on test images.

import type { LayersModel } from '@tensorflow/tfjs-node';
import type { Tf } from '../../tools/shared/tfjs.js';
import { type NoisyFit, noisyFit } from '../metrics/memorisation.js';
import { softmax, topClasses } from '../metrics/predictions.js';
import type { TensorBatches } from './batches.js';
import type { Condition } from './condition.js';
import { evaluateLogits, evaluatePoint, type Point } from './evaluation.js';
import type { Curve } from './result.js';
import { BestSnapshots } from './snapshots.js';
import type { Trackers } from './trackers.js';
import { RAW } from './tracks.js';
import { UniformAverage } from './uniform-average.js';

/** The uniform average begins after this share of the run. */
const UNIFORM_START = 0.75;

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
  /** Best raw weights. */
  readonly bestRaw: BestSnapshots;
  /** Best of the main averages. */
  readonly bestAverage: BestSnapshots;
  /** Uniform mean of the last quarter's epochs. */
  readonly uniform: UniformAverage;
  readonly #input: RecorderInput;
  readonly #curves = new Map<string, Point[]>();
  readonly #memorisation = new Map<string, NoisyFit[]>();

  /** @param input the run. */
  constructor(tf: Tf, input: RecorderInput) {
    this.#input = input;
    this.bestRaw = new BestSnapshots(tf);
    this.bestAverage = new BestSnapshots(tf);
    this.uniform = new UniformAverage(tf);
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
    this.bestRaw.offer(model, { track: RAW, epoch, validation: raw });
    for (const tracker of trackers.all) {
      const { id } = tracker.track;
      await tracker.use(async () => {
        const point = await evaluatePoint(model, validation);
        push(this.#curves, id, point);
        if (trackers.main.includes(tracker)) this.bestAverage.offer(model, { track: id, epoch, validation: point });
      });
    }
    if (condition.measures.memorisation) await this.#recordMemorisation();
    if (condition.averages.uniform && epoch > UNIFORM_START * condition.recipe.epochs) this.uniform.add(model);
  }

  /** Releases all snapshots. */
  dispose(): void {
    this.bestRaw.dispose();
    this.bestAverage.dispose();
    this.uniform.dispose();
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
