// SHA-256 (FIPS 180-4) for where there is no `node:crypto`: a browser's own digest is a promise, and is missing on a page without https.
// As the one of Node, in the part of it that files need.

/** A digest under way. */
export interface Sha256 {
  /** Takes more bytes, or a text as UTF-8. */
  update(data: Uint8Array | Float32Array | Int32Array | string): Sha256;
  /** In hexadecimal digits; nothing may follow. */
  digest(encoding: 'hex'): string;
}

const BLOCK = 64;
/** Where the count of bits begins in the last block. */
const COUNT = BLOCK - 8;

/** The first 32 bits of the fractions of roots of the first primes: what the standard begins and mixes with. */
function fractions(count: number, exponent: number): Int32Array {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n += 1) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return Int32Array.from(primes, (prime) => Math.floor((prime ** exponent % 1) * 2 ** 32));
}

const START = fractions(8, 1 / 2);
const ROUNDS = fractions(64, 1 / 3);

const rotated = (word: number, by: number): number => (word >>> by) | (word << (32 - by));

/** Begins a digest. */
export function sha256(): Sha256 {
  const state = START.slice();
  const words = new Int32Array(ROUNDS.length);
  const rest = new Uint8Array(BLOCK);
  let length = 0;

  const take = (block: DataView): void => {
    for (let i = 0; i < 16; i += 1) words[i] = block.getInt32(4 * i);
    mix(state, words);
  };
  const append = (bytes: Uint8Array): void => {
    let at = 0;
    while (at < bytes.length) {
      const filled = length % BLOCK;
      const count = Math.min(BLOCK - filled, bytes.length - at);
      const isWhole = count === BLOCK;
      if (!isWhole) rest.set(bytes.subarray(at, at + count), filled);
      if (isWhole) take(new DataView(bytes.buffer, bytes.byteOffset + at, BLOCK));
      else if (filled + count === BLOCK) take(new DataView(rest.buffer));
      at += count;
      length += count;
    }
  };
  const digest: Sha256 = {
    update: (data) => {
      const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
      append(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      return digest;
    },
    digest: () => {
      const end = new DataView(new ArrayBuffer(8));
      end.setBigUint64(0, 8n * BigInt(length));
      const zeros = (2 * BLOCK + COUNT - 1 - (length % BLOCK)) % BLOCK;
      append(Uint8Array.of(0x80, ...new Uint8Array(zeros), ...new Uint8Array(end.buffer)));
      return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
    },
  };
  return digest;
}

/** One block: `words` holds its 16, and room for those that come of them. */
function mix(state: Int32Array, words: Int32Array): void {
  const word = (i: number): number => words[i] ?? 0;
  for (let i = 16; i < words.length; i += 1) {
    const [a, b] = [word(i - 15), word(i - 2)];
    const low = rotated(a, 7) ^ rotated(a, 18) ^ (a >>> 3);
    const high = rotated(b, 17) ^ rotated(b, 19) ^ (b >>> 10);
    words[i] = word(i - 16) + low + word(i - 7) + high;
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  for (let i = 0; i < words.length; i += 1) {
    const sum = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25);
    const first = (h + sum + ((e & f) ^ (~e & g)) + (ROUNDS[i] ?? 0) + word(i)) | 0;
    const second = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => {
    state[i] = (state[i] ?? 0) + value;
  });
}
