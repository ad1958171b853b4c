// Files that want to do harm: any header over any data, and checkpoints whose digests hold although their metadata is forged.
// Needs no TensorFlow, and opens nothing.

import type { ModelShadows } from '../../../src/averages/shadows.js';
import { encodeCheckpoint } from '../../../src/disk/checkpoint.js';
import { decodeSafetensors, encodeSafetensors, type StoredTensor, withDigests } from '../../../src/disk/safetensors.js';
import { resolveOptions } from '../../../src/options/options.js';

/** Averages of the checkpoint. */
export const OPTIONS = resolveOptions({ decays: [0.5, 0.9], updateEvery: 1 });

const VARIABLES = [
  { name: 'in/kernel', variable: { shape: [4, 8], dtype: 'float32' } },
  { name: 'in/bias', variable: { shape: [8], dtype: 'float32' } },
];

/** All that saving and loading ask of averages before they touch one: an object of the class needs TensorFlow. */
export const SHADOW = {
  weights: { averaged: VARIABLES, live: [] },
  values: (average: number) => [new Float32Array(32).fill(average + 1), new Float32Array(8).fill(average - 1)],
} as unknown as ModelShadows;

/** A checkpoint after three steps; with a best average where the weights for one are given. */
export function goodCheckpoint(): Uint8Array {
  const standing = { steps: 3, pending: 0, updates: 3, intervals: [[1, 3]], current: 1, monitor: undefined } as const;
  return joined(encodeCheckpoint({ shadow: SHADOW, options: OPTIONS, standing, bests: [] }));
}

/** The checkpoint with other texts in its metadata and other tensors, and with digests that hold. */
export function forged(
  texts: Readonly<Record<string, string | undefined>>,
  others: ReadonlyMap<string, StoredTensor | undefined> = new Map(),
): Uint8Array {
  const { tensors, metadata } = decodeSafetensors(goodCheckpoint());
  const own = [...metadata].filter(([name]) => !name.startsWith('sha256'));
  const changed = present([...own, ...Object.entries(texts)]);
  return joined(encodeSafetensors(withDigests({ tensors: present([...tensors, ...others]), metadata: changed })));
}

/** A file of any header over so much data. */
export function fileOf(header: string | Uint8Array, data = new Uint8Array(0), length?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

/** A member of a header. */
export function entryOf(name: string, dtype: string, [shape, offsets]: readonly [string, string]): string {
  return `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
}

function present<T>(pairs: readonly (readonly [string, T | undefined])[]): Map<string, T> {
  const all = new Map(pairs);
  return new Map([...all].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])));
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}

/** Parts of about so many characters in all, numbered. */
function parts(characters: number, part: (index: number) => string): readonly string[] {
  const all: string[] = [];
  for (let length = 0; length < characters; length += (all.at(-1)?.length ?? 0) + 1) all.push(part(all.length));
  return all;
}

const names = (characters: number): string => parts(characters, (i) => `"${i.toString(36)}":0`).join();

const MEGABYTE = 1_000_000;
const OPENS = '"__metadata__":{"tfjs-ema":"1","sha256":"none"}';

/** A large file, and the memory that reading it may take: so many bytes for each of its own. */
interface Large {
  readonly multiple: number;
  readonly make: () => Uint8Array;
}

/** Refused before it was read: the file's bytes and its text. */
const unread = (make: () => Uint8Array): Large => ({ multiple: 4, make });
/** A header's member of 50 bytes becomes an entry, a shape, a view of bytes, places in two maps and a list: a thousand bytes. */
const header = (make: () => Uint8Array): Large => ({ multiple: 24, make });
/** Of JSON, `{},` becomes an object of 64 bytes, and `"a1":0,` a name, its place in two tables, and a sentence of the message. */
const json = (make: () => Uint8Array): Large => ({ multiple: 64, make });

/** Files that are small for what they make a reader build. Texts of JSON are at most 4 MB long: see MAX_JSON. */
export const LARGE: Readonly<Record<string, Large>> = {
  'a million tensors of one byte': header(() => {
    const tensors = Array.from({ length: 1_000_000 }, (_, i) => entryOf(`${i}`, 'U8', ['[1]', `[${i},${i + 1}]`]));
    return fileOf(`{${tensors.join()}}`, new Uint8Array(1_000_000));
  }),
  'tensors of nothing, whose digests are looked for': header(() =>
    fileOf(`{${[OPENS, ...parts(10 * MEGABYTE, (i) => entryOf(i.toString(36), 'U8', ['[0]', '[0,0]']))].join()}}`),
  ),
  'a shape of five million sizes': header(() =>
    fileOf(`{${entryOf('w', 'U8', [`[${parts(10 * MEGABYTE, () => '0').join()}]`, '[0,0]'])}}`),
  ),
  'many texts in the metadata': header(() => {
    const texts = parts(10 * MEGABYTE, (i) => `"${i.toString(36)}":""`);
    return fileOf(`{"__metadata__":{"tfjs-ema":"1","sha256":"none",${texts.join()}}}`);
  }),
  'a text of escapes': unread(() => fileOf(`{"__metadata__":{"tfjs-ema":"${'\\n'.repeat(5 * MEGABYTE)}"}}`)),
  'settings too long to be read': unread(() =>
    forged({ settings: `{"decays":[${parts(10 * MEGABYTE, () => '{}').join()}]}` }),
  ),
  'settings of empty objects': json(() =>
    forged({ settings: `{"decays":[${parts(3.9 * MEGABYTE, () => '{}').join()}]}` }),
  ),
  'settings of many names': json(() => forged({ settings: `{${names(3.9 * MEGABYTE)}}` })),
  'many weights': json(() => forged({ weights: `{${names(3.9 * MEGABYTE)}}` })),
  'many intervals': json(() => {
    const intervals = parts(3.9 * MEGABYTE, () => '[1,1]');
    return forged({ standing: `{"steps":3,"pending":0,"updates":3,"intervals":[${intervals.join()}]}` });
  }),
};
