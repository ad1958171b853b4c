// Averages in the weights' place, for a while: exchange, and restoring to the bit.
// Knows no averages: it is given tensors and variables.

import type { NamedTensorMap, Tensor, Variable } from '@tensorflow/tfjs';
import { EmaError } from '../base/errors.js';
import { isAlive, type Tfjs } from '../tfjs/backend.js';
import { valueBeneath, valueKey } from '../tfjs/states.js';
import type { Weight } from './weights.js';

/** Every variable in whose place another value stands now, whichever average put it there, and its own value. */
const swapped = new Map<Variable, Tensor>();

/** Whether any of these weights is swapped out now, by any average of this process. */
export function isSwapped(weights: readonly Weight[]): boolean {
  return swapped.size > 0 && weights.some(({ variable }) => swapped.has(variable));
}

/** A weight's own value, also while an average stands in its place, or a run that is undone wrote over it: it stays its owner's. */
export function ownValue({ variable }: Weight): Tensor {
  return swapped.get(variable) ?? valueBeneath(variable);
}

/** What restoring found. */
export interface Restored {
  /** Values that somebody wrote over the swapped-in ones, by weight; the receiver disposes them. */
  readonly overwritten: NamedTensorMap;
  /** Whether one of these is trainable: then it can have been training. */
  readonly isTrained: boolean;
  /** Names of weights that were disposed meanwhile. */
  readonly disposed: readonly string[];
}

/** Other values in the place of weights. */
export class Swap {
  readonly #tf: Tfjs;
  readonly #weights: readonly Weight[];
  readonly #backups: readonly Tensor[];
  readonly #shown: readonly object[];

  /**
   * Puts values into the weights' place; on failure the weights are as before.
   *
   * By `Variable.assign`, and not `setWeights`, which applies constraints. The backup is a clone: a reference to the same
   * memory, not a copy (but on the backend wasm), so that restoring is exact to the bit and costs nothing.
   * @param values one per weight, of its shape; taken over and disposed in any case.
   */
  constructor(tf: Tfjs, weights: readonly Weight[], values: readonly Tensor[]) {
    this.#tf = tf;
    this.#weights = weights;
    const backups: Tensor[] = [];
    try {
      for (const { variable } of weights) backups.push(tf.keep(variable.clone()));
      weights.forEach(({ variable }, index) => {
        const value = values[index];
        if (value !== undefined) variable.assign(value);
      });
    } catch (error) {
      backups.forEach((backup, index) => {
        weights[index]?.variable.assign(backup);
      });
      tf.dispose(backups);
      throw error;
    } finally {
      tf.dispose([...values]);
    }
    this.#backups = backups;
    this.#shown = weights.map(({ variable }) => valueKey(variable));
    weights.forEach(({ variable }, index) => {
      swapped.set(variable, backups[index] ?? variable);
    });
  }

  /** Gives every weight its own value back, also where it fails to take down what was written over. To be called once. */
  restore(): Restored {
    const overwritten: NamedTensorMap = {};
    const disposed: string[] = [];
    const failures: unknown[] = [];
    let isTrained = false;
    this.#weights.forEach(({ name, variable }, index) => {
      const backup = this.#backups[index];
      if (!isAlive(this.#tf, variable)) {
        disposed.push(name);
      } else if (backup !== undefined) {
        try {
          if (valueKey(variable) !== this.#shown[index]) {
            isTrained ||= variable.trainable;
            overwritten[name] = this.#tf.keep(variable.clone());
          }
        } catch (error) {
          failures.push(error);
        }
        variable.assign(backup);
      }
      backup?.dispose();
      swapped.delete(variable);
    });
    if (failures.length === 0) return { overwritten, isTrained, disposed };
    this.#tf.dispose(overwritten);
    throw failures[0];
  }

  /** Leaves the values where they are, for good. To be called once, instead of `restore`. */
  settle(): void {
    this.#tf.dispose([...this.#backups]);
    for (const { variable } of this.#weights) swapped.delete(variable);
  }
}

/** What a {@link SwapScope} ends: it is told what was returned, of a promise what that became. */
export interface Restorable {
  restore(returned: unknown): Restored;
}

/** The error for what must not happen while an average stands in the weights' place. */
export function swappedIn(method: string, fix: string): EmaError {
  return new EmaError('SWAPPED_IN', `${method}: an average stands in the place of the model's weights. ${fix}`);
}

