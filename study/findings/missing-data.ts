// What a measure throws where the runs do not hold what it needs: no claim is made of it then.
// Judges nothing; judge.ts turns it into a finding without a verdict.

/** Runs, curves, models or logits that are not there, in words. */
export class MissingData extends Error {
  override readonly name = 'MissingData';
}

/**
 * What `make` gives; where data are missing, what `instead` makes of the reason.
 * @param make may throw {@link MissingData}.
 */
export function unlessMissing<T>(make: () => T, instead: (reason: string) => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof MissingData) return instead(error.message);
    throw error;
  }
}
