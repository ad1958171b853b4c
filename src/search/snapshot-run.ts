// The run that saved averages are of, from what is saved beside them: which average each is, and by what schedule they moved.
// Combines nothing.

import { fieldOf, invalid, positiveInteger } from '../base/argument.js';
import { type Settings, settingDifferences } from '../options/fingerprint.js';
import { checkDecay } from '../schedule/decay.js';
import { type DecayFunction, growing, type Profile } from '../schedule/profile.js';
import { Schedule, type WarmupCap } from '../schedule/schedule.js';
import type { UpdateGrid } from './snapshot-kernels.js';

/** What is known of a saved average: as its `Provenance` has it. */
export interface Snapshot {
  /** Of the run when it was saved. */
  readonly steps: number;
  /** Its place in the decays of `settings`. */
  readonly index?: number;
  /** Of an average that `reset` let begin later than the others. */
  readonly begun?: number;
  readonly settings: Settings;
  /** Of a best average, which is of an earlier moment. */
  readonly best?: unknown;
}

/** An average by its decay, 1 where it is of another shape. */
export interface Shape {
  readonly decay: number;
  readonly profile: Profile;
}

/**
 * The settings of all snapshots, which are of one run.
 * @throws `EmaError` INVALID_ARGUMENT — there are none, they differ, or `layerDecays` are among them.
 */
export function settingsOfRun(snapshots: readonly Snapshot[]): Settings {
  const [first] = Array.isArray(snapshots) ? snapshots : [];
  if (first === undefined) throw invalid('snapshots', 'a WeightEma, or a list of at least one snapshot', snapshots);
  snapshots.forEach((snapshot, place) => {
    const settings: unknown = fieldOf(snapshot, 'settings');
    if (typeof settings !== 'object' || settings === null)
      throw invalid(`snapshots[${place}].settings`, 'those of its Provenance, or ema.facts.settings', settings);
    const [difference] = settingDifferences(first.settings, snapshot.settings);
    if (difference === undefined) return;
    throw invalid(`snapshots[${place}]`, 'an average of the same run as the first', `another: ${difference}`);
  });
  const { layerRules } = first.settings;
  if (Array.isArray(layerRules) && layerRules.length === 0) return first.settings;
  throw invalid('settings.layerRules', 'none, for synthesize', layerRules, 'Their weights have other decays.');
}

/**
 * The place of a snapshot's average among the decays of its run.
 * @throws `EmaError` INVALID_ARGUMENT — it is of no tracked average, or not of the moment when it was saved.
 */
export function placeOf({ index, begun, best }: Snapshot, place: number, { decays }: Settings): number {
  const count = Array.isArray(decays) ? decays.length : 0;
  const fix = "Save averages by their decay or place, such as { index: 0 }: 'best' ones are of an earlier step.";
  if (best !== undefined) throw invalid(`snapshots[${place}]`, 'an average as it was at its step', 'a best one', fix);
  if (begun !== undefined)
    throw invalid(`snapshots[${place}]`, 'an average of all steps of its run', `one that began anew at step ${begun}`);
  if (index !== undefined && Number.isInteger(index) && index >= 0 && index < count) return index;
  throw invalid(`snapshots[${place}].index`, `the place of a tracked average, below ${count}`, index, fix);
}

/** The average at a place among the decays of a run. */
export function shapeOf({ decays, profiles }: Settings, index: number): Shape {
  const profile = fieldOf(profiles, `${index}`);
  if (isShape(profile)) return { decay: checkDecay(`settings.decays[${index}]`, fieldOf(decays, `${index}`)), profile };
  const fix = 'What a function said is not saved: leave its snapshots out.';
  throw invalid(`settings.profiles[${index}]`, 'the shape of an average', profile, fix);
}

/** The updates of a run without interruption, of some averages. */
export function gridOf(
  { updateEvery, warmup, warmupClock, startStep }: Settings,
  shapes: readonly Shape[],
): UpdateGrid {
  const every = positiveInteger('settings.updateEvery', updateEvery);
  if (!isCap(warmup)) {
    const fix = 'Values of a function of your own at all steps are not saved.';
    throw invalid('settings.warmup', "'paper', 'none', 'zero-debias' or { inverseGamma }", warmup, fix);
  }
  const schedule = new Schedule({
    decays: shapes.map(({ decay }) => decay),
    profiles: shapes.map(({ profile }) => profile),
    updateEvery: every,
    warmup,
    warmupClock: warmupClock === 'steps' ? 'steps' : 'updates',
    startStep: startStep === 0 ? 0 : positiveInteger('settings.startStep', startStep),
  });
  return { schedule, updateEvery: every };
}

function isShape(value: unknown): value is Exclude<Profile, DecayFunction> {
  const share = growing(value)?.[1] ?? fieldOf(value, 'relativeWidth');
  return value === 'exponential' || value === 'uniform' || typeof share === 'number';
}

function isCap(value: unknown): value is WarmupCap {
  const gamma = fieldOf(value, 'inverseGamma');
  const isGamma = typeof fieldOf(gamma, 'scale') === 'number' && typeof fieldOf(gamma, 'power') === 'number';
  return value === 'paper' || value === 'none' || value === 'zero-debias' || isGamma;
}
