// The one public class: moving averages of a model's weights, from options to disk. Each method is a few lines over parts that it holds.
// Touches no tfjs internals and knows no training events.

import type { io, LayersModel, NamedTensorMap } from '@tensorflow/tfjs';
import { boolean, invalid } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import { inspect } from '../base/inspect.js';
import { Warnings } from '../base/warnings.js';
import type { Diagnosis, DiagnosisSummary } from '../diagnosis/figures.js';
import { readWhole, writeAtomically } from '../disk/atomic-file.js';
import { type CheckpointOptions, checkPath, openCheckpoint } from '../disk/checkpoint.js';
import type { StoredContent } from '../disk/safetensors.js';
import { type SaveTarget, saverOf } from '../disk/save-model.js';
import { checkEngine } from '../engine/choice.js';
import type { EngineName } from '../engine/contract.js';
import { checkStatistics, type InputData, type RecomputeOptions, recomputeBatchNorm } from '../model/batch-norm.js';
import { swappedIn } from '../model/swap.js';
import { type AverageTwin, makeTwin } from '../model/twin.js';
import { isLayersModel, layersModelOf, type ModelSource, noLayersModel } from '../model/variables.js';
import { settingsOf } from '../options/fingerprint.js';
import { checkTfjs, type EmaOptions, type ResolvedOptions, resolveOptions } from '../options/options.js';
import { settled } from '../options/run-length.js';
import type { ReportedEpoch } from '../report/data.js';
import { type EmaReport, reportOf } from '../report/report.js';
import { type DecaySpec, PAPER_WINDOWS, type RunLength } from '../schedule/decay.js';
import { labelsOf } from '../schedule/specs.js';
import { indexOf, type Which } from '../schedule/which.js';
import { type DecaySearch, type SearchedDecay, searchDecay } from '../search/search-decay.js';
import { boundAfter, type SynthesizedAverage, synthesisOf } from '../search/synthesized.js';
import type { Tfjs } from '../tfjs/backend.js';
import { BestAverages, type BestRecord, type Measured } from '../validation/bests.js';
import { guessOf, judge, type RecordOptions } from '../validation/judging.js';
import { Attached } from './attached.js';
import { checkpointOf, resume, saveSelected } from './files.js';
import { recomputeStatistics } from './recompute.js';
import { type Selected, select } from './selected.js';

