// The safetensors format: round trips, Python's library on the other side, and files that want to do harm.
// Needs no TensorFlow.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EmaError } from '../../../src/base/errors.js';
import {
  checkDigests,
  decodeSafetensors,
  encodeSafetensors,
  type StoredContent,
  type StoredTensor,
  withDigests,
} from '../../../src/disk/safetensors.js';

const NONE: ReadonlyMap<string, string> = new Map();

function bytesOf(content: StoredContent): Uint8Array {
  return new Uint8Array(Buffer.concat(encodeSafetensors(content)));
}

/** A file with any header text and data. */
function fileOf(header: string | Uint8Array, data = new Uint8Array(0), length?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

/** The message of the CHECKPOINT error that reading throws; anything else fails the test. */
function refusal(file: Uint8Array): string {
  try {
    decodeSafetensors(file);
  } catch (error) {
    if (error instanceof EmaError && error.code === 'CHECKPOINT') return error.message;
    throw error;
  }
  throw new Error('the file was accepted');
}

function floats(shape: readonly number[], values: ArrayLike<number>): StoredTensor {
  return { dtype: 'F32', shape, data: Float32Array.from(values) };
}

const EXAMPLE: StoredContent = {
  tensors: new Map<string, StoredTensor>([
    ['b', floats([2, 2], [1, 2, 3, 4])],
    ['flags', { dtype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) }],
    ['a', floats([], [0.5])],
    ['counts', { dtype: 'I32', shape: [2], data: Int32Array.of(-7, 7) }],
  ]),
  metadata: new Map([['step', '42']]),
};

describe('round trips', () => {
  const name = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => text !== '__metadata__');
  const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
  const tensor = fc
    .tuple(shape, fc.constantFrom('F32', 'I32', 'U8', 'BOOL'), fc.infiniteStream(fc.integer()))
    .map(([sizes, dtype, stream]): StoredTensor => {
      const length = sizes.reduce((product, size) => product * size, 1);
      const values = Array.from({ length }, () => stream.next().value ?? 0);
      if (dtype === 'F32') return { dtype, shape: sizes, data: new Float32Array(Int32Array.from(values).buffer) };
      if (dtype === 'I32') return { dtype, shape: sizes, data: Int32Array.from(values) };
      const data = Uint8Array.from(values, (value) => (dtype === 'BOOL' ? value & 1 : value));
      return { dtype: dtype === 'BOOL' ? 'BOOL' : 'U8', shape: sizes, data };
    });

  it('give back every name, type, shape and bit, with digests that hold', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, tensor)), fc.array(fc.tuple(name, name)), (tensors, metadata) => {
        const pairs = metadata.filter(([key]) => !key.startsWith('sha256'));
        const content = withDigests({ tensors: new Map(tensors), metadata: new Map(pairs) });
        const read = decodeSafetensors(bytesOf(content));
        checkDigests(read);
        expect(read.metadata).toEqual(content.metadata);
        expect([...read.tensors.keys()].sort()).toEqual([...content.tensors.keys()].sort());
        for (const [key, { dtype, shape: sizes, data }] of content.tensors) {
          const back = read.tensors.get(key);
          expect([back?.dtype, back?.shape]).toEqual([dtype, sizes]);
          expect(
            Buffer.from(back?.data.buffer ?? new ArrayBuffer(0), back?.data.byteOffset, back?.data.byteLength),
          ).toEqual(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
        }
      }),
    );
  });

  it('are the same bytes in whatever order the tensors come', () => {
    const reversed = { ...EXAMPLE, tensors: new Map([...EXAMPLE.tensors].reverse()) };
    expect(bytesOf(reversed)).toEqual(bytesOf(EXAMPLE));
  });

  it('copy nothing on the fix, and nothing on the way in where the file is aligned', () => {
    const weight = floats([3], [1, 2, 3]);
    const [header, piece] = encodeSafetensors({ tensors: new Map([['w', weight]]), metadata: NONE });
    expect(piece?.buffer).toBe(weight.data.buffer);
    expect((header?.length ?? 1) % 8).toBe(0);
    const file = bytesOf(EXAMPLE);
    for (const { data } of decodeSafetensors(file).tensors.values()) expect(data.buffer).toBe(file.buffer);
  });

  it('read a file at any address, and give plain arrays where the file is a Buffer', () => {
    const file = bytesOf(EXAMPLE);
    for (let shift = 0; shift < 8; shift += 1) {
      const room = Buffer.alloc(file.length + shift);
      room.set(file, shift);
      const read = decodeSafetensors(room.subarray(shift));
      for (const [key, { data }] of EXAMPLE.tensors) {
        expect(read.tensors.get(key)?.data).toEqual(data);
        expect(Buffer.isBuffer(read.tensors.get(key)?.data)).toBe(false);
      }
    }
  });

  it('hold views of a larger array', () => {
    const whole = Float32Array.of(9, 1, 2, 9);
    const content = {
      tensors: new Map([['w', { dtype: 'F32', shape: [2], data: whole.subarray(1, 3) } as const]]),
      metadata: NONE,
    };
    expect(decodeSafetensors(bytesOf(content)).tensors.get('w')?.data).toEqual(Float32Array.of(1, 2));
  });

  it('take a file without tensors', () => {
    expect(decodeSafetensors(bytesOf({ tensors: new Map(), metadata: NONE })).tensors.size).toBe(0);
    expect(decodeSafetensors(fileOf('{}   ')).metadata.size).toBe(0);
  });
});

