// Measuring leaves no trace: training is the same to the bit, every candidate begins with the same, and nothing is left behind.

import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { opened } from '../../../src/ema/weight-ema.js';
import { type Dataset, WeightEma } from '../../../src/index.js';
import { searchDecay } from '../../../src/search.js';
import { validate } from '../../../src/validation/measure.js';
import { thrownBy } from '../../support/expect.js';
import { BATCH, HIDING, INPUT, KEEPING, keepingModel, keptBy, peeked } from '../../support/keeping.js';
import { floats, tf } from '../../support/models.js';

afterEach(() => {
  tf.disposeVariables();
});

const quiet = { onWarning: () => undefined };
// tfjs has no gradient of convolutions on wasm.
const kinds = Object.entries(KEEPING).filter(([kind]) => tf.getBackend() !== 'wasm' || kind !== 'ConvLSTM2D');
const TRAINED = 'a running mean that is trained, too';

/** Batches of inputs and targets. */
function samples(batches: number, seed: number): [Tensor, Tensor] {
  const count = BATCH * batches;
  const [, time, features] = INPUT;
  return [
    tf.tensor3d(floats(count * time * features, seed), [count, time, features]),
    tf.tensor2d(floats(count, seed + 1), [count, 1]),
  ];
}

function stream([x, y]: readonly [Tensor, Tensor], fail = false): Dataset {
  const batches = (x.shape[0] ?? 0) / BATCH;
  return tf.data.generator(function* () {
    for (let i = 0; i < batches; i += 1) {
      if (fail && i === batches - 1) throw new RangeError('disk');
      yield { xs: x.slice(i * BATCH, BATCH), ys: y.slice(i * BATCH, BATCH) } as never;
    }
  });
}

function predict(model: LayersModel, x: Tensor): void {
  tf.tidy(() => void model.predict(x.slice(0, BATCH)));
}

/** Every way of measuring, of a model that is trained. */
const ways: Readonly<Record<string, (ema: WeightEma, model: LayersModel, held: [Tensor, Tensor]) => unknown>> = {
  'validation on tensors': (ema, model, data) => validate(tf, averagesOf(ema), { model, data, batchSize: BATCH }),
  'validation on a data set': (ema, model, data) =>
    validate(tf, averagesOf(ema), { model, data: stream(data), batchSize: 1 }),
  searchDecay: (ema, _, data) => searchDecay(ema, { data, trials: 4, batchSize: BATCH }),
  recomputeBatchNorm: (ema, _, [x]) => ema.recomputeBatchNorm(x, { batchSize: BATCH }),
  'use, for a prediction': (ema, _, [x]) => {
    ema.use({ index: 0 }, (m) => predict(m, x));
  },
  'use, for a while': (ema, _, [x]) =>
    ema.use({ index: 1 }, async (m) => {
      await tf.nextFrame();
      predict(m, x);
    }),
  'validation that fails half-way': async (ema, model, data) => {
    const failing = validate(tf, averagesOf(ema), { model, data: stream(data, true), batchSize: 1 });
    await expect(failing).rejects.toThrow();
  },
  'validation that an op ends': async (ema, model, data) => {
    const wide = tf.ones([data[0].shape[0] ?? 0, 2, 3]);
    await expect(
      validate(tf, averagesOf(ema), { model, data: stream([wide, data[1]]), batchSize: 1 }),
    ).rejects.toThrow();
    wide.dispose();
  },
};

const averagesOf = (ema: WeightEma) => opened(ema, 'test').averages;

