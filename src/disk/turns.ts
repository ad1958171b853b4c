// Writes of one place, one after the other.
// Knows no files.

import { resolve } from './node.js';

/** The last write of each place that is not done yet. */
const writes = new Map<string, Promise<void>>();

/** Runs `write` when those of the same place that were asked for before are done, so that what was asked for last is there in the end. */
export async function inTurn(place: string, write: () => Promise<void>): Promise<void> {
  const key = resolve(place);
  const before = writes.get(key) ?? Promise.resolve();
  const writing = before.catch(() => undefined).then(write);
  writes.set(key, writing);
  try {
    await writing;
  } finally {
    if (writes.get(key) === writing) writes.delete(key);
  }
}
