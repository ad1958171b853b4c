// Where averaging stood, as a checkpoint tells it.
// Whole checkpoints, damaged and forged ones: checkpoint.test.ts, test/durability.

import { describe, expect, it } from 'vitest';
import { standingOf } from '../../../src/disk/standing.js';
import { resolveOptions } from '../../../src/options/options.js';

const saved = { steps: 7, pending: 1, updates: 3, intervals: [[2, 3]] };
const rule = { match: /bias/, decay: 0.5 };

describe('standingOf', () => {
  it('has what averages with a function kept of their start, in each rule of layers again', () => {
    const options = resolveOptions({ decays: [0.9, () => 0.5, (step) => 1 / step], layerDecays: [rule] });
    const kept = [0, 1, 0.25, 0.5];
    expect(standingOf({ ...saved, kept }, options)).toMatchObject({ ...saved, kept });
    for (const wrong of [undefined, [0, 1], [0, 1, 0.25, 1.5], [0, 1, 0.25, '0.5'], { length: 4 }]) {
      const load = () => standingOf({ ...saved, kept: wrong }, options);
      expect(load).toThrow(/^checkpoint: expected 4 shares from 0 to 1 as kept, received /);
    }
  });

  it('has nothing of the kind where no function decides', () => {
    expect(standingOf({ ...saved, kept: [0.5] }, resolveOptions({ decays: 0.9 })).kept).toBeUndefined();
  });
});