/**
 * Exponential moving averages of a model's weights, for training loops of your own; `emaCallback` is the same for `model.fit`.
 *
 * `shadow += (1 - decay ** T) * (weight - shadow)` after every T = `updateEvery` steps, for every decay in one pass. Training
 * is not touched. Between updates, steps are pending; whatever looks at an average sees them counted in, and changes nothing: averages do not
 * depend on who looks, and how often.
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
export class WeightEma {
  readonly #tf: Tfjs;
  // As given: what is settled once there is a model is in `Attached`.
  readonly #options: ResolvedOptions;
  readonly #warnings: Warnings;
  readonly #bests: BestAverages;
  #attached: Attached | undefined;
  // A checkpoint that was loaded before there was a model to check it against.
  #waiting: StoredContent | undefined;
  // What 'current' stands for.
  #current: number | undefined;
  #isDisposed = false;

  /**
   * @param tf the tfjs that the model is made with: `import * as tf from '@tensorflow/tfjs-node'`.
   * @param options see {@link EmaOptions}.
   * @throws {@link EmaError} INVALID_ARGUMENT — an option is wrong.
   * @throws {@link EmaError} ENGINE_UNAVAILABLE — `engine: 'native'` cannot run here.
   */
  constructor(tf: Tfjs, options: EmaOptions = {}) {
    checkTfjs(tf);
    this.#tf = tf;
    this.#options = resolveOptions(options);
    checkEngine(tf, this.#options.engine);
    this.#warnings = new Warnings(this.#options.onWarning);
    this.#bests = new BestAverages(tf);
  }

  /** Optimizer steps counted so far. */
  get steps(): number {
    return this.#attached?.progress.steps ?? 0;
  }

  /** Moves of the averages so far. */
  get updates(): number {
    return this.#attached?.progress.updates ?? 0;
  }

  /** Seconds spent in updates so far; on a GPU, the time to hand them over. */
  get updateSeconds(): number {
    return this.#attached?.progress.seconds ?? 0;
  }

  /** Updates left out because weights were not finite, with `nonFinite: 'skip'`: one for each interval in which none could be made. */
  get skippedUpdates(): number {
    return this.#attached?.progress.skipped ?? 0;
  }

  /**
   * Decays per step, in the order of the averages; 1 for those that are not exponential. None before `attach` where units of the
   * options need the length of the run.
   */
  get decays(): readonly number[] {
    return this.#settled.decays;
  }

  /** What the averages are called in logs, in their order: `'0.999'`, `'uniform'`, `'width0.1'`. */
  get labels(): readonly string[] {
    return labelsOf(this.#settled);
  }

  /** Number of averages. */
  get averages(): number {
    const { specs } = this.#options.specs;
    return specs === 'auto' ? PAPER_WINDOWS.length : specs.length;
  }

  /** Who runs the updates; undefined before `attach`. */
  get engine(): EngineName | undefined {
    return this.#attached?.shadows.engine.engine;
  }

  /** Why this engine was chosen, and not the other. */
  get engineReason(): string {
    return this.#attached?.shadows.engine.reason ?? 'not attached to a model yet';
  }

  /** Bytes that the averages occupy; 0 before `attach`. */
  get bytes(): number {
    return this.#isDisposed ? 0 : (this.#attached?.shadows.bytes ?? 0);
  }

  /** Whether `attach` was called. */
  get isAttached(): boolean {
    return this.#attached !== undefined;
  }

  /** Whether an average stands in the model's place now. */
  get isSwapped(): boolean {
    return this.#attached?.scope.isOpen ?? false;
  }

  /** What a user should know but that stopped nothing, each once, oldest first. */
  get warnings(): readonly string[] {
    return this.#warnings.messages;
  }

  /**
   * Values that training wrote into the model during `use()`, by weight; empty when all went well. Owned by this object:
   * replaced at the next such accident and disposed by `dispose()`.
   */
  get overwritten(): Readonly<NamedTensorMap> {
    return this.#attached?.scope.overwritten ?? {};
  }

  /** The best average of all epochs by each metric, as `record` was told. */
  get bests(): readonly BestRecord[] {
    return this.#bests.records;
  }

  /** Every diagnosis so far, oldest first: those of `diagnose()` and of the option `diagnoseEvery`, without the single weights. */
  get diagnoses(): readonly DiagnosisSummary[] {
    return this.#attached?.looks.summaries ?? [];
  }

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
    this.#checkUsable();
    if (this.#attached !== undefined) {
      const { model: own } = this.#attached.shadows;
      const name = isLayersModel(this.#tf, own) ? `model '${own.name}'` : 'variables';
      throw new EmaError('ALREADY_ATTACHED', `attach: attached to ${name} already. Make a new one for another.`);
    }
    const options = settled(this.#options, run);
    const attached = new Attached(this.#tf, model, { options, warnings: this.#warnings });
    // All or nothing: after a failure the object can be attached as if nothing had been tried.
    try {
      for (const message of attached.forewarnings) this.warn(message);
      attached.looks.begin();
      if (this.#waiting !== undefined) this.#goOn(attached, this.#waiting);
    } catch (error) {
      attached.dispose();
      throw error;
    }
    this.#attached = attached;
    this.#waiting = undefined;
    return this;
  }

  /**
   * Counts one optimizer step, and moves the averages when `updateEvery` steps are pending.
   * @throws {@link EmaError} NOT_ATTACHED, SWAPPED_IN, DISPOSED — nothing was counted.
   * @throws {@link EmaError} WEIGHT_DISPOSED, NATIVE_FAILURE — the step is counted, and pending.
   * @throws {@link EmaError} POISONED — the update failed half-way, now or earlier.
   */
  update(): void {
    const attached = this.#live('update');
    attached.checkOwnWeights('update', 'Count steps outside of use(): the step would average the average.');
    attached.count();
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
    const attached = this.#live('use');
    return this.#using(attached, this.#select(attached, which), fn);
  }

  /**
   * An average as tensors by weight name (that of `model.save`), with copies of the weights that are not averaged.
   * The caller disposes it: `tf.dispose(ema.read(0.999))`. Works also after the model was disposed.
   * @param which the average.
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED
   */
  read(which: Which): NamedTensorMap {
    const attached = this.#live('read');
    return attached.read(this.#select(attached, which));
  }

  /**
   * The place of an average in `decays`.
   * @internal
   */
  indexOf(which: Which): number {
    return this.#bests.find(which)?.record.index ?? indexOf(which, this.labels, this.#current);
  }

  /**
   * Takes down what was measured of the averages as they are now: `'current'` is the best of it from here on, and `'best'` the best of all
   * so far. The callback does so after each validation. Up to `start` averages are copies of the weights, and none of them is best.
   * @param measured the epoch, and what was measured of each average.
   * @param options what to judge by, and whether the weights of the best averages are kept: by the monitored metric, the loss and the
   *   accuracy, a copy of the weights each.
   * @returns the place in `decays` of the best average of this measurement; undefined where none has a number.
   * @throws {@link EmaError} INVALID_ARGUMENT — nothing of this name was measured.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED, WEIGHT_DISPOSED
   */
  record(measured: Measured, options: RecordOptions = {}): number | undefined {
    const attached = this.#live('record');
    const { keepBest, guess, best, ...judged } = judge(measured, this.decays, options);
    if (!attached.progress.hasStarted) return undefined;
    if (guess !== undefined) this.warn(guess);
    if (keepBest) attached.shadows.checkAlive();
    const ahead = keepBest ? attached.progress.ahead() : undefined;
    this.#bests.record(measured, judged, keepBest ? (index) => attached.shadows.read(index, ahead) : undefined);
    // After what can fail: both or neither.
    this.#current = best ?? this.#current;
    return best;
  }

  /**
   * Gives the model, for good, the weights of an average, and goes on averaging (Switch-EMA). The raw weights are gone; an optimizer
   * keeps its slots. Before the first step, and up to `start`, there is no average yet: nothing happens, and a warning says so.
   * @param which the average.
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
   * @throws {@link EmaError} SWAPPED_IN, NOT_ATTACHED, DISPOSED, POISONED, WEIGHT_DISPOSED, MODEL_CHANGED
   */
  putBack(which: Which): void {
    const attached = this.#live('putBack');
    const selected = this.#select(attached, which);
    attached.checkNoGradient('putBack');
    attached.checkOwnWeights('putBack', 'Let use() return first: it gives the weights back.');
    attached.shadows.checkModel();
    if (!attached.hasStarted('putBack', 'the model keeps its own weights')) return;
    attached.settle(selected);
  }

  /**
   * A second model that has the weights of an average: a teacher for consistency losses, a target network, a model to serve. Its
   * weights are its own; `refresh()` takes the average of that moment.
   * @param which the average; `'best'` is looked up anew at each refresh.
   * @returns the twin, which the caller disposes.
   * @throws {@link EmaError} INVALID_ARGUMENT — no such average, or a layer of your own that is not registered.
   * @throws {@link EmaError} NO_LAYERS_MODEL — variables are attached.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED
   */
  async asModel(which: Which): Promise<AverageTwin> {
    const attached = this.#live('asModel');
    const { weights } = attached.shadows;
    const model = this.#layersModel(
      attached,
      'asModel',
      'read() gives the tensors by name, to assign to variables of your own.',
    );
    this.#select(attached, which);
    return makeTwin(this.#tf, { model, weights }, () =>
      this.steps === 0 && !this.#isDisposed ? undefined : this.read(which),
    );
  }

  /**
   * An average with another decay than the tracked ones, combined from them: no snapshots, no other run.
   * @param decay the wanted decay, in any unit, between the smallest and the largest of the tracked ones.
   * @returns tensors by weight name, which the caller disposes, and how far they can be from the true average.
   * @throws {@link EmaError} INVALID_ARGUMENT — outside the tracked decays, where the error grows without limit.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED
   */
  synthesize(decay: DecaySpec): SynthesizedAverage {
    const { options, progress } = this.#live('synthesize');
    const plan = synthesisOf(options, decay);
    const tensors = this.read({ synthesized: decay });
    return { ...plan, bound: boundAfter(plan, options, progress.intervalsAhead()), tensors };
  }

  /**
   * Searches, after training, for the best decay between the tracked ones on validation data. What it finds is used by
   * `use({ synthesized: found.decay }, fn)` and `saveModel({ synthesized: found.decay }, target)`.
   * @param search the data, and what to search for.
   * @returns the best decay, the best tracked one, whether the data can tell them apart, and all that was measured.
   * @throws {@link EmaError} INVALID_ARGUMENT — an option is wrong, or fewer than two different decays are tracked.
   * @throws {@link EmaError} NO_LAYERS_MODEL — variables are attached.
   * @throws {@link EmaError} as {@link WeightEma.use}
   */
  async searchDecay(search: DecaySearch): Promise<SearchedDecay> {
    const fix = 'Measure by a function of your own: use({ synthesized: decay }, () => measure()).';
    const model = this.#layersModel(this.#live('searchDecay'), 'searchDecay', fix);
    const found = await searchDecay(this.#tf, this, { ...search, model });
    const guess = guessOf(found.metric, search.mode);
    if (guess !== undefined) this.warn(guess);
    return found;
  }

  /**
   * Replaces BatchNorm's statistics in averages by those that the averaged weights really have on the data. The live weights
   * and statistics are untouched, to the bit; where a pass over the data fails, every average is as before. The paper does so once, at the
   * end, and reports better results from it; long windows need it, because weights tolerate them better than averaged statistics do.
   * @param data inputs of the model, such as the training data.
   * @param options which average, and the batch size.
   * @throws {@link EmaError} INVALID_ARGUMENT — no BatchNorm, no data, or statistics that are not averaged: by `batchNorm: 'copy'`, or left out.
   * @throws {@link EmaError} NO_LAYERS_MODEL — variables are attached.
   * @throws {@link EmaError} as {@link WeightEma.use}
   * @see arXiv 2411.18704, sections 3.4 and 4.1.
   */
  async recomputeBatchNorm(data: InputData, { which, batchSize }: RecomputeOptions = {}): Promise<void> {
    const attached = this.#live('recomputeBatchNorm');
    const fix = 'Variables that are not trainable are used live: set statistics among them yourself, inside of use().';
    const model = this.#layersModel(attached, 'recomputeBatchNorm', fix);
    const { batchNorm } = this.#options;
    if (batchNorm !== 'average') throw invalid('batchNorm', "'average', for recomputeBatchNorm", batchNorm);
    checkStatistics(model, attached.shadows.weights.live);
    if (this.#bests.find(which) !== undefined) throw invalid('which', 'an average that is still kept up', which);
    const indices = which === undefined ? this.decays.map((_, index) => index) : [this.indexOf(which)];
    const pass = (): Promise<void> => recomputeBatchNorm(this.#tf, model, { data, batchSize });
    await recomputeStatistics(this.#tf, () => this.#live('recomputeBatchNorm'), { indices, pass });
  }

  /**
   * Compares the weights with every average, one pass over both: norms, distances, angles, elements that are not finite or that rounding
   * holds back, drift against noise by layer. What is wrong is in `health`, and warned of once each. It waits for the device, and moves nothing.
   * @throws {@link EmaError} SWAPPED_IN — called inside of `use()`: weights and averages are mixed up there.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED, WEIGHT_DISPOSED
   */
  diagnose(): Diagnosis {
    const attached = this.#live('diagnose');
    attached.checkOwnWeights('diagnose', 'Let use() return first: it gives the weights back.');
    return attached.looks.look();
  }

  /**
   * What there is to know of the run so far: facts, metrics by epoch, distances, drift against noise, warnings; as data, as a table
   * (`String(ema.report())`), as charts. The callback's own `report()` has its validations in it.
   * @param epochs what was measured after each epoch, in a loop of your own. @defaultValue none
   * @example
   * ```ts
   * console.log(`${ema.report()}`);
   * await ema.report().save('out/report');
   * ```
   */
  report(epochs: readonly ReportedEpoch[] = []): EmaReport {
    return reportOf(this, settingsOf(this.#settled), epochs);
  }

  /**
   * Saves the model with an average in place of its weights: a plain tfjs model, loadable without this package. How it was made is in
   * `tfjsEma` of its `userDefinedMetadata`, beside the model's own: {@link Provenance}.
   *
   * A folder is written so that after any crash it holds the old model or the new one, whole; other files in it stay. Equal averages give
   * equal files: no date is in them.
   * @param which the average.
   * @param target a URL such as `file://folder`, or a handler of tfjs.
   * @param config options of `model.save`.
   * @throws {@link EmaError} INVALID_ARGUMENT — tfjs knows no way to write there.
   * @throws {@link EmaError} CHECKPOINT — the folder cannot be written; an older model in it is as before.
   * @throws {@link EmaError} NO_LAYERS_MODEL — variables are attached: `read()` the tensors, or `saveCheckpoint`.
   * @throws {@link EmaError} as {@link WeightEma.use}
   */
  async saveModel(which: Which, target: SaveTarget, config?: io.SaveConfig): Promise<io.SaveResult> {
    const attached = this.#live('saveModel');
    const fix = 'read() gives the tensors by name; saveCheckpoint() saves averages to go on from.';
    const model = this.#layersModel(attached, 'saveModel', fix);
    const save = saverOf(this.#tf, target);
    const selected = this.#select(attached, which);
    return saveSelected(this.#tf, { attached, model, which, selected, config }, save);
  }

  /**
   * Saves all averages and where averaging stands, steps between updates included, as a safetensors file: the new file replaces
   * the old one at once and whole. The weights of the model and the optimizer's state are not in it: save them beside it.
   * @param path the file; its folder must exist.
   * @param options whether the weights of the best averages are saved too.
   * @throws {@link EmaError} CHECKPOINT — it cannot be written; an older file of this name is as before.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED
   */
  async saveCheckpoint(path: string, { keepBest = true }: CheckpointOptions = {}): Promise<void> {
    const attached = this.#live('saveCheckpoint');
    const withWeights = boolean('keepBest', keepBest);
    const target = checkPath(path);
    const pieces = checkpointOf(attached, { bests: this.#bests, current: this.#current, withWeights });
    await writeAtomically(target, pieces);
  }

  /**
   * Goes on from a checkpoint: averaging then gives, to the bit, what it would have given without the interruption, once
   * the model has its weights of that moment again. All or nothing: every byte is checked before an average changes.
   *
   * Before `attach` (a callback is attached by `fit`) the checkpoint waits: `attach` takes it over, or throws what would be thrown here, so
   * that `fit` fails before it trains.
   * @param path a file of `saveCheckpoint`.
   * @throws {@link EmaError} CHECKPOINT — it cannot be read, is damaged, or is of another version, model or schedule; the
   *   message lists the differences, and nothing was changed.
   * @throws {@link EmaError} DISPOSED, POISONED
   */
  async loadCheckpoint(path: string): Promise<void> {
    this.#checkUsable();
    const content = openCheckpoint(await readWhole(checkPath(path)));
    // Asked again: reading took a while.
    this.#checkUsable();
    if (this.#attached === undefined) this.#waiting = content;
    else this.#goOn(this.#attached, content);
  }

  /**
   * Releases the averages; the model keeps its weights. A second call does nothing.
   * @throws {@link EmaError} SWAPPED_IN — called inside `use()`.
   */
  dispose(): void {
    if (this.#isDisposed) return;
    if (this.isSwapped) throw swappedIn('dispose', 'Let use() return first: it gives the weights back.');
    this.#isDisposed = true;
    this.#attached?.dispose();
    this.#bests.dispose();
  }

  /**
   * Checks, before an optimizer step, that the model is the attached one and has its own weights.
   * @throws {@link EmaError} SWAPPED_IN, MODEL_CHANGED, NOT_ATTACHED, DISPOSED, POISONED
   * @internal
   */
  checkTrainable(model?: LayersModel): void {
    const attached = this.#live('fit');
    const fix = 'It was stopped before its next optimizer step: let use() return before training goes on.';
    attached.checkOwnWeights('fit', fix);
    if (model === undefined) return;
    const wayOut = 'Train in a loop of your own, with update() after each step.';
    layersModelOf(this.#tf, attached.shadows.model, { method: 'fit', wayOut });
    attached.shadows.checkModel(model);
  }

  /**
   * Checks, before the model is measured with its own weights and then with averages, what `use` would check too late.
   * @throws {@link EmaError} SWAPPED_IN, MODEL_CHANGED, WEIGHT_DISPOSED, NOT_ATTACHED, DISPOSED, POISONED
   * @internal
   */
  checkMeasurable(): void {
    const attached = this.#live('validation');
    attached.checkOwnWeights('validation', 'Let use() return first: it gives the weights back.');
    attached.shadows.checkModel();
    attached.shadows.checkAlive();
  }

  /**
   * Adds a warning to `warnings`.
   * @internal
   */
  warn(message: string): void {
    this.#warnings.add(message);
  }

  /** @internal */
  [inspect](): string {
    const run = this.#isDisposed ? 'disposed' : `${this.steps} steps, ${this.updates} updates`;
    return `WeightEma { ${this.labels.join(', ') || 'auto'}; ${run}; ${this.engine ?? 'not attached'} }`;
  }

  /** The options as they are known so far. */
  get #settled(): ResolvedOptions {
    return this.#attached?.options ?? this.#options;
  }

  #live(method: string): Attached {
    this.#checkUsable();
    if (this.#attached !== undefined) return this.#attached;
    const fix = 'Call attach(model) first; as a callback, start model.fit first.';
    throw new EmaError('NOT_ATTACHED', `${method}: there is no model yet. ${fix}`);
  }

  #checkUsable(): void {
    if (this.#isDisposed) throw new EmaError('DISPOSED', 'the average was disposed. Make a new one.');
    const cause = this.#attached?.progress.poison;
    if (cause === undefined) return;
    throw new EmaError('POISONED', `an earlier update failed, and the averages cannot be trusted: ${cause.message}`, {
      cause,
    });
  }

  #select(attached: Attached, which: Which): Selected {
    const { shadows, options } = attached;
    const selected = select(this.#tf, which, { shadows, options, bests: this.#bests, current: this.#current });
    // By its own name it is what was asked for, a copy or not.
    if (which === 'best' || which === 'current') attached.warnOfCopies(`'${which}'`, 'it is one, too');
    return selected;
  }

  #using<R>(attached: Attached, selected: Selected, fn: (model: LayersModel) => R): R {
    if (typeof fn !== 'function') throw invalid('fn', 'a function', fn);
    const { model } = attached.shadows;
    if (isLayersModel(this.#tf, model)) return attached.using(selected, () => fn(model));
    // Who wants a model must not be given something else.
    if (fn.length === 0) return attached.using(selected, () => Reflect.apply(fn, undefined, []));
    throw noLayersModel('use', 'Give a function without parameters: use(which, () => predict(x)).');
  }

  #layersModel(attached: Attached, method: string, wayOut: string): LayersModel {
    return layersModelOf(this.#tf, attached.shadows.model, { method, wayOut });
  }

  #goOn(attached: Attached, content: StoredContent): void {
    this.#current = resume(this.#tf, { attached, bests: this.#bests }, content);
  }
}
