// The state behind a `WeightEma`: its options, what it holds with a model, what was measured, and who may do what now.
// Names nothing that users see but in messages.

import type { LayersModel, NamedTensorMap } from '@tensorflow/tfjs';
import { invalid } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import { Warnings } from '../base/warnings.js';
import { checkEngine } from '../engine/choice.js';
import { isLayersModel, layersModelOf, type ModelSource, noLayersModel } from '../model/variables.js';
import { settingDifferences, settingsOf } from '../options/fingerprint.js';
import { checkRun } from '../options/lengths.js';
import { checkTfjs, type EmaOptions, type ResolvedOptions, resolveOptions } from '../options/options.js';
import { type FitParams, outgrown, runOfFit, settled } from '../options/run-length.js';
import type { RunLength } from '../schedule/decay.js';
import { labelsOf } from '../schedule/specs.js';
import { indexOf, isSynthesized, type Which } from '../schedule/which.js';
import { isInside, type Tfjs } from '../tfjs/backend.js';
import { BestAverages, type Measured } from '../validation/bests.js';
import { type EpochValidation, incomparable, type Judgement } from '../validation/judging.js';
import { type Measures, measuresOf, OWN_MEASURES } from '../validation/meter.js';
import { Attached } from './attached.js';
import { type Selected, select } from './selected.js';

/** Averages that were saved, every byte of them checked, and how they go on: this file knows nothing of files. */
export interface StoredAverages {
  /** Steps that the run was to have when it was saved; undefined where that was not known. */
  readonly plannedSteps: number | undefined;
  /**
   * Goes on from them, all or nothing.
   * @returns what `'current'` stands for there.
   * @throws {@link EmaError} CHECKPOINT — they are of another model or other options.
   */
  goOn(attached: Attached, bests: BestAverages): number | undefined;
}

/** Averages from their options to their end. */
export class Averaging {
  readonly tf: Tfjs;
  readonly warnings: Warnings;
  readonly bests: BestAverages;
  /** What each epoch measured, oldest first. */
  readonly validations: EpochValidation[] = [];
  /** Epochs of fit that have ended. */
  epochs = 0;
  /** The epoch that a resumed run goes on with, until it does. */
  resumedAt: number | undefined;
  /** What `'current'` stands for. */
  current: number | undefined;
  // As given: what is settled once there is a model is in `Attached`.
  readonly #options: ResolvedOptions;
  #attached: Attached | undefined;
  // A checkpoint that was loaded before there was a model to check it against.
  #waiting: StoredAverages | undefined;
  // The model whose weights belong to it, where they were restored too.
  #waitingFor: LayersModel | undefined;
  // Epochs that had ended before the fit, where it counts from 0 again.
  #before = 0;
  // What attach was told of the run.
  #told: RunLength = {};
  // The fit that steps are counted in, or were last.
  #fit: FitParams | undefined;
  #isDisposed = false;

