// An average of a run with a decay that was not tracked: which combination it is, and how far off it can be after this run.
// Reads no average.

import type { NamedTensorMap } from '@tensorflow/tfjs';
import { invalid } from './argument.js';
import { labelsOf } from './averages.js';
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
 * The combination for a decay, from the tracked averages that are exponential.
 * @throws {@link EmaError} INVALID_ARGUMENT — no decay, or outside the tracked ones; `layerDecays`, or no exponential averages.
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
  const schedule = new Schedule({
    ...options,
    decays: [...options.decays, decay],
    profiles: [...options.profiles, 'exponential'],
  });
  let before = 0;
  const moves = intervals.flatMap(([pending, updates]) =>
    Array.from({ length: updates }, () => {
      const held = before;
      before += pending;
      return { held, pending };
    }),
  );
  if (options.catchUp === 'hold')
    return boundOfRun(coefficients, (index) => alphasOf(schedule, moves[index]), moves.length);
  // Two moves for each: their weights are looked at one by one, which can only make the bound larger.
  const pairs = moves.flatMap(({ held, pending }) => {
    const { old, fresh } = schedule.linearMoves(held, pending);
    return [old, fresh];
  });
  return boundOfRun(coefficients, (index) => pairs[index] ?? [], pairs.length);
}

function alphasOf(
  schedule: Schedule,
  move: { readonly held: number; readonly pending: number } | undefined,
): readonly number[] {
  return move === undefined ? [] : schedule.alphas(move.held, move.pending);
}
