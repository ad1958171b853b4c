// What the tests of the fake GPU run, each in a process of its own: the device must be there before tfjs-node is.
//   tsx test/native/fake-gpu/cases.ts CASE [--cpu]      prints one line of JSON; --cpu runs the same without the device
// Holds no expectations.

import { createRequire } from 'node:module';
import type { LayersModel, Tensor, Variable } from '@tensorflow/tfjs';
import type { Addon } from '../../../src/engine/addon.js';
import { type FakeGpu, isInTree, loadFakeGpu } from './index.js';

const gpu: FakeGpu | undefined = process.argv.includes('--cpu') ? undefined : loadFakeGpu();
const { assign, data, denseModel, floats, tf, weightValues } = await import('../../support/models.js');
const { WeightEma, EmaError } = await import('../../../src/index.js');
const { createShadows } = await import('../../../src/engine/choice.js');

/** On TensorFlow's own device its kernels do nothing: the one that ours need, `fill` at attach, is done on the host. */
function fillOnHost(): void {
  const fill = { kernelName: 'Fill', backendName: 'tensorflow' };
  tf.unregisterKernel(fill.kernelName, fill.backendName);
  tf.registerKernel({
    ...fill,
    kernelFunc: ({ attrs }) => {
      const { shape, value } = attrs as unknown as { shape: number[]; value: number };
      return tf.tensor(new Float32Array(tf.util.sizeFromShape(shape)).fill(value), shape);
    },
  });
}
if (isInTree) fillOnHost();

/** Bits of float32 numbers, so that equality in JSON is equality to the bit. */
function bitsOf(tensor: Tensor): number[] {
  return Array.from(new Uint32Array(Float32Array.from(tensor.dataSync()).buffer));
}

/** Every average of every weight, in bits. */
function averagesOf(ema: { read(which: number): Record<string, Tensor> }, decays: readonly number[]): number[][] {
  return decays.flatMap((decay) => {
    const named = ema.read(decay);
    const bits = Object.values(named).map(bitsOf);
    tf.dispose(named);
    return bits;
  });
}

function onGpu() {
  return {
    isGpu: (tf.backend() as unknown as { isUsingGpuDevice: boolean }).isUsingGpuDevice,
    launches: gpu?.calls('cuLaunchKernel') ?? 0,
    violation: gpu?.violation() ?? '',
  };
}

/** Training with the callback; on the device everything but our op runs on the CPU, so the numbers can be compared. */
async function fit(): Promise<object> {
  const { x, y } = data(80);
  const model = denseModel(tf.train.adam(0.02));
  const decays = [0.8, 0.9, 0.99];
  const ema = new WeightEma(tf, { decays, updateEvery: 2, onWarning: () => undefined });
  const history = await model.fit(x, y, {
    epochs: 3,
    batchSize: 8,
    shuffle: false,
    verbose: 0,
    callbacks: [ema.callback({ validationData: [x, y] })],
  });
  const evaluated = ema.use('best', () => model.evaluate(x, y)) as Tensor[];
  return {
    ...onGpu(),
    engine: ema.engine,
    reason: ema.engineReason,
    updates: ema.updates,
    averages: averagesOf(ema, decays),
    weights: model.getWeights().map(bitsOf),
    losses: history.history,
    evaluated: evaluated.map(bitsOf),
  };
}

/** Averages of a training that another backend ran, its weights given to the device step by step: plain, and compensated. */
async function replay(): Promise<object> {
  await tf.setBackend('cpu');
  const { x, y } = data(80);
  const trained = denseModel(tf.train.adam(0.02));
  const steps: Float32Array[][] = [];
  const onBatchEnd = () => void steps.push(weightValues(trained));
  await trained.fit(x, y, { epochs: 2, batchSize: 8, shuffle: false, verbose: 0, callbacks: { onBatchEnd } });
  await tf.setBackend('tensorflow');
  const decays = [0.8, 0.9, 0.99];
  const averages = (['fp32', 'compensated'] as const).map((precision) => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays, updateEvery: 1, precision, onWarning: () => undefined }).attach(model);
    for (const values of steps) {
      model.weights.forEach((weight, i) => {
        assign(weight, () => tf.tensor(values[i] ?? [], weight.shape as number[]));
      });
      ema.update();
    }
    return { engine: ema.engine, reason: ema.engineReason, updates: ema.updates, averages: averagesOf(ema, decays) };
  });
  return { ...onGpu(), averages };
}

/** Weights that lie on the device: what our own op has read out of an average. */
function placeWeightsOnDevice(model: LayersModel, ema: InstanceType<typeof WeightEma>, decay: number): void {
  const named = ema.read(decay);
  model.weights.forEach((weight, i) => {
    const value = Object.values(named)[i];
    if (value !== undefined) (weight.read() as Variable).assign(value as never);
  });
  tf.dispose(named);
}