describe.each(kinds)('a model with %s', (kind, inner) => {
  it('trains to the same bits with the callback as without, and equal weights have equal losses', async () => {
    const [[x, y], held] = [samples(4, 1), samples(6, 3)];
    const fit = { epochs: 3, batchSize: BATCH, shuffle: false, verbose: 0 } as const;
    const plain = keepingModel(inner());
    await plain.fit(x, y, fit);
    const model = keepingModel(inner());
    // Of decay 0 the average is the weights, to the bit.
    const averages = { decays: [0, 0.9], updateEvery: 1, warmup: 'none', ...quiet } as const;
    const callback = new WeightEma(tf, { ...averages });
    const { history } = await model.fit(x, y, {
      ...fit,
      callbacks: [callback.callback({ validationData: held, batchSize: BATCH })],
    });
    expect(keptBy(model)).toEqual(keptBy(plain));
    expect(history['val_ema_0_loss']).toEqual(history['val_raw_loss']);
    expect(callback.validations.every(({ tied }) => tied?.raw === true)).toBe(true);
    expect(history['val_raw_loss']).toHaveLength(3);
    callback.dispose();
  });

  it('keeps what it had in every way of measuring, and leaves no tensor', async () => {
    const [[x, y], held] = [samples(2, 1), samples(6, 3)];
    const model = keepingModel(inner());
    // In use() a weight that training may have written is not put back without a word.
    const exclude = kind === TRAINED ? { exclude: [/running$/] } : {};
    const options = { decays: [0.5, 0.9], updateEvery: 1, warmup: 'none', ...exclude, ...quiet } as const;
    const ema = new WeightEma(tf, options).attach(model);
    const measure = async (): Promise<void> => {
      for (const [name, way] of Object.entries(ways)) {
        const own = () => tf.memory().numTensors - Object.keys(ema.overwritten).length;
        const [before, tensors] = [keptBy(model), own()];
        await way(ema, model, held);
        expect(keptBy(model), name).toEqual(before);
        expect(own(), name).toBe(tensors);
      }
    };
    // Before the model was called with anything: what a layer makes at its first call is not there yet.
    ema.update();
    await measure();
    await model.fit(x, y, { epochs: 1, batchSize: BATCH, shuffle: false, verbose: 0 });
    ema.update();
    await measure();
    ema.dispose();
  });

  it('measures each candidate as tfjs does from the states that training left', async () => {
    const [[x, y], held] = [samples(2, 1), samples(6, 3)];
    const make = async (): Promise<LayersModel> => {
      const model = keepingModel(inner());
      await model.fit(x, y, { epochs: 1, batchSize: BATCH, shuffle: false, verbose: 0 });
      return model;
    };
    const model = await make();
    const ema = new WeightEma(tf, { decays: [0, 0.5], updateEvery: 1, warmup: 'none', ...quiet }).attach(model);
    ema.update();
    const alike = await make();
    const expected = (alike.evaluate(held[0], held[1], { batchSize: BATCH }) as Tensor).dataSync()[0];
    for (const data of [held, stream(held)]) {
      const { raw, averages } = await validate(tf, averagesOf(ema), { model, data, batchSize: BATCH });
      expect([raw['loss'], averages[0]?.['loss'], averages[1]?.['loss']]).toEqual([expected, expected, expected]);
    }
    ema.dispose();
  });
});

describe('what cannot be put back', () => {
  it.each(Object.entries(HIDING))('%s: one warning names the layer, and what to do', async (_, hiding) => {
    const held = samples(6, 3);
    const layer = hiding();
    const model = keepingModel([...(KEEPING['LSTM']?.() ?? []).slice(1), layer]);
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, warmup: 'none', ...quiet }).attach(model);
    ema.update();
    const tensors = tf.memory().numTensors;
    for (const data of [held, stream(held)]) await validate(tf, averagesOf(ema), { model, data, batchSize: BATCH });
    expect(tf.memory().numTensors).toBe(tensors);
    const said = ema.warnings.filter((message) => message.startsWith('validation'));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(
      new RegExp(
        `layer '${layer.name}' answers .*a Map, a Set .*Keep it as .* in a field of the layer, or in a weight`,
      ),
    );
    ema.dispose();
  });

  it('is said of no layer whose fields can be found', async () => {
    const held = samples(2, 3);
    for (const inner of Object.values(KEEPING)) {
      const model = keepingModel(inner());
      const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, warmup: 'none', ...quiet }).attach(model);
      ema.update();
      await validate(tf, averagesOf(ema), { model, data: held, batchSize: BATCH });
      expect(ema.warnings.filter((message) => message.startsWith('validation'))).toEqual([]);
      ema.dispose();
    }
  });
});