describe('Python’s safetensors', () => {
  interface Recorded {
    readonly tensors: readonly [name: string, dtype: string, shape: number[], values: number[]][];
    readonly metadata: readonly [string, string][];
    readonly readByPython: Record<string, [dtype: string, shape: number[], hex: string]>;
  }
  const read = (name: string): Uint8Array => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url));
  const recorded: Recorded = JSON.parse(new TextDecoder().decode(read('safetensors.json')));
  const ARRAYS = { F32: Float32Array, I32: Int32Array, BOOL: Uint8Array, U8: Uint8Array } as const;

  it('read these bytes of ours, and found each array equal', () => {
    const tensors = new Map(
      recorded.tensors.map(([name, dtype, shape, values]) => {
        const data = ARRAYS[dtype as keyof typeof ARRAYS].from(values);
        return [name, { dtype, shape, data } as StoredTensor];
      }),
    );
    const ours = bytesOf({ tensors, metadata: new Map(recorded.metadata) });
    // Python read this very file; what it found is in readByPython.
    expect(Buffer.from(ours)).toEqual(Buffer.from(read('ours.safetensors')));
    expect(Object.keys(recorded.readByPython).sort()).toEqual([...tensors.keys()].sort());
    for (const [name, [, shape, hex]] of Object.entries(recorded.readByPython)) {
      const { data, shape: mine } = tensors.get(name) ?? floats([], []);
      expect(shape).toEqual(mine);
      expect(hex).toBe(Buffer.from(data.buffer).toString('hex'));
    }
  });

  it('writes files that we read: every name, type, shape, bit and string', () => {
    const content = decodeSafetensors(read('python.safetensors'));
    expect([...content.metadata].sort()).toEqual([...recorded.metadata].sort());
    expect(content.tensors.size).toBe(recorded.tensors.length);
    for (const [name, dtype, shape, values] of recorded.tensors) {
      const tensor = content.tensors.get(name);
      expect([tensor?.dtype, tensor?.shape]).toEqual([dtype, shape]);
      expect(tensor?.data).toEqual(ARRAYS[dtype as keyof typeof ARRAYS].from(values));
    }
  });
});

