// That a callback sees what fit validates on, in every way of giving it, and that nothing of the looking stays.
// On other versions of tfjs: tools/release/test-tfjs.mjs.

import type { Callback, LayersModel, Logs, ModelFitArgs, ModelFitDatasetArgs, Tensor } from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { opened, WeightEma } from '../../../src/ema/weight-ema.js';
import { type FitData, FitValidation } from '../../../src/tfjs/fit-data.js';
import { measure } from '../../../src/validation/measure.js';
import type { Metrics } from '../../../src/validation/selection.js';
import { data, denseModel, tf, twoOutputModel } from '../../support/models.js';
import { at } from '../../support/oracle.js';

afterEach(() => {
  tf.disposeVariables();
});

/** Methods that get a stand-in while fit runs. */
const METHODS = ['testLoop', 'evaluate', 'evaluateDataset'];

const ownMethods = (model: LayersModel) => METHODS.filter((name) => Object.hasOwn(model, name));

/** Measures the weights in training on what it sees of fit's data, as the callback of an average does. */
class Looker extends tf.Callback {
  readonly seen: (FitData | undefined)[] = [];
  readonly measured: (Metrics | undefined)[] = [];
  validation: FitValidation | undefined;
  trained: LayersModel | undefined;
  #ema: WeightEma | undefined;

  override async onTrainBegin(): Promise<void> {
    this.trained = this.model;
    this.validation = FitValidation.watch(this.model, this.params);
    this.#ema = new WeightEma(tf, { decays: [0.9], engine: 'js' });
    this.#ema.attach(this.model);
  }

  override async onEpochEnd(_epoch: number, logs?: Logs): Promise<void> {
    const seen = this.validation?.data(logs);
    this.seen.push(seen);
    if (seen === undefined || this.#ema === undefined) return;
    const source = { ...seen, batchSize: seen.batchSize ?? 32, model: this.model };
    const [reading] = await measure(tf, opened(this.#ema, 'test').averages, { ...source, candidates: ['raw'] });
    this.measured.push(reading?.metrics);
  }

  override async onTrainEnd(): Promise<void> {
    this.validation?.release();
    this.#ema?.dispose();
  }
}

type Hook = (index: number, logs?: Logs) => unknown;

/** A callback of a user's own. */
const doing = (hooks: Partial<Record<'onBatchBegin' | 'onBatchEnd' | 'onEpochEnd', Hook>>): Callback =>
  Object.assign(
    new (class extends tf.Callback {})(),
    Object.fromEntries(
      Object.entries(hooks).map(([name, hook]): [string, Hook] => [
        name,
        async (index, logs) => void (await hook(index, logs)),
      ]),
    ),
  );

const quiet = { epochs: 2, verbose: 0 };

const stream = (samples: number, batch: number, seed = 11) => {
  const { x, y } = data(samples, seed);
  const rows = tf.data.zip({ xs: tf.data.array(x.arraySync()), ys: tf.data.array(y.arraySync()) });
  return rows.batch(batch) as unknown as Parameters<LayersModel['fitDataset']>[0];
};

/** Two streams of targets of one stream of inputs, by name. */
const named = (samples: number, batch: number) => {
  const { x, y } = data(samples, 11);
  const ys = tf.data.array(y.arraySync());
  const rows = tf.data.zip({ xs: tf.data.array(x.arraySync()), ys: tf.data.zip({ a: ys, b: ys }) });
  return rows.batch(batch) as unknown as Parameters<LayersModel['fitDataset']>[0];
};

/** Adds two inputs; the optimizer moves it far enough for every epoch to have another loss. */
function twoInputModel(): LayersModel {
  const [left, right] = [tf.input({ shape: [4], name: 'left' }), tf.input({ shape: [4], name: 'right' })];
  const sum = tf.layers.add().apply([left, right]);
  const output = tf.layers.dense({ units: 3, activation: 'softmax', name: 'sum' }).apply(sum);
  const model = tf.model({ inputs: [left, right], outputs: output as never });
  model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  return model;
}

function lineOfThree(): LayersModel {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [4] })] });
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', metrics: ['mae'] });
  return model;
}

