// The safetensors format: tensors and strings to bytes and back, and a digest of each tensor.
// Knows neither files nor averages; what it reads it trusts in nothing.

import { invalid } from '../base/argument.js';
import { createHash } from './node.js';
import {
  damaged,
  type Header,
  type HeaderEntry,
  ITEM_BYTES,
  METADATA,
  parseHeader,
  quoted,
  writeHeader,
} from './safetensors-header.js';

/** A tensor as stored; BOOL is one byte of 0 or 1 per value. */
export type StoredTensor = { readonly shape: readonly number[] } & (
  | { readonly dtype: 'F32'; readonly data: Float32Array }
  | { readonly dtype: 'I32'; readonly data: Int32Array }
  | { readonly dtype: 'U8' | 'BOOL'; readonly data: Uint8Array }
);

/** What a file holds. */
export interface StoredContent {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** Bytes of the length that every file begins with. */
const LENGTH_BYTES = 8;
/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;
/** Data begins at a multiple of this, so that every tensor can be used where it lies. */
const ALIGNMENT = 8;
/** Names of the digests among the metadata: `sha256.<tensor>`, and `sha256` of everything else. */
const DIGEST = 'sha256';

const NO_WELL_FORMED_TEXT = /\p{Surrogate}/u;

/**
 * Tensors and metadata as the bytes of a safetensors file.
 *
 * Larger items come first, then names in order: every tensor is aligned, and equal content gives equal bytes.
 * @returns pieces to be written one after the other: the header, then each tensor's own memory, not copied.
 * @throws {@link EmaError} INVALID_ARGUMENT — a name or value that the format cannot hold.
 */
export function encodeSafetensors({ tensors, metadata }: StoredContent): readonly Uint8Array[] {
  const order = [...tensors].sort(
    ([nameA, a], [nameB, b]) => ITEM_BYTES[b.dtype] - ITEM_BYTES[a.dtype] || (nameA < nameB ? -1 : 1),
  );
  for (const text of [...tensors.keys(), ...[...metadata].flat()]) checkText(text);
  const entries = new Map<string, HeaderEntry>();
  let begin = 0;
  for (const [name, { dtype, shape, data }] of order) {
    checkShape(name, shape, data.length);
    const end = begin + data.byteLength;
    entries.set(name, { dtype, shape, begin, end });
    begin = end;
  }
  const pieces = order.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return [headerBytes({ metadata, entries }), ...pieces];
}

/**
 * The tensors and metadata of a safetensors file.
 *
 * Every byte must be accounted for: the header's length, its grammar, each tensor's size against its shape and type, and
 * offsets without gaps, overlaps or rest. Nothing is allocated that is not in proportion to the file.
 * @param file all of its bytes. Tensors are views of it where their alignment allows, copies elsewhere.
 * @throws {@link EmaError} CHECKPOINT — the file is not a safetensors file, is damaged, or holds other types than ours.
 */
export function decodeSafetensors(file: Uint8Array): StoredContent {
  // A plain array also where the caller has a Buffer, so that no tensor is one.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  const headerLength = readHeaderLength(bytes);
  const dataBegin = LENGTH_BYTES + headerLength;
  const { metadata, entries } = parseHeader(decodeText(bytes.subarray(LENGTH_BYTES, dataBegin)));
  checkOffsets(entries, bytes.length - dataBegin);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of entries) {
    checkSize(name, entry);
    tensors.set(name, readTensor(name, entry, bytes.subarray(dataBegin + entry.begin, dataBegin + entry.end)));
  }
  return { tensors, metadata };
}

/**
 * The content with SHA-256 digests in its metadata: `sha256.<name>` of each tensor's bytes, and `sha256` of the names, types and
 * shapes of all tensors and of all other metadata, so that no part of a file can change unnoticed.
 * @throws {@link EmaError} INVALID_ARGUMENT — the metadata has a name that begins with `sha256`.
 */
export function withDigests({ tensors, metadata }: StoredContent): StoredContent {
  const taken = [...metadata.keys()].find((key) => key.startsWith(DIGEST));
  if (taken !== undefined) throw invalid('metadata', `names that do not begin with '${DIGEST}'`, taken);
  const all = new Map(metadata);
  for (const [name, tensor] of tensors) all.set(`${DIGEST}.${name}`, digestOf(tensor));
  all.set(DIGEST, digestOfRest(tensors, all));
  return { tensors, metadata: all };
}

/**
 * Checks the digests of {@link withDigests}.
 * @throws {@link EmaError} CHECKPOINT — names every tensor that is not what was saved.
 */
