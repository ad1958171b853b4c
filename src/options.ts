// Option types, their defaults and their checks.
// Holds no behaviour: what comes out is complete and valid, or an error names what is wrong.

import { checkNames, invalid, oneOf, positiveInteger } from './argument.js';
import { type DecaySpec, type DecaySpecs, type RunLength, resolveDecay, resolveDecays } from './decay.js';
import type { Warmup, WarmupClock } from './schedule.js';
import type { Tfjs } from './tfjs.js';
import type { WarningHandler } from './warnings.js';

/** Options of a `WeightEma`. */
export interface EmaOptions {
  /**
   * One decay per optimizer step, in [0, 1]: the share of the average that a step keeps; or how long the average remembers, as
   * `{ halfLife: { epochs: 1 } }`. Not together with `decays`.
   */
  readonly decay?: DecaySpec;
  /**
   * Several decays, tracked in one pass; `'auto'` is the paper's five windows as shares of the run: 0.64, 1.28, 2.56, 5.12 and
   * 10.23 % of its steps.
   * @defaultValue the paper's five: `[0.998, 0.999, 0.9995, 0.99975, 0.999875]`
   */
  readonly decays?: DecaySpecs;
  /**
   * What turns epochs, samples and shares of the run into steps; it also makes possible to warn of decays too high for the run.
   * @defaultValue what `model.fit` says of itself; none in loops of your own
   */
  readonly run?: RunLength;
  /** Optimizer steps between updates, an integer of at least 1; an update after T steps keeps `decay ** T`. @defaultValue 16 */
  readonly updateEvery?: number;
  /**
   * `'paper'` caps the decay of update `t` at `(t + 1) / (t + 10)`; `'none'` starts with the full decay; for the others see
   * {@link Warmup}. @defaultValue `'paper'`
   */
  readonly warmup?: Warmup;
  /**
   * What the warm-up counts, which the paper leaves open: `'updates'` of `updateEvery` steps, or `'steps'`. For its slowest decay,
   * 0.998 per update of 16 steps, the warm-up ends at step 71,840 by updates (update 4,490), and at step 4,490 by steps.
   * @defaultValue `'updates'`
   */
  readonly warmupClock?: WarmupClock;
  /**
   * Moving statistics of BatchNorm (every weight that its layer declares non-trainable): `'average'` averages them like
   * weights, `'copy'` uses the live ones beside the averaged weights. @defaultValue `'average'`
   */
  readonly batchNorm?: BatchNormPolicy;
  /**
   * How averages are kept. In float32 a weight's step is lost where it moves its average by less than half a float: at decay
   * 0.9999 where it is off by less than 6e-4 of its size. `'compensated'` keeps each average as the sum of two floats, in twice
   * the memory, and loses nothing. @defaultValue `'fp32'`
   */
  readonly precision?: Precision;
  /** Who runs updates. `'auto'` takes native where it can and says why not in `engineReason`. @defaultValue `'auto'` */
  readonly engine?: EngineChoice;
  /** Receives each warning once; they are also listed in `warnings`. @defaultValue `process.emitWarning` */
  readonly onWarning?: WarningHandler;
}

/** What happens to BatchNorm's moving statistics. */
export type BatchNormPolicy = 'average' | 'copy';

/** How averages are kept: as floats, or as sums of two floats. */
export type Precision = 'fp32' | 'compensated';

/** Which engine is wanted. */
export type EngineChoice = 'auto' | 'native' | 'js';

/** Decays in the units in which they were given. */
export interface Specs {
  readonly specs: DecaySpecs;
  /** Given as `decay`, not as `decays`. */
  readonly isSingle: boolean;
}

/** {@link EmaOptions}, checked and complete. */
export interface ResolvedOptions {
  /** None until `run` says how long their units are. */
  readonly decays: readonly number[];
  /** The decays as given. */
  readonly specs: Specs;
  readonly run: RunLength;
  readonly updateEvery: number;
  readonly warmup: Warmup;
  readonly warmupClock: WarmupClock;
  readonly batchNorm: BatchNormPolicy;
  readonly precision: Precision;
  readonly engine: EngineChoice;
  readonly onWarning: WarningHandler | undefined;
}

/** The paper's decays at T = 16 (0.968, 0.984, 0.992, 0.996, 0.998), per step. */
export const PAPER_DECAYS: readonly number[] = [0.998, 0.999, 0.9995, 0.99975, 0.999875];

/** Any run, to check decays before the real one is known; its figures make no two units agree. */
const SOME_RUN: RunLength = { stepsPerEpoch: 1e5 * Math.PI, batchSize: Math.SQRT2, totalSteps: 1e8 * Math.E };

