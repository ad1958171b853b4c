// Models without layers: averages of variables in a list or by name, on both engines; what works as for a layers model, and what says
// that it needs one.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel, Rank, Scalar, Tensor, Tensor2D, Variable } from '@tensorflow/tfjs';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, type ModelSource, type ModelVariables, WeightEma } from '../../../src/index.js';
import { isLayersModel, variablesIn } from '../../../src/model/variables.js';
import { checkSameWeights, collectWeights } from '../../../src/model/weights.js';
import { searchDecay, synthesize } from '../../../src/search.js';
import { isSwapped, rejectionOf, thrownBy } from '../../support/expect.js';
import { data, denseModel, floats, setRandomWeights, tf, valuesOf } from '../../support/models.js';
import { at, bits, maxDifference, Oracle, paperDecay } from '../../support/oracle.js';

const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-variables-'));
const quiet = { onWarning: () => undefined };

afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  tf.disposeVariables();
});

interface Network {
  readonly [name: string]: Variable;
  readonly 'hidden/kernel': Variable;
  readonly 'hidden/bias': Variable;
  readonly 'out/kernel': Variable;
  readonly scale: Variable;
  readonly seen: Variable;
}

/** Two layers by hand, a scale that is not trained, and a counter; the same in every call. */
function network(): Network {
  const make = (shape: number[], seed: number, isTrainable = true) =>
    tf.variable(tf.tensor(floats(tf.util.sizeFromShape(shape), seed), shape), isTrainable);
  return {
    'hidden/kernel': make([4, 8], 1),
    'hidden/bias': make([8], 2),
    'out/kernel': make([8, 3], 3),
    scale: make([3], 4, false),
    seen: tf.variable(tf.scalar(0, 'int32'), true, undefined, 'int32'),
  };
}

const AVERAGED = ['hidden/kernel', 'hidden/bias', 'out/kernel'];

function predict(net: Network, x: Tensor2D): Tensor2D {
  const hidden = x
    .matMul(net['hidden/kernel'] as unknown as Tensor2D)
    .add(net['hidden/bias'])
    .relu() as Tensor2D;
  return hidden.matMul(net['out/kernel'] as unknown as Tensor2D).mul(net.scale) as Tensor2D;
}

/** Other values for all variables, as an optimizer and a counter give them. */
function setRandom(net: Network, seed: number): void {
  Object.values(net).forEach((variable, i) => {
    const value = () => tf.tensor(floats(variable.size, 100 * seed + i), variable.shape);
    tf.tidy(() => variable.assign(variable.dtype === 'int32' ? tf.scalar(seed, 'int32') : value()));
  });
}

const copy = (variable: Tensor) => Float32Array.from(variable.dataSync());
const averagedValues = (net: Network) => AVERAGED.map((name) => copy(net[name] ?? net.scale));
const valuesIn = (named: { [name: string]: Float32Array }, name: string) => named[name] ?? new Float32Array();
const bitsIn = (net: Network) => Object.values(net).map((variable) => Array.from(bits(copy(variable))));

function read(ema: WeightEma, which: Parameters<WeightEma['read']>[0] = { index: 0 }) {
  const tensors = ema.read(which);
  const values = valuesOf(tensors);
  tf.dispose(tensors);
  return values;
}

