// Reader of R's data files (.rda, unpacked): what a data frame of whole numbers and factors needs of the format.
// Knows the format, not what a file is about.

import { DataError } from './dataset.js';

/** A column of a data frame. */
export interface Column {
  readonly name: string;
  /** Of a factor its codes, from 1. */
  readonly values: readonly number[];
}

/** Types of items, by R's numbers. */
const SYMBOL = 1;
const PAIRS = 2;
const CHARACTERS = 9;
const INTEGERS = 13;
const REALS = 14;
const STRINGS = 16;
const LIST = 19;
const NIL = 254;
const REFERENCE = 255;
const HAS_ATTRIBUTES = 0x200;
const HAS_TAG = 0x400;

/** An item of the file; named ones are attributes, and the members of a list of pairs. */
interface Item {
  readonly text?: string;
  readonly numbers?: readonly number[];
  readonly items?: readonly Item[];
  readonly named?: ReadonlyMap<string, Item>;
}

const MAGIC = 'RDX2\nX\n';
/** Behind the magic: the version of the format, of the R that wrote it and of the oldest that reads it. */
const HEADER = MAGIC.length + 12;

/**
 * The columns of a data frame in a file of R's portable binary format.
 * @param bytes the whole file, unpacked.
 * @param name of the data frame.
 * @throws {@link DataError} it is no such file, is cut off, or holds what this reader does not know.
 */
export function readDataFrame(bytes: Buffer, name: string): Column[] {
  if (bytes.subarray(0, MAGIC.length).toString('latin1') !== MAGIC) {
    throw new DataError(`${name}: expected an R data file, which starts with RDX2.`);
  }
  let file: Item;
  try {
    file = readItem({ bytes, at: HEADER, symbols: [] });
  } catch (error) {
    if (error instanceof RangeError) throw new DataError(`${name}: the file is cut off.`, { cause: error });
    throw error;
  }
  const frame = file.named?.get(name);
  const names = frame?.named?.get('names')?.items;
  if (frame?.items === undefined || names === undefined) {
    throw new DataError(`${name}: the file holds no data frame of this name.`);
  }
  return frame.items.map(({ numbers = [] }, index) => ({ name: names[index]?.text ?? '', values: numbers }));
}

/** Where reading stands; symbols are written once and referred to by number. */
interface Cursor {
  readonly bytes: Buffer;
  at: number;
  readonly symbols: Item[];
}

function readInteger(cursor: Cursor): number {
  cursor.at += 4;
  return cursor.bytes.readInt32BE(cursor.at - 4);
}

function readMany<T>(cursor: Cursor, read: (cursor: Cursor) => T): T[] {
  return Array.from({ length: readInteger(cursor) }, () => read(cursor));
}

function readItem(cursor: Cursor): Item {
  const flags = readInteger(cursor);
  const type = flags & 0xff;
  if (type === NIL) return {};
  if (type === REFERENCE) return cursor.symbols[(flags >> 8) - 1] ?? {};
  if (type === SYMBOL) {
    const symbol = readItem(cursor);
    cursor.symbols.push(symbol);
    return symbol;
  }
  if (type === PAIRS) return { named: readPairs(cursor, flags) };
  const content = readContent(cursor, type);
  // The attributes of a text say how it is encoded, and are no items.
  return (flags & HAS_ATTRIBUTES) === 0 || type === CHARACTERS ? content : { ...content, ...attributes(cursor) };
}

function attributes(cursor: Cursor): Pick<Item, 'named'> {
  const { named } = readItem(cursor);
  return named === undefined ? {} : { named };
}

function readContent(cursor: Cursor, type: number): Item {
  switch (type) {
    case CHARACTERS: {
      const length = Math.max(0, readInteger(cursor));
      cursor.at += length;
      return { text: cursor.bytes.toString('utf8', cursor.at - length, cursor.at) };
    }
    case INTEGERS:
      return { numbers: readMany(cursor, readInteger) };
    case REALS:
      return {
        numbers: readMany(cursor, (real) => {
          real.at += 8;
          return real.bytes.readDoubleBE(real.at - 8);
        }),
      };
    case STRINGS:
    case LIST:
      return { items: readMany(cursor, readItem) };
    default:
      throw new DataError(`expected numbers, texts and lists in an R data file, received type ${type}.`);
  }
}

/** Pairs follow each other, each with its flags before it. */
function readPairs(cursor: Cursor, first: number): Map<string, Item> {
  const pairs = new Map<string, Item>();
  for (let flags = first; (flags & 0xff) === PAIRS; flags = readInteger(cursor)) {
    if (flags & HAS_ATTRIBUTES) readItem(cursor);
    const tag = flags & HAS_TAG ? readItem(cursor).text : undefined;
    const value = readItem(cursor);
    if (tag !== undefined) pairs.set(tag, value);
  }
  return pairs;
}
