// The SHA-256 of pages beside that of Node.

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/disk/digest.js';
import { floats } from '../../support/random.js';

const nodes = (pieces: readonly (string | Uint8Array)[]): string =>
  pieces.reduce((hash, piece) => hash.update(piece), createHash('sha256')).digest('hex');
const ours = (pieces: readonly (string | Uint8Array)[]): string =>
  pieces.reduce((hash, piece) => hash.update(piece), sha256()).digest('hex');

const randomBytes = (length: number, seed: number) =>
  Uint8Array.from(floats(length, seed), (value) => Math.floor(Math.abs(value) * 1e6) % 256);

describe('sha256', () => {
  it('gives what the standard gives for its examples', () => {
    expect(ours(['abc'])).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(ours([])).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('agrees with Node for every length around its blocks', () => {
    for (let length = 0; length < 200; length += 1) {
      const bytes = randomBytes(length, length);
      expect(ours([bytes]), `${length} bytes`).toBe(nodes([bytes]));
    }
  });

  it('agrees with Node however the bytes are cut, where they lie at odd places, and for texts', () => {
    const bytes = randomBytes(5000, 7);
    for (const at of [1, 63, 64, 65, 127, 128, 129, 4999]) {
      const pieces = [bytes.subarray(0, at), bytes.subarray(at)];
      expect(ours(pieces), `cut at ${at}`).toBe(nodes([bytes]));
    }
    expect(ours([bytes.subarray(3, 300)])).toBe(nodes([bytes.slice(3, 300)]));
    expect(ours(['ünïcode €\n', 'x'.repeat(1000)])).toBe(nodes(['ünïcode €\n', 'x'.repeat(1000)]));
  });

  it('takes numbers as the bytes that they are', () => {
    const values = floats(100, 3);
    expect(sha256().update(values).digest('hex')).toBe(nodes([new Uint8Array(values.buffer)]));
  });
});
