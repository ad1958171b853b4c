// Reader of IDX files (the format of MNIST and its relatives), gzip-packed or plain.
// Knows the format, not what a file is about.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { DataError } from './dataset.js';

const TYPE_UINT8 = 0x08;

/** An array of bytes with its shape. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array;
}

/**
 * Reads an IDX array of bytes: two zero bytes, the type, the number of dimensions, each dimension as a big-endian
 * uint32, then the values.
 * @param bytes the whole file, unpacked.
 * @param name what messages call it.
 * @throws {@link DataError} when the magic number, the type or the size is wrong.
 */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== 0) {
    const start = Buffer.from(bytes.subarray(0, 4)).toString('hex') || 'nothing';
    throw damaged(name, `expected an IDX file, which starts with the bytes 00 00, received ${start}`);
  }
  if (view.getUint8(2) !== TYPE_UINT8) {
    throw damaged(name, `expected values of IDX type 0x08 (uint8), received type 0x${view.getUint8(2).toString(16)}`);
  }
  const rank = view.getUint8(3);
  const header = 4 + 4 * rank;
  if (rank === 0 || bytes.length < header) {
    throw damaged(
      name,
      `expected ${rank || 'one or more'} dimensions in its header, the file has ${bytes.length} bytes`,
    );
  }
  const shape = Array.from({ length: rank }, (_, dimension) => view.getUint32(4 + 4 * dimension));
  const size = shape.reduce((product, length) => product * length, 1);
  if (bytes.length - header !== size) {
    const found = bytes.length - header;
    throw damaged(name, `its header promises ${shape.join(' x ')} = ${size} bytes of values, ${found} follow`);
  }
  return { shape, values: bytes.subarray(header) };
}

/**
 * Reads an IDX file from disk; unpacks it when its name ends in ".gz".
 * @throws {@link DataError} when it cannot be read, is damaged or is no such file.
 */
export function readIdx(path: string): IdxArray {
  return parseIdx(readBytes(path), path);
}

function readBytes(path: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new DataError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (!path.endsWith('.gz')) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw damaged(path, `it cannot be unpacked (${(error as Error).message})`, error);
  }
}

function damaged(name: string, what: string, cause?: unknown): DataError {
  return new DataError(`${name} is damaged: ${what}. Remove the file and run again: it is fetched anew.`, { cause });
}
