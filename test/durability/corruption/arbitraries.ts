// Files that the fuzzer feeds: good ones spoiled, headers of a hostile grammar, headers that are nearly right.
// Reads nothing, and judges nothing.

import fc from 'fast-check';
import { encodeSafetensors, type StoredTensor } from '../../../src/disk/safetensors.js';
import { fileOf, goodCheckpoint } from './files.js';
import { blank, number, quoted, seldom, value } from './texts.js';

const LENGTHS: readonly bigint[] = [
  0n,
  1n,
  7n,
  8n,
  100n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

const list = (most: number) => fc.array(number, { maxLength: most }).map((all) => `[${all.join()}]`);
const dtype = fc.constantFrom(
  '"F32"',
  '"F32"',
  '"I32"',
  '"U8"',
  '"BOOL"',
  '"F64"',
  '"BF16"',
  '"f32"',
  '"constructor"',
  '""',
  '3',
  'null',
);
const member = fc.oneof(
  { weight: 5, arbitrary: dtype.map((text) => `"dtype":${text}`) },
  { weight: 5, arbitrary: list(4).map((text) => `"shape":${text}`) },
  { weight: 5, arbitrary: list(3).map((text) => `"data_offsets":${text}`) },
  fc.tuple(quoted, value).map((pair) => pair.join(':')),
);
/** A tensor that would be right where it stands: so that some files get far. */
const right = fc.tuple(fc.nat(3), fc.nat(12)).map(([size, begin]) => {
  return `{"dtype":"F32","shape":[${size}],"data_offsets":[${4 * begin},${4 * (begin + size)}]}`;
});
const tensor = fc.oneof(
  right,
  fc.array(member, { maxLength: 4 }).map((all) => `{${all.join()}}`),
  value,
);
const metadata = fc.array(fc.tuple(quoted, fc.oneof(quoted, value)), { maxLength: 3 }).map((all) => {
  return `"__metadata__":{${all.map((pair) => pair.join(':')).join()}}`;
});
const headerText = fc
  .tuple(
    fc.array(
      fc.oneof({ weight: 4, arbitrary: fc.tuple(quoted, blank, tensor).map(([a, b, c]) => `${a}:${b}${c}`) }, metadata),
      { maxLength: 5 },
    ),
    blank,
    blank,
  )
  .map(([members, first, last]) => `${first}{${members.join()}}${last}`);

/** Headers of a hostile grammar, over some data, under a length that may be wrong. */
export const headers = fc
  .tuple(headerText, fc.uint8Array({ maxLength: 48 }), seldom(8, fc.constantFrom(...LENGTHS)))
  .map(([text, data, length]) => fileOf(text, data, length));

/** Tensors one after the other, of which a few lie, or are told, a little differently. */
const placed = fc.record({
  key: fc.oneof({ weight: 3, arbitrary: fc.nat(9).map((i) => `"${i}"`) }, { weight: 1, arbitrary: quoted }),
  dtype: fc.constantFrom('F32', 'F32', 'I32', 'U8', 'BOOL'),
  size: fc.nat(5),
  shift: seldom(12, fc.constantFrom(-4, -1, 1, 4, 8)),
  grown: seldom(12, fc.constantFrom(-4, -1, 1, 4)),
  spell: seldom(
    12,
    fc.constantFrom<(n: number) => string>(
      (n) => `0${n}`,
      (n) => `${n}.0`,
      (n) => `${n}e0`,
      (n) => `-${n}`,
    ),
  ),
});

/** Headers that are right, or nearly so. */
export const layouts = fc
  .tuple(fc.array(placed, { maxLength: 5 }), seldom(12, fc.constantFrom(-1, 1, 4)))
  .map(([tensors, rest = 0]) => {
    let at = 0;
    const members = tensors.map(({ key, dtype, size, shift = 0, grown = 0, spell = String }) => {
      const begin = at + shift;
      at = begin + size * (dtype === 'U8' || dtype === 'BOOL' ? 1 : 4) + grown;
      return `${key}:{"dtype":"${dtype}","shape":[${spell(size)}],"data_offsets":[${spell(begin)},${at}]}`;
    });
    return fileOf(`{${members.join()}}`, new Uint8Array(Math.max(0, at + rest)));
  });

const change = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), bit: fc.nat(7) }),
  fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), bytes: fc.uint8Array({ maxLength: 9 }) }),
  fc.record({ kind: fc.constant('write' as const), at: fc.nat(), bytes: fc.uint8Array({ maxLength: 9 }) }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat(), length: fc.nat(64) }),
  fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(), length: fc.nat(300) }),
  fc.record({ kind: fc.constant('length' as const), value: fc.constantFrom(...LENGTHS) }),
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function changed(file: Uint8Array, one: Change): Uint8Array {
  if (one.kind === 'length') {
    const bytes = file.slice();
    if (bytes.length >= 8) new DataView(bytes.buffer).setBigUint64(0, one.value, true);
    return bytes;
  }
  const at = one.at % (file.length + 1);
  const [before, after] = [file.subarray(0, at), file.subarray(at)];
  switch (one.kind) {
    case 'flip':
      return file.map((byte, index) => (index === at ? byte ^ (1 << one.bit) : byte));
    case 'insert':
      return Buffer.concat([before, one.bytes, after]);
    case 'write':
      return Buffer.concat([before, one.bytes, after.subarray(one.bytes.length)]);
    case 'remove':
      return Buffer.concat([before, after.subarray(one.length)]);
    case 'repeat':
      return Buffer.concat([before, after.subarray(0, one.length), after]);
    default:
      return one satisfies never;
  }
}

/** A file with tensors of every type, without digests. */
const plain = Buffer.concat(
  encodeSafetensors({
    tensors: new Map<string, StoredTensor>([
      ['a', { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) }],
      ['b', { dtype: 'I32', shape: [], data: Int32Array.of(7) }],
      ['c', { dtype: 'BOOL', shape: [3], data: Uint8Array.of(0, 1, 1) }],
    ]),
    metadata: new Map([['k', 'v']]),
  }),
);

/** Good files with some bytes changed, put in, taken out or repeated. */
export const spoilt = fc
  .tuple(fc.constantFrom(goodCheckpoint(), new Uint8Array(plain)), fc.array(change, { maxLength: 4 }))
  .map(([file, changes]) => changes.reduce(changed, file));
