// SHA-256 for where there is no `node:crypto`: a browser's own digest is a promise, and is missing on a page without https.
// Computes nothing itself.

import { sha256 as begin } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** A digest under way. */
export interface Sha256 {
  /** Takes more bytes, or a text as UTF-8. */
  update(data: Uint8Array | Float32Array | Int32Array | string): Sha256;
  /** In hexadecimal digits; nothing may follow. */
  digest(encoding: 'hex'): string;
}

/** Begins a digest. */
export function sha256(): Sha256 {
  const hash = begin.create();
  const digest: Sha256 = {
    update: (data) => {
      const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
      hash.update(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
      return digest;
    },
    digest: () => bytesToHex(hash.digest()),
  };
  return digest;
}
