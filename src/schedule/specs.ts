// Which averages are asked for: exponential ones by their decays, and averages of other shapes; what each is called.
// Pure numbers: no tensors, no schedule.

import { invalid } from '../base/argument.js';
import { type DecaySpec, decayFromWindow, PAPER_WINDOWS, type RunLength, resolveDecay, stepsOf } from './decay.js';
import {
  type DecayFunction,
  exponentFromWidth,
  type GrowingSpec,
  growing,
  type PowerSpec,
  type Profile,
} from './profile.js';
import { labelOf } from './which.js';

/**
 * One average:
 *
 * - a {@link DecaySpec}: exponential.
 * - `'uniform'`: the plain mean of all steps since the start (SWA, Polyak-Ruppert): every step weighs the same.
 * - a {@link PowerSpec}: power-function.
 * - a {@link GrowingSpec}: `{ halfLife: { soFar: 0.05 } }`, or a time constant or window that is a share of the steps so far.
 * - a {@link DecayFunction}: a schedule of one's own, `(step) => 1 - step ** -0.7`.
 *
 * No warm-up changes the last four. But for the last, which does what it says, they forget what they started from at their first update.
 */
export type AverageSpec = DecaySpec | 'uniform' | PowerSpec | GrowingSpec | DecayFunction;

/**
 * One average or several; `'auto'` is the paper's five windows as shares of the run, `'anytime'` the same as shares of the steps so far with
 * `{ relativeWidth: 0.2 }`, which needs no length.
 */
export type DecaySpecs = 'auto' | 'anytime' | AverageSpec | readonly AverageSpec[];

/**
 * {@link PAPER_WINDOWS} of the steps so far, to three digits, so that they can be read and written; and one average that remembers longer, which
 * came closer to the best there is on fresh seeds of four problems: `bench/results/anytime.md`.
 */
const ANYTIME: readonly AverageSpec[] = [
  ...PAPER_WINDOWS.map((share) => ({ window: { soFar: Number(share.toPrecision(3)) } })),
  { relativeWidth: 0.2 },
];

/** An automatic window shorter than this many steps is as good as the weights themselves. */
const SHORTEST_WINDOW = 2;

/** Averages as numbers. */
export interface Averages {
  /** Decays per step; 1, where theirs goes to, for those that are not exponential. */
  readonly decays: readonly number[];
  /** Their shapes, in the same order. */
  readonly profiles: readonly Profile[];
}

/**
 * Averages from specifications in any unit.
 * @param specs one, a list, or `'auto'` for {@link PAPER_WINDOWS} of the run, `'anytime'` for those of the steps so far; undefined:
 *   `'auto'` where the run's length is known, else `'anytime'`.
 * @param run what the units need; `'auto'` needs `totalSteps`.
 * @throws {@link EmaError} INVALID_ARGUMENT — as `resolveDecay`; an empty list; two that are the same average.
 */
export function resolveAverages(specs: DecaySpecs | undefined, run: RunLength = {}): Averages {
  const isAuto = specs === 'auto' || (specs === undefined && run.totalSteps !== undefined);
  const given = isAuto ? windowsOf(run) : specs === undefined || specs === 'anytime' ? ANYTIME : specs;
  const list: readonly AverageSpec[] = isList(given) ? given : [given];
  if (list.length === 0) throw invalid('decays', "'auto', 'anytime', one average or a list of at least one", specs);
  const nameOf = (index: number): string => (isList(given) ? `decays[${index}]` : 'decays');
  const profiles = list.map((spec, index) => profileOf(spec, nameOf(index)));
  const decays = list.map((spec, index) => (isDecay(spec) ? resolveDecay(spec, run, nameOf(index)) : 1));
  const labels = labelsOf({ decays, profiles });
  // Functions are called by their places: of the same one, all but the first are too many.
  const again = profiles.findIndex((one, index) => typeof one === 'function' && profiles.indexOf(one) !== index);
  const twice = labels.find((label, index) => labels.indexOf(label) !== index || index === again);
  if (twice !== undefined)
    throw invalid('decays', 'different decays', labels.map(numeric), `${twice} stands there twice.`);
  return { decays, profiles };
}