const WARMUPS: readonly Warmup[] = ['paper', 'none', 'zero-debias'];
const CLOCKS: readonly WarmupClock[] = ['updates', 'steps'];
const POLICIES: readonly BatchNormPolicy[] = ['average', 'copy'];
const PRECISIONS: readonly Precision[] = ['fp32', 'compensated'];
const ENGINES: readonly EngineChoice[] = ['auto', 'native', 'js'];
/** Names of {@link EmaOptions}. */
export const EMA_NAMES: readonly string[] = [
  'decay',
  'decays',
  'run',
  'updateEvery',
  'warmup',
  'warmupClock',
  'batchNorm',
  'precision',
  'engine',
  'onWarning',
];
/**
 * Checks the options of a `WeightEma` and fills in the defaults.
 * @throws {@link EmaError} INVALID_ARGUMENT — an unknown name, a wrong type or a value out of range.
 */
export function resolveOptions(options: EmaOptions): ResolvedOptions {
  checkNames(options, EMA_NAMES);
  return {
    ...withRun(specsOf(options), checkRun(options.run ?? {})),
    updateEvery: positiveInteger('updateEvery', options.updateEvery ?? 16),
    warmup: checkWarmup(options.warmup ?? 'paper'),
    warmupClock: oneOf('warmupClock', options.warmupClock ?? 'updates', CLOCKS),
    batchNorm: oneOf('batchNorm', options.batchNorm ?? 'average', POLICIES),
    precision: oneOf('precision', options.precision ?? 'fp32', PRECISIONS),
    engine: oneOf('engine', options.engine ?? 'auto', ENGINES),
    onWarning: optionalFunction(options.onWarning),
  };
}

/**
 * The decays of a run.
 * @returns no decays where a unit needs more than is known of the run.
 * @throws {@link EmaError} INVALID_ARGUMENT — a decay is wrong, whatever the run.
 */
export function withRun(specs: Specs, run: RunLength): Pick<ResolvedOptions, 'decays' | 'run' | 'specs'> {
  return { decays: decaysOf(specs, run), run, specs };
}

/**
 * Checks that the first argument of the constructors is tfjs.
 * @throws {@link EmaError} INVALID_ARGUMENT
 */
export function checkTfjs(tf: Tfjs): void {
  if (typeof tf === 'object' && tf !== null && typeof tf.Callback === 'function' && typeof tf.engine === 'function')
    return;
  throw invalid('tf', "the tfjs module, as in import * as tf from '@tensorflow/tfjs-node'", tf);
}

/** The decays, or none where their units need a longer look at the run than is known yet: then they are checked all the same. */
function decaysOf({ specs, isSingle }: Specs, run: RunLength): readonly number[] {
  const resolve = (length: RunLength): readonly number[] =>
    isSingle && specs !== 'auto' && specs[0] !== undefined
      ? [resolveDecay(specs[0], length)]
      : resolveDecays(specs, length);
  try {
    return resolve(run);
  } catch {
    // Wrong values throw here; what only lacked the length of the run does not.
    resolve({ ...SOME_RUN, ...run });
    return [];
  }
}

function specsOf({ decay, decays }: EmaOptions): Specs {
  if (decay === undefined) return { specs: decays ?? PAPER_DECAYS, isSingle: false };
  if (decays === undefined) return { specs: [decay], isSingle: true };
  throw invalid('decay', 'either decay or decays', 'both', 'Put all of them into decays.');
}

function checkWarmup(warmup: Warmup): Warmup {
  if (typeof warmup === 'function' || WARMUPS.includes(warmup)) return warmup;
  const gamma: unknown = typeof warmup === 'object' && warmup !== null ? warmup.inverseGamma : undefined;
  const isPositive = (name: 'power' | 'scale'): boolean => {
    const value: unknown =
      typeof gamma === 'object' && gamma !== null && name in gamma ? Reflect.get(gamma, name) : undefined;
    return typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY;
  };
  if (isPositive('power') && isPositive('scale')) return warmup;
  throw invalid(
    'warmup',
    "'paper', 'none', 'zero-debias', { inverseGamma: { scale, power } } of numbers above 0, or a function",
    warmup,
  );
}

function checkRun(run: RunLength): RunLength {
  const names: readonly string[] = ['totalSteps', 'stepsPerEpoch', 'batchSize'];
  if (typeof run !== 'object' || run === null) throw invalid('run', 'an object such as { totalSteps: 10000 }', run);
  for (const [name, value] of Object.entries(run)) {
    if (!names.includes(name)) throw invalid('run', `the names ${names.join(', ')}`, name);
    if (value !== undefined && !(value > 0 && value < Number.POSITIVE_INFINITY))
      throw invalid(`run.${name}`, 'a number above 0', value);
  }
  return run;
}

function optionalFunction(value: WarningHandler | undefined): WarningHandler | undefined {
  if (value === undefined || typeof value === 'function') return value;
  throw invalid('onWarning', 'a function that takes a message', value);
}
