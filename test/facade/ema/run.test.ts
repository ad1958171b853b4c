// Runs in one folder: going on to the bit with every optimizer, folders that are none, damaged or another's, moments to save at.
// Kills during a save: durability/run-kill. Calls of the file system that fail: durability/io-faults.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel, Optimizer, Sequential, Tensor } from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EmaOptions, WeightEma } from '../../../src/index.js';
import { rejectionOf, thrownBy, weightBits } from '../../support/expect.js';
import { data, tf, valuesOf, weightValues } from '../../support/models.js';
import { at, bits } from '../../support/oracle.js';

const OPTIONS = { decays: [0.5, 0.9], updateEvery: 4, warmup: 'none', onWarning: () => undefined } as const;
const BATCH = 16;

let folder: string;
let x: Tensor;
let y: Tensor;

beforeAll(() => {
  ({ x, y } = data(8 * BATCH));
});

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'tfjs-ema-run-')), 'run');
});

afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

afterAll(() => tf.disposeVariables());

type MadeWith = { readonly loss?: string | ((truth: Tensor, predicted: Tensor) => Tensor); readonly units?: number };

/** Dense, BatchNorm, dense with a constraint; the same names and weights in every call. */
function makeModel(optimizer: Optimizer | string = tf.train.momentum(0.1, 0.9), made: MadeWith = {}): Sequential {
  const { loss = 'categoricalCrossentropy', units = 8 } = made;
  const kernelInitializer = (seed: number) => tf.initializers.glorotUniform({ seed });
  const model = tf.sequential({
    name: 'net',
    layers: [
      // No gradient may vanish: centered RMSProp of tfjs then gives NaN.
      tf.layers.dense({
        ...{ name: 'in', units, inputShape: [4], activation: 'tanh', kernelInitializer: kernelInitializer(1) },
        useBias: false,
      }),
      tf.layers.batchNormalization({ name: 'norm' }),
      tf.layers.dense({
        ...{ name: 'out', units: 3, activation: 'softmax', kernelInitializer: kernelInitializer(2) },
        kernelConstraint: tf.constraints.maxNorm({ maxValue: 0.5 }),
      }),
    ],
  });
  model.compile({ optimizer, loss: loss as string, metrics: ['accuracy'] });
  return model;
}

/** Steps of a loop of one's own, on batches that depend on the step only. */
async function train(model: LayersModel, ema: WeightEma, from: number, to: number): Promise<void> {
  for (let step = from; step < to; step += 1) {
    const [xs, ys] = [x, y].map((all) => all.slice((step % 8) * BATCH, BATCH));
    await model.trainOnBatch(at([xs], 0) as Tensor, at([ys], 0) as Tensor);
    tf.dispose([xs, ys]);
    ema.update();
  }
}

const averageBits = (ema: WeightEma) =>
  ema.decays.map((_, index) => {
    const tensors = ema.read({ index });
    const found = Object.entries(valuesOf(tensors)).map(([name, values]) => [name, `${bits(values)}`]);
    tf.dispose(tensors);
    return found;
  });

/** All that must be the same in the resumed run; averages first, because reading them may count pending steps in. */
const stateOf = (model: LayersModel, ema: WeightEma) => {
  const averages = averageBits(ema);
  return { averages, steps: ema.steps, updates: ema.updates, bests: ema.bests, weights: weightBits(model) };
};

const make = (options: EmaOptions = {}): WeightEma => new WeightEma(tf, { ...OPTIONS, ...options });

const OPTIMIZERS: Readonly<Record<string, () => Optimizer | string>> = {
  sgd: () => tf.train.sgd(0.1),
  momentum: () => tf.train.momentum(0.1, 0.9),
  nesterov: () => tf.train.momentum(0.1, 0.9, true),
  adam: () => tf.train.adam(0.01),
  adamax: () => tf.train.adamax(0.01, 0.9, 0.999, undefined, 0.01),
  rmsprop: () => tf.train.rmsprop(0.01),
  'rmsprop centered': () => tf.train.rmsprop(0.001, 0.9, 0.5, 1e-12, true),
  adagrad: () => tf.train.adagrad(0.1),
  adadelta: () => tf.train.adadelta(1),
  "'adam'": () => 'adam',
};

