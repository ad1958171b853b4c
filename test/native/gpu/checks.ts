// What is held against the CPU kernel on a real GPU, bit for bit, in groups that each have a process of their own (tfjs.ts).
// Runs nothing by itself.

import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import type { Scalar, Tensor } from '@tensorflow/tfjs';
import type { Addon } from '../../../src/engine/addon.js';
import { createShadows } from '../../../src/engine/choice.js';
import { WeightEma } from '../../../src/index.js';
import { data, denseModel, floats, tf } from '../../support/models.js';

const require = createRequire(import.meta.url);
const { lerp } = require('../../../build/Release/tfjs_ema.node') as Addon;
const isCpu = process.argv.includes('--cpu');

function demand(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

const valuesOf = (tensor: Tensor) => Float32Array.from(tensor.dataSync());
const sameBits = (a: Float32Array, b: Float32Array) => Buffer.from(a.buffer).equals(Buffer.from(b.buffer));

/** The averages that an update must give, by the CPU kernel, of weights given as arrays. */
class Expected {
  readonly shadows: Float32Array[][]; // [weight][average]
  readonly #alphas: Float32Array;

  constructor(weights: readonly Float32Array[], decays: readonly number[]) {
    this.#alphas = Float32Array.from(decays, (decay) => 1 - decay);
    this.shadows = weights.map((weight) => decays.map(() => weight.slice()));
  }

  update(weights: readonly Float32Array[]): void {
    weights.forEach((weight, i) => {
      lerp(weight, this.shadows[i] ?? [], this.#alphas, false);
    });
  }

  different(average: number, actual: readonly Tensor[]): number {
    return actual.filter((tensor, i) => !sameBits(valuesOf(tensor), this.shadows[i]?.[average] ?? new Float32Array()))
      .length;
  }
}

/** Adam on element-wise losses: the whole path, and nothing of cuBLAS and cuDNN. The averages move after each step, and nobody waits. */
function train(): string {
  const sizes = [1, 5, 17, 300, 70_000];
  const weights = sizes.map((size, i) => tf.variable(tf.tensor1d(floats(size, i))));
  const decays = [0.5, 0.9, 0.999];
  const alphas = decays.map((decay) => 1 - decay);
  const first = weights.map(valuesOf);
  const expected = new Expected(first, decays);
  const config = { weights, averages: decays.length, precision: 'fp32' } as const;
  const { shadows, reason } = createShadows(tf, 'native', config);
  const optimizer = tf.train.adam(0.05);
  const steps = Array.from({ length: 200 }, () => {
    const loss = () =>
      tf.addN(
        weights.map((weight, i) =>
          weight
            .sub(0.1 * i)
            .square()
            .mean(),
        ),
      ) as Scalar;
    optimizer.minimize(loss, false, weights);
    shadows.update(weights, alphas);
    // References: the next step gives the variables new tensors.
    return weights.map((weight) => weight.clone());
  });
  for (const step of steps) expected.update(step.map(valuesOf));
  for (const [k, decay] of decays.entries()) {
    const read = shadows.read(k, weights);
    demand(expected.different(k, read) === 0, `average ${decay} differs from the CPU kernel's`);
    tf.dispose(read);
  }
  const last = weights.map(valuesOf);
  demand(!first.some((values, i) => sameBits(values, last[i] ?? values)), 'Adam has not moved every weight');
  tf.dispose(steps);
  shadows.dispose();
  return `${steps.length} steps of Adam, ${decays.length} averages of ${weights.length} weights; ${reason}`;
}

async function fit(): Promise<string> {
  const { x, y } = data(320);
  const model = denseModel(tf.train.adam(0.01));
  const decays = [0.9, 0.99, 0.999];
  const ema = new WeightEma(tf, { decays, updateEvery: 1, warmup: 'none', engine: 'native' });
  const live = () => model.weights.map((weight) => valuesOf(weight.read()));
  const expected = new Expected(live(), decays);
  const watch = new tf.CustomCallback({ onBatchEnd: () => expected.update(live()) });
  await model.fit(x, y, { epochs: 4, batchSize: 16, verbose: 0, callbacks: [ema.callback(), watch] });
  for (const [k, decay] of decays.entries()) {
    const named = ema.read(decay);
    demand(expected.different(k, Object.values(named)) === 0, `average ${decay} differs from the CPU kernel's`);
    tf.dispose(named);
  }
  const reason = ema.engineReason;
  ema.dispose();
  return `${ema.updates} updates, 3 averages of ${expected.shadows.length} weights; ${reason}`;
}

function staleReads(): string {
  const sizes = [1, 5, 17, 300, 70_000];
  const variables = sizes.map((size, i) => tf.variable(tf.tensor1d(floats(size, i))));
  const decays = [0.75, 0.99];
  const expected = new Expected(variables.map(valuesOf), decays);
  const { shadows } = createShadows(tf, 'native', { weights: variables, averages: 2, precision: 'fp32' });
  const alphas = decays.map((decay) => 1 - decay);
  let stale = 0;
  for (let step = 0; step < 1000; step += 1) {
    const next = sizes.map((size, i) => floats(size, 31 * step + i));
    tf.tidy(() => {
      // Computed on the device, so that the update depends on a kernel before it in TensorFlow's stream.
      for (const [i, variable] of variables.entries()) {
        variable.assign(
          tf
            .tensor1d(next[i] ?? [])
            .mul(2)
            .mul(0.5),
        );
      }
    });
    shadows.update(variables, alphas);
    expected.update(next);
    const read = shadows.read(step % 2, variables);
    stale += expected.different(step % 2, read);
    tf.dispose(read);
  }
  shadows.dispose();
  demand(stale === 0, `${stale} reads were stale`);
  return '5,000 tensors read, none stale';
}

/** A weight that a long chain of work produces: right only when the update waits for it on the device, fast only when the host does not. */
function orderAndWaiting(): string {
  const size = isCpu ? 1000 : 2 ** 26;
  const variable = tf.variable(tf.zeros([size]));
  const decay = 0.5;
  const { shadows } = createShadows(tf, 'native', { weights: [variable], averages: 1, precision: 'fp32' });
  const chain = () => {
    let value: Tensor = tf.linspace(0, 1, size);
    for (let i = 0; i < 200; i += 1) {
      const next = tf.tidy(() => value.mul(0.5).add(0.25));
      // At once: 400 of these tensors take more memory than most cards have.
      value.dispose();
      value = next;
    }
    variable.assign(value as never);
    value.dispose();
  };
  chain(); // warm-up: the first use of a kernel compiles or loads it, ours included
  shadows.update([variable], [1 - decay]);
  for (const tensor of shadows.read(0, [variable])) tensor.dataSync();
  const expected = new Expected([new Float32Array(size)], [decay]);
  tf.tidy(() => shadows.write(0, [tf.zeros([size])]));
  for (const tensor of shadows.read(0, [variable])) tensor.dataSync(); // nothing is left to do before the clock starts
  chain();
  const begin = performance.now();
  shadows.update([variable], [1 - decay]);
  const host = performance.now() - begin;
  const read = shadows.read(0, [variable]);
  read[0]?.dataSync();
  const device = performance.now() - begin;
  expected.update([valuesOf(variable)]);
  demand(expected.different(0, read) === 0, 'the update ran before the weights were ready');
  demand(isCpu || host < device / 4, `the host waited ${host.toFixed(1)} of ${device.toFixed(1)} ms`);
  return `update() returned after ${host.toFixed(2)} ms, the device was done after ${device.toFixed(1)} ms`;
}

function compensated(): string {
  const variables = [7, 33, 4096, 10_001].map((size, i) => tf.variable(tf.tensor1d(floats(size, i))));
  const averages = 10;
  const alphas = Float32Array.from({ length: averages }, (_, k) => 0.5 / (k + 1));
  const config = { weights: variables, averages, precision: 'compensated' } as const;
  const { shadows } = createShadows(tf, 'native', config);
  const expected = variables.map((variable) => [
    ...Array.from({ length: averages }, () => valuesOf(variable)),
    ...Array.from({ length: averages }, () => new Float32Array(variable.size)),
  ]);
  for (let step = 0; step < 30; step += 1) {
    variables.forEach((variable, i) => {
      const next = floats(variable.size, 100 * step + i);
      tf.tidy(() => variable.assign(tf.tensor1d(next)));
      lerp(next, expected[i] ?? [], alphas, true);
    });
    shadows.update(variables, [...alphas]);
  }
  for (let k = 0; k < averages; k += 1) {
    const parts = [shadows.read(k, variables), shadows.read(k, variables, 'low')];
    parts.forEach((tensors, part) => {
      tensors.forEach((tensor, i) => {
        const due = expected[i]?.[part * averages + k] ?? new Float32Array();
        demand(sameBits(valuesOf(tensor), due), `average ${k}, ${part === 0 ? 'high' : 'low'} part of weight ${i}`);
      });
      tf.dispose(tensors);
    });
  }
  shadows.dispose();
  return `${averages} averages, high and low parts`;
}

/**
 * Combinations of averages of five, as they are and as they would be after an update, against sums in double. Coefficients are float32:
 * their products are exact in double, so that JavaScript rounds where the kernel does.
 */
function combinations(): string {
  const variables = [1, 5, 300, 70_000, 1_000_003].map((size, i) => tf.variable(tf.tensor1d(floats(size, i))));
  const averages = 5;
  const alphas = Array.from({ length: averages }, (_, k) => Math.fround(0.5 / (k + 1)));
  const { shadows } = createShadows(tf, 'native', { weights: variables, averages, precision: 'fp32' });
  const expected = new Expected(
    variables.map(valuesOf),
    alphas.map((alpha) => 1 - alpha),
  );
  let compared = 0;
  for (let step = 0; step < 50; step += 1) {
    const next = variables.map((variable, i) => floats(variable.size, 71 * step + i));
    tf.tidy(() => {
      for (const [i, variable] of variables.entries()) variable.assign(tf.tensor1d(next[i] ?? []));
    });
    const coefficients = [...floats(averages, 1000 + step)];
    const isAhead = step % 2 === 1;
    // Ahead: what the update below makes of the averages.
    if (!isAhead) shadows.update(variables, alphas);
    const found = shadows.combine(
      coefficients,
      variables,
      alphas.map((alpha) => (isAhead ? alpha : 0)),
    );
    if (isAhead) shadows.update(variables, alphas);
    expected.update(next);
    found.forEach((tensor, i) => {
      const rows = expected.shadows[i] ?? [];
      const due = Float32Array.from(next[i] ?? [], (_, at) =>
        coefficients.reduce((sum, coefficient, k) => sum + coefficient * (rows[k]?.[at] ?? Number.NaN), 0),
      );
      demand(sameBits(valuesOf(tensor), due), `combination ${step} of weight ${i}`);
      compared += due.length;
    });
    tf.dispose(found);
  }
  shadows.dispose();
  return `${compared} sums of ${averages} averages, half of them ahead of an update`;
}

/** A teacher's copy of the model, refreshed at every step while training goes on: always the average of that step. */
async function teacher(): Promise<string> {
  const { x, y } = data(160);
  const model = denseModel(tf.train.adam(0.01));
  const decay = 0.9;
  const ema = new WeightEma(tf, { decays: [decay], updateEvery: 1, warmup: 'none', engine: 'native' });
  ema.attach(model);
  const live = () => model.weights.map((weight) => valuesOf(weight.read()));
  const expected = new Expected(live(), [decay]);
  const twin = await ema.asModel(decay);
  let steps = 0;
  const watch = new tf.CustomCallback({
    onBatchEnd: () => {
      expected.update(live());
      twin.refresh();
      // In the model's order: that of the copy is another.
      const copies = new Map(twin.model.weights.map((weight) => [weight.originalName, weight.read()]));
      const copied = model.weights.flatMap((weight) => copies.get(weight.originalName) ?? []);
      demand(copied.length === model.weights.length, 'the copy has other weights');
      demand(expected.different(0, copied) === 0, `the copy at step ${steps} is not the average`);
      steps += 1;
    },
  });
  await model.fit(x, y, { epochs: 2, batchSize: 16, verbose: 0, callbacks: [ema.callback(), watch] });
  twin.dispose();
  ema.dispose();
  return `${steps} steps, each looked at`;
}

/** Megabytes of device memory in use by this process's TensorFlow, as the driver's tool sees it; NaN without it. */
function deviceMegabytes(): number {
  try {
    const args = ['--query-gpu=memory.used', '--format=csv,noheader,nounits'];
    return Number(execFileSync('nvidia-smi', args, { encoding: 'utf8' }).split('\n')[0]);
  } catch {
    return Number.NaN;
  }
}

function memory(count: number): string {
  const model = denseModel();
  const ema = new WeightEma(tf, { decays: [0.9, 0.999], updateEvery: 1, engine: 'native' }).attach(model);
  const round = (updates: number) => {
    for (let i = 0; i < updates; i += 1) {
      ema.update();
      if (i % 100 === 0) tf.dispose(ema.read(0.999));
    }
    for (const weight of model.getWeights()) weight.dataSync(); // lets the device catch up
  };
  round(2000);
  const before = { device: deviceMegabytes(), tensors: tf.memory().numTensors, host: process.memoryUsage().rss };
  round(count);
  const grown = deviceMegabytes() - before.device;
  const host = (process.memoryUsage().rss - before.host) / 2 ** 20;
  demand(tf.memory().numTensors === before.tensors, 'tensors were left behind');
  demand(!(grown > 2), `device memory grew by ${grown} MB`);
  ema.dispose();
  return `${count} updates: device ${Number.isNaN(grown) ? 'not measured' : `+${grown} MB`}, host ${host.toFixed(1)} MB`;
}

function showsGpu(): string {
  const { isUsingGpuDevice } = tf.backend() as unknown as { isUsingGpuDevice: boolean };
  demand(isUsingGpuDevice || isCpu, 'tfjs-node runs on the CPU; TF_CPP_MAX_VLOG_LEVEL=1 says which library is missing');
  return isUsingGpuDevice ? '' : 'no, as --cpu says';
}

/** The first group needs neither cuBLAS nor cuDNN: where one of them does not fit and ends the process, that group has been run. */
export const GROUPS = {
  'element-wise': [
    ['TensorFlow shows a GPU', showsGpu],
    ['averages of a training are the CPU kernel’s, to the bit', train],
    ['1,000 rounds of update and read show no stale value', staleReads],
    ['an update is in order on the device and does not make the host wait', orderAndWaiting],
    ['ten compensated averages are the CPU kernel’s, to the bit', compensated],
    ['combinations of averages are sums in double, to the bit', combinations],
    ['memory is flat', memory],
  ],
  fit: [
    ['model.fit: averages are the CPU kernel’s, to the bit', fit],
    ['a teacher that is refreshed at every step has the average of that step', teacher],
  ],
} as const satisfies Record<string, readonly (readonly [name: string, body: (updates: number) => unknown])[]>;

/** The name of a group. */
export type Group = keyof typeof GROUPS;
