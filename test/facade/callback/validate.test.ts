// The option validate: what a function of the user's measures, of which weights, and what becomes of it where it fails.

import type { LayersModel } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { type Validate, WeightEma } from '../../../src/index.js';
import { isSwapped, rejectionOf, weightBits } from '../../support/expect.js';
import { assign, data, denseModel, lineModel, tf, weightValues } from '../../support/models.js';
import { at } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };
const options = { decays: [0.5, 0.75], updateEvery: 1, warmup: 'none', ...quiet } as const;
const fit = { epochs: 2, batchSize: 1, verbose: 0 as const };

afterEach(() => {
  tf.disposeVariables();
});

/** Trains one weight by hand, from 1 to 2 in the first epoch and to 4 in the second, one step each. */
async function trained(validate: Validate, more: object = {}) {
  const model = lineModel(0);
  const ema = new WeightEma(tf, options);
  const drive = new tf.CustomCallback({
    onBatchEnd: async () => assign(model.weights[0], () => tf.tensor2d([[2 ** (ema.steps + 1)]])),
  });
  const [x, y] = [tf.tensor2d([[1]]), tf.tensor2d([[1]])];
  const callbacks = [drive, ema.callback({ validate, ...more })];
  const { history } = await model.fit(x, y, { ...fit, callbacks });
  tf.dispose([x, y]);
  return { model, ema, history };
}

const weightOf = (model: LayersModel) => at(at(weightValues(model), 0), 0);