/** A run of some steps that was saved, and what it was made with. */
async function savedRun(model: LayersModel = makeModel(), options: EmaOptions = {}) {
  const ema = make(options).attach(model);
  await train(model, ema, 0, 6);
  ema.record({ epoch: 1, averages: [{ loss: 1 }, { loss: 0.5 }] });
  await train(model, ema, 6, 9);
  await ema.saveRun(folder);
  return { model, ema };
}

const found = async <T>(resuming: Promise<T | undefined>): Promise<T> =>
  (await resuming) ?? expect.fail('nothing was found');

/** After 26 steps tfjs's own way of restoring Adam gives other products of both betas. */
const [HALF, WHOLE] = [26, 39];

describe.each(Object.entries(OPTIMIZERS))('a run with %s', (_, optimizer) => {
  it.each(['the saved model', 'a model given'])('goes on to the bit with %s', async (which) => {
    const first = makeModel(optimizer());
    const ema = make().attach(first);
    await train(first, ema, 0, HALF);
    await ema.saveRun(folder);
    await train(first, ema, HALF, WHOLE);

    const second = make();
    const given = which === 'a model given' ? makeModel(optimizer()) : undefined;
    const { model, initialEpoch } = await found(second.resume(folder, given));
    expect(initialEpoch).toBe(0);
    expect(given === undefined || given === model).toBe(true);
    second.attach(model);
    expect([second.steps, second.updates]).toEqual([HALF, 6]);
    await train(model, second, HALF, WHOLE);
    expect(stateOf(model, second)).toEqual(stateOf(first, ema));
    expect(weightValues(model).every((values) => values.every(Number.isFinite))).toBe(true);
    ema.dispose();
    second.dispose();
  });
});

