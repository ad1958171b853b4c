// Which training event of model.fit does what.
// Does no arithmetic: counting and averaging are behind an interface.

import type { Callback, LayersModel, Logs } from '@tensorflow/tfjs';
import { EmaError } from '../base/errors.js';
import { inspect } from '../base/inspect.js';
import { runOfFit } from '../options/run-length.js';
import { isTraining, type Tfjs } from '../tfjs/backend.js';
import { FitValidation } from '../tfjs/fit-data.js';
import type { BatchSource } from '../validation/batches.js';
import type { FitAverages } from './averages.js';
import { checkMonitor, endEpoch } from './epoch.js';
import { epochLine, toLogs, unmeasuredLine } from './line.js';
import type { ResolvedCallback } from './options.js';

type EmaCallbackClass = new (averages: FitAverages, options: ResolvedCallback) => Callback;

/** What fit has called before training. */
type Stage = 'none' | 'setParams' | 'setModel' | 'onTrainBegin';

/** One class for each copy of tfjs: fit recognises callbacks by their base class. */
const classes = new WeakMap<object, EmaCallbackClass>();

/** Milliseconds between two turns of the event loop: tfjs's own callbacks leave as much. */
const BREATH_MS = 125;

/** What a hook without work returns: one promise for all batches. */
const DONE: Promise<void> = Promise.resolve();

const MIXED =
  'Give fit instances only, and all of the same tfjs: callbacks: [ema.callback(), new tf.CustomCallback({ onEpochEnd })]. ' +
  'tfjs (issue 1792) looks at the first entry alone: instances and plain objects in one array do not work.';

const OTHER_FIT = 'another fit runs with it now. Give each fit a callback of its own.';

/** A callback that moves averages while `model.fit` or `model.fitDataset` trains. */
export function makeCallback(tf: Tfjs, averages: FitAverages, options: ResolvedCallback): Callback {
  const CallbackClass = classes.get(tf.Callback) ?? defineCallback(tf);
  classes.set(tf.Callback, CallbackClass);
  return new CallbackClass(averages, options);
}

