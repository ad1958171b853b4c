// Naming an average: by decay, by place, by 'best'.

import { describe, expect, it } from 'vitest';
import { indexOf, type Which } from '../../../src/schedule/which.js';
import { thrownBy } from '../../support/expect.js';

const decays = [0, 0.9, 1];

describe('indexOf', () => {
  it.each<[Which, number]>([
    [0.9, 1],
    [0, 0],
    [1, 2],
    [{ index: 1 }, 1],
    ['best', 2],
  ])('finds %j', (which, index) => {
    expect(indexOf(which, decays, 2)).toBe(index);
  });

  it("takes the only average for 'best'", () => {
    expect(indexOf('best', [0.9], undefined)).toBe(0);
  });

  it("refuses 'best' of several before anything was chosen, and says what makes it exist", () => {
    const { message } = thrownBy(() => indexOf('best', decays, undefined), 'INVALID_ARGUMENT');
    expect(message).toMatch(/received 'best'.*validationData/);
  });

  it.each([0.91, 2, -1, Number.NaN, { index: 3 }, { index: -1 }, { index: 0.5 }, {}, 'worst', undefined, null])(
    'refuses %j and lists the decays',
    (which) => {
      const { message } = thrownBy(() => indexOf(which as Which, decays, 0), 'INVALID_ARGUMENT');
      expect(message).toMatch(
        /^which: expected 'best', \{ index \} below 3, or one of the decays 0, 0\.9, 1, received /,
      );
    },
  );
});
