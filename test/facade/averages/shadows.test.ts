// ModelShadows: pairing with live weights, names, reading and swapping. Counting is in progress.test.ts.

import { afterEach, describe, expect, it } from 'vitest';
import { ModelShadows } from '../../../src/averages/shadows.js';
import { resolveOptions } from '../../../src/options/options.js';
import { thrownBy, weightBits } from '../../support/expect.js';
import { data, denseModel, setRandomWeights, tf, valuesOf, weightValues } from '../../support/models.js';
import { at } from '../../support/oracle.js';

afterEach(() => {
  tf.disposeVariables();
});

describe.each(['native', 'js'] as const)('ModelShadows with engine %s', (engine) => {
  const make = (model = denseModel(), batchNorm: 'average' | 'copy' = 'average') =>
    new ModelShadows(tf, model, resolveOptions({ engine, decays: [0.5, 0.9], batchNorm }));

  it('leaves the shadows, to the bit, as the weights: the proof that updates are seen changes nothing', () => {
    const model = denseModel();
    setRandomWeights(model, 5);
    const shadow = make(model);
    for (const k of [0, 1]) {
      expect(
        Object.values(valuesOf(shadow.read(k)))
          .map(String)
          .sort(),
      ).toEqual(weightValues(model).map(String).sort());
    }
    shadow.dispose();
  });

  it('follows the weights through optimizer steps, which give each variable a new tensor', async () => {
    const model = denseModel();
    const { x, y } = data(16);
    const shadow = make(model);
    const before = model.weights.map((weight) => weight.read().dataId);
    await model.trainOnBatch(x, y);
    expect(model.weights.some((weight, i) => weight.read().dataId !== before[i])).toBe(true);
    shadow.update([1, 0]);
    const swap = shadow.swapIn(1);
    const start = weightBits(model);
    swap.restore();
    expect(start).not.toEqual(weightBits(model));
    const taken = shadow.swapIn(0);
    const trained = weightBits(model);
    taken.restore();
    expect(trained).toEqual(weightBits(model));
    shadow.dispose();
  });

  it('pairs by weight and not by place: freezing a layer, which re-orders model.weights, changes nothing', () => {
    const model = denseModel();
    const shadow = make(model);
    setRandomWeights(model, 6);
    at(model.layers, 0).trainable = false;
    shadow.update([1, 1]);
    const named = valuesOf(shadow.read(0));
    for (const weight of model.weights) expect(named[weight.originalName]).toEqual(weight.read().dataSync());
    shadow.dispose();
  });

  it('reads in the order of getWeights(), which setWeights of a model made alike takes', () => {
    const model = tf.sequential({
      layers: [tf.layers.batchNormalization({ inputShape: [4] }), tf.layers.batchNormalization()],
    });
    for (const policy of ['average', 'copy'] as const) {
      const shadow = make(model, policy);
      const values = Object.values(valuesOf(shadow.read(0))).map(String);
      expect(values).toEqual(weightValues(model).map(String));
      expect(Object.keys(shadow.read(0))).toEqual(model.weights.map(({ originalName }) => originalName));
      shadow.dispose();
    }
  });

  it('reads every weight of the model by name, the live ones too', () => {
    const model = denseModel();
    const shadow = make(model, 'copy');
    expect(shadow.weights.live).toHaveLength(2);
    setRandomWeights(model, 7);
    const named = valuesOf(shadow.read(0));
    expect(Object.keys(named).sort()).toEqual(model.weights.map(({ originalName }) => originalName).sort());
    for (const { name, variable } of shadow.weights.live) expect(named[name]).toEqual(variable.dataSync());
    shadow.dispose();
  });

  it('names the weight that was disposed, and leaves the averages readable', () => {
    const model = denseModel();
    const shadow = make(model);
    const before = valuesOf(shadow.read(0));
    const victim = at(model.weights, 3);
    victim.dispose();
    expect(shadow.isAlive).toBe(false);
    expect(thrownBy(() => shadow.update([0.5, 0.5]), 'WEIGHT_DISPOSED').message).toContain(victim.originalName);
    thrownBy(() => shadow.swapIn(0), 'WEIGHT_DISPOSED');
    const after = valuesOf(shadow.read(0));
    expect(after).toEqual(before);
    shadow.dispose();
  });

  it('reports its bytes', () => {
    const shadow = make();
    expect(shadow.bytes).toBeGreaterThanOrEqual(2 * 4 * 99);
    shadow.dispose();
  });
});
