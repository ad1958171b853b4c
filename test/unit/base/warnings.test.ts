// Warnings: collected, and handed on once each.

import { describe, expect, it, vi } from 'vitest';
import { Warnings } from '../../../src/base/warnings.js';

describe('Warnings', () => {
  it('hands each message on once, and lists them in order', () => {
    const received: string[] = [];
    const warnings = new Warnings((message) => received.push(message));
    for (const message of ['a', 'b', 'a']) warnings.add(message);
    expect(received).toEqual(['a', 'b']);
    expect(warnings.messages).toEqual(['a', 'b']);
  });

  it("uses Node's own channel by default, under a name that can be silenced", async () => {
    const seen = new Promise<Error>((resolve) => process.once('warning', resolve));
    new Warnings().add('something to know');
    const { name, message } = await seen;
    expect([name, message]).toEqual(['TfjsEmaWarning', 'something to know']);
  });

  it("uses a page's console where there is no Node, also at once", () => {
    const told: unknown[] = [];
    vi.stubGlobal('process', undefined);
    vi.stubGlobal('console', { warn: (...given: unknown[]) => told.push(...given) });
    try {
      const warnings = new Warnings();
      warnings.add('something to know');
      warnings.addAtOnce('something else');
    } finally {
      vi.unstubAllGlobals();
    }
    expect(told).toEqual(['TfjsEmaWarning: something to know', 'TfjsEmaWarning: something else']);
  });
});
