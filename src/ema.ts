// The EMA object: counting steps, moving the averages when due, scoped use, disposal.
// Touches no tfjs internals and knows no training events.

import type { io, LayersModel, NamedTensorMap } from '@tensorflow/tfjs';
import { invalid } from './argument.js';
import { readWhole, writeAtomically } from './atomic-file.js';
import { type InputData, type RecomputeOptions, recomputeAverage } from './batch-norm.js';
import type { BestRecord, BestWhich } from './best.js';
import { checkPath, decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';
import type { DecaySpec, RunLength } from './decay.js';
import { EmaChoice } from './ema-choice.js';
import { checkEngine } from './engine.js';
import { EmaError } from './errors.js';
import { checkTfjs, type EmaOptions, resolveOptions } from './options.js';
import { Progress } from './progress.js';
import { foresee, settled } from './run-length.js';
import { Schedule } from './schedule.js';
import { ModelShadows } from './shadow.js';
import { isSwapped, swappedIn } from './swap.js';
import { boundAfter, type SynthesizedAverage, synthesisOf } from './synthesized.js';
import type { Tfjs } from './tfjs.js';
import type { Which } from './which.js';

/** Where {@link WeightEma.saveModel} writes: a URL such as `file://folder`, or a handler of tfjs. */
export type SaveTarget = io.IOHandler | string;

/**
 * Exponential moving averages of a model's weights, for training loops of your own; `emaCallback` is the same for `model.fit`.
 *
 * `shadow += (1 - decay ** T) * (weight - shadow)` after every T = `updateEvery` steps, for every decay in one pass. Training
 * is not touched. Between updates, steps are pending; whatever looks at an average first counts them in.
 *
 * @example
 * ```ts
 * const ema = new WeightEma(tf, { decay: 0.999 }).attach(model);
 * for (const [x, y] of batches) {
 *   await model.trainOnBatch(x, y);
 *   ema.update();
 * }
 * await ema.use(0.999, () => model.evaluate(xTest, yTest));
 * ema.dispose();
 * ```
 * @see "Exponential Moving Average of Weights in Deep Learning", arXiv 2411.18704, equation 1.
 */
export class WeightEma extends EmaChoice {
  /**
   * @param tf the tfjs that the model is made with: `import * as tf from '@tensorflow/tfjs-node'`.
   * @param options see {@link EmaOptions}.
   * @throws {@link EmaError} INVALID_ARGUMENT — an option is wrong.
   * @throws {@link EmaError} ENGINE_UNAVAILABLE — `engine: 'native'` cannot run here.
   */
  constructor(tf: Tfjs, options: EmaOptions = {}) {
    checkTfjs(tf);
    super(tf, resolveOptions(options));
    checkEngine(tf, this.options.engine);
  }

  /**
   * Starts averaging: every average begins as a copy of the model's weights.
   * @param model a built layers model. With `tf.sequential()`, give that one: it is what `saveModel` saves.
   * @param run the length of the run, where the option `run` does not say it.
   * @returns this.
   * @throws {@link EmaError} INVALID_ARGUMENT — a decay is given in a unit that needs more than is known of the run.
   * @throws {@link EmaError} MODEL_NOT_BUILT, WEIGHT_DISPOSED, ALREADY_ATTACHED, SWAPPED_IN, DISPOSED
   */
  attach(model: LayersModel, run: RunLength = {}): this {
    this.checkUsable();
    if (this.run !== undefined) {
      const { name } = this.run.shadow.model;
      throw new EmaError(
        'ALREADY_ATTACHED',
        `attach: attached to model '${name}' already. Make a new one for another.`,
      );
    }
    if (!(model instanceof this.tf.LayersModel)) {
      throw invalid('model', 'a tf.LayersModel of the same tfjs as given to the constructor', model);
    }
    this.options = settled(this.options, run);
    const shadow = new ModelShadows(this.tf, model, this.options);
    if (isSwapped(shadow.weights.averaged)) {
      shadow.dispose();
      throw swappedIn('attach', 'It is one of another object: attach after its use() has returned.');
    }
    const schedule = new Schedule(this.options);
    this.run = new Progress(shadow, schedule, this.options.updateEvery);
    for (const message of foresee(schedule, this.options)) this.warn(message);
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
   * @param fn synchronous or not; do not train in it.
   * @returns what `fn` returns; a promise settles after the weights are back.
   * @throws {@link EmaError} SWAPPED_IN — an average stands there already, or `fn` changed the weights: they are then in `overwritten`.
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED, MODEL_CHANGED, WEIGHT_DISPOSED
   */
  use<R>(which: Which, fn: (model: LayersModel) => R): R {
    const run = this.attached('use');
    const { shadow } = run;
    const index = this.indexOf(which);
    if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
    checkOwnWeights(shadow, 'use', 'Let the first use() return before the next.');
    shadow.checkModel();
    if (run.steps === 0) {
      this.warn('use() before the first step: there is no average yet, so the model runs with its own weights.');
      return fn(shadow.model);
    }
    const held = this.kept.find(which);
    if (held === undefined) run.flush();
    return this.scope.run(shadow.swapIn(held?.tensors ?? index), () => fn(shadow.model));
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
    const index = this.indexOf(which);
    const held = this.kept.find(which);
    if (held !== undefined) return held.clone();
    if (shadow.isAlive) this.flush();
    else if (pending > 0)
      this.warn(`read() after the model was disposed: its last ${pending} steps are not in the averages.`);
    return shadow.read(index);
  }

  /**
   * An average with another decay than the tracked ones, combined from them: no snapshots, no other run.
   * @param decay the wanted decay, in any unit, between the smallest and the largest of the tracked ones.
   * @returns tensors by weight name, which the caller disposes, and how far they can be from the true average.
   * @throws {@link EmaError} INVALID_ARGUMENT — outside the tracked decays, where the error grows without limit.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED, SWAPPED_IN
   */
  synthesize(decay: DecaySpec): SynthesizedAverage {
    const run = this.attached('synthesize');
    const plan = synthesisOf(this.options, decay);
    this.flush();
    const tensors = run.shadow.combine(plan.coefficients);
    return { ...plan, bound: boundAfter(plan, this.options, run.intervals), tensors };
  }

  /**
   * Replaces BatchNorm's statistics in averages by those that the averaged weights really have on the data. The live weights
   * and statistics are untouched, to the bit. The paper does so once, at the end, and reports better results from it; long windows
   * need it, because weights tolerate them better than averaged statistics do.
   * @param data inputs of the model, such as the training data.
   * @param options which average, and the batch size.
   * @throws {@link EmaError} INVALID_ARGUMENT — no BatchNorm, no data, or `batchNorm: 'copy'`, which averages no statistics.
   * @throws {@link EmaError} as {@link WeightEma.use}
   * @see arXiv 2411.18704, sections 3.4 and 4.1.
   */
  async recomputeBatchNorm(data: InputData, { which, batchSize }: RecomputeOptions = {}): Promise<void> {
    const run = this.attached('recomputeBatchNorm');
    if (this.options.batchNorm !== 'average')
      throw invalid('batchNorm', "'average', for recomputeBatchNorm", this.options.batchNorm);
    if (this.kept.find(which) !== undefined) throw invalid('which', 'an average that is still kept up', which);
    const indices = which === undefined ? this.decays.map((_, index) => index) : [this.indexOf(which)];
    for (const index of indices) {
      checkOwnWeights(run.shadow, 'recomputeBatchNorm', 'Let use() return before.');
      run.shadow.checkModel();
      run.flush();
      await recomputeAverage(this.tf, run.shadow, { index, data, batchSize });
    }
  }

  /**
   * Saves the model with an average in place of its weights: a plain tfjs model, loadable without this package.
   * @param which the average.
   * @param target a URL such as `file://folder`, or a handler of tfjs.
   * @param config options of `model.save`.
   * @throws {@link EmaError} as {@link WeightEma.use}
   */
  async saveModel(which: Which, target: SaveTarget, config?: io.SaveConfig): Promise<io.SaveResult> {
    return this.use(which, (model) => model.save(target, config));
  }

  /**
   * Saves all averages and where averaging stands, steps between updates included, as a safetensors file: the new file replaces
   * the old one at once and whole. The weights of the model and the optimizer's state are not in it: save them beside it.
   * @param path the file; its folder must exist.
   * @throws {@link EmaError} CHECKPOINT — it cannot be written; an older file of this name is as before.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED
   */
  async saveCheckpoint(path: string): Promise<void> {
    const run = this.attached('saveCheckpoint');
    const { steps, pending, updates, intervals } = run;
    const standing = { steps, pending, updates, intervals, best: this.chosen };
    await writeAtomically(checkPath(path), encodeCheckpoint(run.shadow, this.options, standing));
  }

  /**
   * Goes on from a checkpoint: averaging then gives, to the bit, what it would have given without the interruption, once
   * the model has its weights of that moment again. All or nothing: every byte is checked before an average changes.
   * @param path a file of `saveCheckpoint`.
   * @throws {@link EmaError} CHECKPOINT — it cannot be read, is damaged, or is of another version, model or schedule; the
   *   message lists the differences, and nothing was changed.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED
   */
  async loadCheckpoint(path: string): Promise<void> {
    this.attached('loadCheckpoint');
    const bytes = await readWhole(checkPath(path));
    // Asked again: reading took a while.
    const run = this.attached('loadCheckpoint');
    const { standing, averages } = decodeCheckpoint(bytes, run.shadow, this.options);
    run.restore(standing, () => {
      for (const { average, part, values } of averages) run.shadow.overwrite(average, part, values);
    });
    this.chosen = standing.best;
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
   * Gives the model, for good, the weights of a best average. Averaging could go on, but would then average averages.
   * @param which such as `'best-loss'`, the one for calibration, or `'best-acc'`.
   * @returns which one it was.
   * @throws {@link EmaError} INVALID_ARGUMENT — none is kept by this metric.
   * @throws {@link EmaError} SWAPPED_IN, NOT_ATTACHED, DISPOSED, POISONED, WEIGHT_DISPOSED
   */
  restoreBest(which: BestWhich): BestRecord {
    const { shadow } = this.attached('restoreBest');
    const held = this.kept.find(which);
    if (held === undefined) throw invalid('which', "'best-' and a metric", which);
    checkOwnWeights(shadow, 'restoreBest', 'Let use() return first: it gives the weights back.');
    shadow.assign(held.tensors);
    return held.record;
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
    if (model !== undefined) shadow.checkModel(model);
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
}

/** Throws while an average, of whatever object, stands in the place of these weights. */
function checkOwnWeights(shadow: ModelShadows, method: string, wayOut: string): void {
  if (isSwapped(shadow.weights.averaged)) throw swappedIn(method, wayOut);
}
