// Tensors and arrays that share memory with weights: updates corrupt none of them, and none of them reaches an average.
// The ways to share are a table in support/sharing.ts; the kernel's own look for overlap is tested in op.test.ts.

import type { LayersModel, LayerVariable, NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadAddon } from '../../../src/engine/addon.js';
import type { EmaOptions } from '../../../src/index.js';
import { nodeBackend, runOp } from '../../../src/tfjs/backend.js';
import { assign, floats, tf } from '../../support/models.js';
import { at, bits } from '../../support/oracle.js';
import {
  ARRAY_WAYS,
  type ArrayWay,
  Checked,
  Ledger,
  SHAPE,
  SIZE,
  VIEWS,
  WAYS,
  type Way,
} from '../../support/sharing.js';

const UPDATES = 3;

const contenders: readonly { title: string; backend: string; options: EmaOptions }[] = [
  { title: 'native', backend: 'tensorflow', options: { engine: 'native' } },
  {
    title: 'native, compensated',
    backend: 'tensorflow',
    options: { engine: 'native', precision: 'compensated' },
  },
  { title: 'js', backend: 'tensorflow', options: { engine: 'js' } },
  { title: 'js on the CPU backend', backend: 'cpu', options: { engine: 'js' } },
];

let seed = 0;
const fresh = (): Tensor => {
  seed += 1;
  return tf.tensor(floats(SIZE, seed), [...SHAPE]);
};
const aliasesOf = (way: Way, source: Tensor): Tensor[] => tf.tidy(() => way.make(source));
const weightsOf = (model: LayersModel): Tensor[] => model.weights.map((weight) => weight.read());

/** A model with a weight of each shape, beside the one of its only layer. */
function modelOf(shapes: readonly (readonly number[])[]): { model: LayersModel; weights: LayerVariable[] } {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1], useBias: false })] });
  // The method is protected: a layer calls it in its own build().
  const layer = model.layers[0] as unknown as {
    addWeight(name: string, shape: readonly number[], dtype: string, initializer: object): LayerVariable;
  };
  const weights = shapes.map((shape, i) => layer.addWeight(`own${i}`, shape, 'float32', tf.initializers.zeros()));
  return { model, weights };
}

const averageBits = (checked: Checked) =>
  checked
    .values()
    .flat()
    .map((list) => bits(list).join());

interface Held {
  readonly ledger: Ledger;
  readonly checked: Checked;
  readonly model: LayersModel;
  readonly aliases: readonly Tensor[];
  readonly reads: readonly NamedTensorMap[];
}

/** Lets go of everything in one of the six orders; what is left stays as it is, and so do the averages while there are any. */
function letGo(order: number, { ledger, checked, model, aliases, reads }: Held): void {
  const end = averageBits(checked);
  const weights = weightsOf(model);
  const steps = [
    () => ledger.release(...aliases),
    () => ledger.release(...weights, ...reads.flatMap((named) => Object.values(named))),
    () => checked.ema.dispose(),
  ];
  const first = order % 3;
  const second = (first + (order < 3 ? 1 : 2)) % 3;
  for (const step of [first, second, 3 - first - second]) {
    at(steps, step)();
    expect(ledger.corrupted()).toBe(0);
    if (checked.ema.facts.bytes > 0) expect(averageBits(checked)).toEqual(end);
  }
}