/** What one update costs when its weights are where training on a real GPU leaves them. */
function counts(): object {
  const model = denseModel();
  const ema = new WeightEma(tf, { decays: [0.9, 0.99], updateEvery: 1, warmup: 'none' }).attach(model);
  ema.update();
  placeWeightsOnDevice(model, ema, 0.9);
  ema.update();
  gpu?.reset();
  const steps = 10;
  const allocated = gpu?.allocatedBytes() ?? 0;
  for (let step = 0; step < steps; step += 1) ema.update();
  const { calls } = gpu ?? { calls: () => 0 };
  return {
    steps,
    launches: calls('cuLaunchKernel'),
    synchronisations: gpu?.synchronisations(),
    uploads: calls('cuMemcpyHtoDAsync_v2'),
    downloads: calls('cuMemcpyDtoHAsync_v2'),
    copies: calls('cuMemcpyDtoDAsync_v2'),
    fills: calls('cuMemsetD8Async') + calls('cuMemsetD32Async'),
    allocated: (gpu?.allocatedBytes() ?? 0) - allocated,
    violation: gpu?.violation(),
  };
}

/** The same arithmetic on plain arrays, by the CPU kernel. */
function hostLerp(): Addon['lerp'] {
  const require = createRequire(import.meta.url);
  return (require('../../../build/Release/tfjs_ema.node') as Addon).lerp;
}

/** Read, update, read, a thousand times: a read that shows anything but the latest update is stale. */
function staleReads(): object {
  const lerp = hostLerp();
  const sizes = [1, 5, 17, 300];
  const variables = sizes.map((size, i) => tf.variable(tf.tensor1d(floats(size, i))));
  const { shadows, engine } = createShadows(tf, 'native', { weights: variables, averages: 2, precision: 'fp32' });
  const alphas = Float32Array.of(0.25, 0.01);
  const expected = variables.map((v) => [0, 1].map(() => Float32Array.from(v.dataSync())));
  let stale = 0;
  for (let step = 0; step < 1000; step += 1) {
    variables.forEach((variable, i) => {
      const next = floats(sizes[i] ?? 0, 31 * step + i);
      tf.tidy(() => variable.assign(tf.tensor1d(next)));
      lerp(next, expected[i] ?? [], alphas, false);
    });
    shadows.update(variables, [...alphas]);
    const read = shadows.read(step % 2, variables);
    read.forEach((tensor, i) => {
      const seen = Buffer.from(Float32Array.from(tensor.dataSync()).buffer);
      const due = Buffer.from(Float32Array.from(expected[i]?.[step % 2] ?? []).buffer);
      stale += seen.equals(due) ? 0 : 1;
    });
    tf.dispose(read);
  }
  return { ...onGpu(), engine, stale };
}

/** Ten averages with compensation, then write and read back: every operation on the device. */
function everyOperation(): object {
  const weights = [7, 33, 0, 4].map((size, i) => tf.variable(tf.tensor1d(floats(size, i))));
  const options = { weights, averages: 10, precision: 'compensated' } as const;
  const { shadows } = createShadows(tf, 'native', options);
  const alphas = Array.from({ length: 10 }, (_, k) => 0.5 / (k + 1));
  for (let step = 0; step < 20; step += 1) {
    weights.forEach((weight, i) => {
      tf.tidy(() => weight.assign(tf.tensor1d(floats(weight.size, 100 * step + i))));
    });
    shadows.update(weights, alphas);
  }
  shadows.write(3, weights);
  const only = (k: number): number[] => Array.from({ length: 10 }, (_, other) => (other === k ? 1 : 0));
  const read = Array.from({ length: 10 }, (_, k) => [
    ...shadows.read(k, weights).map(bitsOf),
    ...shadows.read(k, weights, 'low').map(bitsOf),
    ...shadows.combine(only(k), weights, alphas).map(bitsOf),
    ...shadows
      .combine(
        only(k).map((one, other) => one - other / 3),
        ...([weights, alphas] as const),
      )
      .map(bitsOf),
  ]);
  return { ...onGpu(), read };
}

function messageOf(error: unknown): { code: string; message: string } {
  if (error instanceof EmaError) return { code: error.code, message: error.message };
  return { code: 'none', message: String(error) };
}

function attempt(action: () => unknown): { code: string; message: string } {
  try {
    action();
    return { code: '', message: '' };
  } catch (error) {
    return messageOf(error);
  }
}

/** A launch that fails in an update, and what is possible afterwards. */
function failures(): object {
  const model = denseModel();
  const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1, warmup: 'none' }).attach(model);
  ema.update();
  gpu?.fail('cuLaunchKernel', 1, 701);
  const first = attempt(() => ema.update());
  const next = attempt(() => ema.update());
  const read = attempt(() => ema.read(0.9));
  ema.dispose();
  gpu?.reset();
  gpu?.fail('cuMemsetD32Async', 1, 400);
  const create = attempt(() =>
    new WeightEma(tf, { decays: 0.9, engine: 'native', onWarning: () => undefined }).attach(model),
  );
  gpu?.reset();
  const again = new WeightEma(tf, { decays: 0.9, updateEvery: 1 }).attach(model);
  return { first, next, read, create, again: attempt(() => again.update()) };
}

