// The engine contract: who runs an update, and what that is.
// Holds interfaces only: no choice, no implementation.

import type { Tensor } from '@tensorflow/tfjs';

/** How averages are kept: as floats, or as sums of two floats. */
export type Precision = 'fp32' | 'compensated';

/** Which engine is wanted. */
export type EngineChoice = 'auto' | 'native' | 'js';

/** Who runs an update. */
export type EngineName = 'native' | 'js';

/** What weights are compared with: every average, and the update that comes next. */
export interface Comparing {
  /** Alphas as in `update`, of the update that comes next: they say what would not move. */
  readonly next: readonly number[];
  /** Alphas of an update that is not made: averages are taken as they would be after it. @defaultValue as they are */
  readonly ahead?: readonly number[] | undefined;
  /** The average that drift is measured from. */
  readonly from: number;
}

/** Shadows of one list of weights: K averages, each a full copy. The list's order and shapes are fixed at creation. */
export interface Shadows {
  /** Number of averages K. */
  readonly averages: number;
  /** Bytes that the shadows occupy. */
  readonly bytes: number;
  /**
   * Moves every average: `s_k += alphas[k] * (w - s_k)`.
   * @param weights the live tensors of this step, in the order of creation; float32, same shapes.
   * @param alphas K numbers in [0, 1], or N * K (the K of one weight together); rounded to float32 once.
   * @throws {@link EmaError} NATIVE_FAILURE or WEIGHT_DISPOSED — the update failed and every average is as before.
   * @throws {@link EmaError} POISONED — it failed, and the averages can no longer be trusted.
   */
  update(weights: readonly Tensor[], alphas: readonly number[]): void;
  /**
   * Fresh tensors that share no memory with the shadows; the caller disposes them.
   * @param average 0 to K - 1.
   * @param like the live tensors, for their shapes.
   * @param part `'low'`: the compensation terms (only with `precision: 'compensated'`).
   */
  read(average: number, like: readonly Tensor[], part?: 'high' | 'low'): Tensor[];
  /**
   * Fresh tensors of `sum c_k s_k`, with the averages as they would be after `update(weights, alphas)`, which is not made. One coefficient 1
   * and else 0 gives that average to the bit; an average whose coefficient is 0 is not looked at, and alphas of 0 look at no weight.
   *
   * The native engine adds up in double and rounds once. The other one rounds in float32 as it adds `c_k (s_k - s_base)`: off by at most
   * 3K times 6e-8 of `sum |c_k| |s_k - s_base|` and of the result, with the average `base` of the largest coefficient.
   * @param coefficients K finite numbers, not all 0; 32 of them at most are others.
   * @param weights as in `update`.
   * @param alphas as in `update`.
   */
  combine(coefficients: readonly number[], weights: readonly Tensor[], alphas: readonly number[]): Tensor[];
  /**
   * Compares every weight with every average; moves nothing. It waits for the device.
   * @param weights as in `update`.
   * @returns N * K * 8 numbers: for each weight, for each average, the figures named by `STATISTICS`.
   */
  statistics(weights: readonly Tensor[], comparing: Comparing): Float32Array;
  /** Overwrites an average with copies of `values`. */
  write(average: number, values: readonly Tensor[], part?: 'high' | 'low'): void;
  /** Releases the shadows. Later calls throw. */
  dispose(): void;
}

/** Makes shadows. */
export interface Engine {
  readonly name: EngineName;
  /** Why this engine was chosen, and not the other; once it has made shadows, also the device that their updates run on. One line. */
  readonly reason: string;
  /** Copies `weights` K times. */
  create(weights: readonly Tensor[], options: ShadowOptions): Shadows;
}

/** How shadows are kept. */
export interface ShadowOptions {
  /** K, at least 1. */
  readonly averages: number;
  /** `compensated` keeps each shadow as the sum of two floats. */
  readonly precision: Precision;
}