function defineCallback(tf: Tfjs): EmaCallbackClass {
  return class extends tf.Callback {
    readonly #averages: FitAverages;
    readonly #options: ResolvedCallback;
    // When fit last let others have their turn.
    #breath = performance.now();
    // Fit calls setParams, setModel and onTrainBegin, in this order: the last of them tells what went wrong.
    #last: Stage = 'none';
    // Before the last setParams, which may be that of another fit.
    #before: { readonly last: Stage; readonly params: Callback['params'] } = { last: 'none', params: {} };
    #fitData: FitValidation | undefined;
    #epoch = 0;
    #stepsPerEpoch: number | undefined;

    constructor(averages: FitAverages, options: ResolvedCallback) {
      super();
      this.#averages = averages;
      this.#options = options;
      // Where fit takes this for a plain object it calls the hooks without their object.
      this.onTrainBegin = this.onTrainBegin.bind(this);
      this.onEpochBegin = this.onEpochBegin.bind(this);
      this.onBatchBegin = this.onBatchBegin.bind(this);
      this.onBatchEnd = this.onBatchEnd.bind(this);
      this.onEpochEnd = this.onEpochEnd.bind(this);
      this.onTrainEnd = this.onTrainEnd.bind(this);
    }

    override setParams(params: Parameters<Callback['setParams']>[0]): void {
      // Fit gives every callback the same object, one after the other.
      if (this.#last === 'setParams' && this.params === params)
        throw misuse('the same callback stands in callbacks twice, and would count every step twice.');
      this.#before = { last: this.#last, params: this.params };
      super.setParams(params);
      this.#last = 'setParams';
      // In the same turn fit gives every callback its params, which fails at a plain object, and then the model.
      queueMicrotask(() => {
        if (this.#last === 'setParams')
          this.#averages.warnAtOnce(`fit failed before training because callbacks holds a plain object. ${MIXED}`);
      });
    }

    override setModel(model: Parameters<Callback['setModel']>[0]): void {
      if (this.model instanceof tf.LayersModel && this.model !== model && isTraining(this.model)) {
        this.#last = this.#before.last;
        super.setParams(this.#before.params);
        throw misuse(OTHER_FIT);
      }
      this.#last = 'setModel';
      if (!(model instanceof tf.LayersModel))
        throw misuse(`the model is made with another copy of tfjs than the callback. ${MIXED}`);
      super.setModel(model);
    }

    override onTrainBegin(): Promise<void> {
      if (this.#last !== 'setModel') throw misuse(`fit took it for a plain object, so that it has no model. ${MIXED}`);
      this.#last = 'onTrainBegin';
      const { data, validate, monitor, asksFor } = this.#options;
      const model = this.#trained();
      const isFits = data === undefined && validate === undefined;
      if (data !== undefined || (isFits && this.params['doValidation'] === true)) checkMonitor(monitor, model);
      this.#averages.begin(model, this.params, validate !== undefined);
      if (isFits && this.params['doValidation'] !== true && asksFor.length > 0)
        this.#averages.warn(
          `ema.callback: ${asksFor.join(', ')} given, but nothing will be measured. Give fit validationData or validationSplit.`,
        );
      if (isFits) this.#fitData = FitValidation.watch(model, this.params);
      this.#stepsPerEpoch = runOfFit(this.params).stepsPerEpoch;
      return DONE;
    }

    override onEpochBegin(epoch: number): Promise<void> {
      this.#epoch = epoch;
      this.#averages.epochsEnded(epoch);
      return DONE;
    }

    override onBatchBegin(): Promise<void> {
      this.#averages.checkTrainable();
      return DONE;
    }

    /** One batch is one optimizer step. Its logs are not read: that would wait for the device. */
    override onBatchEnd(batch: number): Promise<void> {
      this.#averages.update();
      // Here, and not only in onEpochEnd: a callback before this one may save there.
      if (batch + 1 === this.#stepsPerEpoch) this.#averages.epochsEnded(this.#epoch + 1);
      const now = performance.now();
      if (now - this.#breath < BREATH_MS) return DONE;
      this.#breath = now;
      // As tfjs's own callbacks do: fit itself never lets timers, requests and signals have their turn.
      return tf.nextFrame();
    }

    override async onEpochEnd(epoch: number, logs: Logs = {}): Promise<void> {
      const averages = this.#averages;
      // Where nobody knew how many batches it has; before measuring, during which a run may be saved. One that was stopped has not ended.
      if (this.#stepsPerEpoch === undefined && this.#trained().stopTraining !== true) averages.epochsEnded(epoch + 1);
      const ended = { averages, epoch, model: this.#trained(), source: this.#source(logs) };
      const validation = await endEpoch(tf, ended, this.#options);
      if (validation === undefined) {
        this.#options.log?.(unmeasuredLine(epoch, this.params['epochs']));
        return;
      }
      Object.assign(logs, toLogs(validation, averages, logs));
      this.#options.log?.(epochLine(validation, averages, this.params['epochs']));
    }

    override async onTrainEnd(): Promise<void> {
      this.#fitData?.release();
    }

    [inspect](): string {
      return `EmaCallback { ${this.#averages.inspect()} }`;
    }

    #trained(): LayersModel {
      if (this.model instanceof tf.LayersModel) return this.model;
      throw misuse('a hook was called before fit gave it a model.');
    }

    /** Data of the user's, or else what fit validates on. */
    #source(logs: Logs): BatchSource | undefined {
      const { data, batchSize, batches } = this.#options;
      const own = this.params['batchSize'];
      if (data !== undefined) return { data, batches, batchSize: batchSize ?? (typeof own === 'number' ? own : 32) };
      const found = this.#fitData?.data(logs);
      const reason = this.#fitData?.reason;
      if (reason !== undefined) this.#averages.warn(reason);
      if (found === undefined) return undefined;
      return {
        data: found.data,
        batches: batches ?? found.batches,
        batchSize: batchSize ?? found.batchSize ?? 32,
      };
    }
  };
}

function misuse(what: string): EmaError {
  return new EmaError('CALLBACK_MISUSE', `the callback cannot work in this fit: ${what}`);
}
