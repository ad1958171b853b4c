// The child process that tries the GPU of the app's TensorFlow: are the kernels right, are they in TensorFlow's order, how fast are they.
// Sends facts to its parent; prints and judges nothing.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs';
import { messageOf } from '../base/errors.js';
import { type Addon, loadAddon } from '../engine/addon.js';
import { createShadows } from '../engine/choice.js';
import type { Shadows } from '../engine/contract.js';
import { nodeBackend, type Tfjs } from '../tfjs/backend.js';
import type { GpuFacts } from './facts.js';
import { randomFloats, randoms } from './random.js';

/** What one probe works with. */
interface Bench {
  readonly tf: Tfjs;
  readonly addon: Addon;
}

const KERNEL_SECONDS = 10;
const MOST_MODELS = 100;
const ROUNDS = 7;
/** An update of the speed test takes at least this long, or moves the most floats. */
const UPDATE_MS = 1;
const FEWEST_FLOATS = 2 ** 18;
const MOST_FLOATS = 2 ** 26;
const QUEUED_MS = 50;

const seconds = () => performance.now() / 1000;

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/**
 * A model of random weights after random updates on the GPU, against the CPU kernel, and a combination of its averages, against sums in
 * double: numbers compared, and how many differ in a bit.
 */
function oneModel({ tf, addon }: Bench, seed: number): { floats: number; differing: number } {
  const random = randoms(seed);
  const averages = 1 + Math.floor(random() * 8);
  const compensated = random() < 0.5;
  const sizes = Array.from({ length: 1 + Math.floor(random() * 12) }, () => Math.floor(2 ** (random() * 18)));
  const draw = () => sizes.map((size) => randomFloats(size, random() * 2 ** 32));
  const first = draw();
  const rows = compensated ? 2 * averages : averages;
  const expected = first.map((weight) =>
    Array.from({ length: rows }, (_, row) => (row < averages ? weight.slice() : new Float32Array(weight.length))),
  );
  const upload = (weights: readonly Float32Array[]) => weights.map((weight) => tf.tensor1d(weight));
  const like = upload(first);
  const precision = compensated ? 'compensated' : 'fp32';
  const { shadows } = createShadows(tf, 'native', { weights: like, averages, precision });
  for (let step = 0; step < 3; step += 1) {
    const alphas = Float32Array.from({ length: averages }, () => random() ** 4);
    const weights = draw();
    const live = upload(weights);
    shadows.update(live, [...alphas]);
    tf.dispose(live);
    weights.forEach((weight, i) => {
      addon.lerp(weight, expected[i] ?? [], alphas, compensated);
    });
  }
  // As float32: a product with another float32 is then exact in double, and JavaScript sums it as the kernels do.
  const coefficients = [...Float32Array.from({ length: averages }, () => 4 * random() - 2)];
  const combined = shadows.combine(
    coefficients,
    like,
    coefficients.map(() => 0),
  );
  const sums = expected.map((own) => combinationOf(own, coefficients));
  const differing = differences(shadows, like, { expected, averages }) + differencesOf(combined, sums);
  shadows.dispose();
  tf.dispose([...like, ...combined]);
  return { floats: (rows + 1) * sizes.reduce((sum, size) => sum + size, 0), differing };
}

/** The sum of a weight's averages, high parts and after them any low ones, in the order of the native engine. */
function combinationOf(rows: readonly Float32Array[], coefficients: readonly number[]): Float32Array {
  const averages = coefficients.length;
  return Float32Array.from(rows[0] ?? [], (_, at) => {
    let sum = 0;
    coefficients.forEach((coefficient, k) => {
      sum += coefficient * (rows[k]?.[at] ?? Number.NaN);
      if (rows.length > averages) sum += coefficient * (rows[averages + k]?.[at] ?? Number.NaN);
    });
    return sum;
  });
}

/** Numbers that differ in a bit. */
function differencesOf(tensors: readonly Tensor[], expected: readonly Float32Array[]): number {
  let differing = 0;
  tensors.forEach((tensor, i) => {
    const seen = new Uint32Array(Float32Array.from(tensor.dataSync()).buffer);
    const due = new Uint32Array((expected[i] ?? new Float32Array()).buffer);
    differing += due.filter((bits, at) => bits !== seen[at]).length;
  });
  return differing;
}

/** All rows of the shadows against what they must be. */
function differences(
  shadows: Shadows,
  like: readonly Tensor[],
  { expected, averages }: { readonly expected: readonly Float32Array[][]; readonly averages: number },
): number {
  let differing = 0;
  const rows = expected[0]?.length ?? 0;
  for (let row = 0; row < rows; row += 1) {
    const read = shadows.read(row % averages, like, row < averages ? 'high' : 'low');
    differing += differencesOf(
      read,
      expected.map((own) => own[row] ?? new Float32Array()),
    );
    for (const tensor of read) tensor.dispose();
  }
  return differing;
}

function kernels(bench: Bench): GpuFacts['kernels'] {
  const end = seconds() + KERNEL_SECONDS;
  let [models, floats, differing] = [0, 0, 0];
  while (models < MOST_MODELS && seconds() < end) {
    models += 1;
    const result = oneModel(bench, models);
    floats += result.floats;
    differing += result.differing;
  }
  return { models, floats, differing };
}

