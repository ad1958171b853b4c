// Layers that keep something between their calls: states, seeds, statistics, counters; of tfjs and of a user's own kinds.
// Holds no expectations.

import type { LayersModel, LayerVariable, layers, SymbolicTensor, Tensor, Variable } from '@tensorflow/tfjs';
import { tf } from './models.js';

type Layer = layers.Layer;

/** Samples of a batch: what states are kept of. */
export const BATCH = 4;

/** Shape of the inputs: samples, time, features. */
export const INPUT = [BATCH, 2, 2] as const;

/** What a layer of ours keeps, as numbers. */
interface Keeping {
  peek(): unknown;
}

const numbers = (tensor: Tensor | null | undefined) =>
  tensor === null || tensor === undefined ? null : Array.from(tensor.dataSync());
const first = (inputs: Tensor | Tensor[]): Tensor => [inputs].flat()[0] as Tensor;

/** Passes on what it makes of its inputs and of what it keeps. */
abstract class Own extends tf.layers.Layer implements Keeping {
  constructor() {
    super({});
  }
  override computeOutputShape(shape: number[]): number[] {
    return shape;
  }
  override call(inputs: Tensor | Tensor[]): Tensor {
    return tf.tidy(() => this.run(first(inputs)));
  }
  protected weight(name: string, shape: number[], trainable: boolean, dtype: 'float32' | 'int32' = 'float32') {
    return this.addWeight(name, shape, dtype, tf.initializers.zeros() as never, undefined, trainable);
  }
  abstract run(x: Tensor): Tensor;
  abstract peek(): unknown;
  static className = 'Own';
}

const meanOf = (x: Tensor) => x.mean([0, 1]);

