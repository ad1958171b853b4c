// Which training event of model.fit does what.
// Does no arithmetic: counting and averaging are in ema.ts.

import type { Callback, Logs } from '@tensorflow/tfjs';
import { EmaError } from '../base/errors.js';
import { inspect } from '../base/inspect.js';
import { WeightEma } from '../ema/weight-ema.js';
import { runOfFit } from '../options/run-length.js';
import type { EmaReport } from '../report/report.js';
import type { Tfjs } from '../tfjs/backend.js';
import { checkMonitor, type EpochValidation, endEpoch, toLogs } from './epoch.js';
import { addMembers, type EmaMembers } from './members.js';
import { type EmaCallbackOptions, type ResolvedValidation, splitOptions } from './options.js';

/**
 * A callback for `model.fit` and `model.fitDataset` that keeps moving averages of the weights; made by {@link emaCallback}.
 *
 * With `validationData` each epoch adds to its logs, and so to History and to what later callbacks see: `val_raw_<metric>`,
 * `val_ema_<decay>_<metric>` for each decay, `val_ema_<metric>` of this epoch's best average, and `ema_best_decay`.
 */
export interface EmaCallback extends Callback, EmaMembers {
  /** The averages themselves. */
  readonly ema: WeightEma;
  /** What each epoch's validation measured, oldest first. */
  readonly validations: readonly EpochValidation[];
  /** The report of the run so far, with the validations in it; see {@link WeightEma.report}. */
  report(): EmaReport;
}

type EmaCallbackClass = new (ema: WeightEma, validation: ResolvedValidation) => EmaCallback;

/** One class for each copy of tfjs: fit recognises callbacks by their base class. */
const classes = new WeakMap<object, EmaCallbackClass>();

/** Milliseconds between two turns of the event loop: tfjs's own callbacks leave as much. */
const BREATH_MS = 125;

/** What a hook without work returns: one promise for all batches. */
const DONE: Promise<void> = Promise.resolve();

const MIXED =
  'Give fit instances only, and all of the same tfjs: callbacks: [ema, new tf.CustomCallback({ onEpochEnd })]. ' +
  'tfjs (issue 1792) looks at the first entry alone: instances and plain objects in one array do not work.';

/**
 * Makes a callback that keeps exponential moving averages of the weights while `model.fit` or `model.fitDataset` trains.
 * Training is bit for bit what it is without it.
 *
 * @param tf the tfjs that the model is made with: `import * as tf from '@tensorflow/tfjs-node'`.
 * @param options see {@link EmaCallbackOptions}.
 * @returns the callback; one belongs to one model, and goes on averaging in its next fit.
 * @throws {@link EmaError} INVALID_ARGUMENT — an option is wrong.
 * @throws {@link EmaError} ENGINE_UNAVAILABLE — `engine: 'native'` cannot run here.
 * @example
 * ```ts
 * const ema = emaCallback(tf, { decays: [0.999, 0.9995], validationData: [xVal, yVal] });
 * await model.fit(x, y, { epochs: 10, callbacks: [ema] });
 * await ema.saveModel('best', 'file://model-ema');
 * ```
 */
export function emaCallback(tf: Tfjs, options: EmaCallbackOptions = {}): EmaCallback {
  const { ema, validation } = splitOptions(options);
  const average = new WeightEma(tf, ema);
  const CallbackClass = callbackClass(tf);
  return new CallbackClass(average, validation);
}

function callbackClass(tf: Tfjs): EmaCallbackClass {
  const made = classes.get(tf.Callback);
  if (made !== undefined) return made;
  const fresh = defineCallback(tf);
  classes.set(tf.Callback, fresh);
  return fresh;
}

