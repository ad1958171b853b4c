// EmaError: what programs and people get from it.

import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { codeOf, messageOf } from '../../../src/base/errors.js';
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

describe('what others throw', () => {
  const elsewhere: unknown = runInNewContext("Object.assign(new Error('no such file'), { code: 'ENOENT' })");

  it('is read by its shape: an error of another realm is no instance of ours', () => {
    expect(elsewhere).not.toBeInstanceOf(Error);
    expect([messageOf(elsewhere), codeOf(elsewhere)]).toEqual(['no such file', 'ENOENT']);
  });

  it.each([
    [new Error('text'), 'text', ''],
    [{ code: 7 }, '[object Object]', ''],
    ['a string', 'a string', ''],
    [undefined, 'undefined', ''],
    [null, 'null', ''],
  ])('%s', (thrown, message, code) => {
    expect([messageOf(thrown), codeOf(thrown)]).toEqual([message, code]);
  });
});
