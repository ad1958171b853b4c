// Reader of Python pickles that hold a record of integer NumPy arrays, as torch.save writes them.
// Runs nothing of what the file names: calls in it are only noted, and those for arrays are recognised.

import { DataError } from '../data/dataset.js';

/** A function or class that the pickle names. */
class Named {
  constructor(readonly name: string) {}
}

/** A call in the pickle, noted and not made; `state` is what is set on its result. */
class Call {
  state: unknown;
  constructor(
    readonly name: string,
    readonly args: readonly unknown[],
  ) {}
}

const MARK = Symbol('mark');

/**
 * The integer arrays of a pickled record (dict), by key; other entries are left out.
 * @param bytes the pickle.
 * @param name what messages call it.
 * @throws {@link DataError} when it is no pickle, is truncated, or uses what such a record does not need.
 */
export function readPickledArrays(bytes: Uint8Array, name: string): Map<string, number[]> {
  const value = new PickleReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), name).read();
  if (!(value instanceof Map)) throw new DataError(`${name}: expected a record of arrays (a Python dict).`);
  const arrays = new Map<string, number[]>();
  for (const [key, entry] of value) {
    const array = toArray(entry);
    if (typeof key === 'string' && array !== undefined) arrays.set(key, array);
  }
  return arrays;
}

/** A noted NumPy array of little-endian integers as numbers. */
function toArray(value: unknown): number[] | undefined {
  if (!(value instanceof Call) || !value.name.endsWith('multiarray._reconstruct') || !Array.isArray(value.state)) {
    return undefined;
  }
  const [, shape, type, , data] = value.state as readonly unknown[];
  const kind = type instanceof Call && type.name === 'numpy.dtype' ? type.args[0] : undefined;
  const bytes = toBytes(data);
  if (!Array.isArray(shape) || bytes === undefined || (kind !== 'i8' && kind !== 'i4')) return undefined;
  const width = kind === 'i8' ? 8 : 4;
  const read = width === 8 ? (at: number) => Number(bytes.readBigInt64LE(at)) : (at: number) => bytes.readInt32LE(at);
  return Array.from({ length: Math.floor(bytes.length / width) }, (_, index) => read(index * width));
}

/** Protocol 2 has no bytes: it writes them as Latin-1 text and a call that encodes it. */
function toBytes(value: unknown): Buffer | undefined {
  if (Buffer.isBuffer(value)) return value;
  const isEncoded = value instanceof Call && value.name === '_codecs.encode' && value.args[1] === 'latin1';
  return isEncoded && typeof value.args[0] === 'string' ? Buffer.from(value.args[0], 'latin1') : undefined;
}

class PickleReader {
  readonly #bytes: Buffer;
  readonly #name: string;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  #at = 0;

  constructor(bytes: Buffer, name: string) {
    this.#bytes = bytes;
    this.#name = name;
  }

  read(): unknown {
    try {
      for (;;) {
        const code = String.fromCharCode(this.#bytes.readUInt8(this.#at++));
        if (code === '.') return this.#pop();
        this.#run(code);
      }
    } catch (error) {
      if (error instanceof DataError) throw error;
      const what = `it ends or breaks at byte ${this.#at} of ${this.#bytes.length}`;
      throw new DataError(`${this.#name} is damaged: ${what}. Get the file anew.`, { cause: error });
    }
  }

  /** One instruction. See Python's pickletools for their list. */
  #run(code: string): void {
    const push = (value: unknown): number => this.#stack.push(value);
    // biome-ignore format: a table
    switch (code) {
      case '\x80': this.#take(1); return;
      case '\x95': this.#take(8); return;
      case '}': push(new Map()); return;
      case ']': push([]); return;
      case ')': push([]); return;
      case '(': push(MARK); return;
      case 'N': push(null); return;
      case '\x88': push(true); return;
      case '\x89': push(false); return;
      case 'K': push(this.#take(1).readUInt8()); return;
      case 'M': push(this.#take(2).readUInt16LE()); return;
      case 'J': push(this.#take(4).readInt32LE()); return;
      case '\x8c': push(this.#text(this.#take(1).readUInt8())); return;
      case 'X': push(this.#text(this.#take(4).readUInt32LE())); return;
      case 'C': push(this.#take(this.#take(1).readUInt8())); return;
      case 'B': push(this.#take(this.#take(4).readUInt32LE())); return;
      case 'q': this.#memo.set(this.#take(1).readUInt8(), this.#stack.at(-1)); return;
      case 'r': this.#memo.set(this.#take(4).readUInt32LE(), this.#stack.at(-1)); return;
      case '\x94': this.#memo.set(this.#memo.size, this.#stack.at(-1)); return;
      case 'h': push(this.#memo.get(this.#take(1).readUInt8())); return;
      case 'j': push(this.#memo.get(this.#take(4).readUInt32LE())); return;
      case 'c': push(new Named(`${this.#line()}.${this.#line()}`)); return;
      case '\x93': { const [module, member] = this.#popMany(2); push(new Named(`${module}.${member}`)); return; }
      case 't': push(this.#popToMark()); return;
      case '\x85': push(this.#popMany(1)); return;
      case '\x86': push(this.#popMany(2)); return;
      case '\x87': push(this.#popMany(3)); return;
      case 'R': this.#call(); return;
      case 'b': this.#build(); return;
      case 's': this.#setItems(this.#popMany(2)); return;
      case 'u': this.#setItems(this.#popToMark()); return;
      case 'a': this.#append(this.#popMany(1)); return;
      case 'e': this.#append(this.#popToMark()); return;
      default: throw this.#unexpected(code);
    }
  }

  #call(): void {
    const [callee, args] = this.#popMany(2);
    if (!(callee instanceof Named) || !Array.isArray(args)) throw this.#unexpected('R');
    this.#stack.push(new Call(callee.name, args));
  }

  #build(): void {
    const state = this.#pop();
    const target = this.#stack.at(-1);
    if (!(target instanceof Call)) throw this.#unexpected('b');
    target.state = state;
  }

  #setItems(items: readonly unknown[]): void {
    const target = this.#stack.at(-1);
    if (!(target instanceof Map)) throw this.#unexpected('u');
    for (let index = 0; index + 1 < items.length; index += 2) target.set(items[index], items[index + 1]);
  }

  #append(items: readonly unknown[]): void {
    const target = this.#stack.at(-1);
    if (!Array.isArray(target)) throw this.#unexpected('e');
    target.push(...items);
  }

  #take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new RangeError('truncated');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  #text(length: number): string {
    return this.#take(length).toString('utf8');
  }

  #line(): string {
    const end = this.#bytes.indexOf('\n', this.#at);
    if (end < 0) throw new RangeError('truncated');
    const line = this.#text(end - this.#at);
    this.#at += 1;
    return line;
  }

  #pop(): unknown {
    if (this.#stack.length === 0) throw new RangeError('nothing to take');
    return this.#stack.pop();
  }

  #popMany(count: number): unknown[] {
    if (this.#stack.length < count) throw new RangeError('nothing to take');
    return this.#stack.splice(-count);
  }

  #popToMark(): unknown[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw new RangeError('no mark');
    return this.#stack.splice(mark).slice(1);
  }

  #unexpected(code: string): DataError {
    const hex = code.charCodeAt(0).toString(16).padStart(2, '0');
    return new DataError(
      `${this.#name}: expected a pickled record of integer arrays, received the instruction 0x${hex} at byte ` +
        `${this.#at - 1}, which none needs. It is another file, or damaged.`,
    );
  }
}
