// The EMA object: counting steps, moving the averages when due, scoped use, disposal.
// Touches no tfjs internals and knows no training events.

import type { io, LayersModel, NamedTensorMap } from '@tensorflow/tfjs';
import { invalid } from './argument.js';
import { readWhole, writeAtomically } from './atomic-file.js';
import { BestAverages, type BestRecord, type BestWhich, type Measured } from './best.js';
import { checkPath, decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';
import type { RunLength } from './decay.js';
import { EmaFacts } from './ema-facts.js';
import { checkEngine } from './engine.js';
import { EmaError } from './errors.js';
import { checkTfjs, type EmaOptions, resolveOptions } from './options.js';
import { Progress } from './progress.js';
import { foresee, settled } from './run-length.js';
import { Schedule } from './schedule.js';
import { ModelShadows } from './shadow.js';
import { isSwapped, swappedIn } from './swap.js';
import type { Tfjs } from './tfjs.js';
import { indexOf, type Which } from './which.js';

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
export class WeightEma extends EmaFacts {
  #best: number | undefined;
  readonly #bests: BestAverages;

  /**
   * @param tf the tfjs that the model is made with: `import * as tf from '@tensorflow/tfjs-node'`.
   * @param options see {@link EmaOptions}.
   * @throws {@link EmaError} INVALID_ARGUMENT — an option is wrong.
   * @throws {@link EmaError} ENGINE_UNAVAILABLE — `engine: 'native'` cannot run here.
   */
  constructor(tf: Tfjs, options: EmaOptions = {}) {
    checkTfjs(tf);
    super(tf, resolveOptions(options));
    this.#bests = new BestAverages(tf);
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
    this.#checkUsable();
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
    const run = this.#attached('update');
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
    const run = this.#attached('use');
    const { shadow } = run;
    const index = this.indexOf(which);
    if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
    checkOwnWeights(shadow, 'use', 'Let the first use() return before the next.');
    shadow.checkModel();
    if (run.steps === 0) {
      this.warn('use() before the first step: there is no average yet, so the model runs with its own weights.');
      return fn(shadow.model);
    }
    const held = this.#bests.find(which);
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
    const { shadow, pending } = this.#attached('read');
    const index = this.indexOf(which);
    const held = this.#bests.find(which);
    if (held !== undefined) return cloned(held.tensors);
    if (shadow.isAlive) this.flush();
    else if (pending > 0)
      this.warn(`read() after the model was disposed: its last ${pending} steps are not in the averages.`);
    return shadow.read(index);
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
    const run = this.#attached('saveCheckpoint');
    const { steps, pending, updates } = run;
    const standing = { steps, pending, updates, best: this.#best };
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
    this.#attached('loadCheckpoint');
    const bytes = await readWhole(checkPath(path));
    // Asked again: reading took a while.
    const run = this.#attached('loadCheckpoint');
    const { standing, averages } = decodeCheckpoint(bytes, run.shadow, this.options);
    run.restore(standing, () => {
      for (const { average, part, values } of averages) run.shadow.overwrite(average, part, values);
    });
    this.#best = standing.best;
  }

  /**
   * Counts pending steps in: an update with `decay ** pending`. What reads an average does it by itself.
   * @throws {@link EmaError} as {@link WeightEma.update}
   */
  flush(): void {
    const run = this.#attached('flush');
    if (run.pending === 0) return;
    checkOwnWeights(run.shadow, 'flush', 'It is one of another object: wait until its use() has returned.');
    run.flush();
  }

  /**
   * Says which average `'best'` stands for; the callback does so after each validation.
   * @param which the average.
   */
  choose(which: Which): void {
    this.#best = this.indexOf(which);
  }

  /**
   * The place of an average in `decays`.
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
   */
  indexOf(which: Which): number {
    return this.#bests.find(which)?.record.index ?? indexOf(which, this.options.decays, this.#best);
  }

  /** The best average of all epochs by each metric, as `consider` was told. */
  get bests(): readonly BestRecord[] {
    return this.#bests.records;
  }

  /**
   * Keeps what is the best so far of the averages as they are now; the callback does so after each validation.
   * @param measured the epoch, and what was measured of each average.
   * @param metrics names in it to keep the best of; larger is better for a name that contains `acc`.
   * @param keep whether the weights are kept too, in a copy of the model's weights per metric. @defaultValue true
   */
  consider(measured: Measured, metrics: readonly string[], keep = true): void {
    const { shadow } = this.#attached('consider');
    if (keep) this.flush();
    const snapshot = keep ? (index: number): NamedTensorMap => shadow.read(index) : undefined;
    this.#bests.consider(measured, { decays: this.decays, metrics }, snapshot);
  }

  /**
   * Gives the model, for good, the weights of a best average. Averaging could go on, but would then average averages.
   * @param which such as `'best-loss'`, the one for calibration, or `'best-acc'`.
   * @returns which one it was.
   * @throws {@link EmaError} INVALID_ARGUMENT — none is kept by this metric.
   * @throws {@link EmaError} SWAPPED_IN, NOT_ATTACHED, DISPOSED, POISONED, WEIGHT_DISPOSED
   */
  restoreBest(which: BestWhich): BestRecord {
    const { shadow } = this.#attached('restoreBest');
    const held = this.#bests.find(which);
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
    const { shadow } = this.#attached('fit');
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
    this.#bests.dispose();
  }

  #attached(method: string): Progress {
    this.#checkUsable();
    if (this.run !== undefined) return this.run;
    const wayOut = 'Call attach(model) first; as a callback, start model.fit first.';
    throw new EmaError('NOT_ATTACHED', `${method}: there is no model yet. ${wayOut}`);
  }

  #checkUsable(): void {
    if (this.isDisposed) throw new EmaError('DISPOSED', 'the average was disposed. Make a new one.');
    const cause = this.run?.poison;
    if (cause === undefined) return;
    throw new EmaError('POISONED', `an earlier update failed, and the averages cannot be trusted: ${cause.message}`, {
      cause,
    });
  }
}

/** The same values under other handles: nothing is copied. */
function cloned(tensors: NamedTensorMap): NamedTensorMap {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.clone()]));
}

/** Throws while an average, of whatever object, stands in the place of these weights. */
function checkOwnWeights(shadow: ModelShadows, method: string, wayOut: string): void {
  if (isSwapped(shadow.weights.averaged)) throw swappedIn(method, wayOut);
}
