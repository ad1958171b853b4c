// Memory: every tensor that is made is released, over epochs, updates, uses and failures.

import type { Callback } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { WeightEma } from '../../src/index.js';
import { data, denseModel, setRandomWeights, tf } from '../support/models.js';
import { at } from '../support/oracle.js';

afterEach(() => {
  tf.disposeVariables();
});

describe.each(['native', 'js'] as const)('with engine %s', (engine) => {
  it('fit with validation of five averages holds as many tensors in every epoch, and dispose releases the rest', async () => {
    const { x, y } = data(48);
    const model = denseModel(tf.train.adam(0.01));
    const run = async (callbacks: Callback[]) => {
      const counts: number[] = [];
      const count = new tf.CustomCallback({ onEpochEnd: () => void counts.push(tf.memory().numTensors) });
      await model.fit(x, y, { epochs: 5, batchSize: 16, verbose: 0, callbacks: [...callbacks, count] });
      return counts;
    };
    const before = at(await run([]), 4); // with the optimizer's variables, which its first step makes
    const ema = new WeightEma(tf, { engine, updateEvery: 2, decays: [0.5, 0.6, 0.7, 0.8, 0.9] });
    const counts = await run([ema.callback({ validationData: [x, y] })]);
    expect(at(ema.validations, 4).averages).toHaveLength(5);
    expect(new Set(counts).size).toBe(1);
    expect(at(counts, 0)).toBeGreaterThan(before);
    ema.dispose();
    expect(at(await run([]), 4)).toBe(before);
  });

  it('1,000 updates whose decays change at every one leave nothing', () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { engine, updateEvery: 1, decays: [0.9999, 0.99999] }).attach(model);
    ema.update();
    const before = tf.memory();
    for (let step = 0; step < 1000; step += 1) ema.update();
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numBytes).toBe(before.numBytes);
    ema.dispose();
  });

  it('use, failing use, and reads that are disposed leave nothing', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: [0.998, 0.999], engine, updateEvery: 4 }).attach(model);
    ema.update();
    const before = tf.memory();
    for (let i = 0; i < 20; i += 1) {
      setRandomWeights(model, i);
      ema.update();
      ema.use(0.999, () => 0);
      expect(() => ema.use(0.999, () => expect.fail('mine'))).toThrow('mine');
      await expect(ema.use(0.999, async () => expect.fail('mine'))).rejects.toThrow('mine');
      tf.dispose(ema.read(0.998));
    }
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numBytes).toBe(before.numBytes);
    ema.dispose();
  });

  it('a failed attach leaves nothing', () => {
    const model = denseModel();
    const other = new WeightEma(tf, { decays: 0.999, engine, updateEvery: 1 }).attach(model);
    other.update();
    const before = tf.memory().numTensors;
    other.use(0.999, () => {
      const during = tf.memory().numTensors;
      expect(() => new WeightEma(tf, { engine }).attach(model)).toThrow();
      expect(tf.memory().numTensors).toBe(during);
    });
    expect(tf.memory().numTensors).toBe(before);
    other.dispose();
  });
});
