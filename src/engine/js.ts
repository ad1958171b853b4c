// The JavaScript engine: updates by plain tfjs ops, on any backend. The reference for every other engine.
// Writes nothing in place, and knows no schedule.

import type { Scalar, Tensor } from '@tensorflow/tfjs';
import { EmaError } from '../base/errors.js';
import { isAlive, type Tfjs } from '../tfjs/backend.js';
import type { Comparing, Engine, ShadowOptions, Shadows } from './contract.js';
import { compare } from './statistics.js';

/** A shadow; with `precision: 'compensated'` its value is `high + low`. */
interface Shadow {
  readonly high: Tensor;
  readonly low: Tensor | undefined;
}

/** How far one shadow moves. */
interface Step {
  readonly alpha: number;
  readonly scale: (alpha: number) => Scalar;
}

/**
 * Updates by `tf.sub`, `tf.mul` and `tf.add`.
 * @param reason why this engine was chosen; one line.
 */
export function jsEngine(tf: Tfjs, reason: string): Engine {
  return {
    name: 'js',
    reason,
    create: (weights, options) => new JsShadows(tf, weights, options),
  };
}

class JsShadows implements Shadows {
  readonly averages: number;
  readonly bytes: number;
  readonly #tf: Tfjs;
  // One row per average. These tensors are never written after they were made: an unchanged one may be cloned.
  #rows: Shadow[][];

