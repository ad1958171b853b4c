// The averages of one run at work, by name.
// Trains nothing and evaluates nothing.

import type { Callback, LayersModel, Tensor } from '@tensorflow/tfjs-node';
import { type EngineChoice, WeightEma, type Which } from '../../src/index.js';
import type { Tf } from '../../tools/shared/tfjs.js';
import type { Averages } from './condition.js';
import type { Point } from './evaluation.js';
import type { Steps } from './learning-rate.js';
import { rawGroup, type Track, type TrackGroup, trackGroups, uniformGroup } from './tracks.js';

/** An average, and how it is used. */
export interface Tracker {
  readonly track: Track;
  /** Runs `fn` while the average stands in the model's place. */
  readonly use: <R>(fn: (model: LayersModel) => R) => R;
}

/** Weights of a model at one moment, in the order of `model.getWeights()`. */
export interface Snapshot {
  /** Which average, or the raw weights. */
  readonly track: string;
  /** Epochs trained, from 1. */
  readonly epoch: number;
  /** The caller disposes them. */
  readonly weights: readonly Tensor[];
}

/** Copies the weights that stand in the model now; the caller disposes them. */
export function copyWeights(tf: Tf, model: LayersModel): Tensor[] {
  // getWeights gives views of the live values: every optimizer step makes new ones and leaves the old to their holders.
  return tf.tidy(() => model.getWeights().map((weight) => tf.keep(weight.clone())));
}

/** Averages that are kept together, and the best of them. */
class Group {
  readonly ema: WeightEma;
  readonly trackers: readonly Tracker[];
  readonly #tf: Tf;

  constructor(tf: Tf, { tracks, options }: TrackGroup, engine: EngineChoice) {
    this.#tf = tf;
    // A warm-up that never ends is what the paper's rule gives in short runs: known here, and not worth a warning.
    this.ema = new WeightEma(tf, { ...options, engine, onWarning: () => {} });
    this.trackers = tracks.map((track, index) => ({ track, use: (fn) => this.ema.use({ index }, fn) }));
  }

  /** Keeps what is the best so far by accuracy and by loss; of equals the first epoch, and in it the shortest window. */
  keepBest(epoch: number, points: readonly Point[]): void {
    const averages = points.map(({ accuracy, loss }) => ({ acc: accuracy, loss }));
    this.ema.record({ epoch: epoch - 1, averages }, { monitor: 'acc' });
  }

  best(metric: 'acc' | 'loss'): Snapshot | undefined {
    const record = this.ema.bests.find((best) => best.metric === metric);
    const track = this.trackers[record?.index ?? 0]?.track.id;
    if (record === undefined || track === undefined) return undefined;
    return { track, epoch: record.epoch + 1, weights: this.copy(`best-${metric}`) };
  }

  copy(which: Which): Tensor[] {
    return this.ema.use(which, (model) => copyWeights(this.#tf, model));
  }
}

/** The averages of one run. */
export class Trackers {
  /** All of them, the main ones first, by rising window. */
  readonly all: readonly Tracker[];
  /** Those that the best is chosen from. */
  readonly main: readonly Tracker[];
  readonly #groups: readonly Group[];
  readonly #raw: Group | undefined;
  readonly #uniform: Group | undefined;

  /** @param averages those of the condition. */
  constructor(
    tf: Tf,
    { averages, steps }: { readonly averages: Averages; readonly steps: Steps },
    engine: EngineChoice,
  ) {
    const group = (tracks: TrackGroup): Group => new Group(tf, tracks, engine);
    this.#groups = trackGroups(averages, steps.total).map(group);
    this.all = this.#groups.flatMap(({ trackers }) => trackers);
    this.main = this.#groups[0]?.trackers ?? [];
    const isThere = this.main.length > 0;
    this.#raw = isThere ? group(rawGroup(steps)) : undefined;
    this.#uniform = isThere && averages.uniform ? group(uniformGroup(steps)) : undefined;
  }

  /** What fit is given. */
  get callbacks(): readonly Callback[] {
    return this.#averages.map((ema) => ema.callback());
  }

  /** The main average with the longest window. */
  get slowest(): Tracker | undefined {
    return this.main.at(-1);
  }

  /** Who runs the updates. */
  get engine(): string | undefined {
    return this.#averages[0]?.engine;
  }

  /**
   * Keeps the best raw weights and the best main average so far.
   * @param epoch epochs trained, from 1.
   * @param measured validation of the raw weights, and of the main averages in their order.
   */
  keepBest(epoch: number, { raw, main }: { readonly raw: Point; readonly main: readonly Point[] }): void {
    this.#raw?.keepBest(epoch, [raw]);
    this.#groups[0]?.keepBest(epoch, main);
  }

  /** The best raw weights, or the best main average, of all epochs. */
  best(of: 'raw' | 'main', metric: 'acc' | 'loss'): Snapshot | undefined {
    return (of === 'raw' ? this.#raw : this.#groups[0])?.best(metric);
  }

  /** The slowest main average as it is now. */
  copySlowest(): Tensor[] | undefined {
    return this.#groups[0]?.copy({ index: this.main.length - 1 });
  }

  /** The uniform mean of the last quarter's epochs; undefined where it is not kept. */
  copyUniform(): Tensor[] | undefined {
    return this.#uniform?.copy('uniform');
  }

  /** Gives the model the main average in the middle as its weights; the optimizer keeps its state. */
  bootstrap(): void {
    this.#groups[0]?.ema.putBack({ index: Math.floor(this.main.length / 2) });
  }

  /** Releases all averages. */
  dispose(): void {
    for (const ema of this.#averages) ema.dispose();
  }

  get #averages(): readonly WeightEma[] {
    return [...this.#groups, this.#raw, this.#uniform].flatMap((group) => group?.ema ?? []);
  }
}
