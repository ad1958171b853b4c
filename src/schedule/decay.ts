// A decay in the units that people think in: half-life, time constant or window; in steps, epochs, samples or a share of the run.
// Pure numbers: no tensors, no schedule, no defaults of options.

import { invalid, isPositive } from '../base/argument.js';

/** A length of training in one unit. A bare number counts optimizer steps; `fraction` is a share of the whole run. */
export type Duration =
  | number
  | { readonly steps: number; readonly epochs?: never; readonly samples?: never; readonly fraction?: never }
  | { readonly epochs: number; readonly steps?: never; readonly samples?: never; readonly fraction?: never }
  | { readonly samples: number; readonly steps?: never; readonly epochs?: never; readonly fraction?: never }
  | { readonly fraction: number; readonly steps?: never; readonly epochs?: never; readonly samples?: never };

/** What turns epochs, samples and shares of a run into optimizer steps. */
export interface RunLength {
  /** Optimizer steps in an epoch, above 0. */
  readonly stepsPerEpoch?: number | undefined;
  /** Samples in a step, above 0. */
  readonly batchSize?: number | undefined;
  /** Optimizer steps of the whole run, above 0. */
  readonly totalSteps?: number | undefined;
}

/**
 * A decay per optimizer step: the number itself, or how long the average remembers.
 *
 * - `halfLife`: until the share of a weight has halved.
 * - `timeConstant`: until it has fallen to 1/e.
 * - `window`: the number of steps whose plain mean has the same mean age plus one, as the paper counts windows.
 */
export type DecaySpec =
  | number
  | { readonly halfLife: Duration; readonly timeConstant?: never; readonly window?: never }
  | { readonly timeConstant: Duration; readonly halfLife?: never; readonly window?: never }
  | { readonly window: Duration; readonly halfLife?: never; readonly timeConstant?: never };

/**
 * The paper's five windows as shares of its run: 500 to 8,000 of 78,200 steps, so 0.64, 1.28, 2.56, 5.12 and 10.23 %.
 * @see arXiv 2411.18704, section 4.1: 200 epochs of 391 steps.
 */
export const PAPER_WINDOWS: readonly number[] = [500, 1000, 2000, 4000, 8000].map((steps) => steps / 78_200);

const MEASURES = { halfLife: decayFromHalfLife, timeConstant: decayFromTimeConstant, window: decayFromWindow } as const;
const RUN_NAMES = { epochs: 'stepsPerEpoch', samples: 'batchSize', fraction: 'totalSteps' } as const;

type Measure = keyof typeof MEASURES;
type Unit = 'steps' | keyof typeof RUN_NAMES;

/**
 * The decay whose half-life is `steps`: `2 ** (-1 / steps)`.
 *
 * A double near 1 has steps of 1.1e-16, so `1 - decay` is off by a relative 1.6e-16 * steps: 1.6e-8 at 10^8 steps.
 * @param steps optimizer steps, above 0.
 * @returns decay per step, in [0, 1).
 * @throws `EmaError` INVALID_ARGUMENT — not a number of steps, or so many that the decay would round to 1.
 */
export function decayFromHalfLife(steps: number): number {
  return below1('halfLife', steps, 2 ** (-1 / positive('halfLife', steps)));
}

/**
 * The decay whose time constant is `steps`: `exp(-1 / steps)`.
 * @param steps optimizer steps until the share of a weight has fallen to 1/e, above 0.
 * @returns decay per step, in [0, 1).
 * @throws `EmaError` INVALID_ARGUMENT — not a number of steps, or so many that the decay would round to 1.
 */
export function decayFromTimeConstant(steps: number): number {
  return below1('timeConstant', steps, Math.exp(-1 / positive('timeConstant', steps)));
}

/**
 * The decay whose window is `steps`: `1 - 1 / steps`.
 *
 * Windows are the paper's: `16 / (1 - a)` steps for its decay `a` per update of 16 steps, which is `1 / (1 - d)` for a decay
 * `d` per step. Its table 23 is this formula: windows of 500 to 8,000 steps are decays of 0.998 to 0.999875.
 * @param steps optimizer steps, at least 1.
 * @returns decay per step, in [0, 1).
 * @throws `EmaError` INVALID_ARGUMENT — less than 1, or so many steps that the decay would round to 1.
 * @see arXiv 2411.18704, appendix F.
 */
