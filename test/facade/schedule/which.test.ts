// Naming an average: by decay, by place, by 'best' and 'current'.

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
    ['current', 2],
  ])('finds %j', (which, index) => {
    expect(indexOf(which, decays, 2)).toBe(index);
  });

  it.each(['best', 'current'] as const)('takes the only average for %j', (which) => {
    expect(indexOf(which, [0.9], undefined)).toBe(0);
  });

  it.each(['best', 'current'] as const)(
    'refuses %j of several before anything was measured, and says what makes it exist',
    (which) => {
      const { message } = thrownBy(() => indexOf(which, decays, undefined), 'INVALID_ARGUMENT');
      expect(message).toMatch(
        new RegExp(
          `received '${which}'\\. '${which}' exists once something was measured after the start: .*fit validate with ema\\.callback\\(\\).*record\\(\\)`,
        ),
      );
    },
  );

  it("does not take what is current for 'best'", () => {
    thrownBy(() => indexOf('best', decays, 2), 'INVALID_ARGUMENT');
  });

  it.each([0.91, 2, -1, Number.NaN, { index: 3 }, { index: -1 }, { index: 0.5 }, {}, 'worst', undefined, null])(
    'refuses %j and lists the decays',
    (which) => {
      const { message } = thrownBy(() => indexOf(which as Which, decays, 0), 'INVALID_ARGUMENT');
      expect(message).toMatch(
        /^which: expected 'best', 'best-loss', 'current', \{ index \} below 3, or one of the decays 0, 0\.9, 1, received /,
      );
    },
  );
});
