// What fit and fitDataset validate on, looked at where tfjs passes it on: it tells its callbacks nothing of it.
// Measures nothing, and holds no data longer than its fit.

import type { LayersModel } from '@tensorflow/tfjs';
import { isDataset, isTensor, isTensorInput, type ValidationData } from './data.js';

/** What one fit validates on. The tensors are the fit's: they are there until it ends, and nobody else disposes them. */
export interface FitData {
  readonly data: ValidationData;
  /** Samples per batch of tensors; undefined for a data set, which has its own batches. */
  readonly batchSize: number | undefined;
  /** Batches of a data set that are used; undefined for all. */
  readonly batches: number | undefined;
}

/** What `setParams` tells a callback, as far as it is used here: tfjs-layers/src/base_callbacks.ts, `configureCallbacks`. */
interface FitParams {
  readonly doValidation?: unknown;
  /** Null in fitDataset, whose batches come with the data. */
  readonly batchSize?: unknown;
}

const UNSEEN =
  'this version of tfjs does not show a callback what fit validates on, so the averages are not measured. ' +
  'Give them the data themselves: ema.callback({ validationData: [x, y] }).';

/**
 * Looks on, during one fit, at the validation data that fit passes on.
 *
 * Until it is found, at the end of the first epoch, methods of the model have stand-ins that look at their arguments and call
 * them. A stand-in whose fit is over (tfjs tells nobody of an error) does nothing, and goes when it is called.
 */
export class FitValidation {
  #fit: Fit | undefined;

  private constructor(fit: Fit | undefined) {
    this.#fit = fit;
    fit?.watchers.add(this);
  }

  /**
   * To be called in `onTrainBegin`.
   * @param model the model that fit gave to the callback: of a Sequential, the one inside of it.
   * @param params what fit gave to `setParams`.
   */
  static watch(model: LayersModel, params: FitParams): FitValidation {
    if (params.doValidation !== true) return new FitValidation(undefined);
    const known = fits.get(model);
    if (known?.isRunning === true) return new FitValidation(known);
    known?.end();
    const fit = new Fit(model, typeof params.batchSize === 'number' ? 'fit' : 'fitDataset');
    fits.set(model, fit);
    return new FitValidation(fit);
  }

  /**
   * What this fit validates on, to be asked in `onEpochEnd`.
   * @param logs those of the epoch: without `val_loss` fit was stopped before it validated.
   * @returns undefined where fit was given nothing, is over, has not validated yet, or does not show it: `reason` tells the last.
   */
  data(logs: object | undefined): FitData | undefined {
    return this.#fit?.dataAfter(logs !== undefined && 'val_loss' in logs);
  }

  /** Why `data` cannot tell what fit has validated on, and the fix; undefined where it can. */
  get reason(): string | undefined {
    return this.#fit?.isUnseen === true ? UNSEEN : undefined;
  }

  /** To be called in `onTrainEnd`, or earlier: there is no `data` after it. */
  release(): void {
    const fit = this.#fit;
    this.#fit = undefined;
    fit?.watchers.delete(this);
    if (fit?.watchers.size === 0) fit.end();
  }
}

/** The last fit of each model that was looked at, which all callbacks of that fit share. */
const fits = new WeakMap<LayersModel, Fit>();

class Fit {
  readonly watchers = new Set<FitValidation>();
  /** Whether fit has validated, or is going to, on what can't be seen. */
  isUnseen = false;
  readonly #model: ModelInFit;
  /** A new one in every fit, by which fits are told apart. */
  readonly #history: ModelInFit['history'];
  #standIns: (() => void)[] = [];
  #found: FitData | undefined;
  #last: FitData | undefined;
  #isBetween = false;

  constructor(model: LayersModel, method: 'fit' | 'fitDataset') {
    // A view of the same object: members that the types hide, each looked at before it is used.
    this.#model = model as unknown as ModelInFit;
    this.#history = this.#model.history;
    if (method === 'fit') this.#lookAtFit(model.inputNames.length);
    else this.#lookAtFitDataset();
    if (this.isUnseen) this.#removeStandIns();
  }

  get isRunning(): boolean {
    return this.#model.isTraining === true && this.#model.history === this.#history;
  }

