// The parts that `WeightEma` objects hold, noted when they are made: looking at averages through its methods would count pending steps in.
// Used by mocks of the modules that make them; changes nothing about them.

import type { Attached } from '../../../src/ema/attached.js';
import type { WeightEma } from '../../../src/index.js';
import type { BestAverages } from '../../../src/validation/bests.js';

const attached: Attached[] = [];
const bests: BestAverages[] = [];
let current: number | undefined;

/** Notes a part, to be called by what makes it; and what `'current'` stands for, by what looks averages up. */
export const note = {
  attached: (one: Attached): void => void attached.push(one),
  bests: (one: BestAverages): void => void bests.push(one),
  current: (index: number | undefined): void => {
    current = index;
  },
};

/** The averages of a model that were made last. */
export function attachedTo(model: object): Attached {
  const found = attached.filter(({ shadows }) => shadows.model === model).at(-1);
  if (found === undefined) throw new Error('nothing was attached to this model: is src/ema/attached.js mocked?');
  return found;
}

/** The best averages that were made last. */
export function lastBests(): BestAverages {
  const found = bests.at(-1);
  if (found === undefined) throw new Error('no best averages were made: is src/validation/bests.js mocked?');
  return found;
}

/** What `'current'` stands for: asked by a use of nothing, which is refused before anything is done. */
export function currentOf(ema: WeightEma): number | undefined {
  current = Number.NaN;
  try {
    Reflect.apply(ema.use, ema, [{ index: 0 }]);
  } catch (error) {
    // Poisoned averages are not looked up.
    if (Number.isNaN(current)) return undefined;
    if (error instanceof Error && error.message.startsWith('fn: ')) return current;
    throw error;
  }
  throw new Error('a use of nothing was not refused');
}
