// Moving the averages: attaching to a model, counting steps, scoped use, reading, disposal.
// Touches no tfjs internals and knows no training events.

import type { LayersModel, NamedTensorMap } from '@tensorflow/tfjs';
import { Progress } from '../averages/progress.js';
import { ModelShadows } from '../averages/shadows.js';
import { invalid } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import { isSwapped, type Swap, swappedIn } from '../model/swap.js';
import { isLayersModel, layersModelOf, type ModelSource, noLayersModel } from '../model/variables.js';
import { withRules } from '../options/layer-decays.js';
import { foresee, settled } from '../options/run-length.js';
import type { RunLength } from '../schedule/decay.js';
import { Schedule } from '../schedule/schedule.js';
import { isSynthesized, type Which } from '../schedule/which.js';
import { synthesisOf } from '../search/synthesized.js';
import { EmaChoice } from './ema-choice.js';

/** An average, and the ways to have it. */
interface AverageSource {
  /** Whether it stands since an epoch: then pending steps do not concern it. */
  readonly isKept: boolean;
  /** By weight name; the caller disposes it. */
  readonly read: () => NamedTensorMap;
  /** In the place of the weights. */
  readonly swapIn: () => Swap;
}

/** A `WeightEma`'s averages: their life from `attach` to `dispose`. */
export abstract class EmaAverages extends EmaChoice {
  /**
   * Starts averaging: every average begins as a copy of the model's weights.
   * @param model a built layers model. With `tf.sequential()`, give that one: it is what `saveModel` saves. Or, of a model written by
   *   hand, its {@link ModelVariables} as a list or by name: then what needs layers throws NO_LAYERS_MODEL (`saveModel`, `asModel`,
   *   `searchDecay`, `recomputeBatchNorm`, `model.fit` with the callback), and `batchNorm` and `constraints` mean nothing.
   * @param run the length of the run, where the option `run` does not say it.
   * @returns this.
   * @throws {@link EmaError} INVALID_ARGUMENT — a decay is given in a unit that needs more than is known of the run; no model; a
   *   variable or a name that stands there twice, or none that is trainable and float32.
   * @throws {@link EmaError} MODEL_NOT_BUILT, WEIGHT_DISPOSED, ALREADY_ATTACHED, SWAPPED_IN, DISPOSED
   */
  attach(model: ModelSource, run: RunLength = {}): this {
    this.checkUsable();
    if (this.run !== undefined) {
      const { model: own } = this.run.shadow;
      const name = isLayersModel(this.tf, own) ? `model '${own.name}'` : 'variables';
      throw new EmaError('ALREADY_ATTACHED', `attach: attached to ${name} already. Make a new one for another.`);
    }
    const options = settled(this.options, run);
    const shadow = new ModelShadows(this.tf, model, options);
    let messages: readonly string[];
    // All or nothing: after a failure the object can be attached as if nothing had been tried.
    try {
      if (isSwapped(shadow.weights.averaged))
        throw swappedIn('attach', 'It is one of another object: attach after its use() has returned.');
      const schedule = new Schedule({ ...options, ...withRules(options, options.layerRules) });
      messages = foresee(schedule, options);
      this.run = new Progress(shadow, schedule, { ...options, onSkip: (message) => this.warn(message) });
    } catch (error) {
      shadow.dispose();
      throw error;
    }
    this.options = options;
    for (const message of messages) this.warn(message);
    return this;
  }

  /**
   * Counts one optimizer step, and moves the averages when `updateEvery` steps are pending.
   * @throws {@link EmaError} NOT_ATTACHED, SWAPPED_IN, DISPOSED — nothing was counted.
   * @throws {@link EmaError} WEIGHT_DISPOSED, NATIVE_FAILURE — the step is counted, and pending.
   * @throws {@link EmaError} POISONED — the update failed half-way, now or earlier.
   */
  update(): void {
    const run = this.attached('update');
    checkOwnWeights(run.shadow, 'update', 'Count steps outside of use(): the step would average the average.');
    run.count();
  }

  /**
   * Runs `fn` while an average stands in the model's place, and gives the model its own weights back, to the bit, whatever
   * is thrown. Before the first step there is no average yet: `fn` runs with the model as it is, and a warning says so.
   * @param which the average.
   * @param fn synchronous or not; do not train in it. It is given the model, and nothing where variables are attached.
   * @returns what `fn` returns; a promise settles after the weights are back.
   * @throws {@link EmaError} SWAPPED_IN — an average stands there already, or `fn` changed the weights: they are then in `overwritten`.
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
   * @throws {@link EmaError} NO_LAYERS_MODEL — `fn` takes a model, and variables are attached.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED, MODEL_CHANGED, WEIGHT_DISPOSED
   */
  use<R>(which: Which, fn: (model: LayersModel) => R): R {
    const run = this.attached('use');
    const { shadow } = run;
    const source = this.source(which);
    if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
    const call = this.#caller(shadow.model, fn);
    checkOwnWeights(shadow, 'use', 'Let the first use() return before the next.');
    shadow.checkModel();
    if (run.steps === 0) {
      this.warn(
        'use() before the first step: there is no average yet, so the model runs with its own weights. Call update(), or let fit train, first.',
      );
      return call();
    }
    if (!source.isKept) run.flush();
    return this.scope.run(source.swapIn(), call);
  }