  dataAfter(hasValidated: boolean): FitData | undefined {
    if (!this.isRunning) this.end();
    else if (hasValidated && this.#found === undefined) this.#find(this.#last);
    return this.#found;
  }

  end(): void {
    this.#removeStandIns();
    this.#found = undefined;
    this.#last = undefined;
  }

  /**
   * Fit calls `testLoop(valF, valIns, batchSize)` within the last batch of an epoch; `evaluate`, through which all others come,
   * gives it five arguments: tfjs-layers/src/engine/training.ts, in 4.0 training_tensors.ts.
   */
  #lookAtFit(inputs: number): void {
    this.#standIn(this.#model, 'testLoop', (args) => {
      const [, tensors, batchSize] = args;
      if (args.length !== 3 || typeof batchSize !== 'number' || !Array.isArray(tensors) || !tensors.every(isTensor))
        return;
      this.#find({ data: [tensors.slice(0, inputs), tensors.slice(inputs)], batchSize, batches: undefined });
    });
  }

  /**
   * FitDataset calls `evaluate` or `evaluateDataset` like anybody else, but first: after the last callback's `onBatchEnd`, and
   * before any callback's `onEpochEnd`. The history is the last callback. See tfjs-layers/src/engine/training_dataset.ts.
   */
  #lookAtFitDataset(): void {
    this.#standIn(this.#history, 'onBatchEnd', () => {
      this.#isBetween = true;
    });
    const take = (data: FitData): void => {
      if (this.#isBetween) this.#last = data;
      this.#isBetween = false;
    };
    this.#standIn(this.#model, 'evaluate', ([xs, ys, options, ...rest]) => {
      if (rest.length > 0 || !hasOnly(options, ['batchSize', 'verbose']) || !isTensorInput(xs) || !isTensorInput(ys))
        return;
      const { batchSize, verbose } = options;
      if (typeof batchSize === 'number' && verbose === 0) take({ data: [xs, ys], batchSize, batches: undefined });
    });
    this.#standIn(this.#model, 'evaluateDataset', ([data, options, ...rest]) => {
      if (rest.length > 0 || !hasOnly(options, ['batches']) || !isDataset(data as ValidationData)) return;
      const batches = typeof options['batches'] === 'number' ? options['batches'] : undefined;
      take({ data: data as ValidationData, batchSize: undefined, batches });
    });
  }

  #find(data: FitData | undefined): void {
    this.#found = data;
    this.isUnseen = data === undefined;
    this.#removeStandIns();
  }

  #removeStandIns(): void {
    for (const remove of this.#standIns) remove();
    this.#standIns = [];
  }

  #standIn(target: object | undefined, name: string, look: (args: readonly unknown[]) => void): void {
    const remove = standIn(target, name, (args) => {
      if (this.isRunning) look(args);
      else this.end();
    });
    if (remove === undefined) this.isUnseen = true;
    else this.#standIns.push(remove);
  }
}

/** What is used of a model that is being trained, besides the methods that get a stand-in. */
interface ModelInFit {
  /** In the types it is private: tfjs-layers/src/engine/training.ts. */
  readonly isTraining?: unknown;
  readonly history?: object;
}

/**
 * Gives an object a method of its own that looks at the arguments and calls the one it stands in for.
 * @returns what takes it away; undefined where there is no such method, or the object takes none.
 */
function standIn(
  target: object | undefined,
  name: string,
  look: (args: readonly unknown[]) => void,
): (() => void) | undefined {
  const method: unknown = target === undefined ? undefined : Reflect.get(target, name);
  if (target === undefined || typeof method !== 'function') return undefined;
  const before = Reflect.getOwnPropertyDescriptor(target, name);
  let isRemoved = false;
  const value = function (this: unknown, ...args: unknown[]): unknown {
    // Somebody who stood in for it later may have put it back.
    if (isRemoved) remove();
    else look(args);
    return Reflect.apply(method, this, args);
  };
  const remove = (): void => {
    isRemoved = true;
    if (Reflect.getOwnPropertyDescriptor(target, name)?.value !== value) return;
    if (before === undefined) Reflect.deleteProperty(target, name);
    else Reflect.defineProperty(target, name, before);
  };
  return Reflect.defineProperty(target, name, { value, configurable: true, writable: true }) ? remove : undefined;
}

/** Whether a value is an object with these members, and no others. */
function hasOnly(value: unknown, names: readonly string[]): value is { readonly [name: string]: unknown } {
  if (typeof value !== 'object' || value === null) return false;
  return Object.keys(value).length === names.length && names.every((name) => Object.hasOwn(value, name));
}
