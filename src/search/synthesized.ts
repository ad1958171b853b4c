// An average of a run with a decay that was not tracked: which combination it is, and how far off it can be after this run.
// Reads no average.

import type { NamedTensorMap } from '@tensorflow/tfjs';
import type { Interval } from '../averages/progress.js';
import { invalid } from '../base/argument.js';
import type { ResolvedOptions } from '../options/options.js';
import { resolveDecay } from '../schedule/decay.js';
import { exponentOf, type Profile } from '../schedule/profile.js';
import { Schedule } from '../schedule/schedule.js';
import { isDecay, labelsOf, resolveAverages } from '../schedule/specs.js';
import type { SynthesizedWhich } from '../schedule/which.js';
import { synthesizePower } from './power-synthesis.js';
import { boundOfRuns, type UpdateRun } from './run-bound.js';
import { type Combining, combine, type Synthesis } from './synthesis.js';

type SynthesizedSpec = SynthesizedWhich['synthesized'];

/** An average that was combined from the tracked ones. */
export interface SynthesizedAverage extends Synthesis {
  /** Its weights by name, with copies of those that are not averaged. The caller disposes them. */
  readonly tensors: NamedTensorMap;
}

/** An average that is combined. */
export interface Plan extends Combining {
  /** Per step; 1 for one that is not exponential. */
  readonly decay: number;
  readonly profile: Profile;
}

/**
 * The combination for an average, from the tracked ones that are exponential, or from those whose memory is a part of the run so far.
 * @throws `EmaError` INVALID_ARGUMENT — no average, or outside the tracked ones of its kind; `layerDecays`, or none of its kind.
 */
export function synthesisOf(
  { decays, profiles, layerRules, run }: Pick<ResolvedOptions, 'decays' | 'profiles' | 'layerRules' | 'run'>,
  wanted: SynthesizedSpec,
): Plan {
  if (layerRules.length > 0)
    throw invalid(
      'layerDecays',
      'none, for synthesize',
      `${layerRules.length} rules`,
      'Their weights have other decays.',
    );
  const isDecaySpec = isDecay(wanted);
  const averages = isDecaySpec
    ? { decays: [resolveDecay(wanted, run)], profiles: ['exponential' as const] }
    : resolveAverages([wanted], run);
  const [[decay = 1], [profile = 'exponential']] = [averages.decays, averages.profiles];
  const exponents = profiles.map(exponentOf);
  const isTracked = isDecaySpec ? profiles.includes('exponential') : exponents.some((one) => one !== undefined);
  if (!isTracked) {
    const kind = isDecaySpec ? 'exponential averages' : 'averages whose memory is a part of the run';
    throw invalid('decays', `${kind}, for synthesize`, labelsOf({ decays, profiles }));
  }
  // Those that are not exponential count as decay 1, which no combination uses.
  const combining = isDecaySpec
    ? combine(decays, decay)
    : synthesizePower(exponents, exponentOf(profile) ?? Number.NaN);
  return { ...combining, decay, profile };
}

/**
 * {@link Synthesis.bound} after the moves of this run, warm-up and moves of other lengths included.
 * @param intervals the moves, oldest first.
 */
export function boundAfter(
  { coefficients, decay, profile }: Pick<Plan, 'coefficients' | 'decay' | 'profile'>,
  options: ResolvedOptions,
  intervals: readonly Interval[],
): number {
  // Those that are not used need no schedule.
  const used = coefficients.flatMap((coefficient, index) => (coefficient === 0 ? [] : [index]));
  const schedule = new Schedule({
    ...options,
    decays: [...used.map((index) => options.decays[index] ?? Number.NaN), decay],
    profiles: [...used.map((index) => options.profiles[index] ?? 'exponential'), profile],
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