function defineCallback(tf: Tfjs): EmaCallbackClass {
  const Hooks = class extends tf.Callback {
    readonly ema: WeightEma;
    readonly #validation: ResolvedValidation;
    readonly #validations: EpochValidation[] = [];
    // When fit last let others have their turn.
    #breath = performance.now();
    // Fit calls setParams, setModel and onTrainBegin, in this order: the last of them tells what went wrong.
    #last: 'none' | 'setParams' | 'setModel' | 'onTrainBegin' = 'none';
    #epoch = 0;
    #stepsPerEpoch: number | undefined;

    constructor(ema: WeightEma, validation: ResolvedValidation) {
      super();
      this.ema = ema;
      this.#validation = validation;
      // Where fit takes this for a plain object it calls the hooks without their object.
      this.onTrainBegin = this.onTrainBegin.bind(this);
      this.onEpochBegin = this.onEpochBegin.bind(this);
      this.onBatchBegin = this.onBatchBegin.bind(this);
      this.onBatchEnd = this.onBatchEnd.bind(this);
      this.onEpochEnd = this.onEpochEnd.bind(this);
    }

    override setParams(params: Parameters<Callback['setParams']>[0]): void {
      super.setParams(params);
      this.#last = 'setParams';
      // In the same turn fit gives every callback its params, which fails at a plain object, and then the model.
      queueMicrotask(() => {
        if (this.#last === 'setParams')
          this.ema.warn(`fit failed before training because callbacks holds a plain object. ${MIXED}`);
      });
    }

    override setModel(model: Parameters<Callback['setModel']>[0]): void {
      this.#last = 'setModel';
      if (!(model instanceof tf.LayersModel))
        throw misuse('the model is made with another copy of tfjs than the callback.');
      super.setModel(model);
    }

    override onTrainBegin(): Promise<void> {
      if (this.#last !== 'setModel') throw misuse('fit took it for a plain object, so that it has no model.');
      this.#last = 'onTrainBegin';
      checkMonitor(this.#validation, this.model);
      const run = runOfFit(this.params);
      this.#stepsPerEpoch = run.stepsPerEpoch;
      if (this.ema.isAttached) this.ema.checkTrainable(this.model);
      else this.ema.attach(this.model, run);
      return DONE;
    }

    override onEpochBegin(epoch: number): Promise<void> {
      this.#epoch = epoch;
      this.ema.epochsEnded(epoch);
      return DONE;
    }

    override onBatchBegin(): Promise<void> {
      this.ema.checkTrainable();
      return DONE;
    }

    /** One batch is one optimizer step. Its logs are not read: that would wait for the device. */
    override onBatchEnd(batch: number): Promise<void> {
      this.ema.update();
      // Here, and not only in onEpochEnd: a callback before this one may save there.
      if (batch + 1 === this.#stepsPerEpoch) this.ema.epochsEnded(this.#epoch + 1);
      const now = performance.now();
      if (now - this.#breath < BREATH_MS) return DONE;
      this.#breath = now;
      // As tfjs's own callbacks do: fit itself never lets timers, requests and signals have their turn.
      return tf.nextFrame();
    }

    override async onEpochEnd(epoch: number, logs?: Logs): Promise<void> {
      if (!(this.model instanceof tf.LayersModel)) throw misuse('onEpochEnd was called before fit gave it a model.');
      // Where nobody knew how many batches it has; before measuring, during which a run may be saved.
      this.ema.epochsEnded(epoch + 1);
      const measured = await endEpoch(tf, { ema: this.ema, model: this.model, epoch }, this.#validation);
      if (measured !== undefined) {
        this.#validations.push(measured);
        if (logs !== undefined) Object.assign(logs, toLogs(measured, this.ema));
      }
    }

    [inspect](): string {
      return `EmaCallback { ${this.ema[inspect]()} }`;
    }

    get validations(): readonly EpochValidation[] {
      return this.#validations;
    }

    report(): EmaReport {
      return this.ema.report(this.#validations);
    }
  };
  addMembers(Hooks);
  return Hooks;
}

function misuse(what: string): EmaError {
  return new EmaError('CALLBACK_MISUSE', `the callback cannot work in this fit: ${what} ${MIXED}`);
}