/** Weights of their own alphas make an update of two launches. */
const TWO_LAUNCHES = {
  decays: 0.9,
  updateEvery: 1,
  warmup: 'none',
  layerDecays: [{ match: /bias$/, decay: 0.5 }],
} as const;

/** Failures of the driver in an update, each on averages of its own: before the first launch, between two, and one that stays. */
function poison(): object {
  const model = denseModel();
  const calls: readonly (readonly [name: string, nth: number, code: number])[] = [
    ['cuCtxGetCurrent', 1, 400],
    ['cuStreamGetCtx', 1, 400],
    ['cuLaunchKernel', 1, 701],
    ['cuLaunchKernel', 2, 701],
    // An illegal address of earlier work, which any later call may report.
    ['cuCtxGetCurrent', 1, 700],
  ];
  return calls.map(([name, nth, code]) => {
    const ema = new WeightEma(tf, TWO_LAUNCHES).attach(model);
    ema.update();
    gpu?.fail(name, nth, code);
    const outcome = { name, first: attempt(() => ema.update()), read: attempt(() => ema.read(0.9)) };
    gpu?.reset();
    ema.dispose();
    return outcome;
  });
}

/** Alphas that the op refuses: before the device is called, so that the averages go on. */
function refusal(): object {
  const weights = [7, 33].map((size, i) => tf.variable(tf.tensor1d(floats(size, i))));
  const { shadows } = createShadows(tf, 'native', { weights, averages: 1, precision: 'fp32' });
  const read = () => shadows.read(0, weights).map(bitsOf);
  const before = read();
  const launches = gpu?.calls('cuLaunchKernel');
  const refused = attempt(() => shadows.update(weights, [1.5]));
  const isUntouched = gpu?.calls('cuLaunchKernel') === launches;
  const isAsBefore = JSON.stringify(read()) === JSON.stringify(before);
  return { ...onGpu(), refused, isUntouched, isAsBefore, next: attempt(() => shadows.update(weights, [0.5])) };
}

/** An error that stays, as an illegal address does, which a copy of TensorFlow's own meets before our op. */
function stickyError(): object {
  const model = denseModel();
  const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1 }).attach(model);
  gpu?.fail('cuMemcpyDtoHAsync_v2', 1, 700);
  return { copy: attempt(() => model.weights[0]?.read().dataSync()), update: attempt(() => ema.update()) };
}

/** Device memory after many updates and reads. */
function memory(): object {
  const model = denseModel();
  const ema = new WeightEma(tf, { decays: [0.9, 0.99], updateEvery: 1 }).attach(model);
  const round = (count: number) => {
    for (let step = 0; step < count; step += 1) {
      ema.update();
      tf.dispose(ema.read(0.99));
    }
    return gpu?.allocatedBytes() ?? 0;
  };
  const before = round(100);
  const tensors = tf.memory().numTensors;
  return { before, after: round(2000), tensors: tf.memory().numTensors - tensors, violation: gpu?.violation() };
}

/** Two devices: tfjs may place tensors on one and run ops on the other. Right, or refused with a reason. */
function twoDevices(): object {
  const lerp = hostLerp();
  const model = denseModel();
  const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1, warmup: 'none', onWarning: () => undefined });
  const attached = attempt(() => ema.attach(model));
  const expected = model.weights.map((weight) => [Float32Array.from(weight.read().dataSync())]);
  const alpha = Float32Array.of(1 - 0.9);
  for (let step = 0; step < 20; step += 1) {
    model.weights.forEach((weight, i) => {
      const value = floats(weight.read().size, 50 * step + i);
      tf.tidy(() => {
        weight.write(tf.tensor(value, weight.read().shape));
      });
      lerp(value, expected[i] ?? [], alpha, false);
    });
    ema.update();
  }
  const right = Object.values(ema.read(0.9)).every((tensor, i) => {
    const due = new Uint32Array(Float32Array.from(expected[i]?.[0] ?? []).buffer);
    return JSON.stringify(bitsOf(tensor)) === JSON.stringify(Array.from(due));
  });
  return { ...onGpu(), attached, engine: ema.engine, reason: ema.engineReason, right };
}

const cases: Record<string, () => object | Promise<object>> = {
  fit,
  replay,
  counts,
  staleReads,
  everyOperation,
  failures,
  poison,
  refusal,
  stickyError,
  memory,
  twoDevices,
};
const name = process.argv[2] ?? '';
const chosen = cases[name];
if (chosen === undefined) throw new Error(`no case '${name}'; there are ${Object.keys(cases).join(', ')}`);
console.log(JSON.stringify(await chosen()));
