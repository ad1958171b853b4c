// Texts that want to do harm: names, numbers, JSON that is deep, wrong or means something to JavaScript.
// Knows neither files nor checkpoints.

import fc from 'fast-check';

/** Names that mean something to JavaScript, to the format, or to a terminal. */
const NAMES: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'toJSON',
  'hasOwnProperty',
  '__metadata__',
  'length',
  '',
  'w',
  'dtype',
  'shape',
  'data_offsets',
  'sha256',
  'sha256.w',
  'tfjs-ema',
  'standing',
  '\u0000',
  '\u001b[31m',
  '\u202e',
  '😀',
];
/** Numbers as texts: many are no numbers to the format, some to nobody. */
export const NUMBERS: readonly string[] = [
  ...[
    '0',
    '1',
    '2',
    '4',
    '8',
    '-0',
    '-1',
    '-4',
    '00',
    '01',
    '1.0',
    '1.5',
    '1e0',
    '1e3',
    '4E0',
    '+1',
    '.5',
    '1.',
    '0x4',
  ],
  ...['2147483647', '2147483648', '4294967295', '4294967296', '9007199254740991', '9007199254740992'],
  ...['9223372036854775807', '9223372036854775808', '18446744073709551615', '1e400', '9'.repeat(400)],
  ...['NaN', 'Infinity', 'null', 'true', '"4"', '[4]', '{}', ''],
];
const name = fc.oneof(fc.constantFrom(...NAMES), fc.string({ unit: 'binary', maxLength: 6 }));
/** A name in quotes, escaped in one way or another, or not well. */
export const quoted = fc.oneof(
  { weight: 8, arbitrary: name.map((text) => JSON.stringify(text)) },
  name.map((text) => `"${Array.from(text, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`),
  fc.constantFrom('"\\ud800"', '"\\x"', '"\\u12"', '"a', "'a'", 'a', '"\n"', '"\ud800"'),
);
/** Nothing, but for one in so many. */
export const seldom = <T>(times: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: times - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

/** What stands between the parts of JSON, and some that may not. */
export const blank = fc.constantFrom('', '', '', '', ' ', '\t', '\n\r ', '\u00a0', '\ufeff', '/**/');
/** A number, or what might pass for one. */
export const number = fc.oneof(fc.constantFrom(...NUMBERS), fc.nat(40).map(String));

const nested = (depth: number, [open, close]: readonly [string, string]): string =>
  open.repeat(depth) + close.repeat(depth);

/** Any JSON, and a little that is none. */
const { json } = fc.letrec<{ json: string }>((tie) => {
  const pairs = fc.array(fc.tuple(quoted, tie('json')), { maxLength: 4 });
  return {
    json: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(number, quoted, fc.constantFrom('null', 'true', 'false', '[]', '{}')),
      fc.array(tie('json'), { maxLength: 4 }).map((all) => `[${all.join()}]`),
      pairs.map((all) => `{${all.map(([key, value]) => `${key}:${value}`).join()}}`),
    ),
  };
});
const deep = fc
  .tuple(
    fc.constantFrom(1, 31, 32, 33, 1000, 20_000),
    fc.constantFrom<[string, string]>(['[', ']'], ['{"a":', '}'], ['[', ''], ['{"__proto__":', '0']),
  )
  .map(([depth, brackets]) => nested(depth, brackets));
/** A value, now and then a very deep one. */
export const value = fc.oneof({ weight: 30, arbitrary: json }, { weight: 1, arbitrary: deep });