/** Writes a weight at each call; one that is trained, or not. */
class Running extends Own {
  mean!: LayerVariable;
  readonly #isTrainable: boolean;
  constructor(isTrainable: boolean) {
    super();
    this.#isTrainable = isTrainable;
  }
  override build(shape: number[]): void {
    this.mean = this.weight('running', shape.slice(-1), this.#isTrainable);
  }
  run(x: Tensor): Tensor {
    this.mean.write(this.mean.read().mul(0.9).add(meanOf(x).mul(0.1)));
    return x.sub(this.mean.read());
  }
  peek() {
    return numbers(this.mean.read());
  }
}

/** One step of power iteration at each call, as spectral norm takes. */
class PowerIteration extends Own {
  vector!: LayerVariable;
  override build(): void {
    this.vector = this.weight('u', [2, 1], false);
  }
  run(x: Tensor): Tensor {
    const rows = x.reshape([-1, 2]);
    const next = rows.transpose().matMul(rows.matMul(this.vector.read().add(0.1)));
    this.vector.write(next.div(next.norm().add(1e-3)));
    return x.add(this.vector.read().sum());
  }
  peek() {
    return numbers(this.vector.read());
  }
}

/** Counts its calls in a weight of integers. */
class CountingWeight extends Own {
  count!: LayerVariable;
  override build(): void {
    this.count = this.weight('count', [1], false, 'int32');
  }
  run(x: Tensor): Tensor {
    this.count.write(this.count.read().add(tf.scalar(1, 'int32')).toInt());
    return x.mul(this.count.read().toFloat().mul(0.01).add(1));
  }
  peek() {
    return numbers(this.count.read());
  }
}

/** A state that is made by the first call, in a tensor that the layer disposes itself. */
class LazyState extends Own {
  state: Tensor | undefined;
  run(x: Tensor): Tensor {
    const before = this.state;
    this.state = tf.keep(meanOf(x).add(before ?? 0));
    before?.dispose();
    return x.add(this.state.mul(0.1));
  }
  peek() {
    return numbers(this.state);
  }
}

/** States in a list and in an object, replaced in place. */
class ListedStates extends Own {
  readonly list: Tensor[] = [tf.zeros([2])];
  readonly byName: { state: Tensor } = { state: tf.zeros([2]) };
  run(x: Tensor): Tensor {
    const [a, b] = [this.list[0] as Tensor, this.byName.state];
    this.list[0] = tf.keep(meanOf(x).add(a));
    this.byName.state = tf.keep(meanOf(x).add(b.mul(0.5)));
    tf.dispose([a, b]);
    return x.add(this.list[0].mul(0.1)).add(this.byName.state);
  }
  peek() {
    return [this.list, this.byName.state].flat().map(numbers);
  }
}

/** A variable that the layer did not declare. */
class OwnVariable extends Own {
  readonly state: Variable = tf.variable(tf.zeros([2]), false);
  run(x: Tensor): Tensor {
    this.state.assign(this.state.mul(0.9).add(meanOf(x).mul(0.1)));
    return x.sub(this.state);
  }
  peek() {
    return numbers(this.state);
  }
}

/** Noise of the seeds 1, 2, 3 ..., counted in a field. */
class SeededNoise extends Own {
  seed = 0;
  run(x: Tensor): Tensor {
    this.seed += 1;
    return x.add(tf.randomNormal(x.shape, 0, 0.1, 'float32', this.seed));
  }
  peek() {
    return this.seed;
  }
}

class Generator {
  state = 1;
  readonly words = new Uint32Array([1, 2]);
  next(): number {
    this.state = (this.state * 48271) % 2147483647;
    this.words[0] = (this.words[0] ?? 0) ^ this.state;
    return (this.words[0] ?? 0) % 1000;
  }
}

/** Noise of seeds from a generator, which is an object of its own kind. */
class GeneratedNoise extends Own {
  readonly generator = new Generator();
  run(x: Tensor): Tensor {
    return x.add(tf.randomNormal(x.shape, 0, 0.1, 'float32', this.generator.next()));
  }
  peek() {
    return [this.generator.state, ...this.generator.words];
  }
}

/** Holds a recurrent layer that tfjs does not know of. */
class Hidden extends Own {
  readonly inner = tf.layers.gru({ units: 2, stateful: true, returnSequences: true, ...ones });
  override build(shape: number[]): void {
    this.inner.build(shape);
    this.inner.built = true;
  }
  run(x: Tensor): Tensor {
    return x.add((this.inner.apply(x) as Tensor).mul(0.1));
  }
  peek() {
    return statesOf(this.inner);
  }
}

/** Keeps a state where nobody sees it. */
class PrivateState extends Own {
  #state: Tensor = tf.keep(tf.ones([2]));
  run(x: Tensor): Tensor {
    const before = this.#state;
    this.#state = tf.keep(meanOf(x).add(before));
    before.dispose();
    return x.add(this.#state);
  }
  peek() {
    return undefined;
  }
}

/** Draws numbers also where it is not trained. */
class AlwaysNoisy extends Own {
  run(x: Tensor): Tensor {
    return x.add(tf.randomNormal(x.shape));
  }
  peek() {
    return undefined;
  }
}

/** Lists that hold more than what a call changes, and one that grows with each call. */
class Mixed extends Own {
  readonly steps: readonly ((x: Tensor) => Tensor)[] = [(x) => x.mul(2), (x) => x.add(1)];
  readonly log: number[] = [];
  run(x: Tensor): Tensor {
    this.log.push(this.log.length);
    return this.steps.reduce((value, step) => step(value), x).add(this.log.length * 0.01);
  }
  peek() {
    return [this.steps.length, ...this.log];
  }
}

/** A cell of a user's own: a sum that forgets. */
class OwnCell extends tf.layers.RNNCell {
  stateSize: number;
  constructor(units = 2) {
    super({});
    this.stateSize = units;
  }
  override build(): void {
    this.built = true;
  }
  override call(inputs: Tensor | Tensor[]): Tensor[] {
    const [x, state] = inputs as [Tensor, Tensor];
    const next = tf.tidy(() => x.add(state.mul(0.5)));
    return [next, next];
  }
  static className = 'OwnCell';
}

const ones = { kernelInitializer: 'ones', recurrentInitializer: 'ones' } as const;
const kept = { stateful: true, ...ones } as const;

/** Layers from {@link INPUT} on, by kind. */
export const KEEPING: Readonly<Record<string, () => Layer[]>> = {
  simpleRNN: () => [tf.layers.simpleRNN({ units: 3, ...kept })],
  GRU: () => [tf.layers.gru({ units: 3, ...kept })],
  LSTM: () => [tf.layers.lstm({ units: 3, ...kept })],
  'two LSTMs': () => [
    tf.layers.lstm({ units: 3, returnSequences: true, ...kept }),
    tf.layers.lstm({ units: 2, ...kept }),
  ],
  ConvLSTM2D: () => [
    tf.layers.reshape({ targetShape: [2, 2, 1, 1] }),
    tf.layers.convLstm2d({ filters: 2, kernelSize: 1, ...kept }),
  ],
  "a cell of one's own": () => [tf.layers.rnn({ cell: new OwnCell(), stateful: true }) as Layer],
  'stacked cells': () => [
    tf.layers.rnn({
      cell: [tf.layers.lstmCell({ units: 3, ...ones }), tf.layers.gruCell({ units: 2, ...ones })],
      stateful: true,
    }) as Layer,
  ],
  Bidirectional: () => [
    tf.layers.bidirectional({ layer: tf.layers.lstm({ units: 2, ...kept }) as never, mergeMode: 'concat' }),
  ],
  TimeDistributed: () => [
    tf.layers.reshape({ targetShape: [2, 2, 1] }),
    tf.layers.timeDistributed({ layer: tf.layers.gru({ units: 2, ...kept }) }),
  ],
  'a model inside': () => [
    tf.sequential({ layers: [tf.layers.lstm({ units: 3, batchInputShape: [...INPUT], ...kept })] }) as never,
  ],
  "one inside a layer of one's own": () => [new Hidden()],
  'a running mean': () => [new Running(false)],
  'a running mean that is trained, too': () => [new Running(true)],
  'power iteration': () => [new PowerIteration()],
  'a counter of integers': () => [new CountingWeight()],
  'a state of the first call': () => [new LazyState()],
  'states in a list and an object': () => [new ListedStates()],
  'a variable that is not declared': () => [new OwnVariable()],
  'a seed that is counted': () => [new SeededNoise()],
  'a generator of seeds': () => [new GeneratedNoise()],
  'lists of functions and of numbers': () => [new Mixed()],
};

class MappedState extends tf.layers.Layer {
  static className = 'KeepingMappedState';
  readonly seen = new Map<string, number>();
  override call(inputs: Tensor | Tensor[]): Tensor {
    const calls = this.seen.get('calls') ?? 0;
    this.seen.set('calls', calls + 1);
    return tf.tidy(() => ([inputs].flat()[0] as Tensor).mul(1 + 0.1 * calls));
  }
}

/** Layers whose calls change what nobody can put back. */
export const HIDING: Readonly<Record<string, () => Layer>> = {
  'a state in a private field': () => new PrivateState(),
  'a state in a Map': () => new MappedState(),
  'noise without a seed': () => new AlwaysNoisy(),
};

/** The layers between inputs and BatchNorm with one output, compiled; the same weights in every call. */
export function keepingModel(inner: readonly Layer[], compile: object = {}): LayersModel {
  const seeded = (seed: number) => ({ kernelInitializer: tf.initializers.glorotUniform({ seed }) });
  const tail = [
    tf.layers.dense({ units: 3, ...seeded(1) }),
    tf.layers.batchNormalization(),
    tf.layers.dense({ units: 1, ...seeded(2) }),
  ];
  const applied = (value: SymbolicTensor, layer: Layer) => layer.apply(value) as SymbolicTensor;
  const input = tf.input({ batchShape: [...INPUT] });
  const kept = inner.reduce(applied, input);
  const output = tail.reduce(applied, kept.shape.length > 2 ? applied(kept, tf.layers.flatten()) : kept);
  const model = tf.model({ inputs: input, outputs: output });
  model.compile({ optimizer: tf.train.sgd(0.05), loss: 'meanSquaredError', ...compile });
  return model;
}

/** All that layers keep, by the interfaces that they have for it, and all weights. */
export function keptBy(model: LayersModel): unknown {
  return [model.weights.map((weight) => numbers(weight.read())), insideOf(model).map(peek)];
}

function insideOf(layer: object): object[] {
  const inside = ['layer', 'forwardLayer', 'backwardLayer', 'layers', 'inner', 'cell'].flatMap((name) =>
    [Reflect.get(layer, name) ?? []].flat(),
  ) as object[];
  return [layer, ...inside.flatMap(insideOf)];
}

function peek(layer: object): unknown {
  if ('peek' in layer && typeof layer.peek === 'function') return layer.peek();
  return 'getStates' in layer ? statesOf(layer) : undefined;
}

function statesOf(layer: object): unknown {
  return peeked(layer).map(numbers);
}

/** The states of a recurrent layer, themselves. */
export function peeked(layer: object | undefined): Tensor[] {
  return [...(layer as { readonly states: Tensor[] }).states];
}
