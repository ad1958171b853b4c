// Options of the callback beyond those of its averages: validation, choosing, stopping; defaults and checks.
// Holds no behaviour: what comes out is complete and valid, or an error names what is wrong.

import { boolean, checkNames, invalid, positiveInteger } from './argument.js';
import { EMA_NAMES, type EmaOptions } from './options.js';
import { checkValidationData, type ValidationData } from './validation-data.js';

/** Options of an `emaCallback`. */
export interface EmaCallbackOptions extends EmaOptions {
  /** Data on which the raw weights and every average are evaluated after each epoch. @defaultValue none: no validation */
  readonly validationData?: ValidationData;
  /**
   * What chooses the best average: `'val_loss'` or `'val_'` and a metric of the model. A name that contains `acc` is better
   * when larger, any other when smaller. @defaultValue `'val_loss'`
   */
  readonly monitor?: string;
  /**
   * Whether the weights of the best averages of all epochs are kept, by the monitored metric, the loss and the accuracy: a copy of
   * the weights each, for `use('best-loss', ...)`, `saveModel('best-acc', ...)` and `restoreBest`. @defaultValue true
   */
  readonly keepBest?: boolean;
  /**
   * Stops training once the best average by the monitored metric is this many epochs old. @defaultValue none: all epochs
   */
  readonly stopWhenAveragesPeak?: { readonly patience: number };
  /** Samples per batch of validation tensors, an integer of at least 1. @defaultValue 32 */
  readonly batchSize?: number;
}

/** What {@link EmaCallbackOptions} have beyond {@link EmaOptions}, checked and complete. */
export interface ResolvedValidation {
  readonly data: ValidationData | undefined;
  readonly monitor: string;
  readonly batchSize: number;
  readonly keepBest: boolean;
  readonly patience: number | undefined;
}

const CALLBACK_NAMES: readonly string[] = [
  ...EMA_NAMES,
  'validationData',
  'monitor',
  'keepBest',
  'stopWhenAveragesPeak',
  'batchSize',
];

/**
 * Parts the options of an `emaCallback`: those of its `WeightEma`, still to be checked, and those of validation, checked.
 * @throws {@link EmaError} INVALID_ARGUMENT — an unknown name, a wrong type or a value out of range.
 */
export function splitOptions(options: EmaCallbackOptions): { ema: EmaOptions; validation: ResolvedValidation } {
  checkNames(options, CALLBACK_NAMES);
  const { validationData, monitor = 'val_loss', batchSize, keepBest = true, stopWhenAveragesPeak, ...ema } = options;
  if (typeof monitor !== 'string' || !/^val_./.test(monitor)) {
    throw invalid('monitor', "'val_loss' or 'val_' and a metric, such as 'val_acc'", monitor);
  }
  const validation = {
    data: checkValidationData(validationData),
    monitor,
    batchSize: positiveInteger('batchSize', batchSize ?? 32),
    keepBest: boolean('keepBest', keepBest),
    patience: patienceOf(stopWhenAveragesPeak, validationData),
  };
  return { ema, validation };
}

function patienceOf(peak: { readonly patience: number } | undefined, data: unknown): number | undefined {
  if (peak === undefined) return undefined;
  if (typeof peak !== 'object' || peak === null) throw invalid('stopWhenAveragesPeak', '{ patience: 5 }', peak);
  const patience = positiveInteger('stopWhenAveragesPeak.patience', peak.patience);
  if (data !== undefined) return patience;
  throw invalid(
    'stopWhenAveragesPeak',
    'validationData beside it',
    'none',
    'Averages are compared on validation data.',
  );
}
