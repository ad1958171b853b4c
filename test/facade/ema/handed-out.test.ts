// What use() hands out of layers: which tensors live on, and which end with it.

import type { LayersModel, Sequential, Tensor } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { tf } from '../../support/models.js';

describe('tensors of layers that use() hands out', () => {
  const stateful = (): Sequential => {
    const model = tf.sequential();
    model.add(tf.layers.lstm({ units: 3, stateful: true, batchInputShape: [4, 2, 2] }));
    model.add(tf.layers.dense({ units: 1 }));
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    return model;
  };
  const statesIn = (model: LayersModel) => (model.layers[0] as unknown as { readonly states_: Tensor[] }).states_;

  it('live where they are in what is returned, to any depth, and end where they are not', async () => {
    const [model, x] = [stateful(), tf.ones([4, 2, 2])];
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1 }).attach(model);
    await model.trainOnBatch(x, tf.ones([4, 1]));
    ema.update();
    const run = (one: LayersModel): Tensor[] => {
      tf.dispose(one.predict(x));
      return statesIn(one);
    };
    const before = tf.memory().numTensors;
    const deep = ema.use(0.5, (one) => ({ layers: { lstm: [run(one), 'name'] as const } }));
    const later = await ema.use(0.5, async (one) => [{ states: run(one) }]);
    const kept = [...deep.layers.lstm[0], ...later.flatMap(({ states }) => states)];
    expect(kept.map((tensor) => tensor.isDisposed)).toEqual([false, false, false, false]);
    tf.dispose(kept);
    let left: Tensor[] = [];
    const given = ema.use(0.5, (one) => {
      left = run(one);
      return one;
    });
    expect([given === model, ...left.map((tensor) => tensor.isDisposed)]).toEqual([true, true, true]);
    expect(tf.memory().numTensors).toBe(before);
    ema.dispose();
  });
});
