// The header of a safetensors file: its JSON, read by its own small grammar, and written.
// Knows no tensor data: what a header says is checked against the file in safetensors.ts.

import { EmaError } from '../base/errors.js';

/** Bytes of one value of each type that a checkpoint may hold. */
export const ITEM_BYTES = { F32: 4, I32: 4, U8: 1, BOOL: 1 } as const;

/** Type of a stored tensor, as safetensors names it. */
export type StoredType = keyof typeof ITEM_BYTES;

/** What the header says of one tensor. */
export interface HeaderEntry {
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  /** First byte, counted from the end of the header. */
  readonly begin: number;
  /** The byte after the last. */
  readonly end: number;
}

/** A header. */
export interface Header {
  readonly metadata: ReadonlyMap<string, string>;
  readonly entries: ReadonlyMap<string, HeaderEntry>;
}

/** Name of the header's member that is not a tensor. */
export const METADATA = '__metadata__';

/** The error for a file that is not what it should be: expected, received, fix. */
export function damaged(expected: string, received: string, cause?: unknown): EmaError {
  return new EmaError(
    'CHECKPOINT',
    `safetensors file: expected ${expected}, received ${received}. The file is damaged or no checkpoint: use an earlier one.`,
    cause === undefined ? undefined : { cause },
  );
}

