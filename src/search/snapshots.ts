// An average of a run that has ended, from averages that were saved in its course: which combination of them it is, and how far off.
// Reads no weights: it is told of what average each snapshot is, and of which step.

import { invalid, positiveInteger } from '../base/argument.js';
import { resolveAverages } from '../schedule/specs.js';
import type { SynthesizedWhich } from '../schedule/which.js';
import { nearest } from './least-squares.js';
import { gramOf, type Moment, residualOf, type UpdateGrid } from './snapshot-kernels.js';
import { gridOf, placeOf, type Snapshot, settingsOfRun, shapeOf } from './snapshot-run.js';
import type { Synthesis } from './synthesis.js';

/** A snapshot by its place, or the wanted average, which has none. */
interface Term extends Moment {
  readonly place: number | undefined;
}

/**
 * The combination of snapshots that is nearest to an average at a step: least squares over the shares that each of them gives to the weights
 * of every step, as its schedule says, with coefficients that add up to 1.
 * @param steps the moment of the wanted average; undefined for that of the last snapshot.
 * @throws `EmaError` INVALID_ARGUMENT — no snapshots, of more than one run, or of no tracked average; an average that is none; a later step.
 * @see The idea: "Analyzing and Improving the Training Dynamics of Diffusion Models", arXiv 2312.02696, section 3.2.
 */
export function fromSnapshots(
  snapshots: readonly Snapshot[],
  wanted: SynthesizedWhich['synthesized'],
  steps?: number,
): Synthesis {
  const settings = settingsOfRun(snapshots);
  const last = Math.max(...snapshots.map((one, place) => positiveInteger(`snapshots[${place}].steps`, one.steps)));
  const at = positiveInteger('steps', steps ?? last);
  if (at > last)
    throw invalid(
      'steps',
      `at most ${last}, that of the last snapshot`,
      at,
      'None of them holds weights of later steps.',
    );
  const places = snapshots.map((one, place) => placeOf(one, place, settings));
  const used = [...new Set(places)];
  const { decays, profiles } = resolveAverages([wanted]);
  const target = { decay: decays[0] ?? 1, profile: profiles[0] ?? 'exponential' };
  const grid = gridOf(settings, [...used.map((index) => shapeOf(settings, index)), target]);
  const aim = { place: undefined, steps: at, average: used.length };
  const own = snapshots.map((one, place) => ({ place, steps: one.steps, average: used.indexOf(places[place] ?? 0) }));
  const coefficients = combination(grid, [...own, aim].sort(bySteps));
  const weighed = own.map((one) => ({ ...one, coefficient: coefficients[one.place] ?? 0 }));
  const errors = residualOf(grid, [...weighed, { ...aim, coefficient: -1 }].sort(bySteps));
  const { squares } = residualOf(grid, [{ ...aim, coefficient: 1 }]);
  return {
    decay: target.decay,
    coefficients,
    kernelError: Math.sqrt(errors.squares / squares),
    bound: errors.sum,
    amplification: coefficients.reduce((sum, one) => sum + Math.abs(one), 0),
  };
}

/** Coefficients by the places of snapshots. */
function combination(grid: UpdateGrid, terms: readonly Term[]): readonly number[] {
  const gram = gramOf(grid, terms);
  const aim = terms.findIndex(({ place }) => place === undefined);
  const others = <T>(list: Iterable<T>): T[] => [...list].filter((_, index) => index !== aim);
  const found = nearest(others(gram).map(others), others(gram[aim] ?? []));
  const places = others(terms).map(({ place }) => place);
  return places.map((_, place) => found[places.indexOf(place)] ?? 0);
}

function bySteps(a: Moment, b: Moment): number {
  return a.steps - b.steps;
}