describe('digests', () => {
  it('find any changed byte of the file, or the format does', () => {
    const file = bytesOf(withDigests(EXAMPLE));
    const accepted: number[] = [];
    for (let at = 0; at < file.length; at += 1) {
      const changed = file.slice();
      changed[at] = (changed[at] ?? 0) ^ 4;
      try {
        checkDigests(decodeSafetensors(changed));
        accepted.push(at);
      } catch (error) {
        expect(error).toMatchObject({ name: 'EmaError', code: 'CHECKPOINT' });
      }
    }
    expect(accepted).toEqual([]);
  });

  it('find a file that is cut at any byte', () => {
    const file = bytesOf(withDigests(EXAMPLE));
    for (let length = 0; length < file.length; length += 1) refusal(file.subarray(0, length));
  });

  it('name every tensor that was changed', () => {
    const { tensors, metadata } = withDigests(EXAMPLE);
    const changed = new Map(tensors).set('a', floats([], [0.25])).set('b', floats([2, 2], [1, 2, 3, 5]));
    expect(() => checkDigests({ tensors: changed, metadata })).toThrow(/others in tensors "b", "a"/);
  });

  it('find other shapes, tensors and metadata', () => {
    const { tensors, metadata } = withDigests(EXAMPLE);
    const reshaped = new Map(tensors).set('b', floats([4], [1, 2, 3, 4]));
    const fewer = new Map([...tensors].filter(([name]) => name !== 'a'));
    for (const content of [
      { tensors: reshaped, metadata },
      { tensors: fewer, metadata },
      { tensors, metadata: new Map(metadata).set('step', '43') },
      { tensors, metadata: new Map(metadata).set('more', '') },
    ]) {
      expect(() => checkDigests(content)).toThrow(/names, shapes and metadata that were saved/);
    }
    expect(() => checkDigests(EXAMPLE)).toThrow(/a digest 'sha256' in the metadata/);
    expect(() => withDigests({ tensors, metadata })).toThrow(/do not begin with 'sha256'/);
  });
});

