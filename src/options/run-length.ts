// How long a run is, and what that means for its averages: which of them cannot do what their decays promise.
// Moves no average and resolves no decay.

import { isPositive } from '../base/argument.js';
import type { RunLength } from '../schedule/decay.js';
import { forecast, indistinguishable, longestHalfLife } from '../schedule/forecast.js';
import { Schedule } from '../schedule/schedule.js';
import { inSteps, withRun } from './lengths.js';
import type { ResolvedOptions } from './options.js';

/** What `fit` tells its callbacks, as far as it is used here. */
export type FitParams = Readonly<Record<string, unknown>>;

/** An average that holds more than this of the weights it started from is worth a warning. */
const FORGOTTEN = 0.01;
/** A decay below this averages less than two steps. */
const MEMORY = 0.5;
/** A forecast goes through every update: up to this many, which is a fraction of a second. */
const MOST_UPDATES = 1_000_000;

/**
 * The length of a run of `model.fit` or `model.fitDataset`; of a data set only where it has a size or `batchesPerEpoch` is given.
 * @param params what `setParams` was called with.
 * @param isResumed whether the epochs before `initialEpoch` belong to the run: its checkpoint is loaded.
 */
export function runOfFit({ epochs, initialEpoch, samples, steps, batchSize }: FitParams, isResumed = false): RunLength {
  const [size, total, perEpoch, last] = [batchSize, samples, steps, epochs].map(positive);
  const count = last === undefined || isResumed ? last : positive(last - (positive(initialEpoch) ?? 0));
  const stepsPerEpoch = perEpoch ?? (size !== undefined && total !== undefined ? Math.ceil(total / size) : undefined);
  const run: { -readonly [K in keyof RunLength]: RunLength[K] } = {};
  if (size !== undefined) run.batchSize = size;
  if (stepsPerEpoch !== undefined) run.stepsPerEpoch = stepsPerEpoch;
  if (stepsPerEpoch !== undefined && count !== undefined) run.totalSteps = stepsPerEpoch * count;
  return run;
}

/**
 * The options once the length of the run is known.
 * @param fitted what is known of it beside the option `run`, which goes first.
 * @throws {@link EmaError} INVALID_ARGUMENT — a decay is given in a unit that needs more than is known.
 */
export function settled(options: ResolvedOptions, fitted: RunLength): ResolvedOptions {
  const { specs } = options;
  const known = { ...options, ...withRun(specs, { ...fitted, ...options.run }) };
  // What waited for the length of a run: the default has a value without it, and other units throw what is missing.
  return known.decays.length > 0 ? known : { ...known, ...inSteps(specs, known.run) };
}

/**
 * What is wrong where training goes on after the run that lengths were taken of.
 * @param options as given.
 * @param known the same, as they were settled.
 * @returns a message; undefined where no length is a share of the run, or the option `run` says it all.
 */
export function outgrown(
  options: ResolvedOptions,
  { run, decays, startStep, layerRules }: ResolvedOptions,
): string | undefined {
  const { totalSteps } = run;
  if (totalSteps === undefined) return undefined;
  // So much longer that no share of it is the same: not twice, where 'auto' of a short run still leaves out the same windows.
  const other = settled(options, { ...run, totalSteps: 1e6 * totalSteps });
  const lengths = [decays, startStep, layerRules];
  if (JSON.stringify([other.decays, other.startStep, other.layerRules]) === JSON.stringify(lengths)) return undefined;
  return (
    `the length of the run was taken from the first fit, ${totalSteps} steps, and training goes on: 'auto' and fractions are shares of ` +
    'that fit. Say how many steps all fits have together: run: { totalSteps }.'
  );
}

/** The options that decide it. */
type Foreseen = Pick<
  ResolvedOptions,
  'decays' | 'profiles' | 'run' | 'specs' | 'updateEvery' | 'warmup' | 'warmupClock'
>;

/**
 * What will be wrong at the end of the run: averages that still hold their start, and averages that are all the same because
 * the warm-up never ends.
 * @returns messages; none where `totalSteps` is not known.
 */
