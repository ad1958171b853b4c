// Our averages against those of torch, timm, torch_ema, ema-pytorch and optax, of the same recorded weights.
// The recording is tools/fixtures/record-averages.py's, which runs the libraries themselves.

import { readFileSync } from 'node:fs';
import type { LayersModel } from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { type EmaOptions, WeightEma } from '../../../src/index.js';
import { debiasedAlpha, inverseGamma, uniformAlpha } from '../../../src/schedule/profile.js';
import { paperWarmup } from '../../../src/schedule/schedule.js';
import { assign, tf, valuesOf } from '../../support/models.js';
import { at, maxDifference } from '../../support/oracle.js';

interface Recording {
  readonly madeBy: string;
  readonly shapes: Readonly<Record<string, number[]>>;
  /** Before the first step and after each; base64 of float32. */
  readonly weights: readonly string[];
  readonly averages: Readonly<Record<string, string>>;
}

const recording: Recording = JSON.parse(readFileSync(new URL('../../fixtures/averages.json', import.meta.url), 'utf8'));
const [start, ...steps] = recording.weights.map(decode);

/** What the libraries' own float32 leaves open: 60 updates of numbers up to 4, each rounded by 2^-24. */
const TOLERANCE = 1e-6;

function decode(text: string | undefined): Float32Array {
  const bytes = Buffer.from(text ?? '', 'base64');
  return new Float32Array(new Uint8Array(bytes).buffer);
}

function recorded(name: string): Float32Array {
  const average = recording.averages[name];
  if (average === undefined) throw new Error(`nothing is recorded of ${name}`);
  return decode(average);
}

/** A model whose weights are the recorded ones, in their order: dense kernel and bias, and a filter. */
function modelOf(): LayersModel {
  const [left, right] = [tf.input({ shape: [4] }), tf.input({ shape: [3, 3, 1] })];
  const dense = tf.layers.dense({ units: 3 }).apply(left);
  const filter = tf.layers.conv2d({ filters: 2, kernelSize: [2, 2], useBias: false }).apply(right);
  return tf.model({ inputs: [left, right], outputs: [dense, filter] as never });
}

function setWeights(model: LayersModel, flat: Float32Array): void {
  let first = 0;
  model.weights.forEach((weight, index) => {
    const shape = at(Object.values(recording.shapes), index);
    expect(weight.shape).toEqual(shape);
    const size = weight.read().size;
    const values = flat.slice(first, first + size);
    assign(weight, () => tf.tensor(values, shape));
    first += size;
  });
  expect(first).toBe(flat.length);
}

/** The average of the recorded weights by a WeightEma. */
function averaged(options: EmaOptions): Float32Array {
  const model = modelOf();
  setWeights(model, at([start ?? new Float32Array()], 0));
  const ema = new WeightEma(tf, options).attach(model);
  for (const weights of steps) {
    setWeights(model, weights);
    ema.update();
  }
  const tensors = ema.read({ index: 0 });
  const values = Object.values(valuesOf(tensors)).flatMap((array) => [...array]);
  tf.dispose(tensors);
  ema.dispose();
  model.dispose();
  return Float32Array.from(values);
}

/** The same in float64, with an alpha per step. */
function replayed(alphaOf: (step: number) => number): Float64Array {
  const mean = Float64Array.from(start ?? []);
  steps.forEach((weights, step) => {
    const alpha = alphaOf(step);
    weights.forEach((weight, i) => {
      mean[i] = at(mean, i) + alpha * (weight - at(mean, i));
    });
  });
  return mean;
}

afterAll(() => {
  tf.disposeVariables();
});

describe.each(['native', 'js'] as const)('WeightEma with engine %s equals', (engine) => {
  const cases: readonly [name: string, options: EmaOptions][] = [
    ['torch AveragedModel(get_ema_multi_avg_fn(0.9))', { decays: 0.9, updateEvery: 1, warmup: 'none' }],
    ['torch AveragedModel(get_ema_multi_avg_fn(0.999))', { decays: 0.999, updateEvery: 1, warmup: 'none' }],
    [
      'torch AveragedModel(get_ema_multi_avg_fn(0.9 ** 4)), every 4 steps',
      { decays: 0.9, updateEvery: 4, warmup: 'none' },
    ],
    ['timm ModelEmaV3(decay=0.9)', { decays: 0.9, updateEvery: 1, warmup: 'none' }],
    [
      'torch_ema ExponentialMovingAverage(decay=0.95, use_num_updates=False)',
      { decays: 0.95, updateEvery: 1, warmup: 'none' },
    ],
  ];

  it.each(cases)('%s', (name, options) => {
    const found = averaged({ engine, precision: 'fp32', ...options });
    expect(maxDifference(found, recorded(name))).toBeLessThan(TOLERANCE);
  });
});

describe('the profiles and warm-ups equal', () => {
  const cases: readonly [name: string, alphaOf: (step: number) => number][] = [
    ['torch AveragedModel(get_swa_multi_avg_fn())', (step) => uniformAlpha(step, 1)],
    [
      'timm ModelEmaV3(decay=0.99, use_warmup=True)',
      (step) => 1 - Math.min(0.99, inverseGamma(step, { scale: 1, power: 2 / 3 })),
    ],
    [
      'timm ModelEmaV3(decay=0.8, use_warmup=True, warmup_gamma=2, warmup_power=0.75)',
      (step) => 1 - Math.min(0.8, inverseGamma(step, { scale: 2, power: 0.75 })),
    ],
    // torch_ema counts its updates before it asks for the decay: its first is (1 + 1) / (10 + 1), the paper's 1 / 10.
    ['torch_ema ExponentialMovingAverage(decay=0.95)', (step) => 1 - Math.min(0.95, paperWarmup(step + 1))],
    // Its first call and those up to update_after_step copy the weights.
    [
      'ema_pytorch EMA(beta=0.95, update_after_step=10, update_every=1)',
      (step) => (step <= 10 ? 1 : 1 - Math.min(0.95, inverseGamma(step - 10, { scale: 1, power: 2 / 3 }))),
    ],
    ['optax ema(0.9, debias=True)', (step) => debiasedAlpha(0.9, step, 1)],
    ['optax ema(0.999, debias=True)', (step) => debiasedAlpha(0.999, step, 1)],
  ];

  it.each(cases)('%s', (name, alphaOf) => {
    expect(maxDifference(replayed(alphaOf), recorded(name))).toBeLessThan(TOLERANCE);
  });

  it('and every recorded average is compared', () => {
    expect(Object.keys(recording.averages)).toHaveLength(cases.length + 5);
  });
});
