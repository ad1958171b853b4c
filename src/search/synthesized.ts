// An average of a run with a decay that was not tracked: which combination it is, and how far off it can be after this run.
// Reads no average.

import type { NamedTensorMap } from '@tensorflow/tfjs';
import type { Interval } from '../averages/progress.js';
import { invalid } from '../base/argument.js';
import type { ResolvedOptions } from '../options/options.js';
import { type DecaySpec, resolveDecay } from '../schedule/decay.js';
import { Schedule } from '../schedule/schedule.js';
import { labelsOf } from '../schedule/specs.js';
import { boundOfRuns, type UpdateRun } from './run-bound.js';
import { type Synthesis, synthesize } from './synthesis.js';

/** An average that was combined from the tracked ones. */
export interface SynthesizedAverage extends Synthesis {
  /** Its weights by name, with copies of those that are not averaged. The caller disposes them. */
  readonly tensors: NamedTensorMap;
}

/**
 * The combination for a decay, from the tracked averages that are exponential.
 * @throws `EmaError` INVALID_ARGUMENT — no decay, or outside the tracked ones; `layerDecays`, or no exponential averages.
 */
export function synthesisOf(
  { decays, profiles, layerRules, run }: Pick<ResolvedOptions, 'decays' | 'profiles' | 'layerRules' | 'run'>,
  decay: DecaySpec,
): Synthesis {
  if (layerRules.length > 0)
    throw invalid(
      'layerDecays',
      'none, for synthesize',
      `${layerRules.length} rules`,
      'Their weights have other decays.',
    );
  if (!profiles.includes('exponential'))
    throw invalid('decays', 'exponential averages, for synthesize', labelsOf({ decays, profiles }));
  // Those that are not exponential count as decay 1, which no combination uses.
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
  // Those that are not used need no schedule: all that are exponential.
  const used = coefficients.flatMap((coefficient, index) => (coefficient === 0 ? [] : [index]));
  const schedule = new Schedule({
    ...options,
    decays: [...used.map((index) => options.decays[index] ?? Number.NaN), decay],
    profiles: [],
  });
  return boundOfRuns(
    used.map((index) => coefficients[index] ?? 0),
    runsOf(schedule, options, intervals),
  );
}

function runsOf(schedule: Schedule, { warmup }: ResolvedOptions, intervals: readonly Interval[]): UpdateRun[] {
  // A function of the user's may do anything between two ticks.
  const isSmooth = typeof warmup !== 'function';
  const runs: UpdateRun[] = [];
  let before = 0;
  for (const [pending, updates] of intervals) {
    // Up to the start averages are copies, of which the last alone counts.
    const copies = Math.min(updates, Math.max(0, Math.ceil((schedule.startStep - before) / pending)));
    const copied = { updates: 1, isSmooth: false, alphasOf: () => schedule.alphas(0, pending) };
    if (copies > 0) runs.splice(0, runs.length, copied);
    const from = before + copies * pending;
    const alphasOf = (index: number): readonly number[] => schedule.alphas(from + index * pending, pending);
    if (updates > copies) runs.push({ updates: updates - copies, isSmooth, alphasOf });
    before += pending * updates;
  }
  return runs;
}
