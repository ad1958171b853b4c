// Options of the callback beyond those of its averages: validation, choosing, stopping; defaults and checks.
// Holds no behaviour: what comes out is complete and valid, or an error names what is wrong.

import { boolean, checkNames, invalid, oneOf, positiveInteger } from '../base/argument.js';
import { EMA_NAMES, type EmaOptions } from '../options/options.js';
import { checkValidationData, type ValidationData } from '../tfjs/data.js';
import { MODES, type Mode } from '../validation/selection.js';

/** Options of an `emaCallback`. */
export interface EmaCallbackOptions extends EmaOptions {
  /** Data on which the raw weights and every average are evaluated after each epoch. @defaultValue none: no validation */
  readonly validationData?: ValidationData;
  /**
   * What chooses the best average: `'val_loss'` or `'val_'` and a metric of the model. @defaultValue `'val_loss'`
   */
  readonly monitor?: string;
  /** Whether smaller or larger is better; `'auto'`: by the words in the metric's name. @defaultValue `'auto'` */
  readonly mode?: Mode;
  /**
   * Whether the weights of the best averages of all epochs are kept, by the monitored metric, the loss and the accuracy: a copy of
   * the weights each, for `use('best', ...)`, `saveModel('best-acc', ...)`. With a folder, each new best is also
   * saved there at once, as the models `best-loss`, `best-acc`: a crash leaves them. @defaultValue true
   */
  readonly keepBest?: boolean | { readonly folder: string };
  /**
   * Whether it is tested which averages the validation data cannot tell apart from the best one: `validations[epoch].tied`, and `tied`
   * in `bests`. It costs a number per sample, metric and average, read back at the end of each epoch. @defaultValue true
   */
  readonly ties?: boolean;
  /**
   * Batches of a data set in `validationData` that are used each epoch, an integer of at least 1: for one that never ends, as
   * `validationBatches` of `model.fitDataset`. @defaultValue all
   */
  readonly validationBatches?: number;
  /** Samples per batch of validation tensors, an integer of at least 1. @defaultValue 32 */
  readonly batchSize?: number;
}

/** What {@link EmaCallbackOptions} have beyond {@link EmaOptions}, checked and complete. */
export interface ResolvedValidation {
  readonly data: ValidationData | undefined;
  readonly monitor: string;
  readonly mode: Mode;
  readonly batchSize: number;
  readonly batches: number | undefined;
  readonly keepBest: boolean;
  /** Where new best averages are saved, if anywhere. */
  readonly bestFolder: string | undefined;
  readonly ties: boolean;
}

const CALLBACK_NAMES: readonly string[] = [
  ...EMA_NAMES,
  'validationData',
  'monitor',
  'mode',
  'keepBest',
  'ties',
  'validationBatches',
  'batchSize',
];

/**
 * Parts the options of an `emaCallback`: those of its `WeightEma`, still to be checked, and those of validation, checked.
 * @throws {@link EmaError} INVALID_ARGUMENT — an unknown name, a wrong type or a value out of range.
 */
export function splitOptions(options: EmaCallbackOptions): {
  ema: EmaOptions;
  validation: ResolvedValidation;
} {
  checkNames(options, CALLBACK_NAMES);
  const { validationData, monitor = 'val_loss', batchSize, validationBatches, ...others } = options;
  const { mode = 'auto', keepBest = true, ties = true, ...ema } = others;
  if (typeof monitor !== 'string' || !/^val_./.test(monitor)) {
    throw invalid('monitor', "'val_loss' or 'val_' and a metric, such as 'val_acc'", monitor);
  }
  const validation = {
    data: checkValidationData(validationData),
    monitor,
    mode: oneOf('mode', mode, MODES),
    batchSize: positiveInteger('batchSize', batchSize ?? 32),
    batches: validationBatches === undefined ? undefined : positiveInteger('validationBatches', validationBatches),
    ...checkKeepBest(keepBest),
    ties: boolean('ties', ties),
  };
  return { ema, validation };
}

function checkKeepBest(
  keepBest: boolean | { readonly folder: string },
): Pick<ResolvedValidation, 'keepBest' | 'bestFolder'> {
  if (typeof keepBest === 'boolean') return { keepBest, bestFolder: undefined };
  const folder: unknown = typeof keepBest === 'object' && keepBest !== null ? keepBest.folder : undefined;
  if (typeof folder === 'string' && folder !== '') return { keepBest: true, bestFolder: folder };
  throw invalid('keepBest', "true, false or { folder: 'best-of-run-1' }", keepBest);
}
