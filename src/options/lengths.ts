// What the length of the run decides: decays and other lengths, from the units in which they were given to steps.
// Knows no other option.

import { invalid } from '../base/argument.js';
import type { LayerRule } from '../model/alpha-spread.js';
import { type Duration, type RunLength, stepsOf, windowOf } from '../schedule/decay.js';
import { growingWindow, type Profile } from '../schedule/profile.js';
import { type Averages, type DecaySpecs, resolveAverages } from '../schedule/specs.js';
import { type LayerDecay, resolveLayerDecays } from './layer-decays.js';

/** Decays and other lengths in the units in which they were given. */
export interface Specs {
  /** Undefined where the default is wanted. */
  readonly specs: DecaySpecs | undefined;
  readonly updateEvery: number | 'auto';
  readonly start: Duration | undefined;
  readonly layerDecays: readonly LayerDecay[];
}

/** What the length of the run decides. */
export interface InSteps {
  /** None until `run` says how long their units are, or that of another length. */
  readonly decays: readonly number[];
  /** Shapes of the averages, in the same order. */
  readonly profiles: readonly Profile[];
  readonly startStep: number;
  readonly layerRules: readonly LayerRule[];
  /** Steps between updates. */
  readonly updateEvery: number;
}

/** {@link InSteps}, and what it was made from. */
export interface KnownRun extends InSteps {
  readonly run: RunLength;
  readonly specs: Specs;
}

/** Steps between two updates in the paper, which found no difference to every step. */
const PAPER_EVERY = 16;
const UPDATES_IN_WINDOW = 4;

/** Any run, to check decays before the real one is known; its figures make no two units agree. */
const SOME_RUN: RunLength = { stepsPerEpoch: 1e5 * Math.PI, batchSize: Math.SQRT2, totalSteps: 1e8 * Math.E };

/**
 * The decays and other lengths of a run, in steps.
 * @returns no decays where a unit needs more than is known of the run.
 * @throws {@link EmaError} INVALID_ARGUMENT — a length is wrong, whatever the run.
 */
export function withRun(specs: Specs, run: RunLength): KnownRun {
  return { ...inStepsIfKnown(specs, run), run, specs };
}

/**
 * Decays and other lengths in steps.
 * @throws {@link EmaError} INVALID_ARGUMENT — one is wrong, or its unit needs more than is known of the run.
 */
export function inSteps({ specs, updateEvery, start, layerDecays }: Specs, run: RunLength): InSteps {
  const averages = resolveAverages(specs, run);
  const startStep = start === undefined || start === 0 ? 0 : Math.ceil(stepsOf(start, run, 'start'));
  const layerRules = resolveLayerDecays(layerDecays, averages, run);
  const length = (run.totalSteps ?? Number.POSITIVE_INFINITY) - startStep;
  const every = updateEvery === 'auto' ? oftenEnough(averages, layerRules, length) : updateEvery;
  return { ...averages, startStep, layerRules, updateEvery: every };
}

/** The paper's T, or less where the shortest window would have fewer than {@link UPDATES_IN_WINDOW} updates at the end of the run. */
function oftenEnough(averages: Averages, layerRules: readonly LayerRule[], length: number): number {
  // A decay of 1 stands for averages of other shapes: of growing ones the window is known, of functions it may be anything.
  const shapes = averages.profiles.map((profile) =>
    typeof profile === 'function' ? 1 : (growingWindow(profile) ?? 1) * length,
  );
  const decays = [averages, ...layerRules].flatMap((one) => one.decays);
  const windows = [...shapes, ...decays.map((decay) => Math.min(windowOf(decay), length))];
  return Math.min(PAPER_EVERY, Math.max(1, Math.floor(Math.min(...windows) / UPDATES_IN_WINDOW)));
}

/**
 * Checks the option `run`.
 * @throws {@link EmaError} INVALID_ARGUMENT
 */
export function checkRun(run: RunLength): RunLength {
  const names: readonly string[] = ['totalSteps', 'stepsPerEpoch', 'batchSize'];
  if (typeof run !== 'object' || run === null) throw invalid('run', 'an object such as { totalSteps: 10000 }', run);
  for (const [name, value] of Object.entries(run)) {
    if (!names.includes(name)) throw invalid('run', `the names ${names.join(', ')}`, name);
    if (value !== undefined && !(value > 0 && value < Number.POSITIVE_INFINITY))
      throw invalid(`run.${name}`, 'a number above 0', value);
  }
  return run;
}

/** Without decays where units need a longer look at the run than is known yet: then they are checked all the same. */
function inStepsIfKnown(specs: Specs, run: RunLength): InSteps {
  try {
    // The default depends on whether the length is known in the end.
    if (specs.specs !== undefined || run.totalSteps !== undefined) return inSteps(specs, run);
  } catch {
    // Wrong values throw here; what only lacked the length of the run does not.
  }
  inSteps(specs, { ...SOME_RUN, ...run });
  return { decays: [], profiles: [], startStep: 0, layerRules: [], updateEvery: PAPER_EVERY };
}
