// A name resolved: which average it is, what it is called, and the ways to have it.
// Moves no average, and puts none into a model by itself.

import type { NamedTensorMap } from '@tensorflow/tfjs';
import type { Alphas, ModelShadows } from '../averages/shadows.js';
import type { Swap } from '../model/swap.js';
import type { ResolvedOptions } from '../options/options.js';
import { labelsOf } from '../schedule/specs.js';
import { indexOf, isSynthesized, type Which } from '../schedule/which.js';
import type { Synthesis } from '../search/synthesis.js';
import { synthesisOf } from '../search/synthesized.js';
import type { Tfjs } from '../tfjs/backend.js';
import type { BestAverages, BestRecord } from '../validation/bests.js';

/** An average, and the ways to have it. */
export interface Selected {
  /** Its place in `decays`; undefined for one that is combined. */
  readonly index: number | undefined;
  /** What it is called in logs. */
  readonly label: string;
  /** Of a best average of all epochs: when it was that, by what. It stands since then, so pending steps do not concern it. */
  readonly record: BestRecord | undefined;
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
 * Resolves a name, once.
 * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
 */
export function select(tf: Tfjs, which: Which, { shadows, options, bests, current }: Choices): Selected {
  const labels = labelsOf(options);
  const held = bests.find(which);
  if (held !== undefined) {
    const { record, tensors, clone } = held;
    const { index } = record;
    const swapIn = (): Swap => shadows.swapIn(tensors);
    const read = (): NamedTensorMap => shadows.inOrder(clone());
    return { index, label: labels[index] ?? '', record, read, swapIn };
  }
  if (isSynthesized(which)) return combined(tf, shadows, synthesisOf(options, which.synthesized));
  const index = indexOf(which, labels, current);
  const read = (ahead?: Alphas): NamedTensorMap => shadows.read(index, ahead);
  const swapIn = (ahead?: Alphas): Swap => shadows.swapIn(index, ahead);
  return { index, label: labels[index] ?? '', record: undefined, read, swapIn };
}

function combined(tf: Tfjs, shadows: ModelShadows, { coefficients }: Synthesis): Selected {
  const read = (ahead?: Alphas): NamedTensorMap => shadows.combine(coefficients, ahead);
  const swapIn = (ahead?: Alphas): Swap => {
    const tensors = read(ahead);
    try {
      return shadows.swapIn(tensors);
    } finally {
      tf.dispose(tensors);
    }
  };
  return { index: undefined, label: 'synthesized', record: undefined, read, swapIn };
}