/**
 * The decays of {@link PAPER_WINDOWS} of a run. In a run so short that some would be the weights themselves these are left out.
 * To three digits of `1 - decay`, so that they can be read and written.
 */
function windowsOf(run: RunLength): readonly number[] {
  const windows = PAPER_WINDOWS.map((fraction) => stepsOf({ fraction }, run, 'decays'));
  const long = windows.filter((window) => window >= SHORTEST_WINDOW);
  const shortest = Math.max(1, Math.min(SHORTEST_WINDOW, run.totalSteps ?? SHORTEST_WINDOW));
  return (long.length > 0 ? long : [shortest]).map((window) => {
    const digits = 2 + Math.ceil(Math.log10(window));
    return Number(decayFromWindow(window).toFixed(digits));
  });
}

function isList(specs: AverageSpec | readonly AverageSpec[]): specs is readonly AverageSpec[] {
  return Array.isArray(specs);
}

/** What averages are called in logs and messages. */
export function labelsOf({ decays, profiles }: Averages): readonly string[] {
  return decays.map((decay, index) => labelOf(decay, profiles[index], index));
}

/** What averages are called, and their decays, in the same order. */
export interface Named {
  readonly labels: readonly string[];
  readonly decays: readonly number[];
}

/** Labels no longer than this are shown as they are. */
const LONGEST_LABEL = 8;

/**
 * What averages are called where there is little room: a decay that was a half-life has up to 17 digits. Three of `1 - decay` tell them
 * apart; where they do not, labels stay as they are.
 */
export function shortLabels({ labels, decays }: Named): readonly string[] {
  const short = labels.map((label, index) => {
    const decay = decays[index] ?? Number.NaN;
    if (label.length <= LONGEST_LABEL || label !== `${decay}`) return label;
    return `${Number((1 - Number((1 - decay).toPrecision(3))).toPrecision(12))}`;
  });
  return new Set(short).size === new Set(labels).size ? short : labels;
}

/** Whether an average is exponential. */
export function isDecay(spec: AverageSpec): spec is DecaySpec {
  if (spec === 'uniform' || typeof spec === 'function' || growing(spec) !== undefined) return false;
  return !(typeof spec === 'object' && spec !== null && 'relativeWidth' in spec);
}

function profileOf(spec: AverageSpec, name: string): Profile {
  if (isDecay(spec)) return 'exponential';
  if (spec === 'uniform' || typeof spec === 'function') return spec;
  if (!('relativeWidth' in spec)) return growingOf(spec, name);
  const others = Object.keys(spec).filter((key) => key !== 'relativeWidth');
  if (others.length > 0) throw invalid(name, '{ relativeWidth } alone', `{ ${Object.keys(spec).join(', ')} }`);
  // For its check.
  exponentFromWidth(spec.relativeWidth, `${name}.relativeWidth`);
  return { relativeWidth: spec.relativeWidth };
}

function growingOf(spec: GrowingSpec, name: string): GrowingSpec {
  const [measure, share] = growing(spec) ?? [];
  const keys = [...Object.keys(spec), ...Object.values(spec).flatMap((length: object) => Object.keys(length))];
  if (measure === undefined || keys.length !== 2)
    throw invalid(name, 'one measure in one unit, such as { halfLife: { soFar: 0.05 } }', `{ ${keys.join(', ')} }`);
  if (!(typeof share === 'number' && share > 0 && share <= 1)) {
    throw invalid(
      `${name}.${measure}.soFar`,
      'a share of the steps so far, above 0 and at most 1',
      share,
      'A usual one is 0.05.',
    );
  }
  // Without what else the object may be of: settings are compared as text.
  const length = { soFar: share };
  return measure === 'halfLife'
    ? { halfLife: length }
    : measure === 'window'
      ? { window: length }
      : { timeConstant: length };
}

/** A label that is a number as one, so that a message shows it without quotes. */
function numeric(label: string): string | number {
  return Number.isNaN(Number(label)) ? label : Number(label);
}