/** A weight of constant numbers, and averages of it whose updates are timed. */
class Load {
  readonly weight: Tensor;
  readonly #tf: Tfjs;
  readonly #shadows: Shadows;
  readonly #alphas: number[];
  readonly #last: Tensor;
  readonly #lastShadows: Shadows;

  constructor(tf: Tfjs, floats: number, averages: number) {
    const create = (weight: Tensor, count: number) =>
      createShadows(tf, 'native', { weights: [weight], averages: count, precision: 'fp32' }).shadows;
    this.#tf = tf;
    this.weight = tf.tensor1d(new Float32Array(floats).fill(1));
    this.#shadows = create(this.weight, averages);
    this.#alphas = Array.from({ length: averages }, () => 0.125);
    this.#last = tf.tensor1d([1]);
    this.#lastShadows = create(this.#last, 1);
  }

  update(weight = this.weight): void {
    this.#shadows.update([weight], this.#alphas);
  }

  /** The first average, of which all elements are alike. */
  read(): Float32Array {
    const [tensor] = this.#shadows.read(0, [this.weight]);
    const values = Float32Array.from(tensor?.dataSync() ?? []);
    tensor?.dispose();
    return values;
  }

  /** Waits for all that was asked of the device: reads one number that an update at the end of its queue wrote. */
  wait(): void {
    this.#lastShadows.update([this.#last], [0.5]);
    for (const tensor of this.#lastShadows.read(0, [this.#last])) {
      tensor.dataSync();
      tensor.dispose();
    }
  }

  /** Milliseconds that the device takes for `work`, one of `count`. */
  time(count: number, work: () => void): number {
    this.wait();
    const begin = performance.now();
    for (let i = 0; i < count; i += 1) work();
    this.wait();
    return (performance.now() - begin) / count;
  }

  dispose(): void {
    for (const shadows of [this.#shadows, this.#lastShadows]) shadows.dispose();
    this.#tf.dispose([this.weight, this.#last]);
  }
}

/** One average's update beside TensorFlow's own copy of a tensor, at a size where both are bound by memory. */
function speed({ tf }: Bench): NonNullable<GpuFacts['speed']> {
  const backend = nodeBackend(tf);
  if (typeof backend === 'string') throw new Error(backend);
  // Constants of TensorFlow's C API, on the binding as its other constants are.
  const { TF_ATTR_TYPE, TF_FLOAT } = backend.binding as unknown as { TF_ATTR_TYPE: number; TF_FLOAT: number };
  const type = { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT };
  for (let floats = FEWEST_FLOATS; ; floats *= 4) {
    const load = new Load(tf, floats, 1);
    const update = () => load.update();
    const copy = () => tf.dispose(backend.executeMultipleOutputs('DeepCopy', [type], [load.weight], 1));
    for (const work of [update, copy]) load.time(2, work);
    const once = load.time(5, update);
    if (once < UPDATE_MS && floats < MOST_FLOATS) {
      load.dispose();
      continue;
    }
    const count = Math.max(2, Math.ceil(10 / once));
    const times = Array.from({ length: ROUNDS }, () => [load.time(count, update), load.time(count, copy)] as const);
    load.dispose();
    return { floats, updateMs: median(times.map(([ms]) => ms)), copyMs: median(times.map(([, ms]) => ms)) };
  }
}

/**
 * Eight averages of weights that TensorFlow computes right before each update and frees right after it, with the device far behind the
 * host: right only on TensorFlow's own stream, and quick for the host only where it waits for nothing.
 */
function order({ tf, addon }: Bench, floats: number): GpuFacts['order'] {
  const load = new Load(tf, floats, 8);
  const shadow = [Float32Array.of(1)];
  let factor = 0;
  const next = () => {
    factor += 1;
    const weight = tf.tidy(() => tf.mul(load.weight, factor)) as Tensor;
    const begin = performance.now();
    load.update(weight);
    const host = performance.now() - begin;
    weight.dispose();
    addon.lerp(Float32Array.of(factor), shadow, Float32Array.of(0.125), false);
    return host;
  };
  load.time(2, next);
  const count = Math.min(500, Math.ceil(QUEUED_MS / load.time(3, next)));
  for (let i = 0; i < count; i += 1) next();
  const hostMs = next();
  const queued = performance.now();
  load.wait();
  const queuedMs = performance.now() - queued;
  const [due = Number.NaN] = shadow[0] ?? [];
  const isRight = load.read().every((value) => Object.is(value, due));
  load.dispose();
  return { hostMs, queuedMs, isRight };
}

const send = (facts: Partial<GpuFacts>) => process.send?.(facts);

try {
  const path = process.argv[2] ?? '.';
  // The package itself, wherever it lies: this package must not resolve a copy of its own.
  const tf = createRequire(join(path, 'package.json'))(path) as Tfjs;
  const loaded = loadAddon();
  if ('reason' in loaded) throw new Error(loaded.reason);
  const bench = { tf, addon: loaded.addon };
  send({ kernels: kernels(bench) });
  const measured = speed(bench);
  send({ speed: measured });
  send({ order: order(bench, measured.floats / 4) });
} catch (error) {
  send({ error: messageOf(error) });
}
process.disconnect?.();
