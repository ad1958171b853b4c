// Which averages are asked for: exponential ones by their decays, and averages of other shapes; what each is called.
// Pure numbers: no tensors, no schedule.

import { invalid } from '../base/argument.js';
import { type DecaySpec, PAPER_WINDOWS, type RunLength, resolveDecay } from './decay.js';
import { exponentFromWidth, type PowerSpec, type Profile } from './profile.js';
import { labelOf } from './which.js';

/**
 * One average:
 *
 * - a {@link DecaySpec}: exponential.
 * - `'uniform'`: the plain mean of all steps since the start (SWA, Polyak-Ruppert): every step weighs the same.
 * - a {@link PowerSpec}: power-function.
 *
 * The last two forget what they started from at their first update, and no warm-up changes them.
 */
export type AverageSpec = DecaySpec | 'uniform' | PowerSpec;

/** Several averages; `'auto'` is the paper's five windows, scaled to the run. */
export type DecaySpecs = 'auto' | readonly AverageSpec[];

/** Averages as numbers. */
export interface Averages {
  /** Decays per step; 1, where theirs goes to, for those that are not exponential. */
  readonly decays: readonly number[];
  /** Their shapes, in the same order. */
  readonly profiles: readonly Profile[];
}

/**
 * Averages from specifications in any unit.
 * @param specs a list, or `'auto'` for {@link PAPER_WINDOWS} of the run.
 * @param run what the units need; `'auto'` needs `totalSteps`.
 * @param name the option, for the message: `decay` for a list of one, or `decays`.
 * @throws {@link EmaError} INVALID_ARGUMENT — as `resolveDecay`; an empty list; two that are the same average.
 */
export function resolveAverages(specs: DecaySpecs, run: RunLength = {}, name = 'decays'): Averages {
  const list = specs === 'auto' ? PAPER_WINDOWS.map((fraction) => ({ window: { fraction } })) : specs;
  if (!Array.isArray(list) || list.length === 0) {
    throw invalid(name, "'auto' or a list of at least one decay", specs);
  }
  const nameOf = (index: number): string => (name === 'decay' ? name : `${name}[${index}]`);
  const profiles = list.map((spec: AverageSpec, index) => profileOf(spec, nameOf(index)));
  const decays = list.map((spec: AverageSpec, index) => (isDecay(spec) ? resolveDecay(spec, run, nameOf(index)) : 1));
  const labels = labelsOf({ decays, profiles });
  const twice = labels.find((label, index) => labels.indexOf(label) !== index);
  if (twice !== undefined) throw invalid(name, 'different decays', labels.map(numeric), `${twice} stands there twice.`);
  return { decays, profiles };
}

/** What averages are called in logs and messages. */
export function labelsOf({ decays, profiles }: Averages): readonly string[] {
  return decays.map((decay, index) => labelOf(decay, profiles[index]));
}

function isDecay(spec: AverageSpec): spec is DecaySpec {
  return spec !== 'uniform' && !(typeof spec === 'object' && spec !== null && 'relativeWidth' in spec);
}

function profileOf(spec: AverageSpec, name: string): Profile {
  if (isDecay(spec)) return 'exponential';
  if (spec === 'uniform') return spec;
  const others = Object.keys(spec).filter((key) => key !== 'relativeWidth');
  if (others.length > 0) throw invalid(name, '{ relativeWidth } alone', `{ ${Object.keys(spec).join(', ')} }`);
  // For its check.
  exponentFromWidth(spec.relativeWidth, `${name}.relativeWidth`);
  return { relativeWidth: spec.relativeWidth };
}

/** A label that is a number as one, so that a message shows it without quotes. */
function numeric(label: string): string | number {
  return Number.isNaN(Number(label)) ? label : Number(label);
}