describe.each(['native', 'js'] as const)('averages of variables, engine %s', (engine) => {
  const make = (options: EmaOptions = {}) => new WeightEma(tf, { engine, ...quiet, ...options });

  it.each([1, 4])('follow the float64 oracle with updateEvery %i, warm-up and pending steps', (updateEvery) => {
    const net = network();
    const decays = [0.9, 0.999];
    const ema = make({ decays, updateEvery }).attach(net);
    expect(ema.engine).toBe(engine);
    const oracles = decays.map(() => new Oracle(averagedValues(net)));
    for (let step = 1; step <= 12 * updateEvery; step += 1) {
      setRandom(net, step);
      ema.update();
      if (step % updateEvery !== 0) continue;
      for (const [k, oracle] of oracles.entries())
        oracle.update(averagedValues(net), paperDecay(at(decays, k), updateEvery, step / updateEvery - 1));
    }
    decays.forEach((decay, k) => {
      const values = read(ema, decay);
      expect(Object.keys(values).sort()).toEqual(Object.keys(net).sort());
      AVERAGED.forEach((name, i) => {
        // Each of 12 updates rounds numbers below 1 twice.
        const difference = maxDifference(valuesIn(values, name), at(at(oracles, k).shadows, i));
        expect(difference).toBeLessThan(12 * 2 ** -23);
      });
      // What is not averaged is the live one.
      expect([values['scale'], values['seen']]).toEqual([copy(net.scale), copy(net.seen)]);
    });
    ema.dispose();
  });

  it('are those of the layers model that has the variables, to the bit, whatever the options', () => {
    const all: EmaOptions[] = [
      { decays: [0.9, 'uniform', { relativeWidth: 0.1 }], updateEvery: 2 },
      { decays: 0.99, precision: 'compensated', warmup: 'zero-debias', updateEvery: 1 },
      { decays: 0.9, updateEvery: 4, start: 3 },
      {
        decays: 0.9,
        layerDecays: [{ match: /bias$/, decay: 0.5 }],
        exclude: [/gamma$/],
        nonFinite: 'skip',
        updateEvery: 1,
      },
    ];
    for (const options of all) {
      const model = denseModel();
      // Moving statistics are not trainable: with variables they are live, as with the policy `copy`.
      const layers = make({ ...options, batchNorm: 'copy' }).attach(model);
      const named = Object.fromEntries(
        model.layers
          .flatMap((layer) => layer.weights)
          .map((weight) => [weight.originalName, weight.read() as Variable]),
      );
      const variables = make(options).attach(named);
      for (let step = 1; step <= 10; step += 1) {
        setRandomWeights(model, step);
        for (const ema of [layers, variables]) ema.update();
      }
      for (const [index] of layers.decays.entries())
        expect(read(variables, { index })).toEqual(read(layers, { index }));
      for (const ema of [layers, variables]) ema.dispose();
    }
  });

  it('average a training by an optimizer, and leave it as it is, to the bit', () => {
    const train = (average: boolean) => {
      const net = network();
      const { x, y } = data(32);
      const trained = [net['hidden/kernel'], net['hidden/bias'], net['out/kernel']];
      const optimizer = tf.train.adam(0.05);
      const ema = average ? make({ decays: 0.8, updateEvery: 1, warmup: 'none' }).attach(net) : undefined;
      const oracle = new Oracle(averagedValues(net));
      for (let step = 0; step < 20; step += 1) {
        optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, predict(net, x)) as Scalar, false, trained);
        ema?.update();
        oracle.update(averagedValues(net), 0.8);
      }
      if (ema !== undefined) {
        const values = read(ema);
        // 20 updates of numbers below 4.
        AVERAGED.forEach((name, i) => {
          expect(maxDifference(valuesIn(values, name), at(oracle.shadows, i))).toBeLessThan(20 * 2 ** -21);
        });
      }
      const result = bitsIn(net);
      ema?.dispose();
      optimizer.dispose();
      tf.disposeVariables();
      tf.dispose([x, y]);
      return result;
    };
    expect(train(true)).toEqual(train(false));
  });

  it('stand in the variables’ place in use(), and the variables come back, to the bit', async () => {
    const net = network();
    const ema = make({ decays: [0.5, 0.9], updateEvery: 1, warmup: 'none' }).attach(net);
    setRandom(net, 1);
    ema.update();
    const own = bitsIn(net);
    const average = read(ema, 0.9);
    const seen = () => Object.fromEntries(Object.entries(net).map(([name, variable]) => [name, copy(variable)]));
    expect(ema.use(0.9, seen)).toEqual(average);
    expect(bitsIn(net)).toEqual(own);
    expect(
      await ema.use({ index: 1 }, async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        thrownBy(() => ema.update(), 'SWAPPED_IN');
        thrownBy(() => ema.use(0.5, seen), 'SWAPPED_IN');
        return seen();
      }),
    ).toEqual(average);
    const failing = () => {
      throw new RangeError('within');
    };
    expect(() => ema.use(0.9, failing)).toThrow(RangeError);
    await expect(ema.use(0.9, async () => failing())).rejects.toThrow(RangeError);
    expect(bitsIn(net)).toEqual(own);
    // Training in there is undone, and said.
    const { message } = thrownBy(() => ema.use(0.9, () => setRandom(net, 2)), 'SWAPPED_IN');
    expect(message).toMatch(/3 weights \(first 'hidden\/kernel'\)/);
    expect(averagedValues(net).map((values) => Array.from(bits(values)))).toEqual(own.slice(0, 3));
    ema.dispose();
  });

  it('can be synthesized, put back, diagnosed, reported, and kept as the best', () => {
    const net = network();
    const ema = make({ decays: [0.8, 0.9, 0.95], updateEvery: 4, warmup: 'none', diagnoseEvery: 2 }).attach(net);
    const truth = make({ decays: 0.85, updateEvery: 4, warmup: 'none' }).attach(net);
    for (let step = 1; step <= 10; step += 1) {
      setRandom(net, step);
      for (const one of [ema, truth]) one.update();
    }
    const { tensors, bound } = synthesize(ema, 0.85);
    const [made, real] = [valuesOf(tensors), read(truth)];
    tf.dispose(tensors);
    // The variables lie in [-1, 1]: 2 is the greatest distance of two.
    for (const name of AVERAGED)
      expect(maxDifference(valuesIn(made, name), valuesIn(real, name))).toBeLessThanOrEqual(2 * bound + 2 ** -22);
    expect(read(ema, { synthesized: 0.85 })).toEqual(made);
    const { weights, layers } = ema.diagnose();
    expect(weights.map(({ name }) => name)).toEqual(AVERAGED);
    expect(layers.map(({ layer }) => layer)).toEqual(['hidden', 'out']);
    expect(ema.report().diagnoses.length).toBeGreaterThan(1);
    expect(`${ema.report()}`).toMatch(/2 updates in 10 steps/);
    expect(ema.record({ epoch: 0, averages: [{ loss: 3 }, { loss: 1 }, { loss: 2 }] })).toBe(1);
    const best = read(ema, 0.9);
    setRandom(net, 11);
    ema.update();
    expect(read(ema, 'best-loss')).toEqual(best);
    const wanted = read(ema, 0.8);
    ema.putBack(0.8);
    expect(averagedValues(net)).toEqual(AVERAGED.map((name) => wanted[name]));
    ema.putBack('best-loss');
    expect(ema.bests).toMatchObject([{ index: 1, epoch: 0 }]);
    expect(averagedValues(net)).toEqual(AVERAGED.map((name) => best[name]));
    for (const one of [ema, truth]) one.dispose();
  });

  it('go on from a checkpoint, to the bit', async () => {
    const options: EmaOptions = { decays: [0.9, 'uniform'], updateEvery: 3 };
    const path = join(folder, `${engine}.safetensors`);
    const net = network();
    const whole = make(options).attach(net);
    const first = make(options).attach(net);
    for (let step = 1; step <= 20; step += 1) {
      setRandom(net, step);
      whole.update();
      if (step <= 10) first.update();
      if (step === 10) await first.saveCheckpoint(path);
    }
    const expected = [0, 1].map((index) => read(whole, { index }));
    // Another process: other variables under the same names, in another order.
    const later = network();
    const second = make(options);
    await second.loadCheckpoint(path);
    second.attach(Object.fromEntries(Object.entries(later).reverse()));
    for (let step = 11; step <= 20; step += 1) {
      setRandom(later, step);
      second.update();
    }
    [0, 1].forEach((index) => {
      expect(read(second, { index })).toEqual(expected[index]);
    });
    const other = make(options).attach({ ...network(), extra: tf.variable(tf.zeros([2])) });
    const { message } = await rejectionOf(other.loadCheckpoint(path), 'CHECKPOINT');
    expect(message).toMatch(/weight 'extra' is only in the model.*record of variables/s);
    for (const ema of [whole, first, second, other]) ema.dispose();
  });

  it('leave no tensors behind, and can be read after the variables were disposed', () => {
    const net = network();
    const before = tf.memory().numTensors;
    const ema = make({ decays: 0.9, updateEvery: 1 }).attach(net);
    for (let step = 1; step <= 5; step += 1) {
      setRandom(net, step);
      ema.update();
      ema.use(0.9, () => undefined);
    }
    const average = read(ema);
    tf.disposeVariables();
    thrownBy(() => ema.update(), 'WEIGHT_DISPOSED');
    expect(read(ema)['hidden/kernel']).toEqual(average['hidden/kernel']);
    thrownBy(() => ema.use(0.9, () => undefined), 'WEIGHT_DISPOSED');
    ema.dispose();
    expect(tf.memory().numTensors).toBe(before - Object.keys(net).length);
  });
});