/** A fit with one way of giving it validation data; 64 samples are trained on, and 23 come with the data. */
type Way = (model: LayersModel, more: { callbacks: Callback[] }) => Promise<{ history: { [name: string]: unknown } }>;

const { x, y } = data(64);
const { x: xv, y: yv } = data(23, 11);
const line = (tensor: Tensor): Tensor => tensor.slice([0, 0], [-1, 1]).reshape([-1]);
const fit = (args: ModelFitArgs): Way => {
  return (model, more) => model.fit(x, y, { ...quiet, ...args, ...more });
};
const fitDataset = (args: Omit<ModelFitDatasetArgs<never>, 'epochs'>): Way => {
  return (model, more) => model.fitDataset(stream(64, 16), { ...quiet, ...args, ...more } as never);
};

beforeEach(() => {
  // Made outside of a test: they must outlive each.
  for (const tensor of [x, y, xv, yv]) expect(tensor.isDisposed).toBe(false);
});

describe('the numbers on what fit validates on are those of fit, to the bit,', () => {
  const one: [string, () => LayersModel, Way][] = [
    ['with validationData', denseModel, fit({ validationData: [xv, yv], batchSize: 10 })],
    ['with validationData and the usual batch size', denseModel, fit({ validationData: [xv, yv] })],
    ['with validationSplit', denseModel, fit({ validationSplit: 0.3, batchSize: 16 })],
    ['with validationSplit, not shuffled', denseModel, fit({ validationSplit: 0.3, batchSize: 16, shuffle: false })],
    ['with fitDataset and tensors', denseModel, fitDataset({ validationData: [xv, yv] as never })],
    [
      'with fitDataset, tensors and a batch size',
      denseModel,
      fitDataset({ validationData: [xv, yv] as never, validationBatchSize: 10 }),
    ],
    ['with a data set whose last batch is short', denseModel, fitDataset({ validationData: stream(23, 10) as never })],
    [
      'with some batches of a data set',
      denseModel,
      fitDataset({ validationData: stream(50, 10) as never, validationBatches: 3 }),
    ],
    ['with batchesPerEpoch', denseModel, fitDataset({ validationData: stream(23, 10) as never, batchesPerEpoch: 2 })],
    [
      'with numbers as targets',
      lineOfThree,
      (m, more) => m.fit(x, line(y), { ...quiet, validationSplit: 0.3, batchSize: 16, ...more }),
    ],
    [
      'with fitDataset and numbers as targets',
      lineOfThree,
      (m, more) => {
        const rows = tf.data.zip({
          xs: tf.data.array(x.arraySync()),
          ys: tf.data.array(x.slice([0, 0], [-1, 1]).arraySync() as number[][]),
        });
        const args = { ...quiet, validationData: [xv, line(yv)], validationBatchSize: 10, ...more };
        return m.fitDataset(rows.batch(16) as never, args as never);
      },
    ],
    [
      'of two inputs',
      twoInputModel,
      (m, more) => m.fit([x, x], y, { ...quiet, validationSplit: 0.3, batchSize: 16, ...more }),
    ],
    [
      'of two inputs by name',
      twoInputModel,
      (m, more) =>
        m.fit(
          { left: x, right: x },
          { sum: y },
          {
            ...quiet,
            validationData: [{ right: xv.neg(), left: xv }, { sum: yv }] as never,
            ...more,
          },
        ),
    ],
  ];
  it.each(one)('%s', async (_, make, way) => {
    const model = make();
    const looker = new Looker();
    const { history } = await way(model, { callbacks: [looker] });
    const names = model.metricsNames;
    expect(looker.measured).toHaveLength(2);
    for (const name of names) {
      expect(looker.measured.map((metrics) => metrics?.[name])).toEqual(history[`val_${name}`]);
    }
    expect(at(history['val_loss'] as number[], 0)).not.toBe(at(history['val_loss'] as number[], 1));
    for (const left of [model, looker.trained ?? model]) expect(ownMethods(left)).toEqual([]);
  });

  // tfjs puts them under wrong names: `testFunction` gives the loss of the first output before the sum, and so all are one late.
  const late = { a_loss: 'val_loss', loss: 'val_a_loss', b_loss: 'val_a_acc', a_acc: 'val_b_acc' };
  const two: [string, Way][] = [
    ['validationSplit', (m, more) => m.fit(x, [y, y], { ...quiet, validationSplit: 0.3, batchSize: 16, ...more })],
    [
      'validationData by name',
      (m, more) => m.fit(x, { a: y, b: y }, { ...quiet, validationData: [xv, { b: yv, a: yv }] as never, ...more }),
    ],
    [
      'a data set by name',
      (m, more) => m.fitDataset(named(64, 16), { ...quiet, validationData: named(23, 10) as never, ...more }),
    ],
    [
      'fitDataset and tensors by name',
      (m, more) => m.fitDataset(named(64, 16), { ...quiet, validationData: [xv, { b: yv, a: yv }] as never, ...more }),
    ],
  ];
  it.each(two)('of two outputs with %s, where tfjs names them right', async (_, way) => {
    const looker = new Looker();
    const { history } = await way(twoOutputModel(), { callbacks: [looker] });
    for (const [name, wrong] of Object.entries(late))
      expect(looker.measured.map((metrics) => metrics?.[name])).toEqual(history[wrong]);
  });
});

