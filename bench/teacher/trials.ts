// What `npm run bench -- --teacher` measures: averages as a teacher needs them, at every step. Data only.
// How it is timed is in cell.ts.

/** One model, measured in a process of its own. */
export interface TeacherTask {
  readonly shape: 'small-cnn' | 'resnet-18-cifar';
  readonly threads: number;
  readonly rounds: number;
  /** Time on the clock; or time of the processor, which other programs on a busy machine disturb less. */
  readonly clock: 'wall' | 'cpu';
}

/** What was timed. */
export interface TeacherResult {
  readonly name: string;
  readonly medianUs: number;
  /** Its time over the reference's in the same round: median and quartiles. */
  readonly ratio: readonly [low: number, median: number, high: number];
  /** What {@link TeacherResult.ratio} is a ratio to. */
  readonly of: string;
}

/** What is measured, over what: a copy of all weights (8 bytes a weight), an update of one average, or one of five. */
export const REFERENCES: Readonly<Record<string, string>> = {
  copy: 'copy',
  'update, K = 1': 'copy',
  'read, K = 1': 'copy',
  refresh: 'copy',
  'use, K = 1': 'update, K = 1',
  'update, K = 5': 'update, K = 1',
  'update, K = 5, functions': 'update, K = 5',
  'read a combination of 5': 'update, K = 1',
  'use a combination of 5': 'update, K = 1',
  forward: 'copy',
  'update, refresh, forward': 'forward',
};
