// An average of a run with a decay that was not tracked: which combination it is, and how far off it can be after this run.
// Reads no average.

import type { NamedTensorMap } from '@tensorflow/tfjs';
import { type DecaySpec, resolveDecay } from './decay.js';
import type { ResolvedOptions } from './options.js';
import type { Interval } from './progress.js';
import { Schedule } from './schedule.js';
import { boundOfRun, type Synthesis, synthesize } from './synthesis.js';

/** An average that was combined from the tracked ones. */
export interface SynthesizedAverage extends Synthesis {
  /** Its weights by name, with copies of those that are not averaged. The caller disposes them. */
  readonly tensors: NamedTensorMap;
}

/**
 * The combination for a decay.
 * @throws {@link EmaError} INVALID_ARGUMENT — no decay, or outside the tracked ones.
 */
export function synthesisOf({ decays, run }: Pick<ResolvedOptions, 'decays' | 'run'>, decay: DecaySpec): Synthesis {
  return synthesize(decays, resolveDecay(decay, run));
}

/**
 * {@link Synthesis.bound} after the moves of this run, warm-up and moves of other lengths included.
 * @param intervals the moves, oldest first.
 */
export function boundAfter(
  { coefficients, decay }: Synthesis,
  options: ResolvedOptions,
  intervals: readonly Interval[],
): number {
  const schedule = new Schedule({ ...options, decays: [...options.decays, decay] });
  const lengths = intervals.flatMap(([pending, updates]) => new Array<number>(updates).fill(pending));
  let before = 0;
  const starts = lengths.map((length) => {
    before += length;
    return before - length;
  });
  return boundOfRun(coefficients, (index) => schedule.alphas(starts[index] ?? 0, lengths[index] ?? 1), lengths.length);
}
