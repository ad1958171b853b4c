// Where averaging stands, as a checkpoint tells it: counters, moves, what is best now; all of it checked.
// Holds no weights and compares no options.

import type { Counters, Interval } from '../averages/progress.js';
import { isCount, show } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import type { ResolvedOptions } from '../options/options.js';

/** Where averaging stands. */
export interface Standing extends Counters {
  /** Which average `'current'` stands for. */
  readonly current: number | undefined;
  /** The metric by which `'best'` is the best. */
  readonly monitor: string | undefined;
}

/**
 * Updates that a file may claim. Averaging without a pause makes so many in hours; what goes through all of them, such as the first
 * diagnosis after a load, would otherwise never return.
 */
const MOST_UPDATES = 1_000_000_000;

function intervalsOf(saved: unknown): readonly Interval[] {
  const isSome = (value: unknown): value is number => isCount(value) && value >= 1;
  return (Array.isArray(saved) ? saved : [undefined]).map((interval: unknown) => {
    const [pending, updates]: readonly unknown[] = Array.isArray(interval) ? interval : [];
    if (isSome(pending) && isSome(updates)) return [pending, updates];
    throw new EmaError('CHECKPOINT', `checkpoint: expected intervals as pairs of counts, received ${show(saved)}.`);
  });
}

function textOrNone(name: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw new EmaError('CHECKPOINT', `checkpoint: expected text as ${name}, received ${show(value)}.`);
}

/** What averages with a function kept of their start: as many shares as there are, those of layer rules included. */
function keptOf(
  saved: unknown,
  { profiles, layerRules }: Pick<ResolvedOptions, 'profiles' | 'layerRules'>,
): readonly number[] | undefined {
  const averages = profiles.filter((profile) => typeof profile === 'function').length * (1 + layerRules.length);
  if (averages === 0) return undefined;
  const isShare = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1;
  if (Array.isArray(saved) && saved.length === averages && saved.every(isShare)) return saved;
  throw new EmaError(
    'CHECKPOINT',
    `checkpoint: expected ${averages} shares from 0 to 1 as kept, received ${show(saved)}.`,
  );
}

/** Averages that began later than the others: places among the alphas, and steps that were counted before. */
function begunOf(
  saved: unknown,
  { decays, layerRules }: Pick<ResolvedOptions, 'decays' | 'layerRules'>,
  steps: number,
): Standing['begun'] {
  if (saved === undefined) return undefined;
  const places = decays.length * (1 + layerRules.length);
  const isBelow = (value: unknown, end: number): value is number => isCount(value) && value < end;
  return (Array.isArray(saved) ? saved : [undefined]).map((pair: unknown) => {
    const [place, step]: readonly unknown[] = Array.isArray(pair) ? pair : [];
    if (isBelow(place, places) && isBelow(step, steps + 1)) return [place, step];
    const expected = `expected pairs of a place below ${places} and at most ${steps} steps as begun`;
    throw new EmaError('CHECKPOINT', `checkpoint: ${expected}, received ${show(saved)}.`);
  });
}

/**
 * Where averaging stood.
 * @param saved from the metadata of a checkpoint.
 * @throws {@link EmaError} CHECKPOINT — it is none of averages like these.
 */
export function standingOf(
  saved: Readonly<Record<string, unknown>>,
  options: Pick<ResolvedOptions, 'decays' | 'profiles' | 'layerRules'>,
): Standing {
  const { decays } = options;
  const count = (name: string, most: number): number => {
    const value = saved[name];
    if (isCount(value) && value <= most) return value;
    throw new EmaError('CHECKPOINT', `checkpoint: expected ${name} from 0 to ${most}, received ${show(value)}.`);
  };
  const steps = count('steps', Number.MAX_SAFE_INTEGER);
  const intervals = intervalsOf(saved['intervals']);
  const sum = (of: (interval: Interval) => number): number => intervals.reduce((total, one) => total + of(one), 0);
  const standing = {
    steps,
    intervals,
    // A failed update leaves more steps pending than an interval has.
    pending: count('pending', steps),
    updates: count('updates', Math.min(steps, MOST_UPDATES)),
    current: saved['current'] === undefined ? undefined : count('current', decays.length - 1),
    monitor: textOrNone('monitor', saved['monitor']),
    kept: keptOf(saved['kept'], options),
    begun: begunOf(saved['begun'], options, steps),
  };
  const isWhole =
    sum(([, updates]) => updates) === standing.updates &&
    sum(([pending, updates]) => pending * updates) === steps - standing.pending;
  if (isWhole) return standing;
  throw new EmaError('CHECKPOINT', `checkpoint: expected intervals that add up to ${steps} steps less those pending.`);
}
