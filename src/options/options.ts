// Option types, their defaults and their checks.
// Holds no behaviour: what comes out is complete and valid, or an error names what is wrong.

import { checkNames, fieldOf, invalid, isPositive, oneOf, positiveInteger } from '../base/argument.js';
import type { WarningHandler } from '../base/warnings.js';
import type { EngineChoice, Precision } from '../engine/contract.js';
import type { ConstraintPolicy } from '../model/constraints.js';
import type { NonFinitePolicy } from '../model/finite.js';
import { type Pattern, resolvePatterns, type WeightPattern } from '../model/patterns.js';
import type { BatchNormPolicy } from '../model/weights.js';
import type { Duration, RunLength } from '../schedule/decay.js';
import type { Warmup, WarmupCap, WarmupClock } from '../schedule/schedule.js';
import type { AverageSpec, DecaySpecs } from '../schedule/specs.js';
import type { Tfjs } from '../tfjs/backend.js';
import type { LayerDecay } from './layer-decays.js';
import { checkRun, type InSteps, type Specs, withRun } from './lengths.js';

/** Options of a `WeightEma`. */
export interface EmaOptions {
  /**
   * One average, a list that is tracked in one pass, or `'auto'`: the paper's five windows as shares of the run, 0.64, 1.28, 2.56, 5.12 and
   * 10.23 % of its steps; in a run of fewer than 313 steps without those of less than two steps. `'anytime'`: the same as shares of the steps so
   * far, and `{ relativeWidth: 0.2 }`, which remembers longer: it needs no length, and means the same at any step.
   *
   * An average is a decay per optimizer step, in [0, 1]: the share of the average that a step keeps; or how long it remembers, as
   * `{ halfLife: { epochs: 1 } }`; or one of another shape: `[0.999, 'uniform', { relativeWidth: 0.1 }, { halfLife: { soFar: 0.05 } }]`; or a
   * schedule of your own: `(step) => 1 - step ** -0.7`; see {@link AverageSpec}.
   * @defaultValue `'auto'` where the length of the run is known, else `'anytime'`
   */
  readonly decays?: DecaySpecs;
  /**
   * What turns epochs, samples and shares of the run into steps; it also makes possible to warn of decays too high for the run.
   * @defaultValue what `model.fit` says of itself; none in loops of your own
   */
  readonly run?: RunLength;
  /**
   * Optimizer steps between updates, an integer of at least 1; an update after T steps keeps `decay ** T`. `'auto'` is 16, as in the paper,
   * or less where the shortest window (`1 / (1 - decay)` steps) would have fewer than four updates, and 1 where a function decides a decay.
   * @defaultValue `'auto'`
   */
  readonly updateEvery?: number | 'auto';
  /**
   * Where averaging starts, in any unit of {@link Duration}; a bare number is optimizer steps. Up to there averages are copies of the
   * weights, and cost nothing; warm-up and the shapes of averages count from there. @defaultValue 0
   */
  readonly start?: Duration;
  /** Other decays for some weights; where several rules match, the first counts. @defaultValue none */
  readonly layerDecays?: readonly LayerDecay[];
  /**
   * Weights that are averaged, by name: see {@link WeightPattern}. The others are used as they are, live. @defaultValue all
   */
  readonly include?: readonly WeightPattern[];
  /** Weights that are not averaged, also where `include` matches. @defaultValue none */
  readonly exclude?: readonly WeightPattern[];
  /**
   * `'paper'` caps the decay of update `t` at `(t + 1) / (t + 10)`; `'none'` starts with the full decay; for the others see
   * {@link WarmupCap}. `{ cap, by: 'steps' }` counts optimizer steps instead of updates. @defaultValue `'paper'`
   */
  readonly warmup?: Warmup;
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
  /**
   * What becomes of an update while a weight is NaN or infinite: `'propagate'` does not look, and the average keeps the NaN for ever;
   * `'skip'` leaves averages as they are, with a warning, until all weights are finite again; `'throw'` does so with an error
   * NON_FINITE from `update`. The last two look at all weights before each update, and at each step while one is left out, which waits for the device.
   * @defaultValue `'propagate'`
   */
  readonly nonFinite?: NonFinitePolicy;
  /**
   * Constraints of layers (`unitNorm` ...), which an average need not satisfy: `'apply'` applies them to what is used, read and
   * saved. tfjs itself never applies them in `model.fit` (only in `setWeights`), so with `'ignore'` the average is treated as the
   * weights are. @defaultValue `'ignore'`
   */
  readonly constraints?: ConstraintPolicy;
  /** Who runs updates. `'auto'` takes native where it can and says why not in `engineReason`. @defaultValue `'auto'` */
  readonly engine?: EngineChoice;
  /**
   * Updates between looks at the averages' health, an integer of at least 1, and one look at the start: what is wrong is warned of, and
   * `report().diagnoses` keeps the figures. A look costs about an update and waits for the device; see `diagnose()`. @defaultValue none
   */
  readonly diagnoseEvery?: number;
  /** Receives each warning once; they are also listed in `warnings`. @defaultValue `process.emitWarning`, in a browser `console.warn` */
  readonly onWarning?: WarningHandler;
}

