// The contenders that run inside Node: each makes its averages, then updates them again and again.
// Times nothing, and chooses nothing.

import type { LayersModel, Tensor, Variable } from '@tensorflow/tfjs';
import { WeightEma } from '../../src/ema/weight-ema.js';
import { createShadows } from '../../src/engine/choice.js';
import type { Tf } from '../../tools/shared/tfjs.js';
import type { Floor, FloorBuffers } from './floor.js';
import type { NODE_CONTENDERS } from './trials.js';

/** What every contender of a cell gets. */
export interface Setting {
  readonly tf: Tf;
  readonly model: LayersModel;
  /** The model's weights: with the averages' first values while contenders are prepared, with others in every update. */
  readonly weights: readonly Variable[];
  /** One per average. */
  readonly decays: readonly number[];
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

/** The whole product: what a training loop calls after each step. */
function average(
  { tf, model }: Setting,
  engine: 'native' | 'js',
  decays: readonly number[],
): Prepared & { first(): number } {
  const ema = new WeightEma(tf, { decays, engine, updateEvery: 1, warmup: 'none' }).attach(model);
  const first = (): number => {
    const tensors = ema.read({ index: 0 });
    const value = firstOf(Object.values(tensors)[0]);
    tf.dispose(tensors);
    return value;
  };
  return { run: () => ema.update(), first };
}

/** K updates of one average each, instead of one update of K. */
function separatePasses(setting: Setting): Prepared {
  const passes = setting.decays.map((decay) => average(setting, 'native', [decay]));
  const run = (): void => {
    for (const pass of passes) pass.run();
  };
  return { run, first: () => passes[0]?.first() ?? Number.NaN };
}

/** Two floats per shadow; by the engine itself, below the facade. */
function compensated({ tf, weights, decays }: Setting): Prepared {
  const { shadows } = createShadows(tf, 'native', { weights, averages: decays.length, precision: 'compensated' });
  const alphas = decays.map((decay) => 1 - decay);
  const first = (): number => {
    const tensors = shadows.read(0, weights);
    const value = firstOf(tensors[0]);
    tf.dispose(tensors);
    return value;
  };
  return { run: () => shadows.update(weights, alphas), first };
}

/** What users write by hand: `decay * shadow + (1 - decay) * weight`, a tidy scope for each weight. */
function handWritten({ tf, weights, decays }: Setting): Prepared {
  const rows = decays.map((decay) => ({ decay, shadows: weights.map((weight): Tensor => tf.keep(tf.mul(weight, 1))) }));
  const run = (): void => {
    for (const { decay, shadows } of rows) {
      for (const [i, weight] of weights.entries()) {
        const shadow = shadows[i];
        if (shadow === undefined) continue;
        shadows[i] = tf.tidy(() => tf.keep(tf.add(tf.mul(shadow, decay), tf.mul(weight, 1 - decay))));
        shadow.dispose();
      }
    }
  };
  return { run, first: () => firstOf(rows[0]?.shadows[0]) };
}

/** tfjs's own function, without the correction for a start from zero. */
function movingAverage({ tf, weights, decays }: Setting): Prepared {
  const rows = decays.map((decay) => ({
    decay,
    shadows: weights.map((weight): Variable => tf.variable(tf.mul(weight, 1), false)),
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

function limit(loop: 'copy' | 'scale' | 'lerp') {
  return ({ floor, threads }: Setting): Prepared | string => {
    const made = floor();
    return typeof made === 'string' ? made : { run: () => made.floor[loop](made.buffers, threads) };
  };
}

/** The contenders by name. */
export const CONTENDERS: { readonly [Name in (typeof NODE_CONTENDERS)[number]]: NodeContender } = {
  native: { copies: (k) => k, applies: always, prepare: (setting) => average(setting, 'native', setting.decays) },
  // It makes all new averages before it lets the old ones go.
  js: { copies: (k) => 2 * k, applies: always, prepare: (setting) => average(setting, 'js', setting.decays) },
  memcpy: { copies: () => 2, applies: always, prepare: limit('copy') },
  // These two on memcpy's buffers.
  scale: { copies: () => 0, applies: always, prepare: limit('scale') },
  'plain-loop': { copies: () => 0, applies: (k) => k === 1, prepare: limit('lerp') },
  'separate-passes': { copies: (k) => k, applies: (k) => k > 1, prepare: separatePasses },
  compensated: { copies: (k) => 2 * k, applies: always, prepare: compensated },
  tidy: { copies: (k) => k, applies: always, prepare: handWritten },
  'tf.movingAverage': { copies: (k) => k, applies: always, prepare: movingAverage },
};
