// What a model keeps outside of its averaged weights and moves when it runs: states of recurrent layers, seeds, weights that a layer writes.
// Runs no model, and knows no averages.

import type { LayersModel, Tensor, Variable } from '@tensorflow/tfjs';
import { isAlive, type Tfjs } from './backend.js';
import { findKept, type Kept, putKept, tensorsIn, withTensors } from './layers.js';

/**
 * States of a model that runs go on from, while the model itself keeps its own.
 *
 * They begin as those that the model has at the first run. So every candidate of a measurement begins with the same, each goes on from
 * batch to batch, and training finds the model as it left it: the very same tensors, which nothing wrote to or disposed.
 */
export class States {
  readonly #tf: Tfjs;
  readonly #model: LayersModel;
  readonly #spared: ReadonlySet<Variable>;
  #kept: Kept | undefined;
  /** Values that runs wrote into variables. */
  readonly #written = new Map<Variable, Tensor>();
  /** Tensors in {@link States.#kept} that nobody but these states has. */
  #owned: ReadonlySet<Tensor> = new Set();

  /** @param spared weights that somebody else looks after: what a run writes into them stays. @defaultValue none */
  constructor(tf: Tfjs, model: LayersModel, spared: readonly Variable[] = []) {
    this.#tf = tf;
    this.#model = model;
    this.#spared = new Set(spared);
  }

  /** Runs the model from these states. */
  run<R>(fn: () => R): R {
    const leave = this.enter();
    try {
      return fn();
    } finally {
      leave();
    }
  }

  /**
   * Puts these states into the model.
   * @returns gives the model its own back, and takes over what became of these. To be called once.
   */
  enter(): () => void {
    const { kept, variables } = findKept(this.#tf, this.#model);
    const backups = new Map<Variable, Tensor>();
    for (const variable of variables) {
      const isMeant = !this.#spared.has(variable) && isAlive(this.#tf, variable);
      if (isMeant) backups.set(variable, this.#tf.keep(variable.clone()));
    }
    this.#kept ??= this.#copied(kept);
    const first = this.#nextId();
    putKept(this.#tf, this.#kept);
    for (const [variable, value] of this.#written) if (backups.has(variable)) variable.assign(value);
    return () => {
      this.#take(first);
      putKept(this.#tf, kept);
      for (const [variable, backup] of backups) this.#giveBack(variable, backup);
    };
  }

  /** Releases the states, but for tensors that somebody got: one, or those in a list or an object. */
  dispose(given?: unknown): void {
    const values: readonly unknown[] =
      typeof given === 'object' && given !== null ? [given, ...Object.values(given)] : [];
    this.#release([...this.#owned].filter((tensor) => !values.includes(tensor)));
    this.#tf.dispose([...this.#written.values()]);
    this.#owned = new Set();
    this.#written.clear();
    this.#kept = undefined;
  }

  /** The states of the model in tensors of our own: a layer disposes those that it replaces. */
  #copied(kept: Kept): Kept {
    const tensors = [...tensorsIn(this.#tf, kept)].filter((tensor) => isAlive(this.#tf, tensor));
    const copies = new Map(tensors.map((tensor) => [tensor, this.#tf.keep(tensor.clone())]));
    this.#owned = new Set(copies.values());
    return withTensors(this.#tf, kept, copies);
  }

  /** Takes what is in the model now. What was made since `first` is nobody else's; what is not kept any more is released. */
  #take(first: number): void {
    const { kept } = findKept(this.#tf, this.#model);
    const tensors = [...tensorsIn(this.#tf, kept)].filter((tensor) => isAlive(this.#tf, tensor));
    const owned = new Set(tensors.filter((tensor) => tensor.id >= first || this.#owned.has(tensor)));
    this.#release([...this.#owned].filter((tensor) => !owned.has(tensor)));
    this.#owned = owned;
    this.#kept = kept;
  }

  #giveBack(variable: Variable, backup: Tensor): void {
    if (isAlive(this.#tf, variable) && variable.dataId !== backup.dataId) {
      this.#written.get(variable)?.dispose();
      this.#written.set(variable, this.#tf.keep(variable.clone()));
      variable.assign(backup);
    }
    backup.dispose();
  }

  #release(tensors: Iterable<Tensor>): void {
    for (const tensor of tensors) if (isAlive(this.#tf, tensor)) tensor.dispose();
  }

  /** Tensors are numbered in the order in which they are made. */
  #nextId(): number {
    const probe = this.#tf.scalar(0);
    probe.dispose();
    return probe.id;
  }
}