describe('a run of fit', () => {
  const EPOCHS = 4;
  const options = { ...OPTIONS, decays: 'auto', updateEvery: 1 } as const;

  /** Fits from where the folder says, saves after each epoch, and ends after some of them as if it had been stopped. */
  async function fit(place: 'before' | 'after', epochs: number, whole = EPOCHS) {
    const ema = new WeightEma(tf, { ...options });
    const saved = (await ema.resume(folder)) ?? { model: makeModel(), initialEpoch: 0 };
    const { model, initialEpoch } = saved;
    const save = new tf.CustomCallback({
      onEpochEnd: async (epoch) => {
        await ema.saveRun(folder);
        if (epoch + 1 === epochs) model.stopTraining = true;
      },
    });
    await model.fit(x, y, {
      ...{ epochs: whole, initialEpoch, batchSize: 2, shuffle: false, verbose: 0 },
      callbacks: place === 'before' ? [save, ema.callback()] : [ema.callback(), save],
    });
    return { initialEpoch, warnings: ema.warnings, state: { ...stateOf(model, ema), labels: ema.labels } };
  }

  it('that is stopped after each epoch ends as the one that was not, to the bit, averages by the length of the run', async () => {
    const { state } = await fit('after', EPOCHS);
    rmSync(folder, { recursive: true });
    for (let epochs = 1; epochs < EPOCHS; epochs += 1)
      expect((await fit('after', epochs)).initialEpoch).toBe(epochs - 1);
    const last = await fit('after', EPOCHS);
    expect(last.initialEpoch).toBe(EPOCHS - 1);
    expect(last.state).toEqual(state);
    expect(state.labels.length).toBeGreaterThan(1);
  });

  it('goes on for more epochs than were planned with the averages that it has, and says nothing', async () => {
    const { state } = await fit('after', 2);
    const longer = await fit('after', EPOCHS + 3, EPOCHS + 3);
    expect(longer.initialEpoch).toBe(2);
    expect(longer.state.labels).toEqual(state.labels);
    expect(longer.warnings).toEqual([]);
    // A run of that length from its start would have had others.
    rmSync(folder, { recursive: true });
    expect((await fit('after', 1, EPOCHS + 3)).state.labels).not.toEqual(state.labels);
  });

  it('warns where fit begins at another epoch than the one that resume gave', async () => {
    await fit('after', 2);
    const begin = async (initialEpoch: number | undefined) => {
      const ema = new WeightEma(tf, options);
      const { model } = await found(ema.resume(folder));
      const own = initialEpoch === undefined ? {} : { initialEpoch };
      await model.fit(x, y, { ...own, epochs: 3, batchSize: 2, verbose: 0, callbacks: [ema.callback()] });
      const { warnings } = ema;
      ema.dispose();
      return warnings;
    };
    expect(await begin(2)).toEqual([]);
    expect(await begin(undefined)).toEqual([expect.stringMatching(/gave initialEpoch 2, and fit begins at 0/)]);
  });

  it('counts an epoch that ends for a callback before the averaging one, too', async () => {
    await fit('before', 2);
    expect((await fit('before', EPOCHS)).initialEpoch).toBe(2);
  });

  it('counts the epochs of a data set of unknown size behind the averaging callback', async () => {
    const callback = new WeightEma(tf, OPTIONS);
    const model = makeModel();
    const dataset = tf.data.generator(function* () {
      for (let batch = 0; batch < 3; batch += 1) yield { xs: x.slice(0, BATCH), ys: y.slice(0, BATCH) };
    });
    const places: number[] = [];
    const save = (place: number) =>
      new tf.CustomCallback({
        onEpochEnd: async () => {
          await callback.saveRun(folder);
          const other = make();
          const { model: made, initialEpoch } = await found(other.resume(folder));
          made.dispose();
          other.dispose();
          places.push(place + initialEpoch);
        },
      });
    await model.fitDataset(dataset as never, {
      epochs: 2,
      verbose: 0,
      callbacks: [save(100), callback.callback(), save(200)],
    });
    expect(places).toEqual([100, 201, 101, 202]);
  });

  it('that is saved in the middle of an epoch trains that epoch anew', async () => {
    const callback = new WeightEma(tf, OPTIONS);
    const model = makeModel();
    const save = new tf.CustomCallback({
      onBatchEnd: async (batch) => {
        if (batch !== 2 || callback.steps !== 11) return;
        await callback.saveRun(folder);
        throw new RangeError('stopped');
      },
    });
    const rest = { epochs: 3, batchSize: BATCH, verbose: 0, callbacks: [callback.callback(), save] } as const;
    await expect(model.fit(x, y, { ...rest, callbacks: [...rest.callbacks] })).rejects.toThrow(RangeError);
    const again = make();
    const { initialEpoch, model: second } = await found(again.resume(folder));
    expect(initialEpoch).toBe(1);
    expect(again.attach(second).steps).toBe(11);
    expect(weightBits(second)).toEqual(weightBits(model));
  });
});