describe('names and kinds', () => {
  it('of a list are the names of the variables, of a record its keys', () => {
    const [a, b] = [tf.variable(tf.ones([2]), true, 'first'), tf.variable(tf.ones([3]), true, 'second')];
    const names = (model: ModelVariables) => variablesIn(tf, model).map(({ name }) => name);
    expect(names([a, b])).toEqual(['first', 'second']);
    expect(names({ encoder: b, decoder: a })).toEqual(['encoder', 'decoder']);
    expect([isLayersModel(tf, [a]), isLayersModel(tf, denseModel())]).toEqual([false, true]);
  });

  it('decide what is averaged: trainable floats, when they are attached', () => {
    const net = network();
    const flag = tf.variable(tf.scalar(true, 'bool'), true, undefined, 'bool');
    for (const batchNorm of ['average', 'copy'] as const) {
      const { averaged, live } = collectWeights(tf, { ...net, flag }, { batchNorm });
      expect(averaged.map(({ name }) => name)).toEqual(AVERAGED);
      expect(live.map(({ name }) => name)).toEqual(['scale', 'seen', 'flag']);
    }
    net.scale.trainable = true;
    const { averaged } = collectWeights(tf, net, { batchNorm: 'average', exclude: [{ name: 'hidden' }] });
    expect(averaged.map(({ name }) => name)).toEqual(['out/kernel', 'scale']);
  });

  it('are looked at again: variables that were added, replaced or taken out are named', () => {
    const net: { [name: string]: Variable } = { ...network() };
    const weights = collectWeights(tf, net, { batchNorm: 'average' });
    checkSameWeights(tf, weights, Object.values(net));
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1, ...quiet }).attach(net);
    ema.update();
    net['more'] = tf.variable(tf.ones([2]));
    delete net['scale'];
    const { message } = thrownBy(() => ema.use(0.9, () => undefined), 'MODEL_CHANGED');
    expect(message).toMatch(/added more; gone scale/);
    thrownBy(() => ema.putBack(0.9), 'MODEL_CHANGED');
    ema.dispose();
  });
});

