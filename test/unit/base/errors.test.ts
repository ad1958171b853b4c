// EmaError: what programs and people get from it.

import { describe, expect, it } from 'vitest';
import { EmaError } from '../../../src/index.js';

describe('EmaError', () => {
  it('has a code for programs, a message for people, and the error underneath', () => {
    const cause = new RangeError('underneath');
    const error = new EmaError('NATIVE_FAILURE', 'what happened', { cause });
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.code, error.message, error.cause]).toEqual([
      'EmaError',
      'NATIVE_FAILURE',
      'what happened',
      cause,
    ]);
    expect(String(error)).toBe('EmaError: what happened');
    expect('cause' in new EmaError('DISPOSED', 'gone')).toBe(false);
  });
});
