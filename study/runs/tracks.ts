// The averages of a run by name, and the options with which they are kept.
// Keeps nothing itself.

import { decayFromWindow, equivalentDecay } from '../../src/decay.js';
import type { AverageSpec, EmaOptions } from '../../src/index.js';
import type { Averages } from './condition.js';
import type { Steps } from './learning-rate.js';

/** Name of the raw weights among the curves of a run. */
export const RAW = 'raw';

/** Ending of the name of an average's curve with BatchNorm statistics recomputed each epoch. */
export const RECOMPUTED = '-recomputed';

/** Name of the uniform mean of the last quarter's epochs. */
export const UNIFORM = 'uniform';

/** Windows of the averages without warm-up, as shares of the run. */
export const PLAIN_WINDOWS: readonly number[] = [0.0256, 0.1023, 0.3];

/** Updates every so many steps, in the averages that show what this changes. */
export const SPARSE_STEPS = 4;

/** One average. */
export interface Track {
  readonly id: string;
  /** Decay per optimizer step. */
  readonly decay: number;
  /** Mean reach into the past in steps, 1 / (1 - decay). */
  readonly window: number;
}

/** Averages that are kept together. */
export interface TrackGroup {
  readonly tracks: readonly Track[];
  readonly options: Required<Pick<EmaOptions, 'updateEvery' | 'warmup'>> &
    Pick<EmaOptions, 'start'> & { readonly decays: readonly AverageSpec[] };
}

/** Name of an average of a family, by its window as a share of the run. */
export function trackId(family: 'main' | 'plain', share: number): string {
  return `${family}-${Number((100 * share).toFixed(2))}`;
}

/** Name of the average without warm-up that is updated every 4 steps with `decay ** 4`, and of the one with `decay`. */
export const SPARSE = { right: 'sparse-right', naive: 'sparse-naive' } as const;

/** The main averages, by rising window. */
export function mainTracks({ main }: Averages, totalSteps: number): Track[] {
  if (main === 'none') return [];
  if ('decays' in main) {
    return [...main.decays]
      .sort((a, b) => a - b)
      .map((decay) => track(trackId('main', 1 / (1 - decay) / totalSteps), decay));
  }
  return [...main.windows].sort((a, b) => a - b).map((share) => windowTrack('main', share, totalSteps));
}

/** The first two averages that have the same name, which rounds their windows; undefined where all differ. */
export function sameName(tracks: readonly Track[]): readonly [Track, Track] | undefined {
  for (const [index, track] of tracks.entries()) {
    const before = tracks.slice(0, index).find(({ id }) => id === track.id);
    if (before !== undefined) return [before, track];
  }
  return undefined;
}

/** All averages of a run, by how they are kept. */
export function trackGroups(averages: Averages, totalSteps: number): TrackGroup[] {
  const main = mainTracks(averages, totalSteps);
  if (main.length === 0) return [];
  const group = (tracks: readonly Track[], updateEvery: number, warmup: 'paper' | 'none'): TrackGroup => {
    return { tracks, options: { decays: tracks.map(({ decay }) => decay), updateEvery, warmup } };
  };
  const groups = [group(main, averages.updateEvery, 'paper')];
  if (averages.variants) {
    const plain = PLAIN_WINDOWS.map((share) => windowTrack('plain', share, totalSteps));
    const { decay } = windowTrack('plain', PLAIN_WINDOWS[0] ?? 0, totalSteps);
    // Naive: the decay of a step, applied once in four steps; the library is given its fourth root.
    const naive = track(SPARSE.naive, equivalentDecay(decay, 1 / SPARSE_STEPS));
    groups.push(group(plain, 1, 'none'), group([track(SPARSE.right, decay), naive], SPARSE_STEPS, 'none'));
  }
  return groups;
}

/** The raw weights after each epoch, as an average that keeps nothing of what was: so that the best of them are kept as averages are. */
export function rawGroup({ perEpoch }: Steps): TrackGroup {
  return { tracks: [track(RAW, 0)], options: { decays: [0], updateEvery: perEpoch, warmup: 'none' } };
}

/** The uniform average begins after this share of the run. */
const UNIFORM_START = 0.75;

/**
 * The mean of the weights after each epoch of the last quarter: stochastic weight averaging (SWA).
 * @see Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI 2018.
 */
export function uniformGroup({ perEpoch, total }: Steps): TrackGroup {
  const start = perEpoch * Math.floor((UNIFORM_START * total) / perEpoch);
  return {
    tracks: [track(UNIFORM, 1)],
    options: { decays: ['uniform'], updateEvery: perEpoch, warmup: 'none', start },
  };
}

function windowTrack(family: 'main' | 'plain', share: number, totalSteps: number): Track {
  // In a run too short for it, an average is the weights themselves.
  return track(trackId(family, share), decayFromWindow(Math.max(1, share * totalSteps)));
}

function track(id: string, decay: number): Track {
  return { id, decay, window: 1 / (1 - decay) };
}
