// An average in the model's place while a gradient is taken: refused, because the gradient would be wrong without a word.

import type { Scalar, Tensor } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { isSwapped, rejectionOf, thrownBy, weightBits } from '../../support/expect.js';
import { lineModel, tf } from '../../support/models.js';

afterEach(() => tf.disposeVariables());

/** A model y = w x with w = 2, whose average is 1. */
function teacher(engine: 'native' | 'js') {
  const model = lineModel();
  const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1, warmup: 'none', engine }).attach(model);
  model.setWeights([tf.tensor2d([[3]])]);
  ema.update();
  return { model, ema };
}

describe.each(['native', 'js'] as const)('a gradient, engine %s', (engine) => {
  const ways: readonly [name: string, take: (loss: () => Scalar) => unknown][] = [
    ['minimize', (loss) => tf.train.sgd(0.1).minimize(loss)],
    ['variableGrads', (loss) => tf.variableGrads(loss)],
    ['grad', (loss) => tf.grad((x: Tensor) => loss().add(x.sum()))(tf.scalar(1))],
    ['valueAndGrads', (loss) => tf.valueAndGrads((x: Tensor) => loss().add(x.sum()) as Scalar)([tf.scalar(1)])],
    [
      'a gradient in a gradient',
      (loss) => tf.grad((x: Tensor) => tf.grad((y: Tensor) => loss().mul(y))(x))(tf.scalar(1)),
    ],
  ];
  it.each(ways)('in %s: use and putBack are refused, and the model has its own weights', (_, take) => {
    const { model, ema } = teacher(engine);
    const before = weightBits(model);
    const x = tf.tensor2d([[1], [2]]);
    const loss = (inside: () => unknown) => () => {
      inside();
      return (model.apply(x) as Tensor).sum() as Scalar;
    };
    for (const inside of [() => ema.use(0.5, (m) => m.predict(x)), () => ema.putBack(0.5)]) {
      expect(thrownBy(() => take(loss(inside)), 'IN_GRADIENT').message).toMatch(/asModel/);
      expect(weightBits(model)).toEqual(before);
      expect(isSwapped(ema)).toBe(false);
    }
    // Outside of it all is well again.
    ema.use(0.5, () => 0);
    ema.dispose();
  });

  it('is right with a teacher of its own, or with what was computed before', async () => {
    const { model, ema } = teacher(engine);
    const x = tf.tensor2d([[1], [2]]);
    const twin = await ema.asModel(0.5);
    const before = ema.use(0.5, (m) => m.predict(x) as Tensor);
    const [weight, average] = [model.getWeights(), Object.values(ema.read(0.5))].map(([w]) => w?.dataSync()[0] ?? 0);
    // d/dw mean((w x - e x)^2) = 2 mean(x^2) (w - e).
    const due = 2 * 2.5 * ((weight ?? 0) - (average ?? 0));
    for (const targets of [() => twin.refresh().predict(x) as Tensor, () => before]) {
      const { grads } = tf.variableGrads(() => (model.apply(x) as Tensor).sub(targets()).square().mean() as Scalar);
      const [gradient] = Object.values(grads).filter((one) => one !== null);
      expect(gradient?.dataSync()[0]).toBeCloseTo(due, 4);
    }
    twin.dispose();
    ema.dispose();
  });
});

it('in the loss of a compiled model: fit fails with the fix, and trains nothing', async () => {
  const [x, y] = [tf.ones([8, 1]), tf.ones([8, 1])];
  const model = lineModel();
  const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1 }).attach(model);
  ema.update();
  const before = weightBits(model);
  const loss = (labels: Tensor, predicted: Tensor) =>
    tf.losses.meanSquaredError(labels, predicted).add(ema.use(0.5, (m) => (m.predict(x) as Tensor).mean()));
  model.compile({ optimizer: 'sgd', loss });
  const error = await rejectionOf(model.fit(x, y, { epochs: 1, verbose: 0 }), 'IN_GRADIENT');
  expect(error.message).toMatch(/before, outside of the loss/);
  expect(weightBits(model)).toEqual(before);
  ema.dispose();
});