describe('the option validate', () => {
  const measure = (model: LayersModel) => ({ height: weightOf(model), depth: -weightOf(model) });

  it.each<[string, Validate]>([
    ['at once', measure],
    ['later', async (model) => Promise.resolve().then(() => measure(model))],
  ])('measures raw weights and every average, each with its weights in the model: %s', async (_, validate) => {
    const asked: string[] = [];
    const { model, ema, history } = await trained((given, which) => {
      asked.push(which);
      return validate(given, which);
    });
    expect(asked).toEqual(['raw', '0.5', '0.75', 'raw', '0.5', '0.75']);
    // From 1 to 2 and 4: 0.5 keeps half of what it was at each step, 0.75 three quarters.
    const heights = [
      { raw: 2, averages: [1.5, 1.25] },
      { raw: 4, averages: [2.75, 1.9375] },
    ];
    heights.forEach(({ raw, averages }, epoch) => {
      expect(ema.validations[epoch]).toMatchObject({
        epoch,
        raw: { height: raw, depth: -raw },
        averages: averages.map((height) => ({ height, depth: -height })),
      });
    });
    expect(history).toMatchObject({
      val_raw_height: [2, 4],
      'val_ema_0.5_height': [1.5, 2.75],
      'val_ema_0.75_depth': [-1.25, -1.9375],
    });
    expect([weightOf(model), isSwapped(ema)]).toEqual([4, false]);
    ema.dispose();
  });

  it('is judged by its first metric, by the one that is monitored, or by its loss', async () => {
    const metric = (name: string) => async (model: LayersModel) => ({ other: 0, [name]: weightOf(model) });
    const bestOf = async (validate: Validate, more: object) => {
      const { ema } = await trained(validate, more);
      const [best] = ema.validations.map((validation) => validation.best);
      const kept = ema.use('best', weightOf);
      const names = ema.bests.map(({ metric: name }) => name);
      ema.dispose();
      return [best, kept, names];
    };
    // Decay 0.75 stays lower; the lowest of all epochs is its first.
    expect(await bestOf((model) => ({ error: weightOf(model), other: 0 }), {})).toEqual([1, 1.25, ['error']]);
    expect(await bestOf((model) => ({ accuracy: weightOf(model), other: 0 }), {})).toEqual([0, 2.75, ['accuracy']]);
    expect(await bestOf(metric('loss'), {})).toEqual([1, 1.25, ['loss']]);
    expect(await bestOf(metric('size'), { monitor: 'val_size', mode: 'max' })).toEqual([0, 2.75, ['size']]);
    expect(await bestOf(metric('size'), { monitor: 'size', mode: 'min' })).toEqual([1, 1.25, ['size']]);
  });

  it('takes the place of data where the model is compiled without metrics, and needs none of fit', async () => {
    const { ema } = await trained(() => ({ psnr: 3 }));
    expect(ema.validations.map(({ raw }) => raw)).toEqual([{ psnr: 3 }, { psnr: 3 }]);
    expect(at(ema.validations, 1).tied).toBeUndefined();
    ema.dispose();
  });

  const failing: readonly [what: string, validate: Validate, message: RegExp][] = [
    [
      'other names for an average',
      (_, which): Record<string, number> => (which === 'raw' ? { loss: 1 } : { error: 1 }),
      /^validate: expected the same names in every call: loss, received \['error'\]/,
    ],
    [
      'one name more for an average',
      (_, which): Record<string, number> => (which === '0.75' ? { loss: 1, acc: 1 } : { loss: 1 }),
      /^validate: expected the same names in every call: loss, received \['loss', 'acc'\]/,
    ],
    [
      'a name less for an average',
      (_, which): Record<string, number> => (which === 'raw' ? { loss: 1, acc: 1 } : { loss: 1 }),
      /^validate: expected the same names in every call: loss, acc, received \['loss'\]/,
    ],
    ['no names', () => ({}), /^validate: expected a function that returns numbers by name/],
    ['a number alone', (() => 0.5) as never, /^validate: expected a function .*received 0\.5/],
    ['nothing', (() => undefined) as never, /^validate: expected a function .*received undefined/],
    ['null, later', (async () => null) as never, /^validate: expected a function .*received null/],
    ['a text', (() => ({ loss: '1' })) as never, /^validate: expected a function that returns numbers by name/],
    ['a tensor', (() => ({ loss: tf.scalar(1) })) as never, /^validate: expected a function that returns numbers/],
  ];

  it.each(failing)('refuses %s, and the model has its own weights', async (_, validate, message) => {
    await refusedWith(validate, async (fitting) => {
      expect((await rejectionOf(fitting, 'INVALID_ARGUMENT')).message).toMatch(message);
    });
  });

  it.each([
    ['at once', true],
    ['later', false],
  ])('gives the weights back where it throws %s', async (_, isSync) => {
    const broken: Validate = (__, which) => {
      if (which !== '0.75') return { loss: 1 };
      if (isSync) throw new RangeError('mine');
      return Promise.reject(new RangeError('mine'));
    };
    await refusedWith(broken, async (fitting) => {
      await expect(fitting).rejects.toThrow(RangeError);
    });
  });

  it('may call back into fit of the same model nowhere: its step is refused while an average stands there', async () => {
    const { x, y } = data(8);
    const validate: Validate = async (model, which) => {
      if (which !== 'raw') await model.trainOnBatch(x, y);
      return { loss: 1 };
    };
    const model = denseModel();
    const ema = new WeightEma(tf, options);
    const raw: number[][][] = [];
    const watch = new tf.CustomCallback({ onBatchEnd: () => void raw.push(weightBits(model)) });
    const fitting = model.fit(x, y, { ...fit, batchSize: 8, callbacks: [watch, ema.callback({ validate })] });
    await rejectionOf(fitting, 'SWAPPED_IN');
    expect(weightBits(model)).toEqual(raw.at(-1));
    expect(ema.validations).toEqual([]);
    ema.dispose();
    tf.dispose([x, y]);
  });

  /** A fit in which validation fails: nothing is taken down, the weights are the trained ones, and training goes on. */
  async function refusedWith(validate: Validate, check: (fitting: Promise<unknown>) => Promise<void>): Promise<void> {
    const { x, y } = data(16);
    const model = denseModel();
    const ema = new WeightEma(tf, options);
    let raw: number[][] = [];
    const watch = new tf.CustomCallback({
      onBatchEnd: () => {
        raw = weightBits(model);
      },
    });
    await check(model.fit(x, y, { ...fit, batchSize: 8, callbacks: [watch, ema.callback({ validate })] }));
    expect(weightBits(model)).toEqual(raw);
    expect([isSwapped(ema), ema.steps, ema.validations, ema.bests]).toEqual([false, 2, [], []]);
    await model.fit(x, y, {
      ...fit,
      epochs: 1,
      batchSize: 8,
      callbacks: [ema.callback({ validate: () => ({ loss: 1 }) })],
    });
    expect([ema.steps, ema.validations.length]).toEqual([4, 1]);
    ema.dispose();
    tf.dispose([x, y]);
  }
});
