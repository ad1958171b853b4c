// Naming the averages, and which of them are the best.
// Measures nothing, and puts nothing into a model.

import type { NamedTensorMap } from '@tensorflow/tfjs';
import type { ResolvedOptions } from '../options/options.js';
import { indexOf, type Which } from '../schedule/which.js';
import type { Tfjs } from '../tfjs/backend.js';
import { BestAverages, type BestRecord, type Measured } from '../validation/bests.js';
import { EmaFacts } from './ema-facts.js';

/** A `WeightEma`'s choice among its averages. */
export abstract class EmaChoice extends EmaFacts {
  /** @internal */
  protected chosen: number | undefined;
  /** @internal */
  protected readonly kept: BestAverages;

  /** @internal */
  protected constructor(tf: Tfjs, options: ResolvedOptions) {
    super(tf, options);
    this.kept = new BestAverages(tf);
  }

  /**
   * Counts pending steps in: an update with `decay ** pending`. What reads an average does it by itself.
   */
  abstract flush(): void;

  /**
   * Says which average `'best'` stands for; the callback does so after each validation.
   * @param which the average.
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
   */
  choose(which: Which): void {
    this.chosen = this.indexOf(which);
  }

  /**
   * The place of an average in `decays`.
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
   */
  indexOf(which: Which): number {
    return this.kept.find(which)?.record.index ?? indexOf(which, this.labels, this.chosen);
  }

  /** The best average of all epochs by each metric, as `consider` was told. */
  get bests(): readonly BestRecord[] {
    return this.kept.records;
  }

  /**
   * Keeps what is the best so far of the averages as they are now; the callback does so after each validation.
   * @param measured the epoch, and what was measured of each average.
   * @param metrics names in it to keep the best of; larger is better for a name that contains `acc`.
   * @param keep whether the weights are kept too, in a copy of the model's weights per metric. @defaultValue true
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED, WEIGHT_DISPOSED
   */
  consider(measured: Measured, metrics: readonly string[], keep = true): void {
    const { shadow } = this.attached('consider');
    if (keep) this.flush();
    const snapshot = keep ? (index: number): NamedTensorMap => shadow.read(index) : undefined;
    this.kept.consider(measured, { decays: this.decays, metrics }, snapshot);
  }
}