/** The text of a header. */
export function writeHeader({ metadata, entries }: Header): string {
  const members: string[] = [];
  if (metadata.size > 0) {
    const pairs = [...metadata].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    members.push(`"${METADATA}":{${pairs.join()}}`);
  }
  for (const [name, { dtype, shape, begin, end }] of entries) {
    members.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join()}],"data_offsets":[${begin},${end}]}`,
    );
  }
  return `{${members.join()}}`;
}

/**
 * Reads the text of a header.
 *
 * A grammar of its own, not JSON.parse: that keeps the last of two equal keys, nests without limit, gives `__proto__` a meaning
 * and takes 1e3 or 1.0 for an offset. Here nothing nests deeper than a shape, and what is not expected is refused where it
 * stands.
 * @throws {@link EmaError} CHECKPOINT
 */
export function parseHeader(text: string): Header {
  return new HeaderReader(text).read();
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const ZERO = 0x30;
/** Space, tab, line feed, carriage return. */
const BLANKS: readonly number[] = [SPACE, 0x09, 0x0a, 0x0d];

/** Reads one header from its first character to its last. By character codes: with a regular expression per token a million tensors took twice as long. */
class HeaderReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Header {
    let metadata: ReadonlyMap<string, string> | undefined;
    const entries = new Map<string, HeaderEntry>();
    if (this.#text[0] !== '{') throw this.#unexpected("'{'");
    this.#members((name) => {
      if (name === METADATA ? metadata !== undefined : entries.has(name)) throw twice(name);
      if (name === METADATA) metadata = this.#metadata();
      else entries.set(name, this.#entry(name));
    });
    this.#skipBlanks();
    if (this.#at < this.#text.length) throw this.#unexpected('the end of the header');
    return { metadata: metadata ?? new Map(), entries };
  }

  #metadata(): ReadonlyMap<string, string> {
    const pairs = new Map<string, string>();
    this.#members((key) => {
      if (pairs.has(key)) throw twice(key);
      pairs.set(key, this.#string());
    });
    return pairs;
  }

  #entry(name: string): HeaderEntry {
    let dtype: StoredType | undefined;
    let shape: readonly number[] | undefined;
    let offsets: readonly number[] | undefined;
    this.#members((key) => {
      if (key === 'dtype' && dtype === undefined) dtype = this.#storedType(name);
      else if (key === 'shape' && shape === undefined) shape = this.#integers();
      else if (key === 'data_offsets' && offsets === undefined) offsets = this.#integers();
      else throw damaged(`dtype, shape and data_offsets of tensor ${quoted(name)}, each once`, quoted(key));
    });
    const [begin, end, ...more] = offsets ?? [];
    if (dtype === undefined || shape === undefined || begin === undefined || end === undefined || more.length > 0) {
      throw damaged(`dtype, shape and two data_offsets of tensor ${quoted(name)}`, 'others');
    }
    return { dtype, shape, begin, end };
  }

  #storedType(name: string): StoredType {
    const dtype = this.#string();
    if (dtype === 'F32' || dtype === 'I32' || dtype === 'U8' || dtype === 'BOOL') return dtype;
    throw damaged(`type ${Object.keys(ITEM_BYTES).join(', ')} of tensor ${quoted(name)}`, quoted(dtype));
  }

  /** An object; `member` reads the value that follows each key, and refuses a key that it has had. */
  #members(member: (key: string) => void): void {
    this.#take('{');
    if (this.#takeIf('}')) return;
    do {
      const key = this.#string();
      this.#take(':');
      member(key);
    } while (this.#takeIf(','));
    this.#take('}');
  }

  #integers(): number[] {
    const values: number[] = [];
    this.#take('[');
    if (this.#takeIf(']')) return values;
    do values.push(this.#integer());
    while (this.#takeIf(','));
    this.#take(']');
    return values;
  }

  #integer(): number {
    this.#skipBlanks();
    const first = this.#at;
    let at = first;
    let value = 0;
    for (let digit = this.#digit(at); digit >= 0; digit = this.#digit(at)) {
      value = value * 10 + digit;
      at += 1;
    }
    const hasLeadingZero = at - first > 1 && this.#text.charCodeAt(first) === ZERO;
    if (at === first || hasLeadingZero || !Number.isSafeInteger(value)) {
      throw this.#unexpected('an integer from 0 to 2^53 - 1');
    }
    this.#at = at;
    return value;
  }

  /** The digit that stands there, or -1. */
  #digit(at: number): number {
    const digit = this.#text.charCodeAt(at) - ZERO;
    return digit >= 0 && digit <= 9 ? digit : -1;
  }

  #string(): string {
    this.#skipBlanks();
    const first = this.#at;
    if (this.#text.charCodeAt(first) !== QUOTE) throw this.#unexpected('a string');
    let at = first + 1;
    let isPlain = true;
    for (let code = this.#text.charCodeAt(at); code !== QUOTE; code = this.#text.charCodeAt(at)) {
      // Beyond the end the code is NaN, which this comparison catches too.
      if (!(code >= SPACE)) throw this.#unexpected('the end of the string that begins here');
      if (code === BACKSLASH) isPlain = false;
      at += code === BACKSLASH ? 2 : 1;
    }
    this.#at = at + 1;
    return isPlain ? this.#text.slice(first + 1, at) : this.#unescape(first);
  }

  #unescape(first: number): string {
    try {
      // A string alone cannot nest: JSON.parse gives a string or throws.
      return String(JSON.parse(this.#text.slice(first, this.#at)));
    } catch (cause) {
      this.#at = first;
      throw this.#unexpected('a string that JSON can read', cause);
    }
  }

  #take(char: string): void {
    if (!this.#takeIf(char)) throw this.#unexpected(`'${char}'`);
  }

  #takeIf(char: string): boolean {
    this.#skipBlanks();
    if (this.#text[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }

  #skipBlanks(): void {
    while (BLANKS.includes(this.#text.charCodeAt(this.#at))) this.#at += 1;
  }

  #unexpected(expected: string, cause?: unknown): EmaError {
    const here = this.#text.slice(this.#at, this.#at + 20);
    const received = here === '' ? 'the end of the header' : quoted(here);
    return damaged(`${expected} at character ${this.#at} of the header`, received, cause);
  }
}

function twice(name: string): EmaError {
  return damaged('names that differ', `${quoted(name)} twice`);
}

/** A name as a message shows it: escaped, and short even where a file holds a long one. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}...` : name);
}
