// What a model keeps outside of its averaged weights and moves when it runs: states of recurrent layers, seeds, weights that a layer writes.
// Runs no model, and knows no averages.

import type { LayersModel, Tensor, Variable } from '@tensorflow/tfjs';
import { isAlive, nextTensorId, type Tfjs } from './backend.js';
import { reachable } from './data.js';
import { findKept, type Kept, putKept, tensorsIn, withTensors } from './layers.js';

/** Variables whose own values {@link States} keep now, and these: the first to keep one has it. */
const ownValues = new Map<Variable, Tensor>();

/** A variable's own value, also while a run from {@link States} may have written over it: it stays its owner's. */
export function valueBeneath(variable: Variable): Tensor {
  return ownValues.get(variable) ?? variable;
}

/** Data of values that were given back as copies, and the data that they are copies of: on the backend wasm a clone is one. */
const originals = new WeakMap<object, object>();

/** What tells a variable's value from another: the same before and after a run from {@link States}. */
export function valueKey({ dataId }: Variable): object {
  return originals.get(dataId) ?? dataId;
}

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
    const backups = this.#clonesOf([...variables].filter((variable) => !this.#spared.has(variable)));
    const own = new Map([...backups.keys()].map((variable) => [variable, valueKey(variable)]));
    // What can fail comes before the first change.
    try {
      this.#kept ??= this.#copied(kept);
    } catch (error) {
      this.#release(backups.values());
      throw error;
    }
    for (const [variable, backup] of backups) if (!ownValues.has(variable)) ownValues.set(variable, backup);
    const first = nextTensorId(this.#tf);
    putKept(this.#tf, this.#kept);
    for (const [variable, value] of this.#written) if (backups.has(variable)) variable.assign(value);
    return () => {
      this.#take(first);
      putKept(this.#tf, kept);
      this.#giveBack(backups, own);
    };
  }

  /** Releases the states, but for tensors that somebody got: one, or those in lists and objects, as deep as `tf.tidy` looks for them. */
  dispose(given?: unknown): void {
    // Most runs leave nothing, and what was given may be large.
    const values = this.#owned.size === 0 ? new Set() : reachable(given);
    this.#release([...this.#owned].filter((tensor) => !values.has(tensor)));
    this.#tf.dispose([...this.#written.values()]);
    this.#owned = new Set();
    this.#written.clear();
    this.#kept = undefined;
  }

  /** The states of the model in tensors of our own: a layer disposes those that it replaces. */
  #copied(kept: Kept): Kept {
    const copies = this.#clonesOf(tensorsIn(this.#tf, kept));
    this.#owned = new Set(copies.values());
    return withTensors(this.#tf, kept, copies);
  }

  /** Clones of those that still exist: all or none. They share memory, and so cost nothing, but on the backend wasm. */
  #clonesOf<T extends Tensor>(tensors: Iterable<T>): Map<T, Tensor> {
    const clones = new Map<T, Tensor>();
    try {
      for (const tensor of tensors) if (isAlive(this.#tf, tensor)) clones.set(tensor, this.#tf.keep(tensor.clone()));
    } catch (error) {
      this.#release(clones.values());
      throw error;
    }
    return clones;
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

  /** Gives variables their own values back, also where it fails to take down what was written over. */
  #giveBack(backups: ReadonlyMap<Variable, Tensor>, own: ReadonlyMap<Variable, object>): void {
    const changed = [...backups].filter(([variable]) => valueKey(variable) !== own.get(variable));
    try {
      for (const [variable, value] of this.#clonesOf(changed.map(([variable]) => variable))) {
        this.#written.get(variable)?.dispose();
        this.#written.set(variable, value);
      }
    } finally {
      for (const [variable, backup] of changed) {
        if (!isAlive(this.#tf, variable)) continue;
        variable.assign(backup);
        const key = own.get(variable);
        if (key !== undefined && key !== backup.dataId) originals.set(backup.dataId, key);
      }
      for (const [variable, backup] of backups) if (ownValues.get(variable) === backup) ownValues.delete(variable);
      this.#release(backups.values());
    }
  }

  #release(tensors: Iterable<Tensor>): void {
    for (const tensor of tensors) if (isAlive(this.#tf, tensor)) tensor.dispose();
  }
}
