// The native engine: one TensorFlow op of our own moves every average in place.
// Holds no policy; what tfjs-node hides is reached through tfjs/backend.ts only.

import type { Tensor } from '@tensorflow/tfjs';
import type { OpNames, Registration } from '../../binding.js';
import { EmaError, messageOf } from '../base/errors.js';
import {
  type Attribute,
  isAlive,
  type NodeBackend,
  nodeBackend,
  RepeatedOp,
  runOp,
  type Tfjs,
} from '../tfjs/backend.js';
import { type Addon, loadAddon } from './addon.js';
import type { Comparing, Engine, ShadowOptions, Shadows } from './contract.js';
import { STATISTICS } from './statistics.js';

/**
 * The native engine, when this process can run it.
 * @returns the engine, or why it cannot run here.
 */
export function nativeEngine(tf: Tfjs): Engine | string {
  const backend = nodeBackend(tf);
  if (typeof backend === 'string') return backend;
  const result = loadAddon();
  if ('reason' in result) return result.reason;
  try {
    return new NativeEngine(tf, backend, result.addon);
  } catch (error) {
    return `the addon could not register its ops: ${messageOf(error)}`;
  }
}

/** In what the op says when it fails before its first write: NOTE(refusal) in native/op/op_call.h. */
const REFUSED = 'tfjs-ema: refused, nothing was written: ';

interface Context {
  readonly tf: Tfjs;
  readonly backend: NodeBackend;
  readonly ops: OpNames;
}

class NativeEngine implements Engine {
  readonly name = 'native';
  readonly #context: Context;
  readonly #addon: Addon;
  readonly #registration: Registration;
  // Where the trial of the last shadows ran, by the addon's own count.
  #ranOn: readonly ('CPU' | 'GPU')[] = [];

  constructor(tf: Tfjs, backend: NodeBackend, addon: Addon) {
    this.#addon = addon;
    this.#registration = addon.register();
    this.#context = { tf, backend, ops: this.#registration.ops };
  }

  get reason(): string {
    const { tensorflow, devices, gpuReason } = this.#registration;
    // Before there are shadows: where it could run.
    const ran = this.#ranOn.length > 0 ? this.#ranOn : devices;
    const noGpu = gpuReason === '' ? '' : `; no GPU: ${gpuReason}`;
    const cpu = ran.includes('GPU') ? '' : ` (${this.#addon.buildInfo().cpuKernel}${noGpu})`;
    return `our op runs in TensorFlow ${tensorflow} on ${ran.join(' and ')}${cpu}`;
  }

  create(weights: readonly Tensor[], options: ShadowOptions): Shadows {
    const shadows = new NativeShadows(this.#context, weights, options);
    const before = this.#addon.updateCounts();
    try {
      shadows.verify(weights);
    } catch (error) {
      shadows.dispose();
      throw error;
    }
    const after = this.#addon.updateCounts();
    this.#ranOn = (['CPU', 'GPU'] as const).filter((device) => after[device] > before[device]);
    return shadows;
  }
}

class NativeShadows implements Shadows {
  readonly averages: number;
  /** K, and as many low parts with compensation. */
  readonly #rows: number;
  readonly #context: Context;
  readonly #count: Attribute;
  readonly #compensated: Attribute;
  readonly #attributes: readonly Attribute[];
  readonly #update: RepeatedOp;
  readonly #arena: Tensor;
  // The alphas as TensorFlow has them: a tensor of their bits. An input and not an attribute: TensorFlow keeps a kernel for
  // every value of an attribute, for ever. int32, because tfjs keeps that in host memory even on a GPU.
  #alpha: Tensor | undefined;
  #alphaBits = new Int32Array(0);
  #wanted = new Float32Array(0);