describe('use', () => {
  const setUp = () => {
    const lstm = KEEPING['LSTM']?.() ?? [];
    const model = keepingModel(lstm);
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, warmup: 'none', ...quiet }).attach(model);
    ema.update();
    return { lstm, model, ema, x: samples(1, 5)[0] };
  };

  it('begins from the states of the model each time, and goes on from call to call within', () => {
    const { model, ema, x } = setUp();
    const predicted = (m: LayersModel) => tf.tidy(() => [...(m.predict(x) as Tensor).dataSync()]);
    const [first, second] = ema.use({ index: 0 }, (m) => [predicted(m), predicted(m)]);
    expect(second).not.toEqual(first);
    expect(ema.use({ index: 0 }, predicted)).toEqual(first);
    expect(predicted(model)).toEqual(first);
    ema.dispose();
  });

  it('hands over states that it returns, sooner or later', async () => {
    const { lstm, ema, x } = setUp();
    const states = (m: LayersModel): Tensor[] => {
      tf.tidy(() => void m.predict(x));
      return peeked(lstm[0]);
    };
    const before = tf.memory().numTensors;
    const returned = [ema.use({ index: 0 }, states), await ema.use({ index: 0 }, async (m) => states(m))];
    // A promise of another realm is waited for, too; and once, because there are some that run each time.
    const waiting: unknown[] = [];
    const later = (m: LayersModel): Promise<Tensor[]> => {
      const own = Promise.resolve().then(() => states(m));
      const foreign = Object.defineProperty({}, 'then', { value: vi.fn(own.then.bind(own)) }) as Promise<Tensor[]>;
      waiting.push(foreign.then);
      return foreign;
    };
    returned.push(await ema.use({ index: 0 }, later));
    for (const then of waiting) expect(then).toHaveBeenCalledTimes(1);
    expect(tf.memory().numTensors - before).toBe(6);
    for (const tensors of returned) expect(tensors.map((tensor) => tensor.dataSync().length)).toEqual([12, 12]);
    tf.dispose(returned);
    ema.dispose();
  });

  it('leaves what is set on the model itself: a wish to stop training', async () => {
    const { model, ema } = setUp();
    const wish = () => Reflect.get(model, 'stopTraining_');
    await ema.use({ index: 0 }, async (m) => {
      await tf.nextFrame();
      m.stopTraining = true;
    });
    expect(wish()).toBe(true);
    ema.dispose();
  });

  it('puts back what a layer wrote into a weight that is not trained, and says so; another one is an error', () => {
    const make = (kind: string) => {
      const model = keepingModel(KEEPING[kind]?.() ?? []);
      const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, warmup: 'none', ...quiet }).attach(model);
      ema.update();
      return { model, ema, before: keptBy(model) };
    };
    const { x } = setUp();
    const running = make('a running mean');
    for (let i = 0; i < 2; i += 1) running.ema.use({ index: 0 }, (m) => predict(m, x));
    expect(keptBy(running.model)).toEqual(running.before);
    const said = running.ema.warnings.filter((message) => message.startsWith('use: 1 weights'));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(
      /a layer writes its weight when it is called \(exclude: \['.*running'\].*batchNorm: 'copy'/,
    );
    const trained = make(TRAINED);
    const { message } = thrownBy(() => trained.ema.use({ index: 0 }, (m) => predict(m, x)), 'SWAPPED_IN');
    expect(message).toMatch(/trained the model or set its weights, or a layer writes .*exclude: \['.*running'\]/);
    expect(keptBy(trained.model)).toEqual(trained.before);
    for (const { ema } of [running, trained]) ema.dispose();
  });
});

describe('the look at whether layers answer alike', () => {
  it('is taken once, in a loop of fits of one epoch too', async () => {
    const model = keepingModel([]);
    const layer = model.layers.at(-1) ?? expect.fail('no layer');
    const { call } = layer;
    let calls = 0;
    layer.call = (...args) => {
      calls += 1;
      return call.apply(layer, args);
    };
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, ...quiet });
    const [x, y] = samples(2, 5);
    const counts: number[] = [];
    for (let epoch = 0; epoch < 3; epoch += 1) {
      const before = calls;
      const callbacks = [ema.callback({ validationData: [x, y], batchSize: BATCH })];
      await model.fit(x, y, { epochs: 1, batchSize: BATCH, verbose: 0, callbacks });
      counts.push(calls - before);
    }
    // Two forward passes of one batch.
    expect(counts.map((count) => count - (counts[2] ?? 0))).toEqual([2, 0, 0]);
    ema.dispose();
  });
});