describe('what is no model', () => {
  const a = () => tf.variable(tf.ones([2]), true, 'a');
  const twin = () => {
    const [one, other] = [tf.variable(tf.ones([2]), true, 'one'), tf.variable(tf.ones([2]), true, 'other')];
    other.name = 'one';
    return [one, other];
  };
  class OtherModel {
    readonly layers: object[] = [];
    readonly name = 'other';
  }
  const { GraphModel } = tf;
  const wrong: readonly [what: string, model: () => unknown, message: RegExp][] = [
    ['nothing', () => undefined, /^model: expected a tf\.LayersModel .* or the tf\.Variables of a model .*undefined/],
    ['a name', () => 'model', /received 'model'/],
    ['a promise', () => Promise.resolve(denseModel()), /received a Promise\. It is a promise: await the model first/],
    [
      'a graph model',
      () => new GraphModel('file://model'),
      /received a GraphModel\. A GraphModel cannot be trained: give/,
    ],
    [
      'a model of another copy of tfjs',
      () => new OtherModel(),
      /received a OtherModel\. If it is a model, another copy/,
    ],
    ['plain tensors', () => [tf.ones([1])], /model\[0\] is a Tensor: all in one list or record/],
    ['nested records', () => ({ block: { w: a() } }), /model\.block is an object/],
    ['a list within', () => ({ ok: a(), blocks: [] }), /model\.blocks is \[\]/],
    ['an object of another kind', () => new Map(), /at least one trainable variable of type float32, received 'none'/],
    ['an empty list', () => [], /at least one trainable variable/],
    [
      'integers alone',
      () => [tf.variable(tf.scalar(1, 'int32'), true, 'i', 'int32')],
      /at least one trainable variable/,
    ],
    ['variables that nobody trains', () => ({ w: tf.variable(tf.ones([2]), false) }), /at least one trainable/],
    ['one variable twice in a list', () => [a()].flatMap((one) => [one, one]), /each variable once.*'a' and 'a'/],
    ['one variable under two names', () => [a()].map((v) => ({ in: v, out: v }))[0], /'in' and 'out'.*same variable/],
    ['two variables of one name', twin, /two called 'one'.*record by names of your own/s],
    ['an empty name', () => ({ '': a() }), /variables with names, received ''/],
    [
      'a name that objects take for their own',
      () => Object.defineProperty({}, '__proto__', { value: a(), enumerable: true }),
      /variables with names, received '__proto__'/,
    ],
  ];
  it.each(wrong)('%s is refused, and a right one can be attached afterwards', (_, model, message) => {
    const ema = new WeightEma(tf, { decays: 0.9, ...quiet });
    const error = thrownBy(() => ema.attach(model() as ModelSource), 'INVALID_ARGUMENT');
    expect(error.message).toMatch(message);
    expect(ema.engine !== undefined).toBe(false);
    ema.attach({ w: tf.variable(tf.ones([2])) });
    expect(thrownBy(() => ema.attach(denseModel()), 'ALREADY_ATTACHED').message).toMatch(
      /attached to variables already/,
    );
    ema.dispose();
  });

  it('a disposed variable is named', () => {
    const net = network();
    net['hidden/bias'].dispose();
    const { message } = thrownBy(() => new WeightEma(tf, { decays: 0.9 }).attach(net), 'WEIGHT_DISPOSED');
    expect(message).toMatch(/^weight 'hidden\/bias'/);
  });
});