describe('what is saved', () => {
  it('has best averages with their weights, the last choice, and steps between updates', async () => {
    const { model, ema } = await savedRun();
    const second = make();
    const { model: made } = await found(second.resume(folder));
    second.attach(made);
    const readOf = (one: WeightEma, which: 'best' | 'current') => {
      const tensors = one.read(which);
      const values = Object.values(valuesOf(tensors)).map((value) => `${bits(value)}`);
      tf.dispose(tensors);
      return values;
    };
    expect(readOf(second, 'best')).toEqual(readOf(ema, 'best'));
    expect(readOf(second, 'current')).toEqual(readOf(ema, 'current'));
    expect(stateOf(made, second)).toEqual(stateOf(model, ema));
    expect(second.bests.map(({ metric, epoch }) => [metric, epoch])).toEqual([['loss', 1]]);
  });

  it('is a plain model of tfjs with the raw weights, compiled as it was, and its own metadata', async () => {
    const model = makeModel(tf.train.adamax(0.02));
    model.setUserDefinedMetadata({ mine: 1 });
    await savedRun(model);
    const loaded = await tf.loadLayersModel(`file://${folder}/model.json`);
    // tfjs applies the constraint of the last kernel.
    const isFree = (_: unknown, index: number) => !at(model.weights, index).originalName.startsWith('out/kernel');
    expect(weightBits(loaded).filter(isFree)).toEqual(weightBits(model).filter(isFree));
    expect([loaded.loss, loaded.metrics, loaded.optimizer.getConfig()]).toEqual([
      ...['categoricalCrossentropy', ['accuracy']],
      model.optimizer.getConfig(),
    ]);
    expect(loaded.getUserDefinedMetadata()).toEqual({ mine: 1 });
  });

  it('has a checkpoint of the averages in it', async () => {
    const { model, ema } = await savedRun();
    const name = readdirSync(folder).find((file) => file.startsWith('averages.'));
    const second = make().attach(model);
    await second.loadCheckpoint(join(folder, name ?? ''));
    expect(stateOf(model, second)).toEqual(stateOf(model, ema));
  });

  it('does not take the place of a model that is no run', async () => {
    const { ema } = await savedRun();
    const model = join(folder, 'model');
    await ema.saveModel(0.5, `file://${model}`);
    await rejectionOf(ema.saveRun(model), 'CHECKPOINT');
    expect(readdirSync(model).sort()).toEqual(['model.json', 'weights.bin']);
  });

  it('is three files, and other files stay', async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    const { ema } = await savedRun();
    await ema.saveRun(folder);
    await ema.saveRun(folder);
    expect(
      readdirSync(folder)
        .map((name) => name.replace(/\.\w{8}\.\d+\.\w{12}\./, '.'))
        .sort(),
    ).toEqual([...['averages.safetensors', 'model.json', 'notes.txt', 'weights.bin']]);
  });

  it('is what was there when it was called, the last of several calls', async () => {
    const { model, ema } = await savedRun();
    const saves: Promise<void>[] = [];
    for (let step = 9; step < 12; step += 1) {
      saves.push(ema.saveRun(folder));
      await train(model, ema, step, step + 1);
    }
    const weights = weightBits(model);
    saves.push(ema.saveRun(folder));
    await train(model, ema, 12, 13);
    await Promise.all(saves);
    const second = make();
    const { model: made } = await found(second.resume(folder));
    expect([second.attach(made).steps, weightBits(made)]).toEqual([12, weights]);
    expect(readdirSync(folder)).toHaveLength(3);
  });

  it('is the model with its own weights while an average stands in their place, its own or another’s', async () => {
    const { model, ema } = await savedRun();
    const expected = weightBits(model);
    const other = make().attach(model);
    await train(model, other, 0, 1);
    const moved = weightBits(model);
    for (const [user, weights] of [
      [ema, moved],
      [other, moved],
    ] as const) {
      rmSync(folder, { recursive: true });
      await user.use(0.5, () => ema.saveRun(folder));
      const { model: made } = await found(make().resume(folder));
      expect(weightBits(made)).toEqual(weights);
    }
    expect(moved).not.toEqual(expected);
  });

  it('is the model with its own statistics inside of use, live ones that were run over included', async () => {
    const [model, ema] = [makeModel(), make({ batchNorm: 'copy' })];
    ema.attach(model);
    await train(model, ema, 0, 4);
    const own = weightBits(model);
    const statistics = (named: ReturnType<typeof valuesOf>) => String(named['norm/moving_mean']);
    const read = statistics(valuesOf(ema.read(0.5)));
    await ema.use(0.9, async (one) => {
      tf.dispose(one.apply(x, { training: true }) as Tensor);
      expect(weightBits(one)).not.toEqual(own);
      expect(statistics(valuesOf(ema.read(0.5)))).toBe(read);
      await ema.saveRun(folder);
      await ema.saveModel(0.5, `file://${folder}-model`);
    });
    expect(weightBits(model)).toEqual(own);
    expect(weightBits((await found(make({ batchNorm: 'copy' }).resume(folder))).model)).toEqual(own);
    const saved = await tf.loadLayersModel(`file://${folder}-model/model.json`);
    expect(String(at(saved.getWeights(), 5).dataSync())).toBe(read);
    ema.dispose();
  });

  it('takes no memory, and no step', async () => {
    const { ema } = await savedRun();
    const before = [tf.memory().numTensors, ema.steps, ema.updates];
    await ema.saveRun(folder);
    expect([tf.memory().numTensors, ema.steps, ema.updates]).toEqual(before);
  });

  it('has a learning rate that was changed on the way', async () => {
    const optimizer = tf.train.momentum(0.1, 0.9);
    const { ema } = await savedRun(makeModel(optimizer));
    optimizer.setLearningRate(0.05);
    await ema.saveRun(folder);
    const given = makeModel(tf.train.momentum(0.7, 0.9));
    for (const model of [undefined, given]) {
      const { model: made } = await found(make().resume(folder, model));
      expect(made.optimizer.getConfig()).toMatchObject({ learningRate: 0.05 });
    }
  });

  it('warns where an optimizer is not, or not all of it, in it', async () => {
    const uncompiled = tf.sequential({ layers: [tf.layers.dense({ name: 'only', units: 1, inputShape: [1] })] });
    const ema = make().attach(uncompiled);
    await ema.saveRun(folder);
    expect(ema.warnings.join()).toMatch(
      /the model is not compiled, so that an optimizer of your own is not in the run/,
    );
    const { model } = await found(make().resume(folder));
    expect(weightBits(model)).toEqual(weightBits(uncompiled));

    const optimizer = Object.assign(tf.train.sgd(0.1), { memory: new Map() });
    const second = make().attach(makeModel(optimizer));
    await second.saveRun(folder);
    expect(second.warnings.join()).toMatch(/of the optimizer SGD, .* In the run there is no memory\./);
  });
});