/** Runs functions inside of a {@link Swap}, one at a time, and ends it whatever they do. */
export class SwapScope {
  readonly #tf: Tfjs;
  #swap: Restorable | undefined;
  #overwritten: NamedTensorMap = {};
  readonly #onWrite: (message: string) => void;

  /** @param onWrite receives a warning where weights were written that no training writes. @defaultValue nothing */
  constructor(tf: Tfjs, onWrite: (message: string) => void = () => undefined) {
    this.#tf = tf;
    this.#onWrite = onWrite;
  }

  /** Whether a function runs in a swap now. */
  get isOpen(): boolean {
    return this.#swap !== undefined;
  }

  /** Values that were written over swapped-in ones, by weight, the last time this happened. */
  get overwritten(): Readonly<NamedTensorMap> {
    return this.#overwritten;
  }

  /**
   * Runs `fn` and restores the weights when it, or its promise, is done.
   * @param swap taken over.
   * @throws {@link EmaError} SWAPPED_IN — the weights were changed meanwhile; WEIGHT_DISPOSED — one of them was disposed.
   */
  run<R>(swap: Restorable, fn: () => R): R;
  run<R>(swap: Restorable, fn: () => R | Promise<R>): R | Promise<R> {
    this.#swap = swap;
    let result: R | Promise<R>;
    try {
      result = fn();
    } catch (error) {
      this.#close(undefined, { cause: error });
      throw error;
    }
    if (!isPromise(result)) {
      this.#close(result);
      return result;
    }
    return result.then(
      (value) => {
        this.#close(value);
        return value;
      },
      (error: unknown) => {
        this.#close(undefined, { cause: error });
        throw error;
      },
    );
  }

  /**
   * Runs `fn` while it writes over the swapped-in values on purpose.
   * @param swap taken over.
   * @returns what it wrote, by weight; the caller disposes it.
   * @throws {@link EmaError} WEIGHT_DISPOSED — a weight was disposed meanwhile.
   */
  async capture(swap: Swap, fn: () => Promise<void>): Promise<NamedTensorMap> {
    this.#swap = swap;
    let restored: Restored | undefined;
    let isDone = false;
    try {
      await fn();
      isDone = true;
    } finally {
      this.#swap = undefined;
      restored = swap.restore();
      if (!isDone) this.#tf.dispose(restored.overwritten);
    }
    const [gone] = restored.disposed;
    if (gone === undefined) return restored.overwritten;
    this.#tf.dispose(restored.overwritten);
    throw disposedMeanwhile(gone);
  }

  /** Releases what `overwritten` holds. */
  dispose(): void {
    this.#tf.dispose(this.#overwritten);
    this.#overwritten = {};
  }

  #close(returned: unknown, options?: ErrorOptions): void {
    const swap = this.#swap;
    this.#swap = undefined;
    const restored = swap?.restore(returned);
    if (restored === undefined) return;
    const names = Object.keys(restored.overwritten);
    if (names.length > 0) {
      this.dispose();
      this.#overwritten = restored.overwritten;
      const changed = `use: ${names.length} weights (first '${names[0]}') were changed while an average stood in their place`;
      const values =
        'The model has its own weights from before use() again; the values written meanwhile are in `overwritten`.';
      const leftOut = `exclude: ['${names[0]}'] leaves it out of the averages`;
      if (restored.isTrained) {
        const causes = `something trained the model or set its weights, or a layer writes its weight when it is called (${leftOut})`;
        const slots = 'An optimizer that ran keeps the state of those steps.';
        throw new EmaError('SWAPPED_IN', `${changed}: ${causes}. ${values} ${slots}`, options);
      }
      const causes = `a layer writes its weight when it is called (${leftOut}, batchNorm: 'copy' all that are not trained), or it was set`;
      this.#onWrite(`${changed}: ${causes}. ${values}`);
    }
    const [gone] = restored.disposed;
    if (gone !== undefined) throw disposedMeanwhile(gone, options);
  }
}

function disposedMeanwhile(name: string, options?: ErrorOptions): EmaError {
  return new EmaError(
    'WEIGHT_DISPOSED',
    `use: weight '${name}' was disposed while an average stood in its place.`,
    options,
  );
}

/** By its shape: there are promises of other libraries, and of other realms. */
function isPromise<R>(value: R | Promise<R>): value is Promise<R> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
