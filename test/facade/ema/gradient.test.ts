// An average in the model's place while a gradient is taken: refused, because the gradient would be wrong without a word.

import type { NamedTensorMap, Scalar, Tensor, Variable } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { isSwapped, rejectionOf, thrownBy, weightBits } from '../../support/expect.js';
import { lineModel, tf, valuesOf } from '../../support/models.js';

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

  it('does not run through what is read, combined or averaged in the loss, with pending steps and weights that are not averaged', () => {
    const layer = tf.layers.dense({ units: 1, inputShape: [2], name: 'line' });
    const model = tf.sequential({ layers: [layer] });
    const options = { decays: [0.5, 0.75], updateEvery: 4, warmup: 'none', engine, exclude: ['line/bias'] } as const;
    const ema = new WeightEma(tf, options).attach(model);
    model.setWeights([tf.tensor2d([[2], [3]]), tf.tensor1d([5])]);
    ema.update();
    const [kernel, bias] = model.trainableWeights.map((weight) => weight.read() as Variable);
    if (kernel === undefined || bias === undefined) return expect.fail('no weights');
    const reads: readonly (() => NamedTensorMap)[] = [
      () => ema.read(0.5),
      () => ema.read({ synthesized: 0.6 }),
      () => {
        for (let step = 0; step < 4; step += 1) ema.update();
        return ema.read(0.75);
      },
    ];
    for (const read of reads) {
      let seen = {};
      // In float32: d/dw sum((w - e)^2 + b c) is 2 (w - e), and c by b: e and c are constants, though c is b by value.
      const loss = () => {
        const named = read();
        seen = valuesOf(named);
        const squares = kernel.sub(named['line/kernel'] ?? 0).square();
        return squares.sum().add(bias.mul(named['line/bias'] ?? 0).sum()) as Scalar;
      };
      const grads = Object.values(tf.variableGrads(loss, [kernel, bias]).grads).map((grad) => [...grad.dataSync()]);
      const { 'line/kernel': e, 'line/bias': c } = seen as ReturnType<typeof valuesOf>;
      expect(grads).toEqual([
        [...kernel.dataSync()].map((w, i) => 2 * Math.fround(w - (e?.[i] ?? Number.NaN))),
        [...(c ?? [])],
      ]);
      expect(c).toEqual(Float32Array.of(5));
    }
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