  constructor(context: Context, weights: readonly Tensor[], options: ShadowOptions) {
    const { tf, backend, ops } = context;
    const compensated = options.precision === 'compensated';
    this.#context = context;
    this.averages = options.averages;
    this.#rows = options.averages * (compensated ? 2 : 1);
    this.#count = { name: 'N', type: 'int', value: weights.length };
    this.#compensated = { name: 'compensated', type: 'bool', value: compensated };
    // `compensated` is left out where it is false, its default: half a microsecond of every call.
    this.#attributes = compensated ? [this.#count, this.#compensated] : [this.#count];
    this.#update = new RepeatedOp(backend, { name: ops.update, attributes: this.#attributes });
    const rows: Attribute = { name: 'rows', type: 'int', value: options.averages };
    const zeroRows: Attribute = { name: 'zero_rows', type: 'int', value: compensated ? options.averages : 0 };
    const create = { name: ops.create, attributes: [this.#count, rows, zeroRows], outputs: 1 };
    this.#arena = tf.keep(first(runOp(context, create, weights)));
  }

  get bytes(): number {
    return 4 * this.#arena.size;
  }

  update(weights: readonly Tensor[], alphas: readonly number[]): void {
    let hasBegun = false;
    try {
      this.#setAlphas(alphas);
      this.#update.prepare(this.#arena, first([this.#alpha]), weights);
      hasBegun = true;
      this.#update.run();
    } catch (cause) {
      const mayHaveWritten = hasBegun && !messageOf(cause).includes(REFUSED);
      throw this.#updateError(cause, weights, mayHaveWritten);
    }
  }

  read(average: number, like: readonly Tensor[], part: 'high' | 'low' = 'high'): Tensor[] {
    const place = part === 'high' ? average : this.averages + average;
    const coefficients = Array.from({ length: this.#rows }, (_, row) => (row === place ? 1 : 0));
    return this.#read(coefficients, like, new Array<number>(this.averages).fill(0));
  }

  combine(coefficients: readonly number[], weights: readonly Tensor[], alphas: readonly number[]): Tensor[] {
    // A high part alone is the average rounded to float32.
    const isOne =
      coefficients.every((coefficient) => coefficient === 0 || coefficient === 1) && sumOf(coefficients) === 1;
    const low = this.#rows > this.averages ? coefficients.map((coefficient) => (isOne ? 0 : coefficient)) : [];
    return this.#read([...coefficients, ...low], weights, alphas);
  }

  statistics(weights: readonly Tensor[], { next, ahead = next.map(() => 0), from }: Comparing): Float32Array {
    if (next.length === this.averages) return this.#figures(weights, { next, ahead, from });
    // The op takes one alpha per average: once for each of the different rules.
    const figures = new Float32Array(weights.length * this.averages * STATISTICS.length);
    const size = this.averages * STATISTICS.length;
    const known = new Map<string, Float32Array>();
    weights.forEach((_, i) => {
      const [begin, end] = [i * this.averages, (i + 1) * this.averages];
      const own = { next: next.slice(begin, end), ahead: ahead.slice(begin, end), from };
      const key = `${own.next} ${own.ahead}`;
      const found = known.get(key) ?? this.#figures(weights, own);
      known.set(key, found);
      figures.set(found.subarray(i * size, (i + 1) * size), i * size);
    });
    return figures;
  }

  write(average: number, values: readonly Tensor[], part: 'high' | 'low' = 'high'): void {
    const op = { name: this.#context.ops.write, attributes: [this.#count], outputs: 0 };
    const row = this.#context.tf.scalar(part === 'high' ? average : this.averages + average, 'int32');
    this.#withInput(row, () => runOp(this.#context, op, [this.#arena, row, ...values]));
  }

  dispose(): void {
    this.#arena.dispose();
    this.#alpha?.dispose();
  }

  /**
   * Proves that an update reaches the arena that reads see: where TensorFlow copies the arena to another device for the op,
   * the update is lost without an error. Two updates with alpha 1 put two values into the smallest weight's place and one
   * puts the weights back, so that every shadow is afterwards its weight again, to the bit.
   */
  verify(weights: readonly Tensor[]): void {
    const { tf } = this.#context;
    const sizes = weights.map((weight) => (weight.size === 0 ? Number.POSITIVE_INFINITY : weight.size));
    const smallest = sizes.indexOf(Math.min(...sizes));
    const probed = weights[smallest];
    if (probed === undefined || probed.size === 0) return;
    const alphas = new Array<number>(this.averages).fill(1);
    tf.tidy(() => {
      for (const value of [1.5, -2.5]) {
        const probe: Tensor = tf.fill(probed.shape, value);
        this.update(
          weights.map((weight, index) => (index === smallest ? probe : weight)),
          alphas,
        );
        const seen = first(this.read(0, weights).slice(smallest)).dataSync();
        if (seen.some((element) => element !== value)) {
          throw new EmaError(
            'NATIVE_FAILURE',
            'an update of the averages did not become visible (is their memory on another device?)',
          );
        }
      }
      this.update(weights, alphas);
    });
  }

  /** @param coefficients one for each row. */
  #read(coefficients: readonly number[], weights: readonly Tensor[], alphas: readonly number[]): Tensor[] {
    const { tf, ops } = this.#context;
    const op = { name: ops.read, attributes: this.#attributes, outputs: weights.length };
    const bits = new Int32Array(Float64Array.from(coefficients).buffer);
    return this.#withInput(tf.tensor1d(bits, 'int32'), (rows) => {
      const alpha = this.#bitsOf(alphas);
      try {
        return runOp(this.#context, op, [this.#arena, rows, alpha, ...weights]);
      } finally {
        alpha.dispose();
      }
    });
  }

  #figures(weights: readonly Tensor[], { next, ahead = [], from }: Comparing): Float32Array {
    const { tf, ops } = this.#context;
    const op = { name: ops.stats, attributes: [this.#count, this.#compensated], outputs: 1 };
    try {
      return tf.tidy(() => {
        const inputs = [this.#bitsOf(next), this.#bitsOf(ahead), tf.scalar(from, 'int32')];
        const figures = first(runOp(this.#context, op, [this.#arena, ...inputs, ...weights]));
        return Float32Array.from(figures.dataSync<'float32'>());
      });
    } catch (cause) {
      throw new EmaError('NATIVE_FAILURE', `TensorFlow could not compare the averages: ${messageOf(cause)}`, { cause });
    }
  }

  /** @param input taken over. */
  #withInput<T>(input: Tensor, run: (input: Tensor) => T): T {
    try {
      // TensorFlow may hold it still, but what is read would not belong to tfjs's new engine.
      if (!isAlive(this.#context.tf, this.#arena)) throw released();
      return run(input);
    } catch (cause) {
      if (cause instanceof EmaError) throw cause;
      throw new EmaError('NATIVE_FAILURE', `TensorFlow could not read or write an average: ${messageOf(cause)}`, {
        cause,
      });
    } finally {
      input.dispose();
    }
  }

  #bitsOf(alphas: readonly number[]): Tensor {
    return this.#context.tf.tensor1d(new Int32Array(Float32Array.from(alphas).buffer), 'int32');
  }

  /** Uploads the alphas, unless TensorFlow has these bits already. */
  #setAlphas(alphas: readonly number[]): void {
    if (this.#wanted.length !== alphas.length) this.#wanted = new Float32Array(alphas.length);
    this.#wanted.set(alphas);
    const bits = new Int32Array(this.#wanted.buffer);
    if (this.#alpha !== undefined && equal(bits, this.#alphaBits)) return;
    const { tf } = this.#context;
    // Its own copy: TensorFlow may go on using the array's memory.
    const alpha = tf.keep(tf.tensor1d(bits.slice(), 'int32'));
    this.#alpha?.dispose();
    this.#alpha = alpha;
    this.#alphaBits = bits.slice();
  }

  /** @param mayHaveWritten unless it is known that nothing was. */
  #updateError(cause: unknown, weights: readonly Tensor[], mayHaveWritten: boolean): EmaError {
    const { tf } = this.#context;
    const message = messageOf(cause);
    if (!isAlive(tf, this.#arena)) return released(cause);
    if (mayHaveWritten) {
      const reason = `TensorFlow reported a failed update; the averages can no longer be trusted: ${message}`;
      return new EmaError('POISONED', reason, { cause });
    }
    const asBefore = 'every average is as before';
    return weights.every((weight) => isAlive(tf, weight))
      ? new EmaError('NATIVE_FAILURE', `the update was refused, and ${asBefore}: ${message}`, { cause })
      : new EmaError('WEIGHT_DISPOSED', `a weight of the model was disposed; ${asBefore}.`, { cause });
  }
}

function released(cause?: unknown): EmaError {
  const reason = 'the memory of the averages was released from outside (tf.engine().reset()?): they are lost.';
  return new EmaError('POISONED', reason, cause === undefined ? undefined : { cause });
}

/** The first element, which must be there. */
function first<T>(list: readonly (T | undefined)[]): T {
  const [element] = list;
  if (element === undefined) throw new EmaError('NATIVE_FAILURE', 'TensorFlow gave back fewer tensors than expected.');
  return element;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function equal(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