  constructor(tf: Tfjs, weights: readonly Tensor[], options: ShadowOptions) {
    this.#tf = tf;
    this.averages = options.averages;
    const compensated = options.precision === 'compensated';
    const floats = weights.reduce((sum, weight) => sum + weight.size, 0);
    this.bytes = 4 * floats * options.averages * (compensated ? 2 : 1);
    this.#rows = this.#keepAll(() =>
      Array.from({ length: options.averages }, () =>
        weights.map((weight) => ({ high: this.#copy(weight), low: compensated ? tf.zeros(weight.shape) : undefined })),
      ),
    );
  }

  update(weights: readonly Tensor[], alphas: readonly number[]): void {
    if (this.#rows.length === 0) throw new EmaError('DISPOSED', 'the averages were disposed.');
    const alphaOf = this.#alphaOf(alphas);
    let next: Shadow[][];
    try {
      next = this.#keepAll(() => {
        const scale = this.#scales();
        return this.#rows.map((row, k) =>
          row.map((shadow, i) => this.#lerp(shadow, at(weights, i), { alpha: alphaOf(i, k), scale })),
        );
      });
    } catch (cause) {
      throw new EmaError('NATIVE_FAILURE', `an update failed, and every average is as before: ${cause}`, { cause });
    }
    // All of them were computed: from here on nothing fails.
    const previous = this.#rows;
    this.#rows = next;
    this.#disposeAll(previous);
  }

  read(average: number, _like: readonly Tensor[], part: 'high' | 'low' = 'high'): Tensor[] {
    // A clone's dataSync gives, on some backends, the very array that holds the shadow.
    return this.#row(average).map((shadow) => this.#copy(this.#part(shadow, part)));
  }

  combine(coefficients: readonly number[], weights: readonly Tensor[], alphas: readonly number[]): Tensor[] {
    const alphaOf = this.#alphaOf(alphas);
    const used = coefficients.flatMap((coefficient, k) =>
      coefficient === 0 ? [] : [{ coefficient, k, row: this.#row(k) }],
    );
    return this.#tf.tidy(() => {
      const scale = this.#scales();
      return at(this.#rows, 0).map((_, i) => {
        const terms = used.map(({ coefficient, k, row }) => ({
          coefficient,
          shadow: at(row, i),
          alpha: alphaOf(i, k),
        }));
        // Made out here: inside of the scope below they would end with it, and the next weight needs them too.
        for (const { alpha } of terms) scale(alpha);
        return this.#tf.tidy(() =>
          this.#sum(
            terms.map(({ coefficient, shadow, alpha }) => {
              this.#part(shadow, 'high');
              return [coefficient, this.#lerp(shadow, at(weights, i), { alpha, scale })] as const;
            }),
          ),
        );
      });
    });
  }

  /** `s base + sum of c (average - base)` with the sum `s` of the coefficients: exact where averages agree, whatever the coefficients. */
  #sum(terms: readonly (readonly [coefficient: number, shadow: Shadow])[]): Tensor {
    const { add, mul, sub } = this.#tf;
    const sizes = terms.map(([coefficient]) => Math.abs(coefficient));
    const place = sizes.indexOf(Math.max(...sizes));
    const base = at(terms, place)[1].high;
    const total = Math.fround(terms.reduce((sum, [coefficient]) => sum + coefficient, 0));
    // A copy: what stays as it is would be shared.
    let value: Tensor = total === 1 ? this.#copy(base) : mul(total, base);
    for (const [index, [coefficient, { high, low }]] of terms.entries()) {
      if (index !== place) value = add(value, mul(coefficient, sub(high, base)));
      // Alone and whole it is the high part, which is the average rounded to float32.
      if (low !== undefined && !(terms.length === 1 && coefficient === 1)) value = add(value, mul(coefficient, low));
    }
    return value;
  }

  statistics(weights: readonly Tensor[], { next, ahead, from }: Comparing): Float32Array {
    const alphaOf = this.#alphaOf(next);
    const aheadOf = ahead === undefined ? () => 0 : this.#alphaOf(ahead);
    const figures = weights.flatMap((tensor, i) => {
      const weight = tensor.dataSync();
      const values = this.#rows.map((row, k) =>
        this.#tf.tidy(() => {
          const { high, low } = this.#lerp(at(row, i), tensor, { alpha: aheadOf(i, k), scale: this.#scales() });
          return { high: high.dataSync(), low: low?.dataSync() };
        }),
      );
      return values.flatMap(({ high, low }, k) =>
        compare({
          ...{ weight, average: high, low, alpha: alphaOf(i, k) },
          from: k === from ? undefined : at(values, from).high,
        }),
      );
    });
    return Float32Array.from(figures);
  }

  write(average: number, values: readonly Tensor[], part: 'high' | 'low' = 'high'): void {
    const previous = this.#row(average);
    const next = this.#keepAll(() => [
      previous.map((shadow, i) => {
        const low = shadow.low?.clone();
        return part === 'high'
          ? { high: this.#copy(at(values, i)), low }
          : { high: shadow.high.clone(), low: this.#copy(at(values, i)) };
      }),
    ]);
    this.#rows = this.#rows.map((row) => (row === previous ? at(next, 0) : row));
    this.#disposeAll([previous]);
  }

  dispose(): void {
    this.#disposeAll(this.#rows);
    this.#rows = [];
  }

  /** The alpha of weight `i` in average `k`, where there may be one per average or one for each weight too. */
  #alphaOf(alphas: readonly number[]): (i: number, k: number) => number {
    const perWeight = alphas.length !== this.averages;
    return (i, k) => Math.fround(at(alphas, perWeight ? i * this.averages + k : k));
  }

  /**
   * A copy in memory of its own: a clone would share that of the weight, and with it what becomes of it. tfjs has no op for
   * that; reversing twice moves every bit and computes nothing.
   */
  #copy(tensor: Tensor): Tensor {
    return this.#tf.tidy(() => tensor.flatten().reverse().reverse().reshape(tensor.shape));
  }

  /** One scalar for each alpha of an update, however many weights it serves. */
  #scales(): (alpha: number) => Scalar {
    const made = new Map<number, Scalar>();
    return (alpha) => {
      const scale = made.get(alpha) ?? this.#tf.scalar(alpha);
      made.set(alpha, scale);
      return scale;
    };
  }

  #lerp(shadow: Shadow, weight: Tensor, { alpha, scale }: Step): Shadow {
    const { low, high } = shadow;
    // As in native/lerp.h: alpha 0 keeps the shadow and alpha 1 takes the weight, to the bit.
    if (alpha === 0) return { high: high.clone(), low: low?.clone() };
    if (alpha === 1) return { high: this.#copy(weight), low: low && this.#tf.zeros(weight.shape) };
    // Made out here: inside of the scope below it would end with it, and the next weight needs it too.
    const factor = scale(alpha);
    if (low === undefined) return { high: this.#plain(high, weight, factor), low };
    const [sum, rest] = this.#tf.tidy(() => this.#compensated(high, low, { weight, scale: factor }));
    return { high: sum, low: rest };
  }

  #plain(shadow: Tensor, weight: Tensor, scale: Scalar): Tensor {
    const { add, mul, sub } = this.#tf;
    const difference = sub(weight, shadow);
    const step: Tensor = mul(scale, difference);
    const sum: Tensor = add(shadow, step);
    // At once, so that intermediate results live for one weight only; a tidy scope each costs more than the ops.
    difference.dispose();
    step.dispose();
    return sum;
  }

  /** TwoSum (Knuth): `low` keeps what the addition to `high` rounds away. */
  #compensated(high: Tensor, low: Tensor, { weight, scale }: { weight: Tensor; scale: Scalar }): [Tensor, Tensor] {
    const { add, mul, sub } = this.#tf;
    const step: Tensor = add(low, mul(scale, sub(sub(weight, high), low)));
    const sum: Tensor = add(high, step);
    const stepPart = sub(sum, high);
    return [sum, add(sub(high, sub(sum, stepPart)), sub(step, stepPart))];
  }

  #row(average: number): Shadow[] {
    return at(this.#rows, average);
  }

  #part(shadow: Shadow, part: 'high' | 'low'): Tensor {
    const tensor = shadow[part];
    if (tensor === undefined)
      throw new EmaError('INVALID_ARGUMENT', "part: 'low' exists only with precision 'compensated'.");
    if (isAlive(this.#tf, tensor)) return tensor;
    throw new EmaError(
      'POISONED',
      'the tensors of the averages were released from outside (tf.engine().reset()?): they are lost.',
    );
  }

  /** Runs `make` in a tidy scope and keeps exactly its result, also when the caller stands in a scope of his own. */
  #keepAll(make: () => Shadow[][]): Shadow[][] {
    let rows: Shadow[][] = [];
    this.#tf.tidy(() => {
      rows = make();
      for (const { high, low } of rows.flat()) {
        this.#tf.keep(high);
        if (low !== undefined) this.#tf.keep(low);
      }
    });
    return rows;
  }

  #disposeAll(rows: readonly Shadow[][]): void {
    for (const { high, low } of rows.flat()) {
      high.dispose();
      low?.dispose();
    }
  }
}

/** An element that must be there. */
function at<T>(list: readonly T[], index: number): T {
  const element = list[index];
  if (element === undefined)
    throw new EmaError('INVALID_ARGUMENT', `expected an index below ${list.length}, received ${index}`);
  return element;
}
