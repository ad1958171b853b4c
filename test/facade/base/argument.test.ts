// Errors for wrong arguments. What each option refuses is in options.test.ts.

import { describe, expect, it } from 'vitest';
import { checkNames, invalid, show } from '../../../src/base/argument.js';
import { thrownBy } from '../../support/expect.js';

describe('invalid', () => {
  it('says what was expected, for which argument, what was received, and the fix', () => {
    const { code, message } = invalid('decay', 'a number', '0.9', 'Write 0.9.');
    expect([code, message]).toEqual(['INVALID_ARGUMENT', "decay: expected a number, received '0.9'. Write 0.9."]);
    expect(invalid('decay', 'a number', null).message).toBe('decay: expected a number, received null.');
  });
});

describe('show', () => {
  it('is short, and lets the type be seen', () => {
    expect(['1', 1, true, null, undefined, [1, '2'], {}, () => 0].map(show)).toEqual([
      "'1'",
      '1',
      'true',
      'null',
      'undefined',
      "[1, '2']",
      'an object',
      'a function',
    ]);
    expect([new Map(), Promise.resolve(), Object.create(null)].map(show)).toEqual(['a Map', 'a Promise', 'an object']);
    expect(show([1, 2, 3, 4, 5, 6, 7])).toBe('[1, 2, 3, 4, 5, 6, ...]');
  });

  it('keeps a text on one line, and does not repeat the whole of a long one', () => {
    expect(show('a\nb\u001b[31m\u2028')).toBe("'a\\u000ab\\u001b[31m\\u2028'");
    expect(show('x'.repeat(1000))).toBe(`'${'x'.repeat(200)}...'`);
  });
});

describe('checkNames', () => {
  it('guesses what was meant, or lists what there is', () => {
    checkNames({ decay: 1 }, ['decay']);
    const message = (options: object) =>
      thrownBy(() => checkNames(options, ['decay', 'engine']), 'INVALID_ARGUMENT').message;
    expect(message({ Decya: 1 })).toMatch(/no option 'Decya'\. Did you mean 'decay'\?/);
    expect(message({ other: 1 })).toMatch(/Known options: decay, engine\./);
    expect(message([])).toMatch(/^options: expected an object/);
  });
});