describe('files that want to do harm', () => {
  const entry = (fields: string): string => `{"w":{${fields}}}`;
  const valid = '"dtype":"F32","shape":[1],"data_offsets":[0,4]';
  const four = new Uint8Array(4);

  it('the file that the cases below change is a good one', () => {
    expect(decodeSafetensors(fileOf(entry(valid), four)).tensors.get('w')?.data).toEqual(Float32Array.of(0));
  });

  it.each([
    ['nothing at all', new Uint8Array(0), /at least 8 bytes, received 0/],
    ['half a length', new Uint8Array(7), /at least 8 bytes/],
    ['a header longer than the file', fileOf('{}', four, 100n), /at most 6 bytes, received 100/],
    ['a header of 2^63 bytes', fileOf('{}', four, 2n ** 63n), /received 9223372036854775808/],
    ['a header of 2^64 - 1 bytes', fileOf('{}', four, 2n ** 64n - 1n), /received 18446744073709551615/],
    ['an empty header', fileOf(''), /expected '\{' at character 0/],
    ['bytes that are no UTF-8', fileOf(Uint8Array.of(0x7b, 0xff, 0x7d)), /in UTF-8/],
    ['a byte order mark', fileOf('\ufeff{}'), /expected '\{'/],
    ['blanks before the header', fileOf(' {}'), /expected '\{'/],
    ['a second header', fileOf('{}{}'), /the end of the header/],
    ['zeros after the header', fileOf('{}\0'), /the end of the header/],
    ['an array', fileOf('[]'), /expected '\{'/],
    ['a comma too many', fileOf('{"w":{},}'), /dtype, shape/],
    ['a comma too many at the end', fileOf(`{"w":{${valid}},}`, four), /a string/],
    ['an unfinished string', fileOf('{"w'), /the end of the string/],
    ['an unfinished escape', fileOf('{"w\\'), /the end of the string/],
    ['a line break in a name', fileOf('{"\n":{}}'), /the end of the string/],
    ['a wrong escape', fileOf('{"\\x":{}}'), /a string that JSON can read/],
    ['the same tensor twice', fileOf(`{"w":{${valid}},"w":{${valid}}}`, four), /"w" twice/],
    ['the same tensor twice, once escaped', fileOf(`{"w":{${valid}},"\\u0077":{${valid}}}`, four), /"w" twice/],
    ['the same field twice', fileOf(entry(`${valid},"shape":[1]`), four), /each once, received "shape"/],
    ['metadata twice', fileOf('{"__metadata__":{},"__metadata__":{}}'), /"__metadata__" twice/],
    ['a metadata key twice', fileOf('{"__metadata__":{"a":"1","a":"2"}}'), /"a" twice/],
    ['a number as metadata', fileOf('{"__metadata__":{"a":1}}'), /a string at character/],
    ['an object as metadata', fileOf('{"__metadata__":{"a":{}}}'), /a string at character/],
    ['null as metadata', fileOf('{"__metadata__":null}'), /expected '\{'/],
    ['a tensor that is null', fileOf('{"w":null}'), /expected '\{'/],
    ['a field too few', fileOf(entry('"dtype":"F32","shape":[1]')), /dtype, shape and two data_offsets/],
    ['a field too many', fileOf(entry(`${valid},"extra":1`), four), /each once, received "extra"/],
    [
      'a type that we do not read',
      fileOf(entry(valid.replace('F32', 'BF16')), four),
      /type F32, I32, U8, BOOL.*"BF16"/,
    ],
    ['a type from the prototype', fileOf(entry(valid.replace('F32', 'constructor')), four), /"constructor"/],
    ['a negative size', fileOf(entry(valid.replace('[1]', '[-1]')), four), /an integer from 0/],
    ['a fraction as size', fileOf(entry(valid.replace('[1]', '[1.0]')), four), /expected '\]'/],
    ['an exponent as size', fileOf(entry(valid.replace('[1]', '[1e0]')), four), /expected '\]'/],
    ['a leading zero', fileOf(entry(valid.replace('[1]', '[01]')), four), /an integer from 0/],
    ['a size above 2^53', fileOf(entry(valid.replace('[1]', '[9007199254740992]')), four), /an integer from 0/],
    ['a size of 30 digits', fileOf(entry(valid.replace('[1]', `[${'9'.repeat(30)}]`)), four), /an integer from 0/],
    [
      'sizes that overflow',
      fileOf(entry(valid.replace('[1]', `[${'4503599627370496,'.repeat(99)}2]`)), four),
      /Infinity bytes/,
    ],
    [
      'sizes that overflow to nothing',
      fileOf(entry(valid.replace('[1]', `[${'4503599627370496,'.repeat(99)}0]`)), four),
      /NaN bytes/,
    ],
    ['nested sizes', fileOf(entry(valid.replace('[1]', '[[1]]')), four), /an integer from 0/],
    ['a string as size', fileOf(entry(valid.replace('[1]', '["1"]')), four), /an integer from 0/],
    ['a shape for other bytes', fileOf(entry(valid.replace('[1]', '[2]')), four), /8 bytes for F32 \[2\].*received 4/],
    [
      'bytes that are no whole number of values',
      fileOf(entry(valid.replace('[0,4]', '[0,3]')), new Uint8Array(3)),
      /received 3/,
    ],
    ['one offset', fileOf(entry(valid.replace('[0,4]', '[0]')), four), /two data_offsets/],
    ['three offsets', fileOf(entry(valid.replace('[0,4]', '[0,4,8]')), four), /two data_offsets/],
    ['offsets that go back', fileOf(entry(valid.replace('[0,4]', '[4,0]')), four), /begin at byte 0/],
    [
      'offsets beyond the file',
      fileOf(entry(valid.replace('[1]', '[3]').replace('[0,4]', '[0,12]')), four),
      /12 bytes of data, received 4/,
    ],
    [
      'a gap before the first tensor',
      fileOf(entry(valid.replace('[0,4]', '[4,8]')), new Uint8Array(8)),
      /begin at byte 0/,
    ],
    ['bytes after the last tensor', fileOf(entry(valid), new Uint8Array(5)), /4 bytes of data, received 5/],
    ['data that no tensor claims', fileOf('{}', four), /0 bytes of data, received 4/],
    ['tensors that overlap', fileOf(`{"v":{${valid}},"w":{${valid}}}`, new Uint8Array(8)), /"w" to begin at byte 4/],
    [
      'a gap between tensors',
      fileOf(`{"v":{${valid}},"w":{${valid.replace('[0,4]', '[8,12]')}}}`, new Uint8Array(12)),
      /begin at byte 4/,
    ],
    [
      'a bool that is neither',
      fileOf(entry('"dtype":"BOOL","shape":[2],"data_offsets":[0,2]'), Uint8Array.of(1, 2)),
      /0 and 1/,
    ],
  ])('%s', (_, file, pattern) => {
    expect(refusal(file)).toMatch(pattern);
  });

  it('keeps __proto__ and constructor as plain names', () => {
    const read = decodeSafetensors(
      fileOf(
        `{"__metadata__":{"__proto__":"x"},"__proto__":{${valid}},"constructor":{${valid.replace('[0,4]', '[4,8]')}}}`,
        new Uint8Array(8),
      ),
    );
    expect([...read.tensors.keys()]).toEqual(['__proto__', 'constructor']);
    expect(read.metadata.get('__proto__')).toBe('x');
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['dtype']).toBeUndefined();
  });

  it('does not recurse: two million brackets are an error like another', () => {
    const deep = '['.repeat(2e6);
    expect(refusal(fileOf(entry(`"dtype":"F32","shape":${deep}`)))).toMatch(/an integer from 0/);
    expect(refusal(fileOf(`{"a":`.repeat(1e6)))).toMatch(
      /dtype, shape and data_offsets of tensor "a", each once, received "a"/,
    );
    expect(refusal(fileOf(`{"__metadata__":${deep}`))).toMatch(/expected '\{'/);
  });

  it('keeps messages short, whatever a name is', () => {
    const name = 'x'.repeat(1e6);
    expect(refusal(fileOf(`{"${name}":{${valid}},"${name}":{${valid}}}`, four)).length).toBeLessThan(400);
    expect(refusal(fileOf(`{"\u001b[31m`)).includes('\u001b')).toBe(false);
  });

  it('reads fifty megabytes of blanks, and a name of ten', () => {
    expect(decodeSafetensors(fileOf(`{${' '.repeat(5e7)}}`)).tensors.size).toBe(0);
    const name = '\\u00e9'.repeat(1e6) + 'x'.repeat(1e7);
    expect([...decodeSafetensors(fileOf(`{"${name}":{${valid}}}`, four)).tensors.keys()][0]?.length).toBe(1.1e7);
  });

  it('refuses a header above the format’s limit of 100 MB', () => {
    expect(refusal(fileOf(new Uint8Array(100_000_001)))).toMatch(/at most 100000000 bytes, received 100000001/);
  });

  it('reads a million tensors in memory that the file’s size accounts for', () => {
    const count = 1e6;
    const parts = Array.from(
      { length: count },
      (_, i) => `"${i}":{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`,
    );
    const file = fileOf(`{${parts.join()}}`, new Uint8Array(count).fill(7));
    const { tensors } = decodeSafetensors(file);
    expect(tensors.size).toBe(count);
    expect(tensors.get('999999')?.data).toEqual(Uint8Array.of(7));
  });

  it('throws nothing but CHECKPOINT, whatever the bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ maxLength: 100 }).map((text) => fileOf(text)),
      fc.json({ maxDepth: 3 }).map((text) => fileOf(text, four)),
      // A good file with a piece of it replaced.
      fc.tuple(fc.nat(150), fc.uint8Array({ maxLength: 9 })).map(([at, patch]) => {
        const file = bytesOf(EXAMPLE);
        file.set(patch.subarray(0, Math.max(0, file.length - at)), Math.min(at, file.length - patch.length));
        return file;
      }),
    );
    fc.assert(
      fc.property(bytes, (file) => {
        try {
          decodeSafetensors(file);
        } catch (error) {
          if (!(error instanceof EmaError) || error.code !== 'CHECKPOINT') throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('what the format cannot hold', () => {
  const encode = (name: string, tensor: StoredTensor, metadata = NONE): unknown =>
    encodeSafetensors({ tensors: new Map([[name, tensor]]), metadata });

  it('is refused before a byte is written', () => {
    expect(() => encode('__metadata__', floats([1], [1]))).toThrow(/The format keeps it for the metadata/);
    expect(() => encode('\ud800', floats([1], [1]))).toThrow(/half a character/);
    expect(() => encode('w', floats([1], [1]), new Map([['k', '\udc00']]))).toThrow(/half a character/);
    const long = new Map([['k', ' '.repeat(1e8)]]);
    expect(() => encode('w', floats([1], [1]), long)).toThrow(/names and metadata of at most 100000000 bytes/);
    expect(() => encode('w', floats([2], [1]))).toThrow(
      /tensor "w": expected a shape for its 1 values, received \[2\]/,
    );
    expect(() => encode('w', floats([1.5], [1]))).toThrow(/a shape/);
    expect(() => encode('w', floats([-1, -1], [1]))).toThrow(/a shape/);
  });
});
