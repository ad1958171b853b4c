// What `npm run bench:fit` compares: training without a callback and with each of these. Data only.
// How a step is timed is in fit-cell.ts.

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
export const FIT_CONTENDERS: readonly FitContender[] = [
  { name: 'none' },
  ...engines.flatMap((engine) =>
    averages.flatMap((k) =>
      intervals.map((updateEvery) => ({ name: `${engine} K=${k} T=${updateEvery}`, ema: { engine, k, updateEvery } })),
    ),
  ),
];

/** What one process of the benchmark does. */
export interface FitTask {
  /** Name of a model in fit-models.ts. */
  readonly shape: string;
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
  readonly tensorflow: string;
}
