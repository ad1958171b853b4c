// Writes of one place, one after the other.
// Knows no files.

/** The last write of each place that is not done yet. */
const writes = new Map<string, Promise<void>>();

/**
 * Runs `write` when those of the same place that were asked for before are done, so that what was asked for last is there in the end.
 * @param place a whole path, to which `write` writes, too: the working directory may be another one when its turn comes.
 */
export async function inTurn(place: string, write: () => Promise<void>): Promise<void> {
  const before = writes.get(place) ?? Promise.resolve();
  const writing = before.catch(() => undefined).then(write);
  writes.set(place, writing);
  try {
    await writing;
  } finally {
    if (writes.get(place) === writing) writes.delete(place);
  }
}
