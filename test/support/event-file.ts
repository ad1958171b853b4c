// Reads what TensorBoard reads: event files, as records of protocol buffers, with their checksums left unread.
// Knows only the fields that tfjs-node's summary writer sets.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One point of a chart, or one histogram. */
export interface Summary {
  readonly tag: string;
  readonly step: number;
  /** Of a scalar. */
  readonly value?: number;
  /** Of a histogram: rows of left edge, right edge, count. */
  readonly buckets?: readonly (readonly number[])[];
}

/** The summaries in the event files of a folder, oldest first. */
export function summariesIn(folder: string): Summary[] {
  const files = readdirSync(folder).filter((name) => name.includes('tfevents'));
  return files.sort().flatMap((name) => records(readFileSync(join(folder, name))).flatMap(summariesOf));
}

/** TFRecord: length (8 bytes), checksum (4), data, checksum (4). */
function records(file: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    found.push(file.subarray(at + 12, at + 12 + length));
    at += 16 + length;
  }
  return found;
}

/** A field of a message: numbers of wire types 0, 1 and 5 as they are, the bytes of type 2. */
type Fields = Map<number, (Buffer | number)[]>;

function parse(message: Buffer): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const skip = (length: number): number => {
    at += length;
    return at - length;
  };
  const varint = (): number => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = message.readUInt8(skip(1));
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Buffer => message.subarray(skip(length), at);
  const readers: Record<number, () => Buffer | number> = {
    0: varint,
    1: () => message.readDoubleLE(skip(8)),
    2: () => take(varint()),
    5: () => message.readFloatLE(skip(4)),
  };
  while (at < message.length) {
    const key = varint();
    const read = readers[key & 7];
    if (read === undefined) throw new Error(`wire type ${key & 7} is unknown here`);
    const field = Math.floor(key / 8);
    fields.set(field, [...(fields.get(field) ?? []), read()]);
  }
  return fields;
}

const bytes = (fields: Fields, field: number): Buffer[] =>
  (fields.get(field) ?? []).filter((value) => Buffer.isBuffer(value));
const numbers = (fields: Fields, field: number): number[] =>
  (fields.get(field) ?? []).filter((value) => typeof value === 'number');

/** Event: step is field 2, summary 5; Summary.Value: tag 1, simple_value 2, tensor 8. */
function summariesOf(record: Buffer): Summary[] {
  const event = parse(record);
  const [step = 0] = numbers(event, 2);
  return bytes(event, 5).flatMap((summary) =>
    bytes(parse(summary), 1).map((text) => {
      const value = parse(text);
      const tag = bytes(value, 1).join('');
      const [simple] = numbers(value, 2);
      const [tensor] = bytes(value, 8);
      if (simple !== undefined) return { tag, step, value: simple };
      return tensor === undefined ? { tag, step } : { tag, step, buckets: rowsOf(tensor) };
    }),
  );
}

/** TensorProto: tensor_content 4 or float_val 5 (packed); three numbers make a row. */
function rowsOf(tensor: Buffer): number[][] {
  const fields = parse(tensor);
  const [content = Buffer.alloc(0)] = [...bytes(fields, 4), ...bytes(fields, 5)];
  const flat = Array.from({ length: content.length / 4 }, (_, i) => content.readFloatLE(4 * i));
  return Array.from({ length: flat.length / 3 }, (_, i) => flat.slice(3 * i, 3 * i + 3));
}
