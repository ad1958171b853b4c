// Swapping: exact to the bit, undone whatever happens, and no tensor left behind.

import type { LayersModel } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { isSwapped, Swap, SwapScope } from '../../../src/model/swap.js';
import { collectWeights } from '../../../src/model/weights.js';
import { rejectionOf, thrownBy, weightBits } from '../../support/expect.js';
import { assign, denseModel, tf } from '../../support/models.js';

afterEach(() => {
  tf.disposeVariables();
});

function setUp() {
  const model = denseModel();
  const { averaged } = collectWeights(tf, model, { batchNorm: 'average' });
  const raw = weightBits(model);
  const tensors = tf.memory().numTensors;
  const swap = () =>
    new Swap(
      tf,
      averaged,
      averaged.map(({ variable }) => tf.fill(variable.shape, 0.1)),
    );
  const expectRestored = () => {
    expect(weightBits(model)).toEqual(raw);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(isSwapped(averaged)).toBe(false);
  };
  return { model, averaged, swap, expectRestored, scope: new SwapScope(tf) };
}

const firstWeight = (model: LayersModel) => Array.from(model.weights[0]?.read().dataSync() ?? []);

describe('Swap', () => {
  it('shows the values and gives the weights back to the bit', () => {
    const { model, averaged, swap, expectRestored } = setUp();
    const open = swap();
    expect(firstWeight(model)).toEqual(new Array(32).fill(Math.fround(0.1)));
    expect(isSwapped(averaged)).toBe(true);
    expect(open.restore()).toEqual({ overwritten: {}, isTrained: false, disposed: [] });
    expectRestored();
  });

  it('restores weights with constraints: nothing is projected on the way', () => {
    const layer = tf.layers.dense({ units: 3, inputShape: [2], kernelConstraint: 'unitNorm' });
    const model = tf.sequential({ layers: [layer] });
    const { averaged } = collectWeights(tf, model, { batchNorm: 'average' });
    const raw = weightBits(model);
    const swap = new Swap(
      tf,
      averaged,
      averaged.map(({ variable }) => tf.fill(variable.shape, 7)),
    );
    expect(firstWeight(model)).toEqual(new Array(6).fill(7));
    swap.restore();
    expect(weightBits(model)).toEqual(raw);
  });

  it('leaves the weights as they were when a value does not fit', () => {
    const { averaged, expectRestored } = setUp();
    const values = averaged.map(({ variable }, i) => tf.fill(i === 5 ? [99] : variable.shape, 0.1));
    expect(() => new Swap(tf, averaged, values)).toThrow(/shape/);
    expectRestored();
  });

  it('lives through a tidy scope around it', () => {
    const { swap, expectRestored } = setUp();
    const kept: Swap[] = [];
    tf.tidy(() => {
      kept.push(swap());
    });
    kept[0]?.restore();
    expectRestored();
  });

  it('gives back what was written meanwhile, and the weights', () => {
    const { model, swap, expectRestored } = setUp();
    const open = swap();
    assign(model.weights[0], () => tf.fill([4, 8], 3));
    const { overwritten } = open.restore();
    expect(Object.values(overwritten).map((tensor) => Array.from(tensor.dataSync()))).toEqual([new Array(32).fill(3)]);
    tf.dispose(overwritten);
    expectRestored();
  });
});

describe('SwapScope', () => {
  it('restores after a value, an exception, a promise and a rejection', async () => {
    const { model, swap, scope, expectRestored } = setUp();
    expect(scope.run(swap(), () => firstWeight(model)[0])).toBe(Math.fround(0.1));
    expectRestored();
    expect(() =>
      scope.run(swap(), () => {
        throw new RangeError('mine');
      }),
    ).toThrow(RangeError);
    expectRestored();
    const running = scope.run(swap(), async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return firstWeight(model)[0];
    });
    expect(scope.isOpen).toBe(true);
    expect(await running).toBe(Math.fround(0.1));
    expectRestored();
    await expect(scope.run(swap(), () => Promise.reject(new RangeError('mine')))).rejects.toThrow(RangeError);
    expectRestored();
  });

  it('reports values that were written meanwhile, keeps them, and drops them at its end', () => {
    const { model, swap, scope, expectRestored } = setUp();
    const train = () => {
      assign(model.weights[0], () => tf.fill([4, 8], 3));
    };
    const { message } = thrownBy(() => scope.run(swap(), train), 'SWAPPED_IN');
    expect(message).toMatch(/1 weights \(first 'dense.*\/kernel'\) were changed/);
    expect(Object.keys(scope.overwritten)).toHaveLength(1);
    thrownBy(() => scope.run(swap(), train), 'SWAPPED_IN');
    expect(Object.keys(scope.overwritten)).toHaveLength(1);
    scope.dispose();
    expectRestored();
  });

  it('keeps the error of the function as the cause', async () => {
    const { model, swap, scope } = setUp();
    const mine = new RangeError('mine');
    const trainAndFail = () => {
      assign(model.weights[0], () => tf.fill([4, 8], 3));
      throw mine;
    };
    expect(thrownBy(() => scope.run(swap(), trainAndFail), 'SWAPPED_IN').cause).toBe(mine);
    expect(
      (
        await rejectionOf(
          scope.run(swap(), async () => trainAndFail()),
          'SWAPPED_IN',
        )
      ).cause,
    ).toBe(mine);
    scope.dispose();
  });

  it('says so when a weight was disposed meanwhile, and brings nothing back to life', () => {
    const { model, swap, scope, averaged } = setUp();
    thrownBy(() => scope.run(swap(), () => model.dispose()), 'WEIGHT_DISPOSED');
    expect(isSwapped(averaged)).toBe(false);
    expect(averaged.every(({ variable }) => variable.isDisposed)).toBe(true);
  });
});