describe('a model that only the caller can make', () => {
  it('with a loss of its own is asked for, and goes on to the bit', async () => {
    const loss = (truth: Tensor, predicted: Tensor): Tensor => tf.losses.meanSquaredError(truth, predicted);
    const { model: first, ema } = await savedRun(makeModel(undefined, { loss }));
    const count = tf.memory().numTensors;
    const error = await rejectionOf(make().resume(folder), 'INVALID_ARGUMENT');
    expect(error.message).toMatch(
      /^model: expected a compiled model, because .* a function, .*resume\('run', makeModel\(\)\)/,
    );
    expect(tf.memory().numTensors).toBe(count);
    const second = make();
    const { model } = await found(second.resume(folder, makeModel(undefined, { loss })));
    second.attach(model);
    await train(first, ema, 9, 15);
    await train(model, second, 9, 15);
    expect(stateOf(model, second)).toEqual(stateOf(first, ema));
  });

  it('with layers of the same name in models inside it goes on where it is given', async () => {
    const twins = (): LayersModel => {
      const inner = (name: string, seed: number) => {
        const kernelInitializer = tf.initializers.glorotUniform({ seed });
        return tf.sequential({
          name,
          layers: [tf.layers.dense({ name: 'twin', units: 4, inputShape: [4], kernelInitializer })],
        });
      };
      const input = tf.input({ shape: [4], name: 'in' });
      const head = tf.layers.dense({ name: 'head', units: 3, activation: 'softmax', kernelInitializer: 'ones' });
      const output = head.apply(inner('b', 2).apply(inner('a', 1).apply(input)));
      const model = tf.model({ inputs: input, outputs: output as never });
      model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy' });
      return model;
    };
    const { model: first, ema } = await savedRun(twins());
    const error = await rejectionOf(make().resume(folder), 'CHECKPOINT');
    expect(error.message).toMatch(/tfjs says: Duplicate weight name: twin\/kernel/);
    const second = make();
    const { model } = await found(second.resume(folder, twins()));
    second.attach(model);
    await train(first, ema, 9, 15);
    await train(model, second, 9, 15);
    expect(stateOf(model, second)).toEqual(stateOf(first, ema));
  });

  describe.each(['a model', 'a Sequential'])('with a frozen model inside of %s', (outside) => {
    it.each([
      ['SGD', () => tf.train.sgd(0.1)],
      ['Adam', () => tf.train.adam(0.01)],
    ] as const)('goes on to the bit with %s, made anew and given; another one is refused', async (name, optimizer) => {
      const kernelInitializer = (seed: number) => tf.initializers.glorotUniform({ seed });
      const transfer = (isFrozen = true): LayersModel => {
        const inside = {
          name: 'base',
          layers: [tf.layers.dense({ units: 3, inputShape: [4], kernelInitializer: kernelInitializer(1) })],
        };
        const base = tf.sequential(inside);
        base.trainable = !isFrozen;
        const head = tf.layers.dense({
          name: 'head',
          units: 3,
          activation: 'softmax',
          kernelInitializer: kernelInitializer(2),
        });
        const input = tf.input({ shape: [4] });
        const model =
          outside === 'a Sequential'
            ? tf.sequential({ layers: [base, head] })
            : tf.model({ inputs: input, outputs: head.apply(base.apply(input)) as never });
        model.compile({ optimizer: optimizer(), loss: 'categoricalCrossentropy' });
        return model;
      };
      const { model, ema } = await savedRun(transfer());
      await train(model, ema, 9, 20);
      for (const given of [undefined, transfer()]) {
        const next = make();
        const { model: resumed } = await found(next.resume(folder, given));
        next.attach(resumed);
        await train(resumed, next, 9, 20);
        const valuesIn = (one: LayersModel) =>
          one.layers.map((layer) => layer.getWeights().map((w) => [...w.dataSync()]));
        expect(valuesIn(resumed)).toEqual(valuesIn(model));
        // In whatever order: flags of weights and of models give other ones.
        const averageIn = (one: WeightEma) =>
          Object.values(valuesOf(one.read(0.9)))
            .map(String)
            .sort();
        expect(averageIn(next)).toEqual(averageIn(ema));
        next.dispose();
      }
      if (name === 'Adam' && outside === 'a model') {
        const { message } = await rejectionOf(make().resume(folder, transfer(false)), 'CHECKPOINT');
        expect(message).toMatch(
          /Adam trained weight 'head\/kernel' as number 1, now it trains weight '.*' there: freeze/,
        );
      }
      ema.dispose();
    });
  });

  it('with layers that tfjs numbered on goes on where it is given, bests included', async () => {
    const unnamed = (last = 3): Sequential => {
      const model = tf.sequential({
        layers: [
          tf.layers.dense({ units: 3, inputShape: [4], activation: 'tanh' }),
          tf.layers.batchNormalization(),
          tf.layers.dense({ units: 3, activation: 'tanh' }),
          tf.layers.dense({ units: last, activation: 'softmax' }),
        ],
      });
      model.compile({ optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy' });
      return model;
    };
    const { model, ema } = await savedRun(unnamed());
    const next = make();
    const { model: resumed } = await found(next.resume(folder, unnamed()));
    next.attach(resumed);
    const valuesIn = (one: WeightEma, which: 'best' | number) => Object.values(valuesOf(one.read(which)));
    for (const which of ['best', 0.5, 0.9] as const) expect(valuesIn(next, which)).toEqual(valuesIn(ema, which));
    await train(model, ema, 9, 16);
    await train(resumed, next, 9, 16);
    expect([weightBits(resumed), valuesIn(next, 0.9)]).toEqual([weightBits(model), valuesIn(ema, 0.9)]);

    const file = join(folder, 'averages');
    await ema.saveCheckpoint(file);
    const other = make().attach(unnamed());
    await other.loadCheckpoint(file);
    expect(valuesIn(other, 0.5)).toEqual(valuesIn(ema, 0.5));
    const { message } = await rejectionOf(make().attach(unnamed(2)).loadCheckpoint(file), 'CHECKPOINT');
    expect(message).toMatch(/_Dense\d+\/kernel' is only in the checkpoint.*name the layers/s);
    for (const one of [ema, next, other]) one.dispose();
  });

  it('with a class that is not registered is asked for', async () => {
    class Twice extends tf.layers.Layer {
      static readonly className = 'TwiceOfTheRunTest';
      override call(inputs: Tensor | Tensor[]): Tensor {
        return tf.tidy(() => tf.mul([inputs].flat()[0] as Tensor, 2));
      }
    }
    const model = tf.sequential({
      layers: [tf.layers.dense({ name: 'only', units: 3, inputShape: [4] }), new Twice({ name: 'twice' })],
    });
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    await savedRun(model);
    const error = await rejectionOf(make().resume(folder), 'CHECKPOINT');
    expect(error.message).toMatch(
      /registerClass\(\), or give the model: .* tfjs says: Unknown layer: TwiceOfTheRunTest/,
    );
    const { model: same } = await found(make().resume(folder, model));
    expect(same).toBe(model);
  });
});

describe('a folder', () => {
  it('that does not exist, or has no model in it, has no run', async () => {
    expect(await make().resume(folder)).toBeUndefined();
    mkdirSync(folder);
    expect(await make().resume(folder)).toBeUndefined();
    // As a first save leaves it that is killed.
    writeFileSync(join(folder, 'weights.0123abcd.1.0123456789ab.bin'), 'half');
    expect(await make().resume(folder)).toBeUndefined();
  });

  it('is a path', async () => {
    const ema = make().attach(makeModel());
    for (const wrong of ['', 'file://run', 3 as never]) {
      const errors = [await rejectionOf(ema.resume(wrong), 'INVALID_ARGUMENT')];
      errors.push(await rejectionOf(ema.saveRun(wrong), 'INVALID_ARGUMENT'));
      for (const { message } of errors)
        expect(message).toMatch(/^folder: expected a folder's path such as 'run', received/);
    }
    await rejectionOf(ema.resume(folder, {} as never), 'INVALID_ARGUMENT');
  });

  it('with another model, or a file of that name, is refused', async () => {
    const { model } = await savedRun();
    rmSync(folder, { recursive: true });
    await model.save(`file://${folder}`);
    const error = await rejectionOf(make().resume(folder), 'CHECKPOINT');
    expect(error.message).toMatch(
      /expected a folder of saveRun\(\), received one with another model, or a damaged model\.json/,
    );
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'a file');
    await rejectionOf(make().resume(folder), 'CHECKPOINT');
    await rejectionOf(make().attach(makeModel()).saveRun(folder), 'CHECKPOINT');
  });

  it('that is damaged anywhere is refused, and nothing changes', async () => {
    const { model, ema } = await savedRun();
    await train(model, ema, 9, 11);
    const [before, count] = [stateOf(model, ema), tf.memory().numTensors];
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      const whole = readFileSync(path);
      const damages = [Buffer.alloc(0), whole.subarray(0, -1), Buffer.concat([whole, Buffer.from(' ')])];
      for (let share = 0; share < 1; share += 0.13) {
        const place = Math.floor(share * whole.length);
        damages.push(Buffer.from(whole));
        at(damages, damages.length - 1)[place] = at(whole, place) ^ 1;
      }
      for (const damaged of damages) {
        writeFileSync(path, damaged);
        await rejectionOf(ema.resume(folder), 'CHECKPOINT');
        await rejectionOf(make().resume(folder), 'CHECKPOINT');
      }
      if (name !== 'model.json') {
        rmSync(path);
        await rejectionOf(ema.resume(folder), 'CHECKPOINT');
      }
      writeFileSync(path, whole);
    }
    expect([stateOf(model, ema), tf.memory().numTensors]).toEqual([before, count]);
    const { model: same } = await found(ema.resume(folder));
    expect([same, ema.steps]).toEqual([model, 9]);
  });
});

describe('a run that does not fit', () => {
  it.each([
    [
      'another model',
      () => makeModel(undefined, { units: 9 }),
      /weight "?'in\/kernel'"? was float32 \[4, 8\], now it is float32 \[4, 9\]/,
    ],
    ['another optimizer', () => makeModel('adam'), /the optimizer was Momentum, now it is Adam/],
  ] as const)('of %s is refused, and nothing changes', async (_, other, message) => {
    await savedRun();
    const model = other();
    const ema = make().attach(model);
    await train(model, ema, 0, 3);
    const [before, count] = [stateOf(model, ema), tf.memory().numTensors];
    expect((await rejectionOf(ema.resume(folder), 'CHECKPOINT')).message).toMatch(message);
    expect((await rejectionOf(make().resume(folder, model), 'CHECKPOINT')).message).toMatch(message);
    expect([stateOf(model, ema), tf.memory().numTensors]).toEqual([before, count]);
  });

  it('of other options is refused, at once where there is a model, and by attach where there is none', async () => {
    await savedRun();
    const model = makeModel();
    const ema = make({ decays: [0.5, 0.8] }).attach(model);
    const before = stateOf(model, ema);
    expect((await rejectionOf(ema.resume(folder), 'CHECKPOINT')).message).toMatch(/option decays was \[0\.5,0\.9\]/);
    expect(stateOf(model, ema)).toEqual(before);
    const waiting = make({ decays: [0.5, 0.8] });
    const { model: made } = await found(waiting.resume(folder));
    expect(thrownBy(() => waiting.attach(made), 'CHECKPOINT').message).toMatch(/option decays/);
  });

  it('for a model that is not compiled is refused', async () => {
    await savedRun();
    const uncompiled = tf.sequential({ name: 'net', layers: makeModel().layers });
    const error = await rejectionOf(make().resume(folder, uncompiled), 'CHECKPOINT');
    expect(error.message).toMatch(/the optimizer was Momentum, now the model is not compiled/);
  });

  it('of variables there is none', async () => {
    const ema = make().attach([tf.variable(tf.zeros([2]), true, 'alone')]);
    const saving = await rejectionOf(ema.saveRun(folder), 'NO_LAYERS_MODEL');
    expect(saving.message).toMatch(/saveCheckpoint\(\)/);
    expect(existsSync(folder)).toBe(false);
    await savedRun();
    await rejectionOf(ema.resume(folder), 'NO_LAYERS_MODEL');
  });
});

describe('while tfjs makes the saved model', () => {
  /** Without a constraint: tfjs leaves a tensor for each where it loads weights. */
  const free = (): Sequential => {
    const model = tf.sequential({ layers: [tf.layers.dense({ name: 'only', units: 3, inputShape: [4] })] });
    model.compile({ optimizer: tf.train.momentum(0.1, 0.9), loss: 'meanSquaredError' });
    return model;
  };

  /** What becomes of a resume during which something else is done. */
  const resumedDuring = async (meanwhile: (ema: WeightEma) => void, code: 'MODEL_CHANGED' | 'DISPOSED') => {
    await savedRun(free());
    const loadLayersModel: typeof tf.loadLayersModel = async (...source) => {
      const made = await tf.loadLayersModel(...source);
      meanwhile(ema);
      return made;
    };
    const ema = new WeightEma({ ...tf, loadLayersModel }, OPTIONS);
    const count = tf.memory().numTensors;
    return { ema, count, error: await rejectionOf(ema.resume(folder), code) };
  };

  it('a model that is attached keeps its weights and its averages', async () => {
    const other = free();
    const weights = weightBits(other);
    const { ema, count, error } = await resumedDuring((one) => one.attach(other), 'MODEL_CHANGED');
    expect(error.message).toMatch(/^resume: another model was attached while .*Await resume\(\), then attach/);
    expect([weightBits(other), ema.steps, ema.bests]).toEqual([weights, 0, []]);
    for (const average of averageBits(ema)) expect(average.map(([, value]) => value)).toEqual(weights.map(String));
    ema.dispose();
    expect(tf.memory().numTensors).toBe(count);
  });

  it('averages that are disposed stay so', async () => {
    const { count } = await resumedDuring((one) => one.dispose(), 'DISPOSED');
    expect(tf.memory().numTensors).toBe(count);
  });
});

it('resume puts the attached model back to where it was saved', async () => {
  const { model, ema } = await savedRun();
  const twin = make();
  const { model: made } = await found(twin.resume(folder));
  twin.attach(made);
  await train(model, ema, 9, 20);
  const count = tf.memory().numTensors;
  expect((await found(ema.resume(folder))).model).toBe(model);
  expect(tf.memory().numTensors).toBe(count);
  await train(model, ema, 9, 14);
  await train(made, twin, 9, 14);
  expect(stateOf(model, ema)).toEqual(stateOf(made, twin));
  await rejectionOf(ema.resume(folder, made), 'MODEL_CHANGED');
  await rejectionOf(
    ema.use(0.5, () => ema.resume(folder)),
    'SWAPPED_IN',
  );
});
