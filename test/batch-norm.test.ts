// The policies for moving statistics. What they do to a model is in ema.test.ts and regressions.test.ts.

import { describe, expect, it } from 'vitest';
import { averagesStatistics } from '../src/batch-norm.js';

describe('averagesStatistics', () => {
  it("averages them with 'average' and leaves them live with 'copy'", () => {
    expect([averagesStatistics('average'), averagesStatistics('copy')]).toEqual([true, false]);
  });
});
