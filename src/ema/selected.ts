// A name resolved: which average it is, what it is called, and the ways to have it.
// Moves no average, and puts none into a model by itself.

import type { NamedTensorMap } from '@tensorflow/tfjs';
import type { Alphas, ModelShadows } from '../averages/shadows.js';
import type { Swap } from '../model/swap.js';
import { checkValues, isNamedWeights, matched } from '../model/values.js';
import type { ResolvedOptions } from '../options/options.js';
import { labelsOf } from '../schedule/specs.js';
import { indexOf, isSynthesized, type Which } from '../schedule/which.js';
import { synthesisOf } from '../search/synthesized.js';
import type { Tfjs } from '../tfjs/backend.js';
import type { BestAverages, BestRecord } from '../validation/bests.js';

/** An average, and the ways to have it. */
export interface Selected {
  /** Its place in `decays`; undefined for one that is combined, and for weights that were given. */
  readonly index: number | undefined;
  /** What it is called in logs. */
  readonly label: string;
  /** Of a best average of all epochs: when it was that, by what. */
  readonly record: BestRecord | undefined;
  /** Whether it stands, as a best average does since it was the best: neither pending steps nor the start concern it. */
  readonly isFixed: boolean;
  /**
   * By weight name; the caller disposes it.
   * @param ahead alphas of an update that is not made: the average as it would be after it.
   */
  readonly read: (ahead?: Alphas) => NamedTensorMap;
  /** In the place of the weights. */
  readonly swapIn: (ahead?: Alphas) => Swap;
}

/** Among what a name is looked up. */
export interface Choices {
  readonly shadows: ModelShadows;
  readonly options: ResolvedOptions;
  readonly bests: BestAverages;
  /** What `'current'` stands for now. */
  readonly current: number | undefined;
}

/**
 * Resolves a name, once; weights that are given stand for themselves.
 * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average, or the weights are not those of the model.
 */
export function select(
  tf: Tfjs,
  which: Which | NamedTensorMap,
  { shadows, options, bests, current }: Choices,
): Selected {
  if (isNamedWeights(which)) return given(tf, which, shadows);
  const labels = labelsOf(options);
  const held = bests.find(which);
  if (held !== undefined) {
    const { record, tensors, clone } = held;
    const { index } = record;
    const swapIn = (): Swap => shadows.swapIn(tensors);
    const read = (): NamedTensorMap => shadows.inOrder(clone());
    return { index, label: labels[index] ?? '', record, isFixed: true, read, swapIn };
  }
  const index = isSynthesized(which) ? undefined : indexOf(which, labels, current);
  const source = isSynthesized(which)
    ? synthesisOf(options, which.synthesized).coefficients
    : indexOf(which, labels, current);
  const label = index === undefined ? 'synthesized' : (labels[index] ?? '');
  const read = (ahead?: Alphas): NamedTensorMap => shadows.read(source, ahead);
  const swapIn = (ahead?: Alphas): Swap => shadows.swapIn(source, ahead);
  return { index, label, record: undefined, isFixed: false, read, swapIn };
}

/** Weights as a value: they stay the caller's. */
function given(tf: Tfjs, weights: NamedTensorMap, shadows: ModelShadows): Selected {
  const { averaged, live } = shadows.weights;
  const variables = Object.fromEntries([...averaged, ...live].map(({ name, variable }) => [name, variable]));
  const model = { called: 'the model', entries: Object.entries(shadows.inOrder(variables)), isList: false };
  const tensors = matched(model, checkValues('which', weights));
  const own = Object.fromEntries(
    model.entries.flatMap(([name], place) => {
      const tensor = tensors[place];
      return tensor === undefined ? [] : [[name, tensor] as const];
    }),
  );
  const read = (): NamedTensorMap =>
    tf.tidy(() => Object.fromEntries(Object.entries(own).map(([name, tensor]) => [name, tensor.clone()])));
  return {
    index: undefined,
    label: 'weights',
    record: undefined,
    isFixed: true,
    read,
    swapIn: () => shadows.swapIn(own),
  };
}