  /** @throws {@link EmaError} as the constructor of `WeightEma` */
  constructor(tf: Tfjs, options: EmaOptions) {
    checkTfjs(tf);
    this.tf = tf;
    this.#options = resolveOptions(options);
    checkEngine(tf, this.#options.engine);
    this.warnings = new Warnings(this.#options.onWarning);
    this.bests = new BestAverages(tf);
  }

  /** The options as they are known so far. */
  get options(): ResolvedOptions {
    return this.#attached?.options ?? this.#options;
  }

  /** What the averages are called. */
  get labels(): readonly string[] {
    return labelsOf(this.options);
  }

  /** What there is only with a model. */
  get attached(): Attached | undefined {
    return this.#attached;
  }

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  /** Starts averaging, all or nothing; see `WeightEma.attach`. */
  attach(model: ModelSource, run: RunLength): void {
    this.checkUsable();
    checkRun(run);
    if (this.#attached !== undefined) {
      const { model: own } = this.#attached.shadows;
      const name = isLayersModel(this.tf, own) ? `model '${own.name}'` : 'variables';
      throw new EmaError('ALREADY_ATTACHED', `attach: attached to ${name} already. Make a new one for another.`);
    }
    const restored = this.#waitingFor;
    if (restored !== undefined && model !== restored && !(isLayersModel(this.tf, model) && isInside(restored, model)))
      throw new EmaError(
        'MODEL_CHANGED',
        'resume() restored another model than this one: train the one that it returned, const { model } = await ema.resume(folder).',
      );
    const options = settled(this.#options, { ...this.#planned, ...run });
    const attached = new Attached(this.tf, model, { options, warnings: this.warnings });
    // All or nothing: after a failure the object can be attached as if nothing had been tried.
    try {
      for (const message of attached.forewarnings) this.warnings.add(message);
      attached.looks.begin();
      if (this.#waiting !== undefined) this.#resume(attached, this.#waiting);
    } catch (error) {
      attached.dispose();
      throw error;
    }
    this.#attached = attached;
    this.#told = run;
    this.#waiting = undefined;
    this.#waitingFor = undefined;
    if (isLayersModel(this.tf, model)) this.#measureBy(measuresOf(model));
  }

  /**
   * Goes on from a checkpoint, now or as soon as there is a model to check it against.
   * @param model that has the weights of the checkpoint's moment. @defaultValue any
   * @throws {@link EmaError} DISPOSED, POISONED — since it was read, which took a while.
   */
  goOn(stored: StoredAverages, model?: LayersModel): void {
    this.checkUsable();
    if (this.#attached !== undefined) {
      this.#resume(this.#attached, stored);
      return;
    }
    this.#waiting = stored;
    this.#waitingFor = model;
  }

  /** Before the first step of a fit; see `FitAverages.begin`. */
  begin(model: LayersModel, fit: FitParams, isMeasuredByFunction = false): void {
    if (this.#fit === fit)
      throw new EmaError(
        'CALLBACK_MISUSE',
        'ema.callback: two callbacks of one WeightEma are in this fit, and each would count every step. Give it one; other averages ' +
          'belong into its decays, or into another WeightEma.',
      );
    if (this.#attached === undefined)
      this.attach(model, { ...runOfFit(fit, this.#waiting !== undefined), ...this.#planned });
    else this.#fitAgain(model, this.#attached, fit);
    this.#fit = fit;
    this.#measureBy(isMeasuredByFunction ? OWN_MEASURES : measuresOf(model));
    const [first, last] = [Number(fit['initialEpoch'] ?? 0), Number(fit['epochs'] ?? 0)];
    this.#before = first === 0 ? this.epochs : 0;
    // A loop of fits of one epoch counts for itself.
    if (this.resumedAt !== undefined && first !== this.resumedAt && last > this.resumedAt)
      this.warnings.add(
        `resume() gave initialEpoch ${this.resumedAt}, and fit begins at ${first}: give it to fit, or epochs are trained twice or left out.`,
      );
    this.resumedAt = undefined;
  }

  /** Takes down how many epochs of a fit have ended; of several fits one after the other the epochs add up. */
  epochsEnded(count: number): void {
    this.epochs = this.#before + count;
  }

  /**
   * Checks, before an optimizer step, that the model has its own weights.
   * @param model follows a model that was compiled anew.
   */
  checkTrainable(model?: LayersModel): void {
    const attached = this.live('fit');
    const pause =
      'It was stopped before its next optimizer step: let use() return before training goes on. What predicts beside training, such as a server, needs a model of its own: asModel().';
    attached.checkOwnWeights('fit', pause);
    if (model === undefined) return;
    const fix = 'Train in a loop of your own, with update() after each step.';
    layersModelOf(this.tf, attached.shadows.model, { method: 'fit', fix });
    attached.shadows.follow(model);
  }

  /** Checks what `use` would find too late, once the raw weights were measured. */
  checkMeasurable(): void {
    const attached = this.live('validation');
    attached.checkOwnWeights('validation', 'Let use() return first: it gives the weights back.');
    attached.shadows.checkModel();
    attached.shadows.checkAlive();
  }

  /** Takes down what was measured, as it was judged. */
  take(measured: Measured, { keepBest, guess, best, ...judged }: Judgement): EpochValidation {
    const { progress, shadows } = this.live('record');
    const { epoch, raw = {}, averages, tied } = measured;
    if (progress.hasStarted) {
      if (guess !== undefined) this.warnings.add(guess);
      if (keepBest) shadows.checkAlive();
      const ahead = keepBest ? progress.ahead() : undefined;
      this.bests.record(measured, judged, keepBest ? (index) => shadows.read(index, ahead) : undefined);
      // After what can fail: both or neither.
      this.current = best ?? this.current;
    }
    const found = progress.hasStarted ? best : undefined;
    const ties = found === undefined ? undefined : tied?.[judged.monitor];
    const validation = { epoch, raw, averages, best: found, tied: ties };
    this.validations.push(validation);
    return validation;
  }

  /** Resolves a name; a warning says where it is a copy of the weights still. */
  select(which: Which | NamedTensorMap, attached: Attached): Selected {
    const { shadows, options } = attached;
    const selected = select(this.tf, which, { shadows, options, bests: this.bests, current: this.current });
    if (isSynthesized(which) && attached.progress.begun.size > 0)
      throw invalid(
        'synthesized',
        'averages that began together',
        'some that reset() let begin later',
        'reset() without a name lets all begin anew.',
      );
    // By its own name it is what was asked for, a copy or not.
    if (which === 'best' || which === 'current') attached.warnOfCopies(selected, `'${which}'`, 'it is one, too');
    return selected;
  }

  /** The place of an average in `decays`. */
  indexOf(which: Which): number {
    return this.bests.find(which)?.record.index ?? indexOf(which, this.labels, this.current);
  }

  /** An average as tensors by weight name; see `WeightEma.read`. */
  read(which: Which | NamedTensorMap): NamedTensorMap {
    const attached = this.live('read');
    return attached.read(this.select(which, attached));
  }

  /** Runs `fn` with an average in the model's place; see `WeightEma.use`. */
  use<R>(which: Which | NamedTensorMap, fn: (model: LayersModel) => R): R {
    const attached = this.live('use');
    const selected = this.select(which, attached);
    if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
    const { model } = attached.shadows;
    if (isLayersModel(this.tf, model)) return attached.using(selected, () => fn(model));
    // Who wants a model must not be given something else.
    if (fn.length === 0) return attached.using(selected, () => Reflect.apply(fn, undefined, []));
    throw noLayersModel('use', 'Give a function without parameters: use(which, () => predict(x)).');
  }

  /** What there is only with a model, for a method that needs it. */
  live(method: string): Attached {
    this.checkUsable();
    if (this.#attached !== undefined) return this.#attached;
    const fix = 'Call attach(model) first, or start model.fit with ema.callback() in it.';
    throw new EmaError('NOT_ATTACHED', `${method}: there is no model yet. ${fix}`);
  }

  /** @throws {@link EmaError} DISPOSED, POISONED */
  checkUsable(): void {
    if (this.#isDisposed) throw new EmaError('DISPOSED', 'the average was disposed. Make a new one.');
    const cause = this.#attached?.progress.poison;
    if (cause === undefined) return;
    throw new EmaError('POISONED', `an earlier update failed, and the averages cannot be trusted: ${cause.message}`, {
      cause,
    });
  }

  /** The attached model, for what needs layers. */
  layersModel(attached: Attached, method: string, fix: string): LayersModel {
    return layersModelOf(this.tf, attached.shadows.model, { method, fix });
  }

  /** Releases the averages. */
  dispose(): void {
    this.#isDisposed = true;
    this.#attached?.dispose();
    this.bests.dispose();
  }

  /** What a checkpoint that waits says of the run: shares of it stay what they were, however long it becomes. */
  get #planned(): RunLength {
    const totalSteps = this.#waiting?.plannedSteps;
    return totalSteps === undefined ? {} : { totalSteps };
  }

  /** Says what is measured by from here on, which the bests so far may not be compared with. */
  #measureBy(measures: Measures): void {
    for (const { metric, epoch } of this.bests.measureBy(measures)) this.warnings.add(incomparable(metric, epoch));
  }

  /** In a fit after attach, or a further one. */
  #fitAgain(model: LayersModel, attached: Attached, fit: FitParams): void {
    this.checkTrainable(model);
    if (attached.progress.steps === 0) {
      this.#settleAnew(attached, fit);
      return;
    }
    const { totalSteps = Number.POSITIVE_INFINITY } = runOfFit(fit);
    const isWithin = attached.progress.steps + totalSteps <= (attached.options.run.totalSteps ?? 0);
    const warning = isWithin ? undefined : outgrown(this.#options, attached.options);
    if (warning !== undefined) this.warnings.add(warning);
  }

  /** Before the first step, lengths can still become what fit says. */
  #settleAnew(before: Attached, fit: FitParams): void {
    const told = this.#told;
    const run = { ...runOfFit(fit), ...told };
    if (isSame(settled(this.#options, run), before.options)) return;
    this.#attached = undefined;
    try {
      this.attach(before.shadows.model, run);
    } catch (error) {
      this.#attached = before;
      throw error;
    }
    this.#told = told;
    before.dispose();
  }

  #resume(attached: Attached, stored: StoredAverages): void {
    this.current = stored.goOn(attached, this.bests);
  }
}

/** Whether two runs have the same averages. */
function isSame(a: ResolvedOptions, b: ResolvedOptions): boolean {
  return settingDifferences(settingsOf(a), settingsOf(b)).length === 0;
}
