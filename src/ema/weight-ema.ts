// The one public class: moving averages of a model's weights, from options to disk. Each method is a few lines over parts that it holds.
// Touches no tfjs internals and knows no training events.

import type { Callback, io, LayersModel, NamedTensorMap } from '@tensorflow/tfjs';
import { invalid } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import { inspect } from '../base/inspect.js';
import type { FitAverages } from '../callback/averages.js';
import { makeCallback } from '../callback/callback.js';
import { type EmaCallbackOptions, resolveCallback } from '../callback/options.js';
import type { Diagnosis } from '../diagnosis/figures.js';
import type { CheckpointOptions } from '../disk/checkpoint.js';
import type { SaveTarget } from '../disk/save-model.js';
import type { EngineName } from '../engine/contract.js';
import type { InputData, RecomputeOptions } from '../model/batch-norm.js';
import { swappedIn } from '../model/swap.js';
import type { AverageTwin } from '../model/twin.js';
import type { ModelSource } from '../model/variables.js';
import { settingsOf } from '../options/fingerprint.js';
import type { EmaOptions } from '../options/options.js';
import type { EmaFacts } from '../report/data.js';
import { EmaReport, reportedOf } from '../report/report.js';
import type { RunLength } from '../schedule/decay.js';
import type { TrackedWhich, Which } from '../schedule/which.js';
import type { Tfjs } from '../tfjs/backend.js';
import type { BestRecord, Measured } from '../validation/bests.js';
import { type EpochValidation, judge, type RecordOptions } from '../validation/judging.js';
import type { Attached } from './attached.js';
import { Averaging } from './averaging.js';
import { onDemand } from './on-demand-here.js';
import type { Resumed } from './run.js';

/** What the subpaths of this package need of averages. */
export interface Opened {
  readonly tf: Tfjs;
  readonly attached: Attached;
  readonly averages: FitAverages;
}

/**
 * Opens averages to the subpaths of this package.
 * @param method who asks, for the message.
 * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED
 */
export let opened: (ema: WeightEma, method: string) => Opened;

