// What the demo trains with: sizes, learning rate, decays, and why.
// Numbers only.

import { decayFromWindow, PAPER_WINDOWS } from '../../src/schedule/decay.js';
import type { DemoOptions } from './options.js';

/** How the demo trains. */
export interface Recipe {
  readonly trainImages: number;
  readonly validationImages: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly momentum: number;
}

/**
 * The learning rate stays constant: the last weights then jump about their mean, which is what averaging removes. Decaying
 * the rate to zero removes the same noise in another way, and leaves averages less to gain.
 */
const COMMON = { batchSize: 128, learningRate: 0.1, momentum: 0.9 } as const;

const RECIPES: Readonly<Record<DemoOptions['mode'], Recipe>> = {
  quick: { ...COMMON, trainImages: 15_000, validationImages: 5_000, epochs: 8 },
  full: { ...COMMON, trainImages: 54_000, validationImages: 6_000, epochs: 12 },
};

/** The recipe that options ask for. */
export function recipeFor({ mode, epochs }: Pick<DemoOptions, 'mode' | 'epochs'>): Recipe {
  const recipe = RECIPES[mode];
  return { ...recipe, epochs: epochs ?? recipe.epochs };
}

/** Below two steps there is no average. */
const SHORTEST_WINDOW = 2;

/** One average: how much a step keeps, and what that means in steps. */
export interface Track {
  /** Decay per optimizer step, `1 - 1 / window`. */
  readonly decay: number;
  /** The window in steps: how far back the average reaches, on average. */
  readonly window: number;
  /** The window as a share of the run. */
  readonly share: number;
}

/**
 * The averages to track in a run of so many steps, from the shortest window to the longest; no two have the same decay.
 * The windows are the paper's: longer ones lag behind the weights, shorter ones leave noise in.
 */
export function tracksFor(steps: number): Track[] {
  const tracks = PAPER_WINDOWS.map((share): Track => {
    const window = Math.max(SHORTEST_WINDOW, share * steps);
    return { decay: Number(decayFromWindow(window).toFixed(6)), window, share: window / steps };
  });
  return tracks.filter(({ decay }, index) => tracks.findIndex((track) => track.decay === decay) === index);
}
