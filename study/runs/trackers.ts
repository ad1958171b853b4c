// The averages of one run at work: callbacks of the package, and their validation after each epoch.
// Trains nothing; train.ts puts the callbacks into fit.

import type { LayersModel, NamedTensorMap, Tensor } from '@tensorflow/tfjs-node';
import { type EmaCallback, type EngineChoice, emaCallback } from '../../src/index.js';
import { topClasses } from '../metrics/predictions.js';
import { softmax } from '../metrics/predictions.js';
import { type NoisyFit, noisyFit } from '../metrics/memorisation.js';
import type { Tf } from '../tfjs.js';
import type { TensorBatches } from './batches.js';
import { evaluateLogits } from './evaluation.js';
import type { Track, TrackGroup } from './tracks.js';

/** An average and the callback that keeps it. */
export interface Tracker {
  readonly track: Track;
  readonly callback: EmaCallback;
  readonly index: number;
}

/** Makes the callbacks of a run, in order, and lists their averages. */
export function makeTrackers(tf: Tf, groups: readonly TrackGroup[], engine: EngineChoice): Tracker[] {
  return groups.flatMap(({ tracks, options }) => {
    // A warm-up that never ends is what the paper's rule gives in short runs: known here, and not worth a warning.
    const callback = emaCallback(tf, { ...options, engine, onWarning: () => {} });
    return tracks.map((track, index) => ({ track, callback, index }));
  });
}