/** {@link EmaOptions}, checked and complete. */
export interface ResolvedOptions extends InSteps {
  /** As given. */
  readonly specs: Specs;
  readonly run: RunLength;
  readonly warmup: WarmupCap;
  readonly warmupClock: WarmupClock;
  readonly batchNorm: BatchNormPolicy;
  readonly include: readonly Pattern[] | undefined;
  readonly exclude: readonly Pattern[] | undefined;
  readonly nonFinite: NonFinitePolicy;
  readonly constraints: ConstraintPolicy;
  readonly precision: Precision;
  readonly engine: EngineChoice;
  readonly diagnoseEvery: number | undefined;
  readonly onWarning: WarningHandler | undefined;
}

const WARMUPS: readonly WarmupCap[] = ['paper', 'none', 'zero-debias'];
const CLOCKS: readonly WarmupClock[] = ['updates', 'steps'];
const POLICIES: readonly BatchNormPolicy[] = ['average', 'copy'];
const NON_FINITES: readonly NonFinitePolicy[] = ['propagate', 'skip', 'throw'];
const CONSTRAINTS: readonly ConstraintPolicy[] = ['ignore', 'apply'];
const PRECISIONS: readonly Precision[] = ['fp32', 'compensated'];
const ENGINES: readonly EngineChoice[] = ['auto', 'native', 'js'];
const NAMES: readonly string[] = [
  'decays',
  'run',
  'updateEvery',
  'start',
  'layerDecays',
  'include',
  'exclude',
  'warmup',
  'batchNorm',
  'nonFinite',
  'constraints',
  'precision',
  'engine',
  'diagnoseEvery',
  'onWarning',
];

const IN_CALLBACK = 'It is an option of ema.callback().';
const IN_RUN = 'Write run: { totalSteps: 10000 }; model.fit says it by itself.';
const HINTS: Readonly<Record<string, string>> = {
  decay: 'Its name is decays: one average, a list of them, or auto.',
  warmupClock: "Write warmup: { cap: 'paper', by: 'steps' }.",
  ...{ validationData: IN_CALLBACK, validate: IN_CALLBACK, monitor: IN_CALLBACK, mode: IN_CALLBACK, log: IN_CALLBACK },
  ...{ batchSize: IN_CALLBACK, batches: IN_CALLBACK, keepBest: IN_CALLBACK, ties: IN_CALLBACK },
  ...{ epochs: IN_RUN, totalSteps: IN_RUN, stepsPerEpoch: IN_RUN },
  validationSplit: 'Give it to model.fit: ema.callback() measures on what fit validates on.',
};

/**
 * Checks the options of a `WeightEma` and fills in the defaults.
 * @throws {@link EmaError} INVALID_ARGUMENT — an unknown name, a wrong type or a value out of range.
 */
export function resolveOptions(options: EmaOptions): ResolvedOptions {
  checkNames(options, NAMES, HINTS);
  return {
    ...withRun(specsOf(options), checkRun(options.run ?? {})),
    ...warmupOf(options.warmup ?? 'paper'),
    batchNorm: oneOf('batchNorm', options.batchNorm ?? 'average', POLICIES),
    include: resolvePatterns('include', options.include),
    exclude: resolvePatterns('exclude', options.exclude),
    nonFinite: oneOf('nonFinite', options.nonFinite ?? 'propagate', NON_FINITES),
    constraints: oneOf('constraints', options.constraints ?? 'ignore', CONSTRAINTS),
    precision: oneOf('precision', options.precision ?? 'fp32', PRECISIONS),
    engine: oneOf('engine', options.engine ?? 'auto', ENGINES),
    diagnoseEvery: optionalCount('diagnoseEvery', options.diagnoseEvery),
    onWarning: optionalFunction(options.onWarning),
  };
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

function specsOf({ decays, updateEvery = 'auto', start, layerDecays = [] }: EmaOptions): Specs {
  if (decays === null) throw invalid('decays', "'auto', 'anytime', one average or a list of at least one", decays);
  const every = updateEvery === 'auto' ? updateEvery : positiveInteger('updateEvery', updateEvery);
  return { specs: decays, updateEvery: every, start, layerDecays };
}

function warmupOf(warmup: Warmup): Pick<ResolvedOptions, 'warmup' | 'warmupClock'> {
  if (!hasClock(warmup)) return { warmup: checkCap(warmup), warmupClock: 'updates' };
  checkNames(warmup, ['cap', 'by']);
  return { warmup: checkCap(warmup.cap), warmupClock: oneOf('warmup.by', warmup.by ?? 'updates', CLOCKS) };
}

function hasClock(warmup: Warmup): warmup is Extract<Warmup, { readonly cap: WarmupCap }> {
  return typeof warmup === 'object' && warmup !== null && 'cap' in warmup;
}

function checkCap(warmup: WarmupCap): WarmupCap {
  if (typeof warmup === 'function' || WARMUPS.includes(warmup)) return warmup;
  const gamma = fieldOf(warmup, 'inverseGamma');
  const [scale, power] = [fieldOf(gamma, 'scale'), fieldOf(gamma, 'power')];
  // In this order: settings are compared as text.
  if (isPositive(scale) && isPositive(power)) return { inverseGamma: { scale, power } };
  throw invalid(
    'warmup',
    "'paper', 'none', 'zero-debias', { inverseGamma: { scale, power } } of numbers above 0, or a function",
    warmup,
  );
}

function optionalCount(name: string, value: number | undefined): number | undefined {
  return value === undefined ? undefined : positiveInteger(name, value);
}

function optionalFunction(value: WarningHandler | undefined): WarningHandler | undefined {
  if (value === undefined || typeof value === 'function') return value;
  throw invalid('onWarning', 'a function that takes a message', value);
}