export function decayFromWindow(steps: number): number {
  if (positive('window', steps) < 1) {
    throw invalid('window', 'at least 1 step', steps, 'A window of 1 step is the weights themselves.');
  }
  return below1('window', steps, 1 - 1 / steps);
}

/**
 * The decay whose window is a share of a run: `decayFromWindow(fraction * totalSteps)`.
 * @param fraction share of the run, above 0 and at most 1: 0.1 for 10 %.
 * @param totalSteps optimizer steps of the run.
 * @throws `EmaError` INVALID_ARGUMENT — a value out of range, or a window of less than one step.
 */
export function decayFromFractionOfRun(fraction: number, totalSteps: number): number {
  return resolveDecay({ window: { fraction } }, { totalSteps });
}

/**
 * Half-life in steps: `ln 2 / -ln decay`; 0 for decay 0, Infinity for decay 1.
 * @param decay per step, in [0, 1].
 * @throws `EmaError` INVALID_ARGUMENT — out of range.
 */
export function halfLifeOf(decay: number): number {
  return Math.LN2 * timeConstantOf(decay);
}

/**
 * Time constant in steps: `1 / -ln decay`; 0 for decay 0, Infinity for decay 1.
 * @param decay per step, in [0, 1].
 * @throws `EmaError` INVALID_ARGUMENT — out of range.
 */
export function timeConstantOf(decay: number): number {
  // Math.log is accurate at every double, so also near 1, where it is the decay itself that is coarse.
  return 1 / Math.abs(Math.log(checkDecay('decay', decay)));
}

/**
 * Window in steps: `1 / (1 - decay)`; 1 for decay 0, Infinity for decay 1.
 * @param decay per step, in [0, 1].
 * @throws `EmaError` INVALID_ARGUMENT — out of range.
 */
export function windowOf(decay: number): number {
  return 1 / (1 - checkDecay('decay', decay));
}

/**
 * The decay that, applied once, equals `steps` applications of `decay`: `decay ** steps`.
 *
 * The paper quotes its decays per update of 16 steps: `equivalentDecay(0.999875, 16)` is its 0.998, and
 * `equivalentDecay(0.998, 1 / 16)` is its decay per step.
 *
 * @param decay share of the old average that is kept, in [0, 1].
 * @param steps how many times, above 0; a fraction takes the root.
 * @returns the decay of all steps together.
 * @throws `EmaError` INVALID_ARGUMENT — a value out of range.
 * @see "Exponential Moving Average of Weights in Deep Learning", arXiv 2411.18704, appendix F, table 23.
 */
export function equivalentDecay(decay: number, steps: number): number {
  return checkDecay('decay', decay) ** positive('steps', steps);
}

/**
 * The decay for another batch size, so that the average remembers as many samples as before: `decay ** kappa`.
 * @param decay decay per step at the old batch size, in [0, 1].
 * @param kappa new batch size over the old one, above 0.
 * @throws `EmaError` INVALID_ARGUMENT — a value out of range.
 * @see "How to Scale Your EMA", arXiv 2307.13813.
 */
export function scaleDecayForBatch(decay: number, kappa: number): number {
  return equivalentDecay(decay, positive('kappa', kappa, 'a ratio of batch sizes'));
}

/**
 * A duration in optimizer steps, not necessarily whole ones.
 * @param duration a number of steps, or an object with one unit.
 * @param run what the unit needs: `epochs` `stepsPerEpoch`, `samples` `batchSize`, `fraction` `totalSteps`.
 * @param name the option, for the message.
 * @throws `EmaError` INVALID_ARGUMENT — not a duration, out of range, or the run does not say how long a unit is.
 */
