// What is measured: cells of a shape, a number of averages and a number of threads. Data only.
// Says which contenders there are; how each of them works is in contenders*.ts.

/** Contenders inside the Node process. */
export const NODE_CONTENDERS = [
  'native',
  'js',
  'memcpy',
  'scale',
  'plain-loop',
  'separate-passes',
  'compensated',
  'tidy',
  'tf.movingAverage',
] as const;

/** Contenders in Python processes, with `--python`. */
export const PYTHON_CONTENDERS = [
  'torch-foreach-lerp',
  'torch-averaged-model',
  'tf-train-ema',
  'keras-use-ema',
  'numpy',
] as const;

/** Who takes part. */
export type ContenderName = (typeof NODE_CONTENDERS)[number] | (typeof PYTHON_CONTENDERS)[number];

/** One cell: measured in a process of its own, all contenders in the same rounds. */
export interface Cell {
  readonly shape: string;
  /** One shape per weight. */
  readonly shapes: readonly (readonly number[])[];
  /** Averages K. */
  readonly k: number;
  /** Threads that each side may use. */
  readonly threads: number;
  readonly rounds: number;
  readonly contenders: readonly ContenderName[];
}

/** A row of the results. */
export interface Result {
  readonly shape: string;
  readonly k: number;
  readonly contender: ContenderName;
  readonly medianUs: number;
  readonly minUs: number;
  /** This contender's time over native's, median of the rounds' ratios. */
  readonly ratio: number;
  /** Bytes that the contender's work must move at least, over its median time, in 1e9 bytes a second. */
  readonly gbPerS: number;
  readonly threads: number;
}

/** What a cell's process reports. */
export interface CellReport {
  readonly results: readonly Result[];
  /** Contenders that could not take part, with the reason. */
  readonly skipped: readonly { readonly contender: ContenderName; readonly reason: string }[];
  /** Name and version of the frameworks that took part. */
  readonly versions: Readonly<Record<string, string>>;
}

/** The shapes of a full run. */
export const DEFAULT_SHAPES = [
  'tiny-20',
  'small-cnn',
  'tiny-10000',
  'resnet-18',
  'resnet-50',
  'wrn-28-10',
  'vit-b-16',
  'gpt-2',
  'vgg-16',
] as const;

/** The numbers of averages of a full run. */
export const DEFAULT_AVERAGES = [1, 2, 5] as const;

/**
 * How much the rivals made of tfjs ops take part in, of a run that names no contenders: beyond this one update takes about half a
 * second and shows what `js`, made of the same ops, shows as well.
 */
const MOST_OF_RIVALS = { tensors: 5000, parameters: 130e6 } as const;

/** Where Python's contenders take part, of a run that names no contenders: one framework's start takes ten seconds a cell. */
const PYTHON_TRIALS = {
  shapes: ['small-cnn', 'resnet-18', 'resnet-50'] as readonly string[],
  averages: [1, 5] as readonly number[],
} as const;

/** What decides who takes part in a cell. */
export interface Trial {
  readonly shape: string;
  readonly k: number;
  readonly tensors: number;
  readonly parameters: number;
}

/** Whether a contender takes part in a trial of a run that names no contenders. */
export function takesPart(contender: ContenderName, { shape, k, tensors, parameters }: Trial): boolean {
  switch (contender) {
    case 'tidy':
    case 'tf.movingAverage':
      return k * tensors <= MOST_OF_RIVALS.tensors && k * parameters <= MOST_OF_RIVALS.parameters;
    case 'torch-foreach-lerp':
    case 'torch-averaged-model':
    case 'tf-train-ema':
    case 'keras-use-ema':
    case 'numpy':
      return PYTHON_TRIALS.shapes.includes(shape) && PYTHON_TRIALS.averages.includes(k);
    default:
      return true;
  }
}

/** `--quick`: is the promise kept on this machine? Under a minute. */
export const QUICK = {
  shapes: ['small-cnn', 'resnet-50'],
  averages: [1, 5],
  contenders: ['native', 'js', 'memcpy', 'scale', 'plain-loop'],
} as const;

/** Fewest rounds of a published figure. */
export const DEFAULT_ROUNDS = 25;

/** A cell that takes longer has failed, in seconds: the longest of a full run takes a third of it on two quiet cores. */
export const CELL_LIMIT_S = 300;

/** Threads that an update may use unless told otherwise: native's own default. */
export function defaultThreads(cores: number): number {
  return Math.min(8, cores);
}

/** Decays per update of K averages, the paper's five first. */
export function decaysOf(k: number): number[] {
  const decays = [0.998, 0.999, 0.9995, 0.99975, 0.999875];
  return Array.from({ length: k }, (_, i) => decays[i] ?? 1 - 1e-4 / (i + 1));
}

/** Bytes that an update of K averages must move at least, per weight: read the weight, read and write K shadows. */
export function bytesPerParameter(k: number): number {
  return 4 + 8 * k;
}

/** Bytes that a contender moves at least, per weight. */
export function leastBytes(contender: ContenderName, k: number): number {
  switch (contender) {
    case 'memcpy':
    case 'scale':
      return 8;
    case 'compensated':
      return 4 + 16 * k;
    default:
      // Also for those that move more, by doing it in several passes: the rate is then the useful one.
      return bytesPerParameter(k);
  }
}