  /**
   * An average as tensors by weight name (that of `model.save`), with copies of the weights that are not averaged.
   * The caller disposes it: `tf.dispose(ema.read(0.999))`. Works also after the model was disposed.
   * @param which the average.
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED
   */
  read(which: Which): NamedTensorMap {
    const { shadow, pending } = this.attached('read');
    const source = this.source(which);
    if (source.isKept) return source.read();
    if (shadow.isAlive) this.flush();
    else if (pending > 0)
      this.warn(
        `read() after the model was disposed: its last ${pending} steps are not in the averages. Read, or flush(), before that.`,
      );
    return source.read();
  }

  /**
   * Counts pending steps in: an update with `decay ** pending`. What reads an average does it by itself.
   * @throws {@link EmaError} as {@link WeightEma.update}
   */
  flush(): void {
    const run = this.attached('flush');
    if (run.pending === 0) return;
    checkOwnWeights(run.shadow, 'flush', 'It is one of another object: wait until its use() has returned.');
    run.flush();
  }

  /**
   * How an average is had: kept from an epoch, combined, or as it is now.
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
   * @internal
   */
  protected source(which: Which): AverageSource {
    const { shadow } = this.attached('which');
    const held = this.kept.find(which);
    if (held !== undefined) {
      return { isKept: true, read: () => held.clone(), swapIn: () => shadow.swapIn(held.tensors) };
    }
    if (!isSynthesized(which)) {
      const index = this.indexOf(which);
      return { isKept: false, read: () => shadow.read(index), swapIn: () => shadow.swapIn(index) };
    }
    const { coefficients } = synthesisOf(this.options, which.synthesized);
    const read = (): NamedTensorMap => shadow.combine(coefficients);
    const swapIn = (): Swap => {
      const tensors = read();
      try {
        return shadow.swapIn(tensors);
      } finally {
        this.tf.dispose(tensors);
      }
    };
    return { isKept: false, read, swapIn };
  }

  /**
   * Checks, before an optimizer step, that the model is the attached one and has its own weights.
   * @throws {@link EmaError} SWAPPED_IN, MODEL_CHANGED, NOT_ATTACHED, DISPOSED, POISONED
   * @internal
   */
  checkTrainable(model?: LayersModel): void {
    const { shadow } = this.attached('fit');
    checkOwnWeights(
      shadow,
      'fit',
      'It was stopped before its next optimizer step: let use() return before training goes on.',
    );
    if (model === undefined) return;
    const wayOut = 'Train in a loop of your own, with update() after each step.';
    layersModelOf(this.tf, shadow.model, { method: 'fit', wayOut });
    shadow.checkModel(model);
  }

  /**
   * Checks, before the model is measured with its own weights and then with averages, what `use` would check too late.
   * @throws {@link EmaError} SWAPPED_IN, MODEL_CHANGED, WEIGHT_DISPOSED, NOT_ATTACHED, DISPOSED, POISONED
   * @internal
   */
  checkMeasurable(): void {
    const { shadow } = this.attached('validation');
    checkOwnWeights(shadow, 'validation', 'Let use() return first: it gives the weights back.');
    shadow.checkModel();
    shadow.checkAlive();
  }

  /**
   * Adds a warning to `warnings`.
   * @internal
   */
  warn(message: string): void {
    this.notes.add(message);
  }

  /**
   * Releases the averages; the model keeps its weights. A second call does nothing.
   * @throws {@link EmaError} SWAPPED_IN — called inside `use()`.
   */
  dispose(): void {
    if (this.isDisposed) return;
    if (this.scope.isOpen) throw swappedIn('dispose', 'Let use() return first: it gives the weights back.');
    this.isDisposed = true;
    this.run?.shadow.dispose();
    this.scope.dispose();
    this.kept.dispose();
  }

  /** Calls with the model, or with nothing: who wants a model must not be given something else. */
  #caller<R>(model: ModelSource, fn: (model: LayersModel) => R): () => R {
    if (isLayersModel(this.tf, model)) return () => fn(model);
    if (fn.length === 0) return () => Reflect.apply(fn, undefined, []);
    throw noLayersModel('use', 'Give a function without parameters: use(which, () => predict(x)).');
  }
}

/**
 * Checks that no average, of whatever object, stands in the place of these weights.
 * @throws {@link EmaError} SWAPPED_IN
 */
export function checkOwnWeights(shadow: ModelShadows, method: string, wayOut: string): void {
  if (isSwapped(shadow.weights.averaged)) throw swappedIn(method, wayOut);
}