describe('the ways', () => {
  /** How many numbers of what a way makes change when our op writes over what it was made from. */
  function reached(way: Way): number {
    const [backend, addon] = [nodeBackend(tf), loadAddon()];
    if (typeof backend === 'string' || 'reason' in addon) return Number.NaN;
    const { ops } = addon.addon.register();
    const int = (name: string, value: number) => ({ name, type: 'int', value }) as const;
    return tf.tidy(() => {
      const create = { name: ops.create, attributes: [int('N', 1), int('rows', 1), int('zero_rows', 0)], outputs: 1 };
      const arena = at(runOp({ tf, backend }, create, [tf.zeros([SIZE])]), 0);
      const aliases = way.make(arena.reshape([...SHAPE]));
      const write = { name: ops.write, attributes: [int('N', 1)], outputs: 0 };
      runOp({ tf, backend }, write, [arena, tf.scalar(0, 'int32'), tf.fill([SIZE], 7)]);
      expect(arena.dataSync()).toEqual(new Float32Array(SIZE).fill(7));
      return aliases.flatMap((alias) => Array.from(alias.dataSync())).filter((value) => value === 7).length;
    });
  }

  afterEach(() => tf.disposeVariables());

  it.each(WAYS.filter(({ copies }) => copies === undefined))('$name shares the memory', (way) => {
    expect(reached(way)).toBeGreaterThanOrEqual(SIZE / 2);
  });

  it.each(WAYS.filter(({ copies }) => copies === true))('$name copies', (way) => {
    expect(reached(way)).toBe(0);
  });

  it('views of a buffer share its memory where they lie as TensorFlow wants, and are copied elsewhere', () => {
    // One buffer: another may begin elsewhere in a line of the cache.
    const buffer = new ArrayBuffer(4 * SIZE + 64);
    const shared = VIEWS.filter((_, place) => {
      const array = new Float32Array(buffer, 4 * place, SIZE).fill(1);
      const tensor = tf.tensor(array, [...SHAPE]);
      tf.tidy(() => void tensor.add(0)); // the first op uploads it
      array.fill(7);
      const changed = tensor.dataSync().filter((value) => value === 7).length;
      tensor.dispose();
      expect([0, SIZE]).toContain(changed);
      return changed === SIZE;
    });
    expect(shared.length).toBeGreaterThan(0);
    expect(shared.length).toBeLessThan(VIEWS.length);
  });

  it('are 37 that share, 8 that only look so, and 20 from arrays', () => {
    expect(new Set([...WAYS, ...ARRAY_WAYS].map(({ name }) => name)).size).toBe(65);
    expect(WAYS.filter(({ copies }) => copies === true)).toHaveLength(8);
    expect(ARRAY_WAYS).toHaveLength(20);
  });
});

