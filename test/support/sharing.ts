// The ways in which one tensor of tfjs comes to lie in the memory of another, or of an array; and what watches over all of them.
// Holds no expectations: whether a way shares memory is measured where the table is used.

import type { LayersModel, Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { type EmaOptions, WeightEma } from '../../src/index.js';
import { tf } from './models.js';
import { at, bits, Oracle, ulp } from './oracle.js';

/** Elements of a tensor that the ways start from: a multiple of 16, so that its parts can lie as TensorFlow wants them. */
export const SIZE = 256;

/** Its shape. */
export const SHAPE = [16, 16] as const;

/** One way from a tensor of {@link SHAPE} to others of the same numbers. */
export interface Way {
  readonly name: string;
  /** Called in a tidy scope. */
  readonly make: (source: Tensor) => Tensor[];
  /** Looks like one that shares memory, and does not. */
  readonly copies?: true;
}

const way = (name: string, make: (source: Tensor) => Tensor | Tensor[]): Way => ({
  name,
  make: (source) => [make(source)].flat(),
});
const copying = (name: string, make: Parameters<typeof way>[1]): Way => ({ ...way(name, make), copies: true });
const square = (source: Tensor): Tensor2D => source.as2D(...SHAPE);
const image = (source: Tensor): Tensor4D => source.as4D(1, ...SHAPE, 1);
const flat = (source: Tensor) => source.as1D();

/** A layer of one weight of {@link SHAPE}. */
function oneWeight() {
  return tf.sequential({ layers: [tf.layers.dense({ units: 16, inputShape: [16], useBias: false })] });
}

function assigned(source: Tensor): Tensor {
  const variable = tf.variable(tf.zeros(source.shape));
  variable.assign(source.clone());
  return variable;
}

function fromOtherModel(source: Tensor): Tensor[] {
  const [first, second] = [oneWeight(), oneWeight()];
  first.setWeights([source]);
  second.setWeights(first.getWeights());
  return second.getWeights().map((weight) => weight.clone());
}

/** Every way from a tensor to a tensor. */
export const WAYS: readonly Way[] = [
  way('clone', (source) => source.clone()),
  way('cast to its own type', (source) => source.cast('float32')),
  way('reshape', (source) => source.reshape([4, 64])),
  way('expandDims', (source) => source.expandDims(0)),
  way('squeeze', (source) => source.expandDims(1).squeeze([1])),
  way('flatten', (source) => source.flatten()),
  way('as1D', flat),
  way('slice without a size', (source) => square(source).slice([0, 0])),
  way('slice of the whole with begin and size', (source) => square(source).slice([0, 0], [16, 16])),
  way('slice of some rows', (source) => square(source).slice([4, 0], [8, 16])),
  way('stridedSlice of the whole', (source) => tf.stridedSlice(flat(source), [0], [SIZE], [1])),
  way('unstack', (source) => tf.unstack(square(source))),
  way('split', (source) => tf.split(square(source), 2)),
  way('concat of one', (source) => tf.concat([square(source)])),
  way('stack of one', (source) => tf.stack([square(source)])),
  way('identity transpose', (source) => square(source).transpose([0, 1])),
  way('transpose of a column', (source) => source.as2D(SIZE, 1).transpose()),
  way('pad by 0', (source) =>
    square(source).pad([
      [0, 0],
      [0, 0],
    ]),
  ),
  way('mirrorPad by 0', (source) => tf.mirrorPad(flat(source), [[0, 0]], 'reflect')),
  way('tile 1', (source) => square(source).tile([1, 1])),
  way('addN of one', (source) => tf.addN([square(source)])),
  way('broadcastTo its own shape', (source) => square(source).broadcastTo([16, 16])),
  way('sum over an axis of size 1', (source) => source.expandDims(0).sum(0)),
  way('mean over an axis of size 1', (source) => source.expandDims(0).mean(0)),
  way('max over an axis of size 1', (source) => source.expandDims(0).max(0)),
  way('min over an axis of size 1', (source) => source.expandDims(0).min(0)),
  way('prod over an axis of size 1', (source) => source.expandDims(0).prod(0)),
  way('einsum of one', (source) => tf.einsum('ij->ij', square(source))),
  way('dropout of nothing', (source) => tf.dropout(square(source), 0)),
  way('batchToSpaceND by 1', (source) =>
    tf.batchToSpaceND(
      image(source),
      [1, 1],
      [
        [0, 0],
        [0, 0],
      ],
    ),
  ),
  way('spaceToBatchND by 1', (source) =>
    tf.spaceToBatchND(
      image(source),
      [1, 1],
      [
        [0, 0],
        [0, 0],
      ],
    ),
  ),
  way('a tidy scope', (source) => tf.tidy(() => source.clone())),
  way('keep', (source) => tf.keep(source.clone())),
  way('a variable', (source) => tf.variable(square(source))),
  way('assign to a variable', (source) => assigned(square(source))),
  way('getWeights and setWeights of other models', (source) => fromOtherModel(square(source))),
  way('a layer that passes its input on', (source) =>
    [tf.layers.activation({ activation: 'linear' }).apply(square(source)) as Tensor].map((output) => output.clone()),
  ),
  copying('slice of some columns', (source) => square(source).slice([0, 4], [16, 8])),
  copying('slice that begins between the lines of the cache', (source) => source.as2D(32, 8).slice([3, 0], [8, 8])),
  copying('concat with nothing', (source) => tf.concat([flat(source), tf.zeros([0])])),
  copying('gather of all', (source) => square(source).gather(tf.range(0, 16, 1, 'int32'))),
  copying('reverse of no axis', (source) => tf.reverse(square(source), [])),
  copying('add 0', (source) => square(source).add(0)),
  copying('clipByValue', (source) => square(source).clipByValue(-9, 9)),
  copying('relu', (source) => square(source).relu()),
];

/** One way to an array in memory of its own, from which a tensor of {@link SHAPE} is made. */
export interface ArrayWay {
  readonly name: string;
  /** An array of these numbers. */
  readonly lay: (values: Float32Array) => Float32Array;
  /** @defaultValue `tf.tensor` */
  readonly make?: (array: Float32Array) => Tensor;
}

function within(buffer: ArrayBuffer, offset: number, values: Float32Array): Float32Array {
  const view = new Float32Array(buffer, offset, values.length);
  view.set(values);
  return view;
}

function pooled(values: Float32Array): Float32Array {
  const { buffer, byteOffset } = Buffer.allocUnsafe(4 * SIZE);
  return within(buffer as ArrayBuffer, byteOffset, values);
}

function decoded(array: Float32Array): Tensor {
  const bytes = array.buffer.slice(array.byteOffset, array.byteOffset + array.byteLength) as ArrayBuffer;
  const tensors = tf.io.decodeWeights(bytes, [{ name: 'weight', shape: [...SHAPE], dtype: 'float32' }]);
  return at(Object.values(tensors), 0);
}

function fromDataSync(values: Float32Array): Float32Array {
  const tensor = tf.tensor(values.slice(), [...SHAPE]);
  const array = tensor.dataSync<'float32'>();
  tensor.dispose();
  return array;
}

/** Views from every fourth byte of a line of the cache on: TensorFlow shares the memory of those that lie as it wants, and copies the others. */
export const VIEWS: readonly ArrayWay[] = Array.from({ length: 16 }, (_, place) => ({
  name: `a view of a buffer from byte ${4 * place} on`,
  lay: (values) => within(new ArrayBuffer(4 * SIZE + 64), 4 * place, values),
}));

/** Every way from an array to a tensor. */
export const ARRAY_WAYS: readonly ArrayWay[] = [
  { name: 'an array', lay: (values) => values.slice() },
  ...VIEWS,
  { name: 'a part of the memory that small Buffers share', lay: pooled },
  { name: 'the array that dataSync gives before the upload', lay: fromDataSync },
  { name: 'decodeWeights', lay: (values) => values.slice(), make: decoded },
];

/** What must stay as it is to the bit. */
export class Ledger {
  /** Words that were compared, by all ledgers. */
  static compared = 0;
  readonly #entries = new Map<object, { readonly look: () => ArrayLike<number>; readonly bits: Uint32Array }>();

  /** Takes them as they are now. */
  watch(...holders: readonly (Tensor | Float32Array)[]): void {
    for (const holder of holders) {
      const look = (): Float32Array => (holder instanceof Float32Array ? holder : holder.dataSync<'float32'>());
      this.#entries.set(holder, { look, bits: bits(look()) });
    }
  }

  /** Disposes tensors, and expects nothing of them from now on. */
  release(...tensors: readonly Tensor[]): void {
    for (const tensor of tensors) {
      this.#entries.delete(tensor);
      tensor.dispose();
    }
  }

  /** The number of words that are not what they were. */
  corrupted(): number {
    let wrong = 0;
    for (const { look, bits: expected } of this.#entries.values()) {
      const now = bits(look());
      if (now.length !== expected.length) return Number.NaN;
      expected.forEach((word, i) => {
        if (now[i] !== word) wrong += 1;
      });
      Ledger.compared += expected.length;
    }
    return wrong;
  }
}

/** Alphas 1/2 and 1/4: exact in float32, so that one update stays within 1 ulp of float64. */
const DECAYS = [0.5, 0.75];

/** Averages of a model beside float64. */
export class Checked {
  readonly ema: WeightEma;
  /**
   * Ulps of the larger of average and weight that an update may be off. With compensation a second difference is rounded (half an ulp
   * after the alpha), and of what is kept beside the float that is read, at most half an ulp, half stays: float64 knows nothing of it.
   */
  readonly bound: number;
  readonly #model: LayersModel;

  constructor(model: LayersModel, options: EmaOptions) {
    this.#model = model;
    this.bound = options.precision === 'compensated' ? 1 + 0.5 + 0.25 : 1;
    this.ema = new WeightEma(tf, { decays: DECAYS, updateEvery: 1, warmup: 'none', ...options }).attach(model);
  }

  /** The averages, as values of every weight. */
  values(): Float32Array[][] {
    return DECAYS.map((_, index) => {
      const named = this.ema.read({ index });
      const list = Object.values(named).map((tensor) => Float32Array.from(tensor.dataSync()));
      tf.dispose(named);
      return list;
    });
  }

  /** Moves the averages. @returns how far one is from float64 at most, in ulps as in `bound`. */
  update(): number {
    const before = this.values();
    const weights = this.#model.weights.map((weight) => Float32Array.from(weight.read().dataSync()));
    this.ema.update();
    const off = this.values().map((average, k) => {
      const oracle = new Oracle(at(before, k));
      oracle.update(weights, at(DECAYS, k));
      return average.map((list, i) => {
        const [from, to, exact] = [at(at(before, k), i), at(weights, i), at(oracle.shadows, i)];
        if (list.length !== to.length) return Number.NaN;
        return Math.max(...list.map((value, j) => ulpsBetween(value, at(exact, j), [at(from, j), at(to, j)])));
      });
    });
    return Math.max(...off.flat());
  }
}

function ulpsBetween(value: number, exact: number, [a, b]: readonly [number, number]): number {
  return value === exact ? 0 : Math.abs(value - exact) / ulp(Math.max(Math.abs(a), Math.abs(b)));
}
