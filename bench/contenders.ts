// The contenders that run inside Node: each makes its averages, then updates them again and again.
// Times nothing, and chooses nothing.

import type { Tensor, Variable } from '@tensorflow/tfjs';
import { createShadows, type Shadows } from '../src/engine.js';
import type { Tf } from '../study/tfjs.js';
import type { Floor, FloorBuffers } from './floor.js';
import type { NODE_CONTENDERS } from './trials.js';

/** What every contender of a cell gets. */
export interface Setting {
  readonly tf: Tf;
  /** Values that the averages start from; alive only while contenders are prepared. */
  readonly start: readonly Tensor[];
  /** The live weights of every update. */
  readonly weights: readonly Tensor[];
  /** One per average. */
  readonly alphas: readonly number[];
  readonly threads: number;
  /** The machine's limits on buffers as large as the weights, or why there are none. */
  readonly floor: () => { readonly floor: Floor; readonly buffers: FloorBuffers } | string;
}

/** A contender at work. */
export interface Prepared {
  /** One update of all averages. */
  run(): void;
  /** The first element of the first weight's first average; absent where nothing is averaged. */
  first?(): number;
}

/** A contender. */
export interface NodeContender {
  /** Copies of all weights that it holds at most, for K averages. */
  copies(k: number): number;
  /** Whether it differs from native at all with K averages. */
  applies(k: number): boolean;
  /** @returns the reason as a string when it cannot run here. */
  prepare(setting: Setting): Prepared | string;
}

const always = (): boolean => true;

function firstOf(tensor: Tensor | undefined): number {
  return tensor?.dataSync()[0] ?? Number.NaN;
}

function read(shadows: Shadows | undefined, weights: readonly Tensor[]): number {
  const tensors = shadows?.read(0, weights) ?? [];
  const value = firstOf(tensors[0]);
  for (const tensor of tensors) tensor.dispose();
  return value;
}

/** The product's own path: what `WeightEma` calls once a due step. */
function ofEngine(engine: 'native' | 'js', precision: 'fp32' | 'compensated') {
  return ({ tf, start, weights, alphas }: Setting): Prepared => {
    const { shadows } = createShadows(tf, engine, { weights: start, averages: alphas.length, precision });
    return { run: () => shadows.update(weights, alphas), first: () => read(shadows, weights) };
  };
}

/** K updates of one average each, instead of one update of K. */
function separatePasses({ tf, start, weights, alphas }: Setting): Prepared {
  const passes = alphas.map((alpha) => {
    const { shadows } = createShadows(tf, 'native', { weights: start, averages: 1, precision: 'fp32' });
    return { shadows, own: [alpha] };
  });
  const run = (): void => {
    for (const { shadows, own } of passes) shadows.update(weights, own);
  };
  return { run, first: () => read(passes[0]?.shadows, weights) };
}

/** What users write by hand: `decay * shadow + (1 - decay) * weight`, a tidy scope for each weight. */
function handWritten({ tf, start, weights, alphas }: Setting): Prepared {
  const rows = alphas.map((alpha) => ({ alpha, shadows: start.map((tensor) => tf.keep(tf.mul(tensor, 1))) }));
  const run = (): void => {
    for (const { alpha, shadows } of rows) {
      for (const [i, weight] of weights.entries()) {
        const shadow = shadows[i];
        if (shadow === undefined) continue;
        shadows[i] = tf.tidy(() => tf.keep(tf.add(tf.mul(shadow, 1 - alpha), tf.mul(weight, alpha))));
        shadow.dispose();
      }
    }
  };
  return { run, first: () => firstOf(rows[0]?.shadows[0]) };
}

/** tfjs's own function, without the correction for a start from zero. */
function movingAverage({ tf, start, weights, alphas }: Setting): Prepared {
  const rows = alphas.map((alpha) => ({
    decay: 1 - alpha,
    shadows: start.map((tensor): Variable => tf.variable(tf.mul(tensor, 1), false)),
  }));
  const run = (): void => {
    for (const { decay, shadows } of rows) {
      for (const [i, shadow] of shadows.entries()) {
        const weight = weights[i];
        if (weight !== undefined)
          tf.tidy(() => shadow.assign(tf.movingAverage(shadow, weight, decay, undefined, false)));
      }
    }
  };
  return { run, first: () => firstOf(rows[0]?.shadows[0]) };
}

function limit(loop: 'copy' | 'scale') {
  return ({ floor, threads }: Setting): Prepared | string => {
    const made = floor();
    return typeof made === 'string' ? made : { run: () => made.floor[loop](made.buffers, threads) };
  };
}

/** The contenders by name. */
export const CONTENDERS: { readonly [Name in (typeof NODE_CONTENDERS)[number]]: NodeContender } = {
  native: { copies: (k) => k, applies: always, prepare: ofEngine('native', 'fp32') },
  // It makes all new averages before it lets the old ones go.
  js: { copies: (k) => 2 * k, applies: always, prepare: ofEngine('js', 'fp32') },
  memcpy: { copies: () => 2, applies: always, prepare: limit('copy') },
  // On memcpy's buffers.
  scale: { copies: () => 0, applies: always, prepare: limit('scale') },
  'separate-passes': { copies: (k) => k, applies: (k) => k > 1, prepare: separatePasses },
  compensated: { copies: (k) => 2 * k, applies: always, prepare: ofEngine('native', 'compensated') },
  tidy: { copies: (k) => k, applies: always, prepare: handWritten },
  'tf.movingAverage': { copies: (k) => k, applies: always, prepare: movingAverage },
};
