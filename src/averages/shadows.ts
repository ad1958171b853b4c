// The shadows of one model: pairing with its live weights, updates, reading, swapping, ownership.
// Knows no schedule: it is told the alphas.

import type { LayersModel, NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { EmaError } from '../base/errors.js';
import { type ChosenShadows, createShadows } from '../engine/choice.js';
import type { Comparing, EngineChoice, Precision } from '../engine/contract.js';
import { AlphaSpread, type LayerRule } from '../model/alpha-spread.js';
import { type ConstraintPolicy, constrained } from '../model/constraints.js';
import { allFinite, firstNonFinite } from '../model/finite.js';
import { ownValue, Swap } from '../model/swap.js';
import { isLayersModel, type ModelSource } from '../model/variables.js';
import {
  type BatchNormPolicy,
  checkSameWeights,
  collectWeights,
  disposed,
  type ModelWeights,
  type Selection,
  type Weight,
} from '../model/weights.js';
import { isAlive, isInside, offTape, type Tfjs } from '../tfjs/backend.js';

/** What is kept of an average. */
export type Part = 'high' | 'low';

/** An average by its index, or a combination of all by their coefficients. */
export type Source = number | readonly number[];

/** One per average, and after them as many for each rule of `layerDecays`. */
export type Alphas = readonly number[];

/** Which weights are averaged, into how many averages, and how they are kept. */
export interface ModelShadowOptions extends Selection {
  /** One per average: their number is all that is used. */
  readonly decays: readonly number[];
  readonly layerRules: readonly LayerRule[];
  readonly batchNorm: BatchNormPolicy;
  readonly constraints: ConstraintPolicy;
  readonly precision: Precision;
  readonly engine: EngineChoice;
}

/** The averages of a model's weights. */
export class ModelShadows {
  /** The model's weights. */
  readonly weights: ModelWeights;
  readonly #tf: Tfjs;
  #model: ModelSource;
  readonly #chosen: ChosenShadows;
  readonly #isCompensated: boolean;
  // The live variables, in the engine's order: the objects stay, their data changes with every optimizer step.
  readonly #variables: readonly Tensor[];
  readonly #appliesConstraints: boolean;
  readonly #spread: AlphaSpread;
  // Alphas by which nothing moves.
  readonly #still: readonly number[];

  /**
   * Copies the model's weights into K averages.
   * @throws {@link EmaError} MODEL_NOT_BUILT, WEIGHT_DISPOSED, ENGINE_UNAVAILABLE
   */
  constructor(tf: Tfjs, model: ModelSource, options: ModelShadowOptions) {
    this.#tf = tf;
    this.#model = model;
    this.#isCompensated = options.precision === 'compensated';
    this.weights = collectWeights(tf, model, options);
    this.#variables = this.weights.averaged.map(({ variable }) => variable);
    this.#appliesConstraints = options.constraints === 'apply';
    const names = this.weights.averaged.map(({ name }) => name);
    const { engine, precision, decays } = options;
    this.#spread = new AlphaSpread(names, options.layerRules, decays.length);
    this.#still = decays.map(() => 0);
    const rows = { weights: this.#variables, averages: decays.length, precision };
    this.#chosen = offTape(tf, () => createShadows(tf, engine, rows));
  }

  /** The model whose weights are averaged: of several that share them, the one that was trained last. */
  get model(): ModelSource {
    return this.#model;
  }

  /** Who runs the updates, and why. */
  get engine(): Pick<ChosenShadows, 'engine' | 'reason'> {
    return this.#chosen;
  }

  /** Bytes that the averages occupy. */
  get bytes(): number {
    return this.#chosen.shadows.bytes;
  }

  /** Whether every averaged weight still exists. */
  get isAlive(): boolean {
    return this.#firstDisposed() === undefined;
  }

  /** @throws {@link EmaError} WEIGHT_DISPOSED — names the first averaged weight that does not exist any more. */
  checkAlive(): void {
    const gone = this.#firstDisposed();
    if (gone !== undefined) throw disposed(gone);
  }

  /**
   * Moves every average towards the live weights.
   * @throws {@link EmaError} WEIGHT_DISPOSED, NATIVE_FAILURE — nothing moved.
   * @throws {@link EmaError} POISONED — the averages can no longer be trusted.
   */
  update(alphas: Alphas): void {
    this.#move(this.#variables, alphas);
  }

  /** Whether every live weight that is averaged is a number throughout. */
  isFinite(): boolean {
    return allFinite(this.#tf, this.#ownValues());
  }

  /** The name of the first live weight that is not. */
  firstNonFinite(): string | undefined {
    return this.weights.averaged[firstNonFinite(this.#tf, this.#ownValues())]?.name;
  }

  /**
   * An average by weight name, with copies of the live weights that are not averaged: a complete model. The caller disposes it.
   * Works also after the model was disposed.
   * @param source index of the average, or coefficients of a combination, one per average.
   * @param ahead alphas of an update that is not made: the average as it would be after it. @defaultValue as it is
   */
  read(source: Source, ahead?: Alphas): NamedTensorMap {
    return this.#fresh(() => this.#presented(this.#combine(source, ahead)));
  }

  /**
   * The model's own weights by name, also while an average stands in their place; complete as {@link ModelShadows.read}.
   * @throws {@link EmaError} WEIGHT_DISPOSED
   */
  own(): NamedTensorMap {
    this.checkAlive();
    return this.#fresh(() => this.#ownValues().map((value) => value.clone()));
  }

  /** In the order of `model.getWeights()`, which is not that of the layers: so the values alone fit `setWeights`, too. */
  inOrder(named: NamedTensorMap): NamedTensorMap {
    if (!isLayersModel(this.#tf, this.#model)) return named;
    const places = new Map(this.#model.weights.map((weight, index) => [weight, index]));
    const placeOf = ({ layerVariable }: Weight): number =>
      (layerVariable === undefined ? undefined : places.get(layerVariable)) ?? places.size;
    const weights = [...this.weights.averaged, ...this.weights.live].sort((a, b) => placeOf(a) - placeOf(b));
    return Object.fromEntries(weights.flatMap(({ name }) => (named[name] === undefined ? [] : [[name, named[name]]])));
  }

  /**
   * Puts an average into the weights' place.
   * @param source as in {@link ModelShadows.read}, or values by weight name, which stay the caller's.
   * @param ahead as in {@link ModelShadows.read}; of an average of here.
   * @returns the swap, whose `restore()` gives the weights back.
   * @throws {@link EmaError} WEIGHT_DISPOSED — a weight is gone; nothing was swapped.
   */
  swapIn(source: Source | NamedTensorMap, ahead?: Alphas): Swap {
    if (!isSource(source)) {
      const named = this.#named(source);
      return new Swap(
        this.#tf,
        named.map(({ weight }) => weight),
        this.#tf.tidy(() => named.map(({ value }) => value.clone())),
      );
    }
    this.checkAlive();
    const values = this.#tf.tidy(() => [...this.#presented(this.#combine(source, ahead))]);
    return new Swap(this.#tf, this.weights.averaged, values);
  }

  /**
   * Gives the model's weights other values, for good.
   * @param source by weight name; they stay the caller's.
   * @throws {@link EmaError} WEIGHT_DISPOSED — a weight is gone; nothing was changed.
   */
  assign(source: NamedTensorMap): void {
    this.swapIn(source).settle();
  }

  /**
   * Checks that a model has the weights that are averaged here: the attached one, or one that shares all its layers.
   * @throws {@link EmaError} MODEL_CHANGED
   */
  checkModel(model: ModelSource = this.#model): void {
    checkSameWeights(this.#tf, this.weights, model);
  }

  /**
   * Goes over to the model that is trained now: each compile of a Sequential makes another one inside of it.
   * @throws {@link EmaError} MODEL_CHANGED — it has other weights.
   */
  follow(model: LayersModel): void {
    this.checkModel(model);
    if (!isInside(this.#model, model)) this.#model = model;
  }

  /**
   * Values of an average in memory of the caller's, in the order of `weights.averaged`.
   * @param part `'low'`: what compensation keeps, only with `precision: 'compensated'`.
   */
  values(average: number, part: Part): Float32Array[] {
    const tensors = this.#readPart(average, part);
    try {
      return tensors.map((tensor) => Float32Array.from(tensor.dataSync<'float32'>()));
    } finally {
      this.#tf.dispose(tensors);
    }
  }

  /**
   * Figures of every averaged weight beside every average, as `Shadows.statistics`; nothing moves.
   * @param comparing its alphas as in {@link ModelShadows.update}.
   * @throws {@link EmaError} WEIGHT_DISPOSED
   */
  statistics({ next, ahead, from }: Comparing): Float32Array {
    this.checkAlive();
    const spread = { next: this.#spread.of(next), ahead: ahead && this.#spread.of(ahead), from };
    return this.#chosen.shadows.statistics(this.#variables, spread);
  }

  /**
   * Overwrites an average.
   * @param values one per weight of `weights.averaged`, of its size.
   */
  overwrite(average: number, part: Part, values: readonly Float32Array[]): void {
    this.#tf.tidy(() => {
      const tensors = this.#variables.map(({ shape }, index) => this.#tf.tensor(values[index] ?? [], shape, 'float32'));
      this.#chosen.shadows.write(average, tensors, part);
    });
  }

  /**
   * Overwrites some weights of an average.
   * @param source by weight name; they stay the caller's.
   */
  patch(average: number, source: NamedTensorMap): void {
    for (const part of this.#isCompensated ? (['high', 'low'] as const) : (['high'] as const)) {
      this.#tf.tidy(() => {
        const next = this.#readPart(average, part).map((value, index) => {
          const other = source[this.weights.averaged[index]?.name ?? ''];
          return other === undefined || part === 'high' ? (other ?? value) : this.#tf.zeros(other.shape);
        });
        this.#chosen.shadows.write(average, next, part);
      });
    }
  }

  /** Releases the averages. */
  dispose(): void {
    this.#chosen.shadows.dispose();
  }

  #move(towards: readonly Tensor[], alphas: Alphas): void {
    try {
      offTape(this.#tf, () => this.#chosen.shadows.update(towards, this.#spread.of(alphas)));
    } catch (error) {
      // Looked for only now: before each update it would cost a lookup per weight.
      const name = this.#firstDisposed();
      throw name === undefined || isPoison(error) ? error : disposed(name, error);
    }
  }

  /** An average as others see it: by policy, with the constraints of its layers. It takes the values over. */
  #presented(values: readonly Tensor[]): readonly Tensor[] {
    return this.#appliesConstraints ? constrained(this.#tf, this.weights.averaged, values) : values;
  }

  /** A complete model of values that `make` gives. No gradient runs through it: what is read is a constant to whoever trains. */
  #fresh(make: () => readonly Tensor[]): NamedTensorMap {
    return offTape(this.#tf, () => this.#tf.tidy(() => this.#complete(make())));
  }

  #complete(values: readonly Tensor[]): NamedTensorMap {
    const { averaged, live } = this.weights;
    const named: NamedTensorMap = {};
    averaged.forEach(({ name }, index) => {
      const value = values[index];
      if (value !== undefined) named[name] = value;
    });
    for (const weight of live) {
      if (isAlive(this.#tf, weight.variable)) named[weight.name] = ownValue(weight).clone();
    }
    return this.inOrder(named);
  }

  #combine(source: Source, ahead: Alphas | undefined): Tensor[] {
    const { shadows } = this.#chosen;
    const coefficients = typeof source === 'number' ? this.#still.map((_, k) => (k === source ? 1 : 0)) : source;
    if (ahead !== undefined && this.isAlive)
      return shadows.combine(coefficients, this.#ownValues(), this.#spread.of(ahead));
    return this.#shaped((like) => shadows.combine(coefficients, like, this.#still));
  }

  #readPart(average: number, part: Part): Tensor[] {
    return this.#shaped((like) => this.#chosen.shadows.read(average, like, part));
  }

  /** Reads with the weights, or where they are gone, and with them the shapes that the engine asks for, with stand-ins of zeros. */
  #shaped(read: (like: readonly Tensor[]) => Tensor[]): Tensor[] {
    return this.#tf.tidy(() =>
      read(this.isAlive ? this.#variables : this.#variables.map(({ shape }) => this.#tf.zeros(shape))),
    );
  }

  /** The weights, also while an average stands in their place: it is not what averages move towards. */
  #ownValues(): Tensor[] {
    return this.weights.averaged.map(ownValue);
  }

  #named(source: NamedTensorMap): { readonly weight: Weight; readonly value: Tensor }[] {
    const named = [...this.weights.averaged, ...this.weights.live].flatMap((weight) => {
      const value = source[weight.name];
      return value === undefined ? [] : [{ weight, value }];
    });
    const gone = named.find(({ weight }) => !isAlive(this.#tf, weight.variable));
    if (gone !== undefined) throw disposed(gone.weight.name);
    return named;
  }

  #firstDisposed(): string | undefined {
    return this.weights.averaged.find(({ variable }) => !isAlive(this.#tf, variable))?.name;
  }
}

function isSource(source: Source | NamedTensorMap): source is Source {
  return typeof source === 'number' || Array.isArray(source);
}

function isPoison(error: unknown): boolean {
  return error instanceof EmaError && error.code === 'POISONED';
}
