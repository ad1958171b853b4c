// `tfjs-ema/search`: decays between those that were tracked, after training.
// Computes nothing: it opens averages to those who do.

import { opened, type WeightEma } from './ema/weight-ema.js';
import { layersModelOf } from './model/variables.js';
import type { SynthesizedWhich } from './schedule/which.js';
import { type DecaySearch, type SearchedDecay, searchAmong } from './search/search-decay.js';
import { boundAfter, type SynthesizedAverage, synthesisOf } from './search/synthesized.js';
import { guessOf } from './validation/judging.js';

export type { DecaySearch, SearchedDecay, TriedDecay } from './search/search-decay.js';
export type { Synthesis } from './search/synthesis.js';
export type { SynthesizedAverage } from './search/synthesized.js';

/**
 * An average with another decay than the tracked ones, or another width, combined from them: no snapshots, no other run.
 * @param wanted the wanted decay, in any unit, between the smallest and the largest of the tracked ones; or `{ relativeWidth }`, a share of the
 *   steps so far, or `'uniform'`, between the tracked ones of these kinds.
 * @returns tensors by weight name, which the caller disposes, and how far they can be from the true average.
 * @throws `EmaError` INVALID_ARGUMENT — outside the tracked averages, where the error grows without limit.
 * @throws `EmaError` NOT_ATTACHED, DISPOSED, POISONED, SWAPPED_IN
 */
export function synthesize(ema: WeightEma, wanted: SynthesizedWhich['synthesized']): SynthesizedAverage {
  const { options, progress } = opened(ema, 'synthesize').attached;
  const { profile, ...plan } = synthesisOf(options, wanted);
  const tensors = ema.read({ synthesized: wanted });
  return { ...plan, bound: boundAfter({ ...plan, profile }, options, progress.intervalsAhead()), tensors };
}

/**
 * Searches, after training, for the best decay between the tracked ones on validation data. What it finds is used by
 * `ema.use({ synthesized: found.decay }, fn)` and `ema.saveModel({ synthesized: found.decay }, target)`.
 * @param search the data, and what to search for.
 * @returns the best decay, the best tracked one, whether the data can tell them apart, and all that was measured.
 * @throws `EmaError` INVALID_ARGUMENT — an option is wrong, or fewer than two different decays are tracked.
 * @throws `EmaError` NO_LAYERS_MODEL — variables are attached.
 * @throws `EmaError` as `WeightEma.use`
 */
export async function searchDecay(ema: WeightEma, search: DecaySearch): Promise<SearchedDecay> {
  const { tf, attached, averages } = opened(ema, 'searchDecay');
  const fix = 'Measure by a function of your own: use({ synthesized: decay }, () => measure()).';
  const model = layersModelOf(tf, attached.shadows.model, { method: 'searchDecay', fix });
  const boundOf = (decay: number): number =>
    boundAfter(synthesisOf(attached.options, decay), attached.options, attached.progress.intervalsAhead());
  const found = await searchAmong(tf, averages, { ...search, model, boundOf });
  const guess = guessOf(found.metric, search.mode);
  if (guess !== undefined) averages.warn(guess);
  return found;
}
