// `tfjs-ema/search`: decays between those that were tracked, after training.
// Computes nothing: it opens averages to those who do.

import type { Provenance } from './disk/save-model.js';
import { opened, WeightEma } from './ema/weight-ema.js';
import { layersModelOf } from './model/variables.js';
import type { SynthesizedWhich } from './schedule/which.js';
import { type DecaySearch, type SearchedDecay, searchAmong } from './search/search-decay.js';
import { fromSnapshots } from './search/snapshots.js';
import type { Synthesis } from './search/synthesis.js';
import { boundAfter, type SynthesizedAverage, synthesisOf } from './search/synthesized.js';
import { guessOf } from './validation/judging.js';

export type { DecaySearch, SearchedDecay, TriedDecay } from './search/search-decay.js';
export type { Synthesis } from './search/synthesis.js';
export type { SynthesizedAverage } from './search/synthesized.js';

/**
 * Which combination of averages that were saved in the course of a run is another one, after the run and at any step of it: any decay or width,
 * of whatever kind they are. `mix` of `tfjs-ema/merge` combines their weights.
 *
 * It follows every update of the run, which must have had no others: no `putBack` or `recomputeBatchNorm`, no `reset` of all between the
 * snapshots, and no step left out by `nonFinite`. That takes a few microseconds an update. More snapshots are nearer; at the step of one of them more so than between two.
 * @param snapshots the {@link Provenance} of each: `tfjsEma` in the metadata of a saved model, or in a file of `tfjs-ema extract`; or, beside
 *   `ema.read({ index })` in a loop of your own, `{ steps: ema.steps, index, settings: ema.facts.settings }`.
 * @param wanted the average; lengths in steps, because the run's own is not known.
 * @param steps the moment at which it is wanted, in optimizer steps. @defaultValue that of the last snapshot
 * @returns a coefficient for each snapshot. Where they say little of the average `kernelError` and `bound` are large: nothing is refused for that.
 * @throws `EmaError` INVALID_ARGUMENT — they are no averages of one run as they were at their steps; a function decides a decay of theirs or
 *   the warm-up; `layerDecays`; a step after the last of them.
 * @example
 * ```ts
 * const models = await Promise.all(folders.map((folder) => tf.loadLayersModel(`file://${folder}/model.json`)));
 * const saved = models.map((model) => (model.getUserDefinedMetadata() as { tfjsEma: Provenance }).tfjsEma);
 * const { coefficients, bound } = synthesize(saved, { relativeWidth: 0.07 });
 * const weights = mix(models.map((model, i) => [coefficients[i] ?? 0, model.getWeights()]));
 * ```
 */
export function synthesize(
  snapshots: readonly Pick<Provenance, 'steps' | 'index' | 'begun' | 'settings' | 'best'>[],
  wanted: SynthesizedWhich['synthesized'],
  steps?: number,
): Synthesis;
/**
 * An average with another decay than the tracked ones, or another width, combined from them: no snapshots, no other run.
 * @param wanted the wanted decay, in any unit, between the smallest and the largest of the tracked ones; or `{ relativeWidth }`, a share of the
 *   steps so far, or `'uniform'`, between the tracked ones of these kinds.
 * @returns tensors by weight name, which the caller disposes, and how far they can be from the true average.
 * @throws `EmaError` INVALID_ARGUMENT — outside the tracked averages, where the error grows without limit.
 * @throws `EmaError` NOT_ATTACHED, DISPOSED, POISONED
 */
export function synthesize(ema: WeightEma, wanted: SynthesizedWhich['synthesized']): SynthesizedAverage;
/** Of averages at work, or of saved ones. */
export function synthesize(
  from: WeightEma | readonly Pick<Provenance, 'steps' | 'index' | 'begun' | 'settings' | 'best'>[],
  wanted: SynthesizedWhich['synthesized'],
  steps?: number,
): SynthesizedAverage | Synthesis {
  if (!(from instanceof WeightEma)) return fromSnapshots(from, wanted, steps);
  const { options, progress } = opened(from, 'synthesize').attached;
  const { profile, ...plan } = synthesisOf(options, wanted);
  const tensors = from.read({ synthesized: wanted });
  return { ...plan, bound: boundAfter({ ...plan, profile }, options, progress.intervalsAhead()), tensors };
}

/**
 * Searches, after training, for the best decay between the tracked ones on validation data; or for the best relative width, where no two decays
 * are tracked, but widths, the plain mean or shares of the steps so far. What it finds is used by `ema.use(found.which, fn)` and
 * `ema.saveModel(found.which, target)`.
 * @param search the data, and what to search for.
 * @returns the best decay, the best tracked one, whether the data can tell them apart, and all that was measured.
 * @throws `EmaError` INVALID_ARGUMENT — an option is wrong, or fewer than two different decays, or widths, are tracked.
 * @throws `EmaError` NO_LAYERS_MODEL — variables are attached.
 * @throws `EmaError` as `WeightEma.use`
 */
export async function searchDecay(ema: WeightEma, search: DecaySearch): Promise<SearchedDecay> {
  const { tf, attached, averages } = opened(ema, 'searchDecay');
  const fix = 'Measure by a function of your own: use({ synthesized: decay }, () => measure()).';
  const model = layersModelOf(tf, attached.shadows.model, { method: 'searchDecay', fix });
  const { options, progress } = attached;
  const boundOf = (wanted: SynthesizedWhich['synthesized']): number =>
    boundAfter(synthesisOf(options, wanted), options, progress.intervalsAhead());
  const found = await searchAmong(tf, averages, { search, model, averages: options, boundOf });
  const guess = guessOf(found.metric, search.mode);
  if (guess !== undefined) averages.warn(guess);
  return found;
}
