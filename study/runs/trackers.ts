// The averages of one run at work: the package's callbacks, by the names of their averages.
// Trains nothing and evaluates nothing.

import type { LayersModel, Tensor } from '@tensorflow/tfjs-node';
import { type EmaCallback, type EngineChoice, emaCallback } from '../../src/index.js';
import type { Tf } from '../../tools/shared/tfjs.js';
import { copyWeights } from './snapshots.js';
import type { Track, TrackGroup } from './tracks.js';

/** An average, and the callback that keeps it. */
export interface Tracker {
  readonly track: Track;
  /** Runs `fn` while the average stands in the model's place. */
  readonly use: <R>(fn: (model: LayersModel) => R) => R;
}

/** The averages of one run. */
export class Trackers {
  /** All of them, the main ones first, by rising window. */
  readonly all: readonly Tracker[];
  /** Those that the best is chosen from. */
  readonly main: readonly Tracker[];
  /** What fit is given. */
  readonly callbacks: readonly EmaCallback[];
  readonly #tf: Tf;

  /** @param groups main averages first. */
  constructor(tf: Tf, groups: readonly TrackGroup[], engine: EngineChoice) {
    this.#tf = tf;
    // A warm-up that never ends is what the paper's rule gives in short runs: known here, and not worth a warning.
    this.callbacks = groups.map(({ options }) => emaCallback(tf, { ...options, engine, onWarning: () => {} }));
    const byGroup = groups.map(({ tracks }, group) => tracks.map((track, index) => this.#tracker(track, group, index)));
    this.all = byGroup.flat();
    this.main = byGroup[0] ?? [];
  }

  /** The main average with the longest window. */
  get slowest(): Tracker | undefined {
    return this.main.at(-1);
  }

  /** The main average in the middle, which bootstrapping uses. */
  get middle(): Tracker | undefined {
    return this.main[Math.floor(this.main.length / 2)];
  }

  /** Who runs the updates. */
  get engine(): string | undefined {
    return this.callbacks[0]?.engine;
  }

  /** Copies of an average's weights, in the order of `model.getWeights()`; the caller disposes them. */
  copy(tracker: Tracker): Tensor[] {
    return tracker.use((model) => copyWeights(this.#tf, model));
  }

  /** Releases all averages. */
  dispose(): void {
    for (const callback of this.callbacks) callback.dispose();
  }

  #tracker(track: Track, group: number, index: number): Tracker {
    return {
      track,
      use: (fn) => {
        const callback = this.callbacks[group];
        if (callback === undefined) throw new RangeError(`there is no group ${group}`);
        return callback.use({ index }, fn);
      },
    };
  }
}
