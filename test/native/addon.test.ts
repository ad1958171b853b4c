// Loading the addon: once, from this package, and with a reason where there is none (that is in misuse.test.ts).

import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../src/engine/addon.js';

describe('loadAddon', () => {
  it('finds the binary of this package, and gives the same one again', () => {
    const result = loadAddon();
    expect(loadAddon()).toBe(result);
    if (!('addon' in result)) return expect.fail(result.reason);
    expect(result.addon.buildInfo().version).toMatch(/^\d+\.\d+\.\d+/);
  });
});
