// Ties: which averages the validation data cannot tell apart from the best one, from scores up to a whole fit.

import { afterEach, describe, expect, it } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { tiesOf } from '../../../src/validation/ties.js';
import { assign, data, denseModel, floats, lineModel, tf } from '../../support/models.js';
import { at } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };

afterEach(() => {
  tf.disposeVariables();
});

describe('tiesOf', () => {
  const base = floats(200, 1).map((value) => 2 + value);
  // Worse on every sample, by far more than it varies.
  const worse = base.map((value, i) => value + 0.5 + (i % 2) / 10);
  // As often better as worse.
  const same = base.map((value, i) => value + (i % 2 === 0 ? 0.1 : -0.1));

  it('names what is as good as the best, and the best itself', () => {
    const scores = { raw: { loss: same }, averages: [worse, base, same].map((loss) => ({ loss })) };
    expect(tiesOf(scores, 'loss', 1)).toEqual({ averages: [1, 2], raw: true });
    expect(tiesOf({ ...scores, raw: { loss: worse } }, 'loss', 1)).toEqual({ averages: [1, 2], raw: false });
  });

  it('leaves out what diverged, and knows nothing where a metric has no value per sample', () => {
    const broken = base.map((value, i) => (i === 7 ? Number.NaN : value));
    const scores = { raw: { loss: broken }, averages: [broken, base, same].map((loss) => ({ loss })) };
    expect(tiesOf(scores, 'loss', 2)).toEqual({ averages: [1, 2], raw: false });
    expect(tiesOf(scores, 'loss', 0)).toBeUndefined();
    expect(tiesOf(scores, 'acc', 1)).toBeUndefined();
  });
});

describe.each(['native', 'js'] as const)('ties of a fit, engine %s', (engine) => {
  it('tell a clear difference from none', async () => {
    const x = tf.ones([64, 1]);
    const y = tf.tensor2d(floats(64, 3), [64, 1]);
    const model = lineModel(0);
    // The weight jumps to 3 before training and stays: an average of decay 1 keeps 1, two of decay 0 are both 3.
    const ema = new WeightEma(tf, { decays: [0, 1e-12, 1], updateEvery: 1, warmup: 'none', engine, ...quiet });
    ema.attach(model);
    assign(model.weights[0], () => tf.tensor2d([[3]]));
    await model.fit(x, y, {
      epochs: 1,
      batchSize: 32,
      verbose: 0,
      callbacks: [ema.callback({ validationData: [x, y] })],
    });
    const { best, tied } = at(ema.validations, 0);
    expect([best, tied]).toEqual([2, { averages: [2], raw: false }]);
    expect(at(ema.bests, 0).tied).toEqual(tied);
    // The other way round: the target is near 3.
    const near = tf.tidy(() => y.add(3));
    const other = new WeightEma(tf, { decays: [0, 1e-12, 1], updateEvery: 1, warmup: 'none', engine, ...quiet });
    const second = lineModel(0);
    other.attach(second);
    assign(second.weights[0], () => tf.tensor2d([[3]]));
    await second.fit(x, near, {
      epochs: 1,
      batchSize: 32,
      verbose: 0,
      callbacks: [other.callback({ validationData: [x, near] })],
    });
    expect(at(other.validations, 0).tied).toEqual({ averages: [0, 1], raw: true });
    for (const each of [ema, other]) each.dispose();
  });
});

describe('the option ties', () => {
  it('switches the test off; a loss without a value per sample has none, and accuracy is tested all the same', async () => {
    const { x, y } = data(32);
    const fit = { epochs: 1, batchSize: 16, verbose: 0 as const };
    const options = { decays: [0.5, 0.9], updateEvery: 1, ...quiet };
    const validationData = [x, y] as const;
    const off = new WeightEma(tf, options);
    await denseModel().fit(x, y, { ...fit, callbacks: [off.callback({ validationData, ties: false })] });
    expect(at(off.validations, 0).tied).toBeUndefined();
    expect(at(off.bests, 0)).not.toHaveProperty('tied');
    const model = denseModel();
    model.compile({
      optimizer: 'sgd',
      loss: (truth, output) => tf.losses.meanSquaredError(truth, output),
      metrics: ['accuracy'],
    });
    const scalar = new WeightEma(tf, options);
    await model.fit(x, y, { ...fit, callbacks: [scalar.callback({ validationData })] });
    expect(at(scalar.validations, 0).tied).toBeUndefined();
    expect(scalar.bests.map(({ metric, tied }) => [metric, tied !== undefined])).toEqual([
      ['loss', false],
      ['acc', true],
    ]);
    for (const each of [off, scalar]) each.dispose();
  });
});