export function stepsOf(duration: Duration, run: RunLength = {}, name = 'duration'): number {
  if (typeof duration === 'number') return positive(name, duration);
  const [unit, amount] = onlyEntry(name, duration, ['steps', 'epochs', 'samples', 'fraction'] satisfies Unit[]);
  const value = positive(`${name}.${unit}`, amount, unit === 'fraction' ? 'a share of the run' : `a number of ${unit}`);
  switch (unit) {
    case 'steps':
      return value;
    case 'epochs':
      return value * figure(name, unit, run);
    case 'samples':
      return value / figure(name, unit, run);
    case 'fraction':
      if (value <= 1) return value * figure(name, unit, run);
      throw invalid(`${name}.fraction`, 'at most 1', value, `For ${value} % of the run write ${value / 100}.`);
    default:
      return unit satisfies never;
  }
}

/**
 * A decay per step from any unit.
 * @param spec a decay, or an object such as `{ halfLife: { epochs: 1 } }`.
 * @param run what the unit needs; see {@link stepsOf}.
 * @param name the option, for the message.
 * @returns decay per step, in [0, 1].
 * @throws `EmaError` INVALID_ARGUMENT — not a decay, out of range, or the run does not say how long a unit is.
 */
export function resolveDecay(spec: DecaySpec, run: RunLength = {}, name = 'decay'): number {
  if (typeof spec !== 'object' || spec === null) return checkDecay(name, spec);
  const [measure, duration] = onlyEntry(name, spec, ['halfLife', 'timeConstant', 'window'] satisfies Measure[]);
  const steps = stepsOf(duration, run, `${name}.${measure}`);
  if (measure === 'window' && steps < 1) {
    throw invalid(
      `${name}.window`,
      'at least 1 step',
      steps,
      "The run is too short for it: give a longer window, or decays instead of 'auto'.",
    );
  }
  return MEASURES[measure](steps);
}

/**
 * A number that is a decay.
 * @throws `EmaError` INVALID_ARGUMENT — it is none.
 */
export function checkDecay(name: string, decay: unknown): number {
  if (typeof decay === 'number' && decay >= 0 && decay <= 1) return decay;
  const fix =
    typeof decay === 'string' && decay.trim() !== '' && Number.isFinite(Number(decay))
      ? `Write ${Number(decay)} without quotes.`
      : typeof decay === 'number' && decay > 1 && decay < Number.POSITIVE_INFINITY
        ? `For a half-life of ${decay} steps write { halfLife: ${decay} }.`
        : 'A typical decay is 0.999; { halfLife: { epochs: 1 } } is one too.';
  throw invalid(name, 'a number from 0 to 1, or { halfLife }, { timeConstant } or { window }', decay, fix);
}

/** Key and value of an object that must have exactly one of the known keys. */
function onlyEntry<K extends string, V>(name: string, value: { readonly [key in K]?: V }, known: readonly K[]): [K, V];
function onlyEntry(name: string, value: object, known: readonly string[]): [string, unknown] {
  const expected = `one of ${known.map((key) => `{ ${key} }`).join(', ')}`;
  if (typeof value !== 'object' || value === null) throw invalid(name, expected, value);
  const entries = Object.entries(value);
  const [entry] = entries;
  if (entry !== undefined && entries.length === 1 && known.includes(entry[0])) return entry;
  const names = entries.map(([key]) => key).join(', ');
  throw invalid(name, expected, `{ ${names} }`, entries.length > 1 ? 'Give one measure in one unit.' : '');
}

function figure(name: string, unit: Exclude<Unit, 'steps'>, run: RunLength): number {
  const needed = RUN_NAMES[unit];
  const value = run[needed];
  if (value !== undefined) return positive(needed, value);
  throw invalid(
    needed,
    `a number above 0, because ${name} is given as ${unit === 'fraction' ? 'a share of the run' : `a number of ${unit}`}`,
    value,
    'model.fit and a data set of known size tell it; otherwise give it, or give the duration in steps.',
  );
}

function positive(name: string, value: unknown, what = 'a number of steps'): number {
  if (isPositive(value)) return value;
  throw invalid(name, `${what} above 0`, value);
}

function below1(name: string, steps: number, decay: number): number {
  if (decay < 1) return decay;
  throw invalid(name, 'a length that float64 can tell from for ever, below 9e15 steps', steps, 'Give a shorter one.');
}
