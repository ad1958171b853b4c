// Reading validation curves of a run: which track is the slowest, where a curve is best.
// Knows no claim.

import type { Curve, RunResult } from '../runs/result.js';
import { MissingData } from './missing-data.js';

/** A curve that must be there. */
export function curve(run: RunResult, track: string): Curve {
  const found = run.curves[track];
  if (found === undefined) throw new MissingData(`there is no curve ${track} in ${run.conditionId}, seed ${run.seed}`);
  return found;
}

/** The main averages of a run, by rising window. */
export function mainTrackIds(run: RunResult): string[] {
  return Object.entries(run.windows)
    .filter(([id]) => id.startsWith('main-'))
    .sort(([, a], [, b]) => a - b)
    .map(([id]) => id);
}

/** The main average with the longest window: the one that findings mean where they need one average for the whole run. */
export function slowestMain(run: RunResult): string {
  const track = mainTrackIds(run).at(-1);
  if (track === undefined) throw new MissingData(`there is no average in ${run.conditionId}, seed ${run.seed}`);
  return track;
}

/** The epoch with the highest accuracy, from 1; of equals the first. */
export function bestEpoch({ accuracy }: Curve): number {
  return accuracy.indexOf(Math.max(...accuracy)) + 1;
}
