// Options of the callback: what each epoch measures, by what the best average is chosen, and who is told; defaults and checks.
// Holds no behaviour: what comes out is complete and valid, or an error names what is wrong.

import type { LayersModel } from '@tensorflow/tfjs';
import { boolean, checkNames, invalid, oneOf, positiveInteger } from '../base/argument.js';
import { checkValidationData, type ValidationData } from '../tfjs/data.js';
import { type Metrics, MODES, type Mode, metricOf } from '../validation/selection.js';

/**
 * Measures the model by a function of one's own; it is called for the raw weights and then, with each average in the place of the
 * weights, for every average.
 * @param model with the weights to be measured; it must not be trained.
 * @param which `'raw'`, or the label of the average.
 * @returns metrics by name; the same names in every call.
 */
export type Validate = (model: LayersModel, which: string) => Metrics | Promise<Metrics>;

/** Options of `ema.callback`. */
export interface EmaCallbackOptions {
  /**
   * Data on which the raw weights and every average are measured after each epoch.
   * @defaultValue what `fit` or `fitDataset` itself validates on: its `validationData` or `validationSplit`; without those nothing is measured
   */
  readonly validationData?: ValidationData;
  /** Measures in the place of data: see {@link Validate}. Not together with `validationData`. @defaultValue none */
  readonly validate?: Validate;
  /**
   * What chooses the best average: a metric of the model, or one that `validate` returns, with or without `val_` before its name.
   * @defaultValue `'val_loss'`; with `validate` the first that it returns, where there is no loss among them
   */
  readonly monitor?: string;
  /** Whether smaller or larger is better; `'auto'`: by the words in the metric's name. @defaultValue `'auto'` */
  readonly mode?: Mode;
  /**
   * Samples per batch of validation tensors, an integer of at least 1; a data set has its own batches.
   * @defaultValue that of `fit`, else 32
   */
  readonly batchSize?: number;
  /**
   * Batches of a data set that are used each epoch, an integer of at least 1: for one that never ends.
   * @defaultValue `validationBatches` of `fitDataset` for its own data, else all
   */
  readonly batches?: number;
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
   * Receives a line after each epoch, such as `console.log`: `epoch 3/10: ema 0.999 loss 0.274 acc 0.912, raw loss 0.311 acc 0.897`.
   * @defaultValue none
   */
  readonly log?: (line: string) => void;
}

/** {@link EmaCallbackOptions}, checked and complete. */
export interface ResolvedCallback {
  readonly data: ValidationData | undefined;
  readonly validate: Validate | undefined;
  /** Without `val_`; undefined where none is given. */
  readonly monitor: string | undefined;
  readonly mode: Mode;
  readonly batchSize: number | undefined;
  readonly batches: number | undefined;
  readonly keepBest: boolean;
  /** Where new best averages are saved, if anywhere. */
  readonly bestFolder: string | undefined;
  readonly ties: boolean;
  /** Options that mean nothing where nothing is measured. */
  readonly asksFor: readonly string[];
  readonly log: ((line: string) => void) | undefined;
}

/** Names of {@link EmaCallbackOptions}. */
export const CALLBACK_NAMES: readonly string[] = [
  'validationData',
  'validate',
  'monitor',
  'mode',
  'batchSize',
  'batches',
  'keepBest',
  'ties',
  'log',
] satisfies readonly (keyof EmaCallbackOptions)[];

const HINTS = {
  validationSplit: 'Give it to model.fit: what fit validates on is used here too.',
  validationBatches: "Its name here is 'batches'.",
  decays: 'It is an option of new WeightEma(tf, { decays }).',
} as const;

/**
 * Checks the options of a callback and fills in the defaults.
 * @throws {@link EmaError} INVALID_ARGUMENT — an unknown name, a wrong type or a value out of range.
 */
export function resolveCallback(options: EmaCallbackOptions): ResolvedCallback {
  checkNames(options, CALLBACK_NAMES, HINTS);
  const { validationData, validate, monitor, mode = 'auto', batchSize, batches } = options;
  const { keepBest = true, ties = true, log } = options;
  if (monitor !== undefined && (typeof monitor !== 'string' || metricOf(monitor) === ''))
    throw invalid('monitor', "'val_loss' or 'val_' and a metric, such as 'val_acc'", monitor);
  if (validate !== undefined && validationData !== undefined)
    throw invalid('validate', 'either validate or validationData', 'both', 'Take the data in validate itself.');
  return {
    data: checkValidationData(validationData),
    validate: optionalFunction('validate', validate),
    monitor: monitor === undefined ? undefined : metricOf(monitor),
    mode: oneOf('mode', mode, MODES),
    batchSize: batchSize === undefined ? undefined : positiveInteger('batchSize', batchSize),
    batches: batches === undefined ? undefined : positiveInteger('batches', batches),
    ...checkKeepBest(keepBest),
    ties: boolean('ties', ties),
    asksFor: askedFor(options),
    log: optionalFunction('log', log),
  };
}

/** `keepBest: true` is the default, and a log says by itself that nothing was measured. */
function askedFor(options: EmaCallbackOptions): readonly string[] {
  return Object.entries(options).flatMap(([name, value]) =>
    value === undefined || name === 'log' || (name === 'keepBest' && typeof value !== 'object') ? [] : [name],
  );
}

function optionalFunction<F>(name: string, value: F | undefined): F | undefined {
  if (value === undefined || typeof value === 'function') return value;
  throw invalid(name, name === 'log' ? 'a function such as console.log' : 'a function', value);
}

function checkKeepBest(
  keepBest: boolean | { readonly folder: string },
): Pick<ResolvedCallback, 'keepBest' | 'bestFolder'> {
  if (typeof keepBest === 'boolean') return { keepBest, bestFolder: undefined };
  const folder: unknown = typeof keepBest === 'object' && keepBest !== null ? keepBest.folder : undefined;
  if (typeof folder === 'string' && folder.includes('://'))
    throw invalid('keepBest.folder', "a path, such as 'best'", folder, 'Leave file:// out.');
  if (typeof folder === 'string' && folder !== '') return { keepBest: true, bestFolder: folder };
  throw invalid('keepBest', "true, false or { folder: 'best-of-run-1' }", keepBest);
}
