// What `npx tsx bench/fit.ts` compares: training without a callback and with each of these. Data only.
// How a step is timed is in fit-cell.ts.

/** Models that are trained, by the name of their shapes in shapes.ts. */
export type FitShape = 'small-cnn' | 'mlp' | 'resnet-18-cifar';

/** How a model is trained. */
export interface FitModel {
  readonly shape: FitShape;
  /** Shape of one sample. */
  readonly input: readonly number[];
  readonly batchSize: number;
  /** Batches of one timed fit: a multiple of every `updateEvery`, so that each fit has its share of updates. */
  readonly steps: number;
  /** The reference first. */
  readonly contenders: readonly FitContender[];
}

/** One way to train. */
export interface FitContender {
  readonly name: string;
  /** undefined: no callback. */
  readonly ema?: { readonly engine: 'native' | 'js'; readonly k: number; readonly updateEvery: number };
}

const engines = ['native', 'js'] as const;
const averages = [1, 5] as const;
const intervals = [1, 16] as const;

/** The reference, and every engine with K = 1, 5 and T = 1, 16. */
const ALL_CONTENDERS: readonly FitContender[] = [
  { name: 'none' },
  ...engines.flatMap((engine) =>
    averages.flatMap((k) =>
      intervals.map((updateEvery) => ({ name: `${engine} K=${k} T=${updateEvery}`, ema: { engine, k, updateEvery } })),
    ),
  ),
];

/** The ends of the range: the paper's setting, and an update at every step by either engine. */
const FEW = ['none', 'native K=1 T=1', 'native K=5 T=16', 'js K=1 T=1'];

/** The models, small to large. ResNet-18 trains for seconds in every fit: it meets the contenders of the range's ends only. */
export const FIT_MODELS: readonly FitModel[] = [
  { shape: 'small-cnn', input: [32, 32, 3], batchSize: 32, steps: 16, contenders: ALL_CONTENDERS },
  { shape: 'mlp', input: [784], batchSize: 32, steps: 32, contenders: ALL_CONTENDERS },
  {
    shape: 'resnet-18-cifar',
    input: [32, 32, 3],
    batchSize: 8,
    steps: 16,
    contenders: ALL_CONTENDERS.filter(({ name }) => FEW.includes(name)),
  },
];

/** What one process of the benchmark does. */
export interface FitTask {
  readonly model: FitModel;
  readonly rounds: number;
}

/** A row of the results. */
export interface FitResult {
  readonly shape: string;
  readonly batchSize: number;
  readonly contender: string;
  /** One step of `model.fit`, everything in it, in ms. */
  readonly stepMs: number;
  /** Inside the callback's hooks, in microseconds per step. */
  readonly hookUs: number;
  /** Share of the whole time that the hooks took: median over rounds. */
  readonly share: number;
  /** Step time over that without a callback: median of the rounds' ratios. Also holds what the hooks cost others, such as cache. */
  readonly ratio: number;
}

/** What a process reports. */
export interface FitReport {
  readonly results: readonly FitResult[];
  /** Name and version of the frameworks that took part. */
  readonly versions: Readonly<Record<string, string>>;
}