describe('what is seen', () => {
  it('are the tensors themselves, with the batch size of fit', async () => {
    const looker = new Looker();
    await denseModel().fit(x, y, { ...quiet, validationData: [xv, yv], batchSize: 10, callbacks: [looker] });
    expect(looker.seen.map((seen) => seen?.batchSize)).toEqual([10, 10]);
    const seen = at(looker.seen, 1)?.data as unknown as [Tensor[], Tensor[]];
    expect(at(seen[0], 0)).toBe(xv);
    expect(at(seen[1], 0)).toBe(yv);
  });

  it('is the data set itself, with the number of its batches', async () => {
    const looker = new Looker();
    const validationData = stream(50, 10);
    const args = { ...quiet, validationData, validationBatches: 3, callbacks: [looker] };
    await denseModel().fitDataset(stream(64, 16), args as never);
    expect(looker.seen).toEqual([1, 2].map(() => ({ data: validationData, batchSize: undefined, batches: 3 })));
    expect(at(looker.seen, 0)?.data).toBe(validationData);
  });

  it('is seen also behind a callback that has made numbers of the logs', async () => {
    const looker = new Looker();
    const callbacks = [new tf.CustomCallback({ onEpochEnd: () => {} }) as unknown as Callback, looker];
    const { history } = await fitDataset({ validationData: stream(23, 10) as never })(denseModel(), { callbacks });
    expect(looker.measured.map((metrics) => metrics?.['loss'])).toEqual(history['val_loss']);
  });

  it('is nothing where fit was given nothing, and says so to nobody', async () => {
    const looker = new Looker();
    const evaluating = doing({
      onEpochEnd: (_, logs) => {
        tf.dispose(looker.trained?.evaluate(xv, yv, { batchSize: 8, verbose: 0 }));
        // A validation of a user's own.
        Object.assign(logs ?? {}, { val_loss: 1 });
      },
    });
    const reasons: (string | undefined)[] = [];
    const asking = doing({ onEpochEnd: () => reasons.push(looker.validation?.reason) });
    const callbacks = [evaluating, looker, asking];
    await denseModel().fit(x, y, { ...quiet, callbacks });
    await denseModel().fitDataset(stream(64, 16), { ...quiet, callbacks });
    expect(looker.seen).toEqual([undefined, undefined, undefined, undefined]);
    expect(reasons).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('leaves no tensor behind, and makes none that fit does not', async () => {
    const model = denseModel();
    const looker = new Looker();
    await model.fit(x, y, { ...quiet, validationSplit: 0.3, callbacks: [looker] });
    const [train, validate] = [stream(64, 16), stream(23, 10)];
    const args = { ...quiet, callbacks: [looker] };
    const before = tf.memory().numTensors;
    await model.fit(x, y, { ...args, validationSplit: 0.3 });
    await model.fitDataset(train, { ...args, validationData: validate as never });
    await model.fitDataset(train, { ...args, validationData: [xv, yv] as never });
    expect(looker.measured).toHaveLength(8);
    expect(tf.memory().numTensors).toBe(before);
    expect(xv.isDisposed).toBe(false);
  });

  it('is gone with its fit: after release, and after an error of which fit tells nobody', async () => {
    const looker = new Looker();
    const args = { ...quiet, validationData: [xv, yv], callbacks: [looker] };
    await denseModel().fit(x, y, { ...args, validationData: [xv, yv] });
    expect(looker.validation?.data({ val_loss: 1 })).toBeUndefined();
    let epochs = 0;
    const failing = doing({ onEpochEnd: () => ++epochs === 2 && Promise.reject(new Error('of my own')) });
    const model = denseModel();
    await expect(model.fit(x, y, { ...args, validationData: [xv, yv], callbacks: [looker, failing] })).rejects.toThrow(
      'of my own',
    );
    expect(looker.seen).toHaveLength(4);
    expect(looker.validation?.data({ val_loss: 1 })).toBeUndefined();
    expect(ownMethods(looker.trained ?? model)).toEqual([]);
  });

  it('is refused by tfjs itself with sample weights, before it tells a callback', async () => {
    const looker = new Looker();
    const weighted = [xv, yv, tf.ones([23])] as never;
    const args = { ...quiet, validationData: weighted, callbacks: [looker] };
    await expect(denseModel().fit(x, y, args)).rejects.toThrow('sample weights');
    await expect(denseModel().fitDataset(stream(64, 16), args)).rejects.toThrow('sample weights');
    expect(looker.validation).toBeUndefined();
  });
});

describe('evaluations of others are not taken for the one of fit', () => {
  const { x: xo, y: yo } = data(20, 5);

  /** As fitDataset itself calls them. */
  const evaluate = (model: LayersModel | undefined) =>
    tf.dispose(model?.evaluate(xo, yo, { batchSize: 4, verbose: 0 }) ?? []);
  const evaluateDataset = async (model: LayersModel | undefined) =>
    tf.dispose((await model?.evaluateDataset(stream(20, 4) as never, { batches: 2 })) ?? []);

  const hooks = ['onBatchBegin', 'onBatchEnd', 'onEpochEnd'] as const;
  const cases = hooks.flatMap((hook) =>
    [evaluate, evaluateDataset].flatMap((act) =>
      ['before', 'after'].map((place) => ({ hook, act, place, name: act.name })),
    ),
  );
  it.each(cases)('$name in $hook of a callback $place it', async ({ hook, act, place }) => {
    const other = denseModel();
    for (const way of [
      fit({ validationData: [xv, yv], batchSize: 10 }),
      fitDataset({ validationData: [xv, yv] as never, validationBatchSize: 10 }),
      fitDataset({ validationData: stream(23, 10) as never, validationBatches: 2 }),
    ]) {
      const looker = new Looker();
      const evaluating = doing({
        [hook]: async () => {
          await act(looker.trained);
          await other.fit(xo, yo, { epochs: 1, verbose: 0, validationSplit: 0.5 });
        },
      });
      const callbacks = place === 'before' ? [evaluating, looker] : [looker, evaluating];
      const { history } = await way(denseModel(), { callbacks });
      expect(looker.measured.map((metrics) => metrics?.['loss'])).toEqual(history['val_loss']);
    }
  });

  it('in an epoch that was stopped before fit validated', async () => {
    const looker = new Looker();
    const stopping = doing({
      onBatchEnd: () => {
        if (looker.trained !== undefined) looker.trained.stopTraining = true;
      },
      onEpochEnd: () => evaluateDataset(looker.trained),
    });
    const callbacks = [stopping, looker];
    await fitDataset({ validationData: stream(23, 10) as never })(denseModel(), { callbacks });
    await fit({ validationData: [xv, yv], batchSize: 16 })(denseModel(), { callbacks });
    expect(looker.seen).toEqual([undefined, undefined]);
    expect(looker.validation?.reason).toBeUndefined();
    expect(ownMethods(looker.trained ?? denseModel())).toEqual([]);
  });
});

describe('the model is left as it was', () => {
  const dataset = () => ({ validationData: stream(23, 10) as never });

  it('as soon as the data is seen', async () => {
    for (const way of [fit({ validationData: [xv, yv] }), fitDataset(dataset())]) {
      const looker = new Looker();
      const during: string[][] = [];
      const after = doing({ onEpochEnd: () => during.push(ownMethods(looker.trained ?? denseModel())) });
      await way(denseModel(), { callbacks: [looker, after] });
      expect(during).toEqual([[], []]);
    }
  });

  it.each(['onBatchBegin', 'onBatchEnd'] as const)(
    'after an error in %s: at the next call that would meet a stand-in',
    async (hook) => {
      const failing = doing({ [hook]: () => Promise.reject(new Error('of my own')) });
      for (const way of [fit({ validationData: [xv, yv] }), fitDataset(dataset())]) {
        const model = denseModel();
        const looker = new Looker();
        await expect(way(model, { callbacks: [looker, failing] })).rejects.toThrow('of my own');
        const other = looker.trained ?? model;
        const same = denseModel();
        same.setWeights(other.getWeights());
        const [right, got] = [same, other].map((one) =>
          tf.tidy(() => (one.evaluate(xv, yv) as Tensor[]).map((value) => value.dataSync()[0])),
        );
        expect(got).toEqual(right);
        expect(ownMethods(other)).toEqual([]);
        expect(looker.validation?.data({ val_loss: 1 })).toBeUndefined();
      }
    },
  );

  it('after an error, also where the next fit has no callback, and where it has one', async () => {
    const failing = doing({ onBatchEnd: () => Promise.reject(new Error('of my own')) });
    const way = fit({ validationData: [xv, yv] });
    const model = denseModel();
    const looker = new Looker();
    await expect(way(model, { callbacks: [looker, failing] })).rejects.toThrow('of my own');
    expect(ownMethods(looker.trained ?? model)).toEqual(['testLoop']);
    await way(model, { callbacks: [] });
    expect(ownMethods(looker.trained ?? model)).toEqual([]);
    await expect(way(model, { callbacks: [looker, failing] })).rejects.toThrow('of my own');
    const { history } = await way(model, { callbacks: [looker] });
    expect(looker.measured.map((metrics) => metrics?.['loss'])).toEqual(history['val_loss']);
    expect(ownMethods(looker.trained ?? model)).toEqual([]);
  });

  it('by a fit that never starts an epoch', async () => {
    const model = denseModel();
    const looker = new Looker();
    await model.fit(x, y, { epochs: 2, initialEpoch: 2, verbose: 0, validationSplit: 0.5, callbacks: [looker] });
    expect(looker.seen).toEqual([]);
    expect(ownMethods(looker.trained ?? model)).toEqual([]);
  });

  it('by a fit whose validation data is wrong', async () => {
    const looker = new Looker();
    const wrong = tf.zeros([23, 9]);
    const args = { ...quiet, callbacks: [looker] };
    await expect(denseModel().fit(x, y, { ...args, validationData: [wrong, yv] })).rejects.toThrow();
    await expect(fitDataset({ validationData: [wrong, yv] as never })(denseModel(), args)).rejects.toThrow();
    const trained = looker.trained ?? denseModel();
    tf.dispose(trained.evaluate(xv, yv));
    expect(ownMethods(trained)).toEqual([]);
  });

  it('also where it has methods of its own, or gets some in between', async () => {
    const model = twoInputModel();
    const spy = vi.spyOn(model, 'evaluate');
    const before = Object.getOwnPropertyDescriptor(model, 'evaluate');
    const looker = new Looker();
    const late: { mockRestore(): void }[] = [];
    const spying = doing({
      onBatchBegin: () => {
        if (late.length === 0) late.push(vi.spyOn(model, 'evaluateDataset'));
      },
    });
    const rows = tf.data.zip({
      xs: tf.data.zip({ left: tf.data.array(x.arraySync()), right: tf.data.array(x.arraySync()) }),
      ys: tf.data.array(y.arraySync()),
    });
    const args = { ...quiet, validationData: [[xv, xv], yv], callbacks: [looker, spying] };
    const { history } = await model.fitDataset(rows.batch(16) as never, args as never);
    expect(looker.measured.map((metrics) => metrics?.['loss'])).toEqual(history['val_loss']);
    expect(Object.getOwnPropertyDescriptor(model, 'evaluate')).toEqual(before);
    expect(vi.isMockFunction(model.evaluateDataset)).toBe(true);
    expect(spy).toHaveBeenCalled();
    // Restoring puts back what stood there when the spy came: the stand-in, which does nothing any more, and goes when called.
    at(late, 0).mockRestore();
    expect(ownMethods(model)).toEqual(['evaluate', 'evaluateDataset']);
    tf.dispose(await model.evaluateDataset(rows.batch(16) as never, {}));
    expect(ownMethods(model)).toEqual(['evaluate']);
    spy.mockRestore();
  });

  it('by two callbacks in one fit, both of which see the data, in any order of release', async () => {
    for (const way of [fit({ validationSplit: 0.3, batchSize: 16 }), fitDataset(dataset())]) {
      for (const early of [0, 1]) {
        const lookers = [new Looker(), new Looker()];
        const releasing = doing({ onBatchEnd: () => lookers[early]?.validation?.release() });
        const model = denseModel();
        const { history } = await way(model, { callbacks: [...lookers, releasing] });
        expect(at(lookers, early).measured).toEqual([]);
        expect(at(lookers, 1 - early).measured.map((metrics) => metrics?.['loss'])).toEqual(history['val_loss']);
        expect(ownMethods(at(lookers, 0).trained ?? model)).toEqual([]);
      }
      const lookers = [new Looker(), new Looker()];
      const { history } = await way(denseModel(), { callbacks: lookers });
      for (const { measured } of lookers)
        expect(measured.map((metrics) => metrics?.['loss'])).toEqual(history['val_loss']);
    }
  });
});

describe('a model that is not like others', () => {
  it('works through a proxy', async () => {
    const model = twoInputModel();
    const looker = new Looker();
    const seen = new Proxy(model, {});
    const { history } = await seen.fit([x, x], y, { ...quiet, validationSplit: 0.3, callbacks: [looker] });
    expect(looker.measured.map((metrics) => metrics?.['loss'])).toEqual(history['val_loss']);
    expect(ownMethods(model)).toEqual([]);
  });

  it('is said where it takes no stand-in, and where tfjs has no such method', async () => {
    const sealed = twoInputModel();
    await sealed.fit([x, x], y, { epochs: 1, verbose: 0 });
    // It gives itself what it validates with.
    tf.dispose(sealed.evaluate([xv, xv], yv));
    // Frozen, it could not be trained.
    Object.seal(sealed);
    const without = twoInputModel();
    Object.defineProperty(without, 'testLoop', { value: undefined, writable: true, configurable: true });
    const looker = new Looker();
    await sealed.fit([x, x], y, { ...quiet, validationSplit: 0.3, callbacks: [looker] });
    const reasons: (string | undefined)[] = [];
    const asking = doing({ onEpochEnd: () => reasons.push(looker.validation?.reason) });
    await sealed.fit([x, x], y, { ...quiet, validationSplit: 0.3, callbacks: [looker, asking] });
    // It fails at the validation itself.
    await expect(without.fit([x, x], y, { ...quiet, validationSplit: 0.3, callbacks: [looker] })).rejects.toThrow(
      'testLoop',
    );
    reasons.push(looker.validation?.reason);
    expect(looker.measured).toEqual([]);
    for (const reason of reasons) expect(reason).toContain('ema.callback({ validationData: [x, y] })');
    expect(reasons).toHaveLength(3);
  });

  it('is said where fit has validated in a way that was not seen', async () => {
    // A version that passes it on by another method.
    const model = twoInputModel();
    const inside = Object.getPrototypeOf(model).testLoop as (...args: unknown[]) => unknown;
    const renamed = function (this: LayersModel, ...args: unknown[]) {
      return Reflect.apply(inside, this, [...args, 0]);
    };
    const looker = new Looker();
    const swapping = doing({
      onBatchBegin: () => Object.defineProperty(model, 'testLoop', { value: renamed, configurable: true }),
    });
    const reasons: (string | undefined)[] = [];
    const asking = doing({ onEpochEnd: () => reasons.push(looker.validation?.reason) });
    await model.fit([x, x], y, { ...quiet, validationSplit: 0.3, callbacks: [looker, swapping, asking] });
    expect(looker.measured).toEqual([]);
    expect(reasons.map((reason) => reason?.includes('validationData: [x, y]'))).toEqual([true, true]);
  });
});