describe('what needs a layers model', () => {
  const needy: readonly [method: string, call: (ema: WeightEma) => Promise<unknown>, fix: RegExp][] = [
    ['saveModel', (ema) => ema.saveModel(0.9, `file://${join(folder, 'never')}`), /read\(\).*saveCheckpoint\(\)/],
    ['asModel', (ema) => ema.asModel(0.9), /read\(\)/],
    [
      'searchDecay',
      (ema) => searchDecay(ema, { data: [tf.ones([2, 4]), tf.ones([2, 3])] }),
      /use\(\{ synthesized: decay \}/,
    ],
    ['recomputeBatchNorm', (ema) => ema.recomputeBatchNorm(tf.ones([2, 4])), /inside of use\(\)/],
    ['use', async (ema) => ema.use(0.9, (model: LayersModel) => model.name), /use\(which, \(\) => predict\(x\)\)/],
  ];
  it.each(needy)('%s says so, names the fix, and changes nothing', async (method, call, fix) => {
    const net = network();
    const ema = new WeightEma(tf, { decays: [0.8, 0.9], updateEvery: 2, ...quiet }).attach(net);
    setRandom(net, 1);
    ema.update();
    const own = bitsIn(net);
    const { message } = await rejectionOf(call(ema), 'NO_LAYERS_MODEL');
    expect(message).toMatch(new RegExp(`^${method}: expected averages of a layers model, these are of variables\\. `));
    expect(message).toMatch(fix);
    expect([bitsIn(net), ema.updates, isSwapped(ema)]).toEqual([own, 0, false]);
    ema.dispose();
  });

  it('fit with the callback says so before it trains', async () => {
    const model = denseModel();
    const { x, y } = data(8);
    const callback = new WeightEma(tf, { decays: 0.9, ...quiet });
    callback.attach(model.weights.map((weight) => weight.read() as Variable<Rank>));
    const before = model.weights.map((weight) => copy(weight.read()));
    const fit = model.fit(x, y, { epochs: 1, verbose: 0, callbacks: callback.callback() });
    const { message } = await rejectionOf(fit, 'NO_LAYERS_MODEL');
    expect(message).toMatch(/^fit: .*loop of your own, with update\(\)/);
    expect(model.weights.map((weight) => copy(weight.read()))).toEqual(before);
    callback.dispose();
  });
});
