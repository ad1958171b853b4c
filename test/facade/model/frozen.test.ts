// Frozen layers: the average of weights that stand still is the weights, to the bit; freezing and unfreezing in between.

import { afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, WeightEma } from '../../../src/index.js';
import { data, denseModel, tf, valuesOf } from '../../support/models.js';
import { bits } from '../../support/oracle.js';

afterEach(() => {
  tf.disposeVariables();
});

const fit = { epochs: 2, batchSize: 8, verbose: 0 as const };

describe.each([
  ['native', {}],
  ['native', { precision: 'compensated' }],
  ['native', { updateEvery: 3 }],
  ['js', {}],
  ['js', { precision: 'compensated' }],
] as const)('frozen layers, engine %s, %j', (engine, options: EmaOptions) => {
  const decays = [0.9, 0.999, 'uniform'] as const;
  const compile = (model: ReturnType<typeof denseModel>) =>
    model.compile({ optimizer: tf.train.sgd(0.3), loss: 'categoricalCrossentropy' });
  const make = () => new WeightEma(tf, { engine, decays, updateEvery: 1, onWarning: () => undefined, ...options });
  const read = (ema: WeightEma, index: number) => {
    const tensors = ema.read({ index });
    const values = valuesOf(tensors);
    tf.dispose(tensors);
    return values;
  };
  const bitsOf = (values: { [name: string]: Float32Array }, layer: string) =>
    Object.entries(values).flatMap(([name, list]) => (name.startsWith(layer) ? [...bits(list)] : []));

  it('are copied to the bit in every average, while the others move', async () => {
    const { x, y } = data(32);
    const model = denseModel();
    const [first, , last] = model.layers;
    if (first === undefined || last === undefined) throw new Error('no layers');
    first.trainable = false;
    compile(model);
    const ema = make();
    const start = first.getWeights().flatMap((weight) => [...bits(weight.dataSync())]);
    await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    const prefix = (first.weights[0]?.originalName ?? '').replace(/\/.*/, '/');
    const moving = (last.weights[0]?.originalName ?? '').replace(/\/.*/, '/');
    decays.forEach((_, index) => {
      expect(bitsOf(read(ema, index), prefix)).toEqual(start);
      const live = last.getWeights().flatMap((weight) => [...bits(weight.dataSync())]);
      expect(bitsOf(read(ema, index), moving)).not.toEqual(live);
    });
    ema.dispose();
  });

  it('may be unfrozen and frozen in the middle of a run: the averages follow the same weights', async () => {
    const { x, y } = data(32);
    const model = denseModel();
    const [first] = model.layers;
    if (first === undefined) throw new Error('no layers');
    const prefix = (first.weights[0]?.originalName ?? '').replace(/\/.*/, '/');
    const now = () => first.getWeights().flatMap((weight) => [...bits(weight.dataSync())]);
    first.trainable = false;
    compile(model);
    const ema = make();
    await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    const frozen = now();
    first.trainable = true;
    compile(model);
    await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    const unfrozen = now();
    expect(unfrozen).not.toEqual(frozen);
    decays.forEach((_, index) => {
      const average = bitsOf(read(ema, index), prefix);
      expect(average).not.toEqual(frozen);
      expect(average).not.toEqual(unfrozen);
    });
    const before = read(ema, 0);
    first.trainable = false;
    compile(model);
    await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    expect(now()).toEqual(unfrozen);
    // An average goes on towards weights that were frozen later: it holds what it has seen.
    expect(bitsOf(read(ema, 0), prefix)).not.toEqual(bitsOf(before, prefix));
    ema.dispose();
  });

  it('with every layer frozen averages are the model, to the bit', () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { engine, decays, updateEvery: 1, onWarning: () => undefined, ...options });
    ema.attach(model);
    const start = read(ema, 0);
    for (let step = 0; step < 100; step += 1) ema.update();
    decays.forEach((_, index) => {
      expect(read(ema, index)).toEqual(start);
    });
    ema.dispose();
  });
});