/**
 * Exponential moving averages of a model's weights: in `model.fit` by their {@link WeightEma.callback}, in loops of your own by `attach` and
 * `update`.
 *
 * `shadow += (1 - decay ** T) * (weight - shadow)` after every T = `updateEvery` steps, for every decay in one pass. Training
 * is not touched. Between updates, steps are pending; whatever looks at an average sees them counted in, and changes nothing: averages do not
 * depend on who looks, and how often.
 *
 * @example
 * ```ts
 * const ema = new WeightEma(tf, { decays: 0.999 }).attach(model);
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
  readonly #averaging: Averaging;
  /** What the callback sees: one for all fits, by which is known what was looked at already. */
  readonly #inFit: FitAverages;

  static {
    // Where the method itself is given to fit, which takes it for an object with hooks.
    Object.assign(WeightEma.prototype.callback, { setParams: refuse, onTrainBegin: refuse });
    opened = (ema, method) => {
      if (!(ema instanceof WeightEma)) throw invalid('ema', 'a WeightEma', ema);
      const { tf } = ema.#averaging;
      return { tf, attached: ema.#averaging.live(method), averages: ema.#inFit };
    };
  }

  /**
   * @param tf the tfjs that the model is made with: `import * as tf from '@tensorflow/tfjs-node'`.
   * @param options see {@link EmaOptions}.
   * @throws {@link EmaError} INVALID_ARGUMENT — an option is wrong.
   * @throws {@link EmaError} ENGINE_UNAVAILABLE — `engine: 'native'` cannot run here.
   */
  constructor(tf: Tfjs, options: EmaOptions = {}) {
    this.#averaging = new Averaging(tf, options);
    this.#inFit = this.#forFit();
  }

  /** Optimizer steps counted so far. */
  get steps(): number {
    return this.#averaging.attached?.progress.steps ?? 0;
  }

  /** Moves of the averages so far. */
  get updates(): number {
    return this.#averaging.attached?.progress.updates ?? 0;
  }

  /**
   * Decays per step, in the order of the averages; 1 for those that are not exponential. None before `attach` where units of the
   * options need the length of the run.
   */
  get decays(): readonly number[] {
    return this.#averaging.options.decays;
  }

  /** What the averages are called in logs, in their order: `'0.999'`, `'uniform'`, `'width0.1'`, `'halfLife0.05soFar'`, `'function4'`. */
  get labels(): readonly string[] {
    return this.#averaging.labels;
  }

  /** Who runs the updates; undefined before `attach`. */
  get engine(): EngineName | undefined {
    return this.#averaging.attached?.shadows.engine.engine;
  }

  /** Why this engine was chosen, and not the other. */
  get engineReason(): string {
    return this.#averaging.attached?.shadows.engine.reason ?? 'not attached to a model yet';
  }

  /** What a user should know but that stopped nothing, each once, oldest first. */
  get warnings(): readonly string[] {
    return this.#averaging.warnings.messages;
  }

  /**
   * Values that training wrote into the model during `use()`, by weight; empty when all went well. Owned by this object:
   * replaced at the next such accident and disposed by `dispose()`.
   */
  get overwritten(): Readonly<NamedTensorMap> {
    return this.#averaging.attached?.scope.overwritten ?? {};
  }

  /** The best average of all epochs by each metric, as `record` was told. */
  get bests(): readonly BestRecord[] {
    return this.#averaging.bests.records;
  }

  /** What each epoch measured, oldest first: by the callback, or as `record` was told. */
  get validations(): readonly EpochValidation[] {
    return this.#averaging.validations;
  }

  /** What averaging is, and what it costs so far. */
  get facts(): EmaFacts {
    const { engine, engineReason, steps, updates } = this;
    const { seconds = 0, skipped = 0, lastDecays = [] } = this.#averaging.attached?.progress ?? {};
    const bytes = this.#averaging.isDisposed ? 0 : (this.#averaging.attached?.shadows.bytes ?? 0);
    return {
      engine,
      engineReason,
      steps,
      updates,
      // Those of rules of layers are after them.
      lastDecays: lastDecays.slice(0, this.decays.length),
      seconds,
      skipped,
      bytes,
      settings: settingsOf(this.#averaging.options),
    };
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
   * @throws {@link EmaError} CHECKPOINT — averages that were loaded before do not fit; MODEL_CHANGED — `resume` restored another model.
   * @throws {@link EmaError} ENGINE_UNAVAILABLE — `engine: 'native'` cannot run the averages, or tensors cannot be read in this browser.
   * @throws {@link EmaError} MODEL_NOT_BUILT, WEIGHT_DISPOSED, ALREADY_ATTACHED, SWAPPED_IN, DISPOSED, POISONED
   */
  attach(model: ModelSource, run: RunLength = {}): this {
    this.#averaging.attach(model, run);
    return this;
  }

  /**
   * A callback for `model.fit` and `model.fitDataset`: it attaches the averages to the model that is trained, counts its steps, and
   * measures the raw weights and every average after each epoch. Training is bit for bit what it is without it.
   *
   * What was measured is in `validations`, and in the logs that History and later callbacks see: `val_raw_<metric>`,
   * `val_ema_<label>_<metric>` for each average, `val_ema_<metric>` of this epoch's best average, and `ema_best_decay`.
   * @param options see {@link EmaCallbackOptions}.
   * @returns the callback, one for each fit; averaging goes on in the next fit of the same model.
   * @throws {@link EmaError} INVALID_ARGUMENT — an option is wrong.
   * @throws {@link EmaError} DISPOSED, POISONED
   * @example
   * ```ts
   * const ema = new WeightEma(tf);
   * await model.fit(x, y, { epochs: 10, validationSplit: 0.1, callbacks: [ema.callback()] });
   * await ema.saveModel('best', 'file://model-ema');
   * ```
   */
  callback(options: EmaCallbackOptions = {}): Callback {
    this.#averaging.checkUsable();
    return makeCallback(this.#averaging.tf, this.#inFit, resolveCallback(options));
  }

  /**
   * Counts one optimizer step, and moves the averages when `updateEvery` steps are pending.
   * @throws {@link EmaError} NOT_ATTACHED, SWAPPED_IN, DISPOSED — nothing was counted.
   * @throws {@link EmaError} WEIGHT_DISPOSED, NATIVE_FAILURE; NON_FINITE — by the option `nonFinite`; INVALID_ARGUMENT — a function of your own
   *   gave no decay, or no cap of one: the step is counted, and pending.
   * @throws {@link EmaError} POISONED — the update failed half-way, now or earlier.
   */
  update(): void {
    const attached = this.#averaging.live('update');
    const fix =
      'Count steps outside of use(): the step would average the average. Beside training, predict by asModel().';
    attached.checkOwnWeights('update', fix);
    attached.count();
  }

  /**
   * Runs `fn` while an average stands in the model's place, and gives the model its own weights back, to the bit, whatever
   * is thrown; and what running it moved: states of recurrent layers, seeds, weights that a layer writes when it is called. Before the first step there is no average yet: `fn` runs with the model as it is, and a warning says so.
   * @param which the average; or weights of your own, all of the model's: tensors by name, or by place where they are a copy's, such as
   *   `tfjs-ema/merge` gives. They stay yours, and need no step.
   * @param fn synchronous or not; do not train in it. It is given the model, and nothing where variables are attached.
   * @returns what `fn` returns; a promise settles after the weights are back. Tensors that a layer kept in this run, such as its states, end
   *   with it, unless they are in what is returned, to any depth of lists and objects; clone what leaves by another way.
   * @throws {@link EmaError} SWAPPED_IN — an average stands there already, or `fn` changed the weights: they are then in `overwritten`.
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average, or the weights are not the model's: their names, shapes or types.
   * @throws {@link EmaError} NO_LAYERS_MODEL — `fn` takes a model, and variables are attached.
   * @throws {@link EmaError} IN_GRADIENT — called inside of a gradient, which would run through the average.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED, MODEL_CHANGED, WEIGHT_DISPOSED
   */
  use<R>(which: Which | NamedTensorMap, fn: (model: LayersModel) => R): R {
    return this.#averaging.use(which, fn);
  }

  /**
   * An average as tensors by weight name (that of `model.save`), with copies of the weights that are not averaged, in the order of
   * `model.getWeights()`: `other.loadWeights(ema.read(0.999))` gives them to a model of the same names, setWeights to one made alike.
   * The caller disposes it: `tf.dispose(ema.read(0.999))`. Works also after the model was disposed.
   * @param which the average; or weights as in {@link WeightEma.use}, which gives them the names of the model.
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED
   */
  read(which: Which | NamedTensorMap): NamedTensorMap {
    return this.#averaging.read(which);
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
    this.#averaging.live('record');
    return this.#averaging.take(measured, judge(measured, this.decays, options)).best;
  }

  /**
   * Gives the model, for good, the weights of an average, and goes on averaging (Switch-EMA). The raw weights are gone; an optimizer
   * keeps its slots. Before the first step, and up to `start`, there is no average yet: nothing happens, and a warning says so.
   * @param which the average; or weights as in {@link WeightEma.use}.
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
   * @throws {@link EmaError} IN_GRADIENT — called inside of a gradient.
   * @throws {@link EmaError} SWAPPED_IN, NOT_ATTACHED, DISPOSED, POISONED, WEIGHT_DISPOSED, MODEL_CHANGED
   */
  putBack(which: Which | NamedTensorMap): void {
    const attached = this.#averaging.live('putBack');
    const selected = this.#averaging.select(which, attached);
    attached.checkNoGradient('putBack');
    attached.checkOwnWeights('putBack', 'Let use() return first: it gives the weights back.');
    attached.shadows.checkModel();
    if (!attached.hasStarted(selected, 'putBack', 'the model keeps its own weights')) return;
    attached.settle(selected);
  }

  /**
   * Lets averages begin anew from the weights of now, as at `start`: warm-up and shapes count from there. For the mean of each window of a run
   * (read, then reset), or after a teacher became the student. Best averages stay. Before the first step, and up to `start`, nothing is different.
   * @param which one or some of the averages; the others are untouched, to the bit, and no decay is synthesized of averages that began at
   *   different times. @defaultValue all: `steps` and `updates` are counted anew, too
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
   * @throws {@link EmaError} NON_FINITE — by the option `nonFinite`; nothing was changed.
   * @throws {@link EmaError} SWAPPED_IN, NOT_ATTACHED, DISPOSED, POISONED, WEIGHT_DISPOSED
   */
  reset(which?: TrackedWhich | readonly TrackedWhich[]): void {
    const attached = this.#averaging.live('reset');
    attached.checkOwnWeights('reset', 'Let use() return first: it gives the weights back.');
    const named = which === undefined || isList(which) ? which : [which];
    attached.beginAnew(named?.map((one) => this.#averaging.indexOf(one)));
  }

  /**
   * A second model that has the weights of an average: a teacher for consistency losses, a target network, a model to serve. Its
   * weights are its own; `refresh()` takes the average of that moment.
   * @param which the average; `'best'` is looked up anew at each refresh. Or weights as in {@link WeightEma.use}, which must exist at each.
   * @returns the twin, which the caller disposes.
   * @throws {@link EmaError} INVALID_ARGUMENT — no such average, or a layer of your own that is not registered.
   * @throws {@link EmaError} NO_LAYERS_MODEL — variables are attached.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED
   */
  async asModel(which: Which | NamedTensorMap): Promise<AverageTwin> {
    return onDemand(({ asModel }) => asModel(this.#averaging, which));
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
  async recomputeBatchNorm(data: InputData, options: RecomputeOptions = {}): Promise<void> {
    return onDemand(({ recompute }) => recompute(this.#averaging, data, options));
  }

  /**
   * Compares the weights with every average, one pass over both: norms, distances, angles, elements that are not finite or that rounding
   * holds back, drift against noise by layer. What is wrong is in `health`, and warned of once each. It waits for the device, and moves nothing.
   * @throws {@link EmaError} SWAPPED_IN — called inside of `use()`: weights and averages are mixed up there.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED, WEIGHT_DISPOSED
   */
  diagnose(): Diagnosis {
    const attached = this.#averaging.live('diagnose');
    attached.checkOwnWeights('diagnose', 'Let use() return first: it gives the weights back.');
    return attached.looks.look();
  }

  /**
   * What there is to know of the run so far: facts, metrics by epoch, distances, drift against noise, warnings; as data, and as a table:
   * ``console.log(`${ema.report()}`)``. `tfjs-ema/report` draws and saves it.
   */
  report(): EmaReport {
    const diagnoses = [...(this.#averaging.attached?.looks.summaries ?? [])];
    return new EmaReport({ ...reportedOf(this), diagnoses });
  }

  /**
   * Saves the model with an average in place of its weights: a plain tfjs model, loadable without this package. How it was made is in
   * `tfjsEma` of its `userDefinedMetadata`, beside the model's own: {@link Provenance}.
   *
   * A folder is written so that after any crash it holds the old model or the new one, whole; other files in it stay. Equal averages give
   * equal files: no date is in them. tfjs applies the constraints of layers when it loads a model: `constraints: 'apply'` saves an average
   * that satisfies them, and a warning says where that matters.
   *
   * All of it is of the moment of the call, also inside of `use()`, and training may go on before it is written; but for the first call in a
   * browser's bundle, which fetches what it needs before. Only with `includeOptimizer` the average stands in the model's place meanwhile. Await
   * these before the next step.
   * @param which the average; or weights as in {@link WeightEma.use}.
   * @param target a URL such as `file://folder`, or a handler of tfjs.
   * @param config options of `model.save`.
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average, an option is wrong, or tfjs knows no way to write there.
   * @throws {@link EmaError} CHECKPOINT — the folder cannot be written; an older model in it is as before.
   * @throws {@link EmaError} NO_LAYERS_MODEL — variables are attached: `read()` the tensors, or `saveCheckpoint`.
   * @throws {@link EmaError} ENGINE_UNAVAILABLE — tensors cannot be read in this browser.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED, WEIGHT_DISPOSED, MODEL_CHANGED; with `includeOptimizer` as {@link WeightEma.use}
   */
  async saveModel(which: Which | NamedTensorMap, target: SaveTarget, config?: io.SaveConfig): Promise<io.SaveResult> {
    return onDemand(({ saveModel }) => saveModel(this.#averaging, { which, target, config }));
  }

  /**
   * Saves all averages and where averaging stands, steps between updates included, as a safetensors file: the new file replaces
   * the old one at once and whole. The weights of the model and the optimizer's state are not in it: save them beside it.
   * @param path the file; its folder must exist.
   * @param options whether the weights of the best averages are saved too.
   * @throws {@link EmaError} CHECKPOINT — it cannot be written; an older file of this name is as before.
   * @throws {@link EmaError} INVALID_ARGUMENT — an option is wrong, or it is no path.
   * @throws {@link EmaError} MISSING_PACKAGE — there are no files here, as in a browser.
   * @throws {@link EmaError} ENGINE_UNAVAILABLE — tensors cannot be read in this browser.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED
   */
  async saveCheckpoint(path: string, options: CheckpointOptions = {}): Promise<void> {
    return onDemand(({ saveCheckpoint }) => saveCheckpoint(this.#averaging, path, options));
  }

  /**
   * The same as a Blob, for where there are no files: to be put into IndexedDB, downloaded or sent.
   * @param options whether the weights of the best averages are saved too.
   * @returns what {@link WeightEma.loadCheckpoint} takes.
   * @throws {@link EmaError} INVALID_ARGUMENT — an option is wrong.
   * @throws {@link EmaError} ENGINE_UNAVAILABLE — tensors cannot be read in this browser.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED
   */
  async checkpoint(options: CheckpointOptions = {}): Promise<Blob> {
    return onDemand(({ checkpoint }) => checkpoint(this.#averaging, options));
  }

  /**
   * Goes on from a checkpoint: averaging then gives, to the bit, what it would have given without the interruption, once
   * the model has its weights of that moment again. All or nothing: every byte is checked before an average changes.
   *
   * Before `attach` (a callback is attached by `fit`) the checkpoint waits: `attach` takes it over, or throws what would be thrown here, so
   * that `fit` fails before it trains.
   * @param source a file of `saveCheckpoint`, or a Blob of `checkpoint`, which a File is too.
   * @throws {@link EmaError} CHECKPOINT — it cannot be read, is damaged, or is of another version, model or schedule; the
   *   message lists the differences, and nothing was changed.
   * @throws {@link EmaError} INVALID_ARGUMENT — the source is none; MISSING_PACKAGE — it is a path, and there are no files here.
   * @throws {@link EmaError} DISPOSED, POISONED
   */
  async loadCheckpoint(source: string | Blob): Promise<void> {
    return onDemand(({ loadCheckpoint }) => loadCheckpoint(this.#averaging, source));
  }

  /**
   * Saves a run to go on from: the model with its optimizer, all averages, their counters and bests, and how many epochs of `fit` have
   * ended, all of one moment, in one folder. After any crash the folder holds the run of before or the new one, whole. It is a plain tfjs
   * model, too: `tf.loadLayersModel('file://run/model.json')`.
   *
   * It may be called at any time, also while an average stands in the model's place: the model's own weights are saved. In the middle of an
   * epoch, as on Ctrl-C, the epoch counts as not begun, and is trained anew from these weights:
   * `process.once('SIGINT', async () => { await ema.saveRun('run'); process.exit(130); })`.
   *
   * Not in it: the order of the data, which `fit` shuffles by `Math.random`; masks of dropout without a seed; states of stateful layers;
   * other callbacks, such as `earlyStopping`. Without these the resumed run gives, to the bit, what the run would have given.
   * @param folder made where it does not exist; files of other kinds in it stay.
   * @throws {@link EmaError} CHECKPOINT — it cannot be written; an older run in it is as before.
   * @throws {@link EmaError} NO_LAYERS_MODEL — variables are attached: `saveCheckpoint`.
   * @throws {@link EmaError} INVALID_ARGUMENT — it is no folder; MISSING_PACKAGE — there are no files here, as in a browser.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED, MODEL_CHANGED, WEIGHT_DISPOSED
   */
  async saveRun(folder: string): Promise<void> {
    return onDemand(({ saveRun }) => saveRun(this.#averaging, folder));
  }

  /**
   * Goes on from a folder of `saveRun`, all or nothing: every byte is checked before anything changes.
   * @param folder the folder.
   * @param model a compiled model of the same architecture, which is given the saved weights and the state of the optimizer, its learning
   *   rate included. Needed where a loss or a metric is a function. @defaultValue the attached model, or else the saved one, made anew
   * @returns the model and the epoch to go on with; undefined where the folder holds no model, or does not exist. Averages that are not
   *   attached yet go on when they are attached to this model, by `fit` or `attach`, which throws where they do not fit its options.
   * @throws {@link EmaError} CHECKPOINT — it cannot be read, is damaged, or is of another model or other options.
   * @throws {@link EmaError} INVALID_ARGUMENT — `model` is needed, or is none.
   * @throws {@link EmaError} NO_LAYERS_MODEL — variables are attached.
   * @throws {@link EmaError} MISSING_PACKAGE — there are no files here, as in a browser.
   * @throws {@link EmaError} DISPOSED, POISONED, SWAPPED_IN, MODEL_CHANGED, WEIGHT_DISPOSED
   * @example
   * ```ts
   * const ema = new WeightEma(tf, { decays: [0.999] });
   * const { model, initialEpoch } = (await ema.resume('run')) ?? { model: makeModel(), initialEpoch: 0 };
   * const save = new tf.CustomCallback({ onEpochEnd: () => ema.saveRun('run') });
   * await model.fit(x, y, { epochs: 20, initialEpoch, callbacks: [ema.callback(), save] });
   * ```
   */
  async resume(folder: string, model?: LayersModel): Promise<Resumed | undefined> {
    return onDemand(({ resume }) => resume(this.#averaging, folder, model));
  }

  /**
   * Releases the averages; the model keeps its weights. A second call does nothing.
   * @throws {@link EmaError} SWAPPED_IN — called inside `use()`.
   */
  dispose(): void {
    if (this.#averaging.isDisposed) return;
    if (this.#averaging.attached?.scope.isOpen === true)
      throw swappedIn('dispose', 'Let use() return first: it gives the weights back.');
    this.#averaging.dispose();
  }

  /**
   * What fit calls where it is given this object itself as a callback.
   * @internal
   */
  setParams(): never {
    return refuse();
  }

  /** @internal */
  onTrainBegin(): never {
    return refuse();
  }

  /** @internal */
  [inspect](): string {
    const run = this.#averaging.isDisposed ? 'disposed' : `${this.steps} steps, ${this.updates} updates`;
    return `WeightEma { ${this.labels.join(', ') || 'decays by the length of the run'}; ${run}; ${this.engine ?? 'not attached'} }`;
  }

  #forFit(): FitAverages {
    const averaging = this.#averaging;
    return {
      get decays() {
        return averaging.options.decays;
      },
      get labels() {
        return averaging.labels;
      },
      get bests() {
        return averaging.bests.records;
      },
      begin: (model, fit, isMeasuredByFunction) => averaging.begin(model, fit, isMeasuredByFunction),
      checkTrainable: () => averaging.checkTrainable(),
      checkMeasurable: () => averaging.checkMeasurable(),
      update: () => this.update(),
      epochsEnded: (count) => averaging.epochsEnded(count),
      use: (which, fn) => averaging.use(which, fn),
      useOwn: (fn) => averaging.live('validate').usingOwn(fn),
      take: (measured, judged) => averaging.take(measured, judged),
      saveModel: (which, target) => this.saveModel(which, target),
      warn: (message) => averaging.warnings.add(message),
      warnAtOnce: (message) => averaging.warnings.addAtOnce(message),
      inspect: () => this[inspect](),
    };
  }
}

function isList(which: TrackedWhich | readonly TrackedWhich[]): which is readonly TrackedWhich[] {
  return Array.isArray(which);
}

function refuse(): never {
  throw new EmaError(
    'CALLBACK_MISUSE',
    'fit was given a WeightEma. Give it the callback: callbacks: [ema.callback()].',
  );
}
