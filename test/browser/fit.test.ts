// A fit in a page, on the backend of this run: what the averages are, beside float64.
// The engine's contract on these backends is test/facade/engine/contract.test.ts.

import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect, inject, it } from 'vitest';
import { WeightEma } from '../../src/index.js';
import { data, denseModel, tf } from '../support/models.js';
import { at, Oracle } from '../support/oracle.js';

const backend = inject('backend');

describe(`fit on the backend ${backend}`, () => {
  it('gives the averages of its own weights after each step, and measures them', async () => {
    expect(tf.getBackend()).toBe(backend);
    const { x, y } = data(64);
    const model = denseModel(tf.train.momentum(0.1, 0.9));
    const decays = [0.5, 0.9];
    const weights = () => model.trainableWeights.map((weight) => Float32Array.from(weight.read().dataSync()));
    const oracles = decays.map(() => new Oracle(weights()));
    const watch = new tf.CustomCallback({
      onBatchEnd: async () => {
        for (const [k, decay] of decays.entries()) at(oracles, k).update(weights(), decay);
      },
    });
    const ema = new WeightEma(tf, { decays, updateEvery: 1, warmup: 'none' });
    const validationData: [Tensor, Tensor] = [x, y];
    const callbacks = [ema.callback(), watch];
    const { history } = await model.fit(x, y, { epochs: 3, batchSize: 16, verbose: 0, validationData, callbacks });

    expect([ema.engine, ema.steps, ema.updates]).toEqual(['js', 12, 12]);
    expect(ema.engineReason).toContain(`'${backend}' of a browser`);
    decays.forEach((decay, k) => {
      const average = ema.read(decay);
      model.trainableWeights.forEach(({ originalName }, i) => {
        const values = at(
          Object.entries(average).filter(([name]) => name === originalName),
          0,
        )[1].dataSync();
        values.forEach((value, j) => {
          const exact = at(at(at(oracles, k).shadows, i), j);
          // Each update rounds twice, by 2^-24 of numbers below 4, and decays what was: a geometric sum.
          expect(Math.abs(value - exact)).toBeLessThan((4 * 2 ** -23) / (1 - decay));
        });
      });
      tf.dispose(average);
    });
    expect(ema.validations.map(({ averages }) => averages.length)).toEqual([2, 2, 2]);
    expect(history['val_ema_loss']).toHaveLength(3);
    const best = at(ema.bests, 0);
    const measured = at(
      await Promise.all([ema.use('best', () => model.evaluate(x, y))].flat().map((one) => one.data())),
      0,
    );
    expect(at(measured, 0)).toBeCloseTo(best.value, 5);
    // The model has its own weights again.
    expect(at(at([model.evaluate(x, y)].flat(), 0).dataSync(), 0)).toBeCloseTo(
      at(history['val_loss'] as number[], 2),
      5,
    );
    expect(JSON.parse(JSON.stringify(ema.report()))).toMatchObject({
      facts: { engine: 'js', steps: 12 },
      averages: [{ label: '0.5' }, { label: '0.9' }],
    });
    expect(`${ema.report()}`).toContain('0.9');
    expect(ema.diagnose().weights).toHaveLength(8);
    ema.dispose();
  });
});
