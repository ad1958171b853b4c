// What a fit needs of averages: the side of a `WeightEma` that its callback sees.
// Holds types only.

import type { LayersModel } from '@tensorflow/tfjs';
import type { FitParams } from '../options/run-length.js';
import type { Named } from '../schedule/specs.js';
import type { BestRecord, Measured } from '../validation/bests.js';
import type { EpochValidation, Judgement } from '../validation/judging.js';
import type { MeasuredAverages } from '../validation/measure.js';

/** Averages that a fit moves. */
export interface FitAverages extends MeasuredAverages, Named {
  /** The best average of all epochs by each metric. */
  readonly bests: readonly BestRecord[];
  /**
   * Before the first step of a fit: starts averaging, or goes on with the same model.
   * @throws {@link EmaError} as `WeightEma.attach`; SWAPPED_IN, MODEL_CHANGED
   */
  begin(model: LayersModel, fit: FitParams, isMeasuredByFunction: boolean): void;
  /**
   * Checks, before an optimizer step, that the model has its own weights.
   * @throws {@link EmaError} SWAPPED_IN, DISPOSED, POISONED
   */
  checkTrainable(): void;
  /** Counts one optimizer step. */
  update(): void;
  /** Takes down how many epochs have ended, as the fit counts them. */
  epochsEnded(count: number): void;
  /** Runs `fn` as `use` does, with the model's own weights in it: what it moves is put back. */
  useOwn<R>(fn: () => R): R;
  /** Takes down what an epoch measured, as it was judged. */
  take(measured: Measured, judged: Judgement): EpochValidation;
  /** Saves a model with a best average in it. */
  saveModel(which: `best-${string}`, target: string): Promise<unknown>;
  /** Adds to the warnings. */
  warn(message: string): void;
  /** The same, where the process may end at once. */
  warnAtOnce(message: string): void;
  /** The averages in one line, for `console.log`. */
  inspect(): string;
}
