// The whole path on a real GPU: tfjs-node on TensorFlow's CUDA build, held against the CPU kernel, bit for bit.
//   tsx test/native/gpu/tfjs.ts [--updates 100000] [--json FILE]      fails when TensorFlow shows no GPU, unless --cpu says that there is none
// No timing to publish: bench/gpu and bench/fit.ts do that.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import type { Tensor } from '@tensorflow/tfjs';
import type { Addon } from '../../../src/engine/addon.js';
import { createShadows } from '../../../src/engine/choice.js';
import { WeightEma } from '../../../src/index.js';
import { data, denseModel, floats, tf } from '../../support/models.js';

const { values: options } = parseArgs({
  options: { updates: { type: 'string' }, json: { type: 'string' }, cpu: { type: 'boolean' } },
});
const require = createRequire(import.meta.url);
const { lerp } = require('../../../build/Release/tfjs_ema.node') as Addon;

interface Result {
  readonly name: string;
  readonly passed: boolean;
  readonly detail: string;
}
const results: Result[] = [];

async function check(name: string, body: () => Promise<string> | string): Promise<void> {
  let result: Result;
  try {
    result = { name, passed: true, detail: await body() };
  } catch (error) {
    result = { name, passed: false, detail: error instanceof Error ? error.message : String(error) };
  }
  results.push(result);
  console.log(`${result.passed ? 'ok  ' : 'FAIL'} ${name}${result.detail === '' ? '' : `: ${result.detail}`}`);
}

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
  const size = options.cpu ? 256 : 4096;
  const a = tf.randomUniform([size, size], -0.01, 0.01);
  const variable = tf.variable(tf.zeros([size, size]));
  const decay = 0.5;
  const { shadows } = createShadows(tf, 'native', { weights: [variable], averages: 1, precision: 'fp32' });
  const chain = () => {
    let product: Tensor = a;
    for (let i = 0; i < 50; i += 1) product = tf.matMul(product, a).mul(0.05).add(a);
    variable.assign(product as never);
  };
  tf.tidy(chain); // warm-up: the first use of a kernel compiles or loads it, ours included
  shadows.update([variable], [1 - decay]);
  variable.dataSync();
  const expected = new Expected([new Float32Array(size * size)], [decay]);
  shadows.write(0, [tf.zeros([size, size])]);
  for (const tensor of shadows.read(0, [variable])) tensor.dataSync(); // nothing is left to do before the clock starts
  tf.tidy(chain);
  const begin = performance.now();
  shadows.update([variable], [1 - decay]);
  const host = performance.now() - begin;
  const read = shadows.read(0, [variable]);
  const [first] = read;
  if (first !== undefined) first.dataSync();
  const device = performance.now() - begin;
  expected.update([valuesOf(variable)]);
  demand(expected.different(0, read) === 0, 'the update ran before the weights were ready');
  demand(options.cpu === true || host < device / 4, `the host waited ${host.toFixed(1)} of ${device.toFixed(1)} ms`);
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

/** Megabytes of device memory in use by this process's TensorFlow, as the driver's tool sees it; NaN without it. */
function deviceMegabytes(): number {
  try {
    const args = ['--query-gpu=memory.used', '--format=csv,noheader,nounits'];
    return Number(execFileSync('nvidia-smi', args, { encoding: 'utf8' }).split('\n')[0]);
  } catch {
    return Number.NaN;
  }
}

function memory(): string {
  const count = Number(options.updates ?? 100_000);
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

await tf.ready();
await check('TensorFlow shows a GPU', () => {
  const { isUsingGpuDevice } = tf.backend() as unknown as { isUsingGpuDevice: boolean };
  demand(
    isUsingGpuDevice || options.cpu === true,
    'tfjs-node runs on the CPU; TF_CPP_MAX_VLOG_LEVEL=1 says which library is missing',
  );
  return isUsingGpuDevice ? '' : 'no, as --cpu says';
});
await check('model.fit: averages are the CPU kernel’s, to the bit', fit);
await check('1,000 rounds of update and read show no stale value', staleReads);
await check('an update is in order on the device and does not make the host wait', orderAndWaiting);
await check('ten compensated averages are the CPU kernel’s, to the bit', compensated);
await check('memory is flat', memory);
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ results }, undefined, 1)}\n`);
console.log(
  `${results.filter(({ passed }) => passed).length} passed, ${results.filter(({ passed }) => !passed).length} failed`,
);
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