export function foresee(schedule: Schedule, options: Foreseen): string[] {
  const { decays, profiles, run, specs, updateEvery, warmup } = options;
  const low = remembersNothing(options);
  if (run.totalSteps === undefined || run.totalSteps / updateEvery > MOST_UPDATES) return low;
  const { startStep } = schedule;
  const steps = run.totalSteps - startStep;
  if (steps <= 0) return [...low, neverStarts(startStep, run.totalSteps)];
  const memory = forecast(steps, updateEvery, (before, pending) => schedule.foreseen(startStep + before, pending));
  const exponential = decays.flatMap((_, index) =>
    (profiles[index] ?? 'exponential') === 'exponential' ? [index] : [],
  );
  // Of 'auto' nobody chose a decay.
  const isChosen = specs.specs !== undefined && specs.specs !== 'auto';
  const holding = exponential.flatMap((index) => {
    const [decay = 1, share] = [decays[index], memory.initialShare(index)];
    return share > FORGOTTEN && decay < 1 && isChosen ? [{ decay, share, index }] : [];
  });
  const messages = holding.length === 0 ? low : [...low, holdsStart(holding, steps, fixFor(options, holding, steps))];
  const updates = Math.ceil(steps / updateEvery);
  // A function of the user's is asked for whole ticks beforehand: it need not know others.
  if (typeof warmup === 'function') return messages;
  const cap = schedule.cap(schedule.ticks(Math.max(0, steps - updateEvery)));
  if (cap === undefined) return messages;
  const perUpdate = exponential.map((index) => schedule.updateDecay(index));
  const same = indistinguishable(perUpdate, cap).map((place) => decays[exponential[place] ?? 0]);
  if (same.length > 0) messages.push(neverEnds(same, updates));
  return messages;
}

/** A decay of 0 is a plain copy, and meant. */
function remembersNothing({ decays }: Foreseen): string[] {
  return decays
    .filter((decay) => decay > 0 && decay < MEMORY)
    .map(
      (decay) =>
        `decay ${decay} is the share of an average that a step keeps: this one holds little but the last weights. Where others give ` +
        `the share of the new weights as momentum or alpha, the decay is ${Number((1 - decay).toPrecision(12))}.`,
    );
}

function neverStarts(startStep: number, steps: number): string {
  return (
    `start: averaging begins at step ${startStep}, after the ${steps} steps that are known of: should training end there, every average ` +
    'is a copy of the weights. Give an earlier start, such as { fraction: 0.75 }.'
  );
}

interface Holding {
  readonly decay: number;
  /** Of the weights at the start. */
  readonly share: number;
  readonly index: number;
}

function holdsStart(holding: readonly Holding[], steps: number, fix: string): string {
  const named = holding.map(({ decay, share }) => `${decay} still holds ${percent(share)}`).join(', ');
  return `too high a decay for ${steps} steps of training: after them the average of ${named} of the initial weights. ${fix}`;
}

/** What would help, and not what would not. */
function fixFor(options: Foreseen, holding: readonly Holding[], steps: number): string {
  const { updateEvery, warmup } = options;
  const halfLife = `Use a half-life of at most ${Number(longestHalfLife(steps, FORGOTTEN).toPrecision(2))} steps`;
  if (warmup === 'none') return `${halfLife}, or the warm-up.`;
  // A forecast too, of every step: not where that takes longer than any may.
  if (updateEvery === 1 || steps > MOST_UPDATES) return `${halfLife}.`;
  const often = new Schedule({ ...options, startStep: 0, updateEvery: 1 });
  const memory = forecast(steps, 1, (before, pending) => often.foreseen(before, pending));
  const isCured = holding.every(({ index }) => memory.initialShare(index) <= FORGOTTEN);
  return isCured ? "Use a smaller updateEvery, or leave it 'auto'." : `${halfLife}.`;
}

function neverEnds(decays: readonly (number | undefined)[], updates: number): string {
  return (
    `the warm-up does not end in ${updates} updates, so after them decays ${decays.join(' and ')} are one and the same ` +
    "average. Use decays: 'auto', or warmup: 'none'."
  );
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}

function positive(value: unknown): number | undefined {
  return isPositive(value) ? value : undefined;
}