describe.each(contenders)('$title', ({ backend, options }) => {
  const orders = WAYS.map((way, index) => ({ ...way, order: index % 6 }));
  let count = 0;

  beforeAll(async () => {
    await tf.setBackend(backend);
  });

  beforeEach(() => {
    count = tf.memory().numTensors;
  });

  afterEach(() => {
    tf.disposeVariables();
    expect(tf.memory().numTensors).toBe(count);
  });

  it.each(orders)('made from a weight by $name, before attach and between updates', ({ order, ...way }) => {
    const { model, weights } = modelOf([SHAPE, SHAPE]);
    const [ledger, aliases, reads]: [Ledger, Tensor[], NamedTensorMap[]] = [new Ledger(), [], []];
    const write = (): void => {
      for (const weight of weights) assign(weight, fresh);
      const made = weights.flatMap((weight) => aliasesOf(way, weight.read()));
      aliases.push(...made);
      ledger.watch(...made, ...weightsOf(model));
    };
    write();
    const checked = new Checked(model, options);
    expect(ledger.corrupted()).toBe(0);
    for (let step = 0; step < UPDATES; step += 1) {
      // At first with the very memory that the averages were made from.
      if (step > 0) write();
      expect(checked.update()).toBeLessThanOrEqual(checked.bound);
      const read = checked.ema.read({ index: step % 2 });
      reads.push(read);
      ledger.watch(...Object.values(read));
      expect(ledger.corrupted()).toBe(0);
    }
    letGo(order, { ledger, checked, model, aliases, reads });
  });

  it.each(orders)('two weights that are given one alias by $name', ({ order, ...way }) => {
    const [ledger, kept]: [Ledger, Tensor[]] = [new Ledger(), []];
    const make = (isSourceKept: boolean): Tensor[] => {
      const source = fresh();
      const aliases = aliasesOf(way, source);
      // Where the source goes, its memory lives on in the aliases and in the weights.
      if (isSourceKept) kept.push(source);
      else source.dispose();
      kept.push(...aliases);
      return aliases;
    };
    const first = make(true);
    const { model, weights } = modelOf(first.flatMap(({ shape }) => [shape, shape]));
    const give = (aliases: readonly Tensor[]): void => {
      weights.forEach((weight, i) => {
        weight.write(at(aliases, Math.floor(i / 2)));
      });
      ledger.watch(...kept, ...weightsOf(model));
    };
    give(first);
    const checked = new Checked(model, options);
    for (let step = 0; step < UPDATES; step += 1) {
      if (step > 0) give(make(step !== 2));
      expect(checked.update()).toBeLessThanOrEqual(checked.bound);
      expect(ledger.corrupted()).toBe(0);
    }
    letGo(order, { ledger, checked, model, aliases: kept, reads: [] });
  });

  it.each(ARRAY_WAYS)(
    'weights that lie in $name: updates leave the array, and the array leaves the averages',
    (way) => {
      const { model, weights } = modelOf([SHAPE, SHAPE]);
      const [ledger, arrays]: [Ledger, Float32Array[]] = [new Ledger(), []];
      const write = (): void => {
        for (const weight of weights) arrays.push(layInto(way, weight));
        ledger.watch(...arrays, ...weightsOf(model));
      };
      write();
      const checked = new Checked(model, options);
      for (let step = 0; step < UPDATES; step += 1) {
        if (step > 0) write();
        expect(checked.update()).toBeLessThanOrEqual(checked.bound);
        expect(ledger.corrupted()).toBe(0);
      }
      const before = averageBits(checked);
      for (const array of arrays) array.fill(99);
      expect(averageBits(checked)).toEqual(before);
      checked.ema.dispose();
    },
  );

  it('a weight that is given a read average: neither moves with the average, whose tensors are free', () => {
    const { model, weights } = modelOf([SHAPE]);
    const [weight, ledger] = [at(weights, 0), new Ledger()];
    const write = () => assign(weight, fresh);
    write();
    const checked = new Checked(model, options);
    for (let step = 0; step < UPDATES; step += 1) {
      const read = Object.values(checked.ema.read({ index: 0 }));
      weight.write(at(read, 1));
      ledger.watch(...read, ...weightsOf(model));
      expect(checked.update()).toBeLessThanOrEqual(checked.bound);
      expect(ledger.corrupted()).toBe(0);
      ledger.release(...read);
      expect(checked.update()).toBeLessThanOrEqual(checked.bound);
      expect(ledger.corrupted()).toBe(0);
      write();
      ledger.watch(...weightsOf(model));
    }
    checked.ema.dispose();
  });

  it('an array got from an average or a weight is free to be written: no average changes', async () => {
    const { model, weights } = modelOf([SHAPE]);
    for (const weight of weights) assign(weight, fresh);
    const checked = new Checked(model, options);
    checked.ema.update();
    const before = averageBits(checked);
    const reads = [0, 1].map((index) => checked.ema.read({ index }));
    for (const tensor of [...reads.flatMap((read) => Object.values(read)), ...weightsOf(model)]) {
      tensor.dataSync().fill(99);
      (await tensor.data()).fill(98);
      tensor.bufferSync().values.fill(97);
    }
    expect(averageBits(checked)).toEqual(before);
    tf.dispose(reads);
    expect(averageBits(checked)).toEqual(before);
    checked.ema.use({ index: 0 }, () => {
      for (const weight of weightsOf(model)) weight.dataSync().fill(96);
    });
    expect(averageBits(checked)).toEqual(before);
    checked.ema.dispose();
  });
});

function layInto({ lay, make }: ArrayWay, weight: LayerVariable): Float32Array {
  seed += 1;
  const array = lay(floats(SIZE, seed));
  assign(weight, () => (make === undefined ? tf.tensor(array, [...SHAPE]) : make(array)));
  return array;
}

afterAll(() => {
  // Of every way, contender and direction at least the two weights after each update: that nothing was compared would show.
  expect(Ledger.compared).toBeGreaterThan(WAYS.length * contenders.length * 2 * UPDATES * 2 * SIZE);
});