export function checkDigests({ tensors, metadata }: StoredContent): void {
  if (metadata.get(DIGEST) === undefined) {
    throw damaged(`a digest '${DIGEST}' in the metadata`, 'none, so it was not saved by this package');
  }
  const changed = [...tensors]
    .filter(([name, tensor]) => metadata.get(`${DIGEST}.${name}`) !== digestOf(tensor))
    .map(([name]) => quoted(name));
  if (changed.length > 0) {
    const more = changed.length > 10 ? ` and ${changed.length - 10} more` : '';
    throw damaged('the bytes that were saved', `others in tensors ${changed.slice(0, 10).join(', ')}${more}`);
  }
  if (metadata.get(DIGEST) !== digestOfRest(tensors, metadata)) {
    throw damaged('the names, shapes and metadata that were saved', 'others');
  }
}

function digestOf({ data }: StoredTensor): string {
  return createHash().update(data).digest('hex');
}

function digestOfRest(tensors: StoredContent['tensors'], metadata: StoredContent['metadata']): string {
  const hash = createHash();
  const lines = [...tensors].map(([name, { dtype, shape }]) => JSON.stringify([name, dtype, shape]));
  for (const pair of metadata) if (pair[0] !== DIGEST) lines.push(JSON.stringify(pair));
  for (const line of lines.sort()) hash.update(`${line}\n`);
  return hash.digest('hex');
}

function headerBytes(header: Header): Uint8Array {
  const text = new TextEncoder().encode(writeHeader(header));
  const padded = Math.ceil(text.length / ALIGNMENT) * ALIGNMENT;
  if (padded > MAX_HEADER_BYTES) {
    throw invalid('tensors', `names and metadata of at most ${MAX_HEADER_BYTES} bytes`, padded);
  }
  const bytes = new Uint8Array(LENGTH_BYTES + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(text, LENGTH_BYTES);
  return bytes;
}

function checkText(text: string): void {
  if (text === METADATA) throw invalid('tensors', 'any other name', text, 'The format keeps it for the metadata.');
  if (NO_WELL_FORMED_TEXT.test(text)) {
    throw invalid('tensors', 'names and metadata of Unicode characters', quoted(text), 'It has half a character.');
  }
}

function checkShape(name: string, shape: readonly number[], length: number): void {
  const isShape = shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (isShape && valuesOf(shape) === length) return;
  throw invalid(`tensor ${quoted(name)}`, `a shape for its ${length} values`, [...shape]);
}

function readHeaderLength(bytes: Uint8Array): number {
  if (bytes.length < LENGTH_BYTES) throw damaged(`at least ${LENGTH_BYTES} bytes`, `${bytes.length}`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  const limit = Math.min(bytes.length - LENGTH_BYTES, MAX_HEADER_BYTES);
  if (length > limit) throw damaged(`a header of at most ${limit} bytes`, `${length} bytes`);
  return Number(length);
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw damaged('a header in UTF-8', 'other bytes', cause);
  }
}

/** Checks that tensors follow one another without gap or overlap, from the first byte of the data to the last. */
function checkOffsets(entries: Header['entries'], dataBytes: number): void {
  const order = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const [name, { begin, end }] of order) {
    if (begin !== at || end < begin) {
      throw damaged(`tensor ${quoted(name)} to begin at byte ${at} of the data`, `bytes ${begin} to ${end}`);
    }
    at = end;
  }
  if (at !== dataBytes) throw damaged(`${at} bytes of data`, `${dataBytes}`);
}

function checkSize(name: string, { dtype, shape, begin, end }: HeaderEntry): void {
  const size = valuesOf(shape) * ITEM_BYTES[dtype];
  if (size === end - begin) return;
  throw damaged(`${size} bytes for ${dtype} [${shape.slice(0, 8)}] of tensor ${quoted(name)}`, `${end - begin}`);
}

/** Values in a tensor; sizes so large that they overflow give Infinity or NaN, which equal no length. */
function valuesOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** NOTE(byte-order): little-endian like the format, as every machine for which there is a tfjs-node. */
function readTensor(name: string, { dtype, shape }: HeaderEntry, bytes: Uint8Array): StoredTensor {
  switch (dtype) {
    case 'F32': {
      const { buffer, byteOffset, byteLength } = aligned(bytes, ITEM_BYTES[dtype]);
      return { dtype, shape, data: new Float32Array(buffer, byteOffset, byteLength / ITEM_BYTES[dtype]) };
    }
    case 'I32': {
      const { buffer, byteOffset, byteLength } = aligned(bytes, ITEM_BYTES[dtype]);
      return { dtype, shape, data: new Int32Array(buffer, byteOffset, byteLength / ITEM_BYTES[dtype]) };
    }
    case 'BOOL':
      if (bytes.some((value) => value > 1)) throw damaged(`bytes of 0 and 1 in tensor ${quoted(name)}`, 'others');
      return { dtype, shape, data: bytes };
    case 'U8':
      return { dtype, shape, data: bytes };
    default:
      return dtype satisfies never;
  }
}

function aligned(bytes: Uint8Array, itemBytes: number): Uint8Array {
  return bytes.byteOffset % itemBytes === 0 ? bytes : new Uint8Array(bytes);
}
