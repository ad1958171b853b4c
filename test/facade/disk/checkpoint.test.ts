// Checkpoints: resuming to the bit, files of other models and damaged ones, nothing changed by a load that fails.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel, Rank, Sequential, Variable } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeBests, encodeBests } from '../../../src/disk/checkpoint-bests.js';
import { decodeSafetensors, encodeSafetensors, withDigests } from '../../../src/disk/safetensors.js';
import { type EmaOptions, WeightEma } from '../../../src/index.js';
import { CHECKPOINT_OPTIONS, checkpointModel } from '../../support/checkpoint-fixture.js';
import { rejectionOf, thrownBy, weightBits } from '../../support/expect.js';
import {
  assign,
  data,
  denseModel,
  randoms,
  setRandomWeights,
  tf,
  valuesOf,
  weightValues,
} from '../../support/models.js';
import { at, bits } from '../../support/oracle.js';

const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
const file = (name: string) => join(folder, name);
const quiet = { onWarning: () => undefined };

/** A model with BatchNorm whose layers have names of their own. */
function namedModel(units = 8): Sequential {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ name: 'in', units, inputShape: [4], activation: 'relu' }),
      tf.layers.batchNormalization({ name: 'norm' }),
      tf.layers.dense({ name: 'out', units: 3, activation: 'softmax' }),
    ],
  });
  model.compile({ optimizer: tf.train.sgd(0.1), loss: 'categoricalCrossentropy' });
  return model;
}

const STEPS = 120;
const recorded: Float32Array[][] = [];
const model = namedModel();

/** The weights after a step of a training that was recorded once. */
function replay(step: number): void {
  model.weights.forEach((weight, i) => {
    assign(weight, () => tf.tensor(at(at(recorded, step), i), weight.read().shape));
  });
}

function averagesOf(ema: WeightEma): Uint32Array[] {
  return ema.decays.flatMap((_, index) => {
    const tensors = ema.read({ index });
    const values = Object.values(valuesOf(tensors)).map(bits);
    tf.dispose(tensors);
    return values;
  });
}

beforeAll(async () => {
  const { x, y } = data(32);
  recorded.push(weightValues(model));
  for (let step = 0; step < STEPS; step += 1) {
    await model.trainOnBatch(x, y);
    recorded.push(weightValues(model));
  }
  tf.dispose([x, y]);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe.each([
  ['native', 'fp32'],
  ['native', 'compensated'],
  ['js', 'fp32'],
  ['js', 'compensated'],
] as const)('a run with engine %s and precision %s', (engine, precision) => {
  const make = () => new WeightEma(tf, { engine, precision, ...quiet }).attach(model);
  const run = (ema: WeightEma, from: number, after?: (step: number) => Promise<void>) => {
    const step = async (number: number): Promise<void> => {
      if (number > STEPS) return;
      replay(number);
      ema.update();
      // It counts pending steps in: afterwards intervals no longer end at multiples of 16.
      if (number === 53) ema.putBack({ index: 0 });
      await after?.(number);
      await step(number + 1);
    };
    return step(from + 1);
  };

  it('goes on to the bit from 50 random split points, K = 5, T = 16, warm-up, BatchNorm', async () => {
    const next = randoms(5);
    const splits = new Set<number>();
    while (splits.size < 50) splits.add(Math.floor(next() * (STEPS + 1)));
    replay(0);
    const whole = make();
    const save = (step: number) => whole.saveCheckpoint(file(`${step}.safetensors`));
    if (splits.has(0)) await save(0);
    await run(whole, 0, async (step) => {
      if (splits.has(step)) await save(step);
    });
    // Saving changed nothing: without it the averages are the same.
    replay(0);
    const alone = make();
    await run(alone, 0);
    expect([alone.steps, alone.updates]).toEqual([whole.steps, whole.updates]);
    const { updates } = alone;
    const expected = averagesOf(alone);
    expect(averagesOf(whole)).toEqual(expected);

    for (const split of splits) {
      setRandomWeights(model, split);
      const resumed = make();
      replay(split);
      await resumed.loadCheckpoint(file(`${split}.safetensors`));
      expect(resumed.steps).toBe(split);
      await run(resumed, split);
      expect([resumed.steps, resumed.updates]).toEqual([alone.steps, updates]);
      expect(averagesOf(resumed)).toEqual(expected);
      resumed.dispose();
    }
    whole.dispose();
    alone.dispose();
  });
});

describe('a checkpoint', () => {
  const make = (options: EmaOptions = {}, of: LayersModel = model) =>
    new WeightEma(tf, { decays: [0.9, 0.99], updateEvery: 4, ...quiet, ...options }).attach(of);

  async function saved(name: string, options: EmaOptions = {}): Promise<string> {
    const ema = make(options);
    for (let step = 1; step <= 6; step += 1) {
      replay(step);
      ema.update();
    }
    ema.record({ epoch: 0, averages: [{ loss: 2 }, { loss: 1 }] }, { keepBest: false });
    await ema.saveCheckpoint(file(name));
    ema.dispose();
    return file(name);
  }

  /** Loads what must fail, and checks that nothing changed by it. */
  async function failure(path: string, options: EmaOptions = {}, of: LayersModel = model): Promise<string> {
    const ema = make(options, of);
    ema.update();
    const before = averagesOf(ema);
    const counters = [ema.steps, ema.updates];
    const tensors = tf.memory().numTensors;
    const { message } = await rejectionOf(ema.loadCheckpoint(path), 'CHECKPOINT');
    expect(tf.memory().numTensors).toBe(tensors);
    expect([ema.steps, ema.updates]).toEqual(counters);
    expect(averagesOf(ema)).toEqual(before);
    ema.dispose();
    return message;
  }

  it('keeps steps between updates pending, which average is the current one, and by what the best is one', async () => {
    const path = await saved('pending.safetensors');
    const ema = make();
    await ema.loadCheckpoint(path);
    expect([ema.steps, ema.updates]).toEqual([6, 1]);
    await ema.saveCheckpoint(file('pending-again.safetensors'));
    const { metadata } = decodeSafetensors(readFileSync(file('pending-again.safetensors')));
    expect(JSON.parse(metadata.get('standing') ?? '')).toMatchObject({ current: 1 });
    // What was measured is known, but its weights were not kept: it is none of those that are kept up.
    expect(ema.bests).toMatchObject([{ metric: 'loss', index: 1 }]);
    thrownBy(() => ema.read('best'), 'INVALID_ARGUMENT');
    averagesOf(ema);
    expect(ema.updates).toBe(1);
    for (let step = 7; step <= 8; step += 1) ema.update();
    expect(ema.updates).toBe(2);
    ema.dispose();
  });

  it('names its tensors by average and weight', async () => {
    const path = await saved('names.safetensors', { precision: 'compensated' });
    const { tensors, metadata } = decodeSafetensors(readFileSync(path));
    expect(tensors.size).toBe(2 * 2 * 8);
    expect(tensors.get('average.1/in/kernel')?.shape).toEqual([4, 8]);
    expect(tensors.get('average.0.low/norm/moving_variance')?.shape).toEqual([8]);
    expect(metadata.get('tfjs-ema')).toBe('1');
    expect(JSON.parse(metadata.get('standing') ?? '')).toEqual({
      steps: 6,
      pending: 2,
      updates: 1,
      intervals: [[4, 1]],
      current: 1,
      monitor: 'loss',
    });
  });

  it('can be saved inside of use(): the averages are in it, and the weights come back', async () => {
    const ema = make();
    replay(3);
    ema.update();
    await ema.saveCheckpoint(file('outside.safetensors'));
    const raw = weightBits(model);
    await ema.use(0.9, () => ema.saveCheckpoint(file('inside.safetensors')));
    expect(weightBits(model)).toEqual(raw);
    expect(readFileSync(file('inside.safetensors'))).toEqual(readFileSync(file('outside.safetensors')));
    ema.dispose();
  });

  it('is that of the moment of the call, whatever happens while the file is written', async () => {
    const ema = make({ updateEvery: 1 });
    ema.update();
    const saving = ema.saveCheckpoint(file('moment.safetensors'));
    setRandomWeights(model, 99);
    ema.update();
    ema.dispose();
    await saving;
    const { metadata } = decodeSafetensors(readFileSync(file('moment.safetensors')));
    expect(JSON.parse(metadata.get('standing') ?? '')).toMatchObject({ steps: 1, updates: 1 });
  });

  it('is the last one that was asked for, however slow the disk was with the first', async () => {
    const ema = make({ updateEvery: 1 });
    const disk = process.getBuiltinModule('node:fs/promises');
    // What is asked first: nothing has this name yet.
    const slow = vi.spyOn(disk, 'realpath').mockImplementationOnce(async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    });
    const saves = [1, 2].map(() => {
      ema.update();
      return ema.saveCheckpoint(file('last.safetensors'));
    });
    await Promise.all(saves);
    expect(slow).toHaveBeenCalledTimes(2);
    slow.mockRestore();
    const { metadata } = decodeSafetensors(readFileSync(file('last.safetensors')));
    expect(JSON.parse(metadata.get('standing') ?? '')).toMatchObject({ steps: 2 });
    ema.dispose();
  });

  it('and a model and a run are where their paths led when they were saved or read', async () => {
    const compiled = namedModel();
    const ema = make({}, compiled);
    const before = process.cwd();
    const elsewhere = async <T>(call: () => Promise<T>): Promise<T> => {
      process.chdir(folder);
      const calling = call();
      process.chdir(tmpdir());
      return calling;
    };
    try {
      // The second of each waits for its turn.
      await elsewhere(() =>
        Promise.all(
          [1, 2].flatMap(() => [
            ema.saveCheckpoint('relative.safetensors'),
            ema.saveModel(0.9, 'file://relative-model'),
            ema.saveModel(0.9, 'file://relative-optimizer', { includeOptimizer: true }),
            ema.saveRun('relative-run'),
          ]),
        ),
      );
      const names = readdirSync(folder).filter((name) => name.startsWith('relative'));
      expect(names).toEqual(['relative-model', 'relative-optimizer', 'relative-run', 'relative.safetensors']);
      await elsewhere(() => ema.loadCheckpoint('relative.safetensors'));
      expect(await elsewhere(() => ema.resume('relative-run'))).toMatchObject({ initialEpoch: 0 });
    } finally {
      process.chdir(before);
      ema.dispose();
    }
  });

  it('replaces an older one, and leaves nothing beside it', async () => {
    const before = readdirSync(folder).length;
    await saved('twice.safetensors');
    await saved('twice.safetensors');
    expect(readdirSync(folder).length).toBe(before + 1);
  });

  it('of other options is refused with every difference', async () => {
    const path = await saved('options.safetensors');
    const message = await failure(path, { decays: [0.9, 0.95], updateEvery: 8, warmup: 'none', batchNorm: 'copy' });
    expect(message).toMatch(
      /option decays was \[0\.9,0\.99\], now it is \[0\.9,0\.95\]; option updateEvery was 4, now it is 8/,
    );
    expect(message).toMatch(/option warmup was "paper", now it is "none"; option batchNorm was "average"/);
    expect(message).toMatch(/weight 'norm\/moving_mean' was \[8\], now it is \[8\], not averaged/);
    expect(await failure(path, { precision: 'compensated' })).toMatch(/option precision was "fp32"/);
    expect(await failure(path, { decays: [0.9] })).toMatch(/option decays/);
  });

  it('of another model is refused with every difference', async () => {
    const path = await saved('model.safetensors');
    expect(await failure(path, {}, namedModel(9))).toMatch(/weight 'in\/kernel' was \[4, 8\], now it is \[4, 9\]/);
    const other = tf.sequential({ layers: [tf.layers.dense({ name: 'else', units: 1, inputShape: [4] })] });
    const message = await failure(path, {}, other);
    expect(message).toMatch(/weight 'in\/kernel' is only in the checkpoint/);
    expect(message).toMatch(/weight 'else\/kernel' is only in the model/);
  });

  it('with one bit changed anywhere is refused', async () => {
    const path = await saved('damaged.safetensors');
    const good = readFileSync(path);
    const next = randoms(11);
    for (let trial = 0; trial < 60; trial += 1) {
      const bad = Buffer.from(good);
      const place = Math.floor(next() * bad.length);
      bad[place] = at(bad, place) ^ (1 << Math.floor(next() * 8));
      writeFileSync(path, bad);
      await failure(path);
    }
    for (const length of [0, 7, 100, good.length - 1]) {
      writeFileSync(path, good.subarray(0, length));
      await failure(path);
    }
  });

  it('of another version, another writer or with impossible counters is refused', async () => {
    const path = await saved('version.safetensors');
    const { tensors, metadata } = decodeSafetensors(readFileSync(path));
    const rewritten = async (name: string, value: string | undefined) => {
      const changed = new Map([...metadata].filter(([key]) => !key.startsWith('sha256') && key !== name));
      if (value !== undefined) changed.set(name, value);
      writeFileSync(path, Buffer.concat(encodeSafetensors(withDigests({ tensors, metadata: changed }))));
      return failure(path);
    };
    expect(await rewritten('tfjs-ema', '2')).toMatch(/expected format version 1, received 2/);
    expect(await rewritten('tfjs-ema', undefined)).toMatch(/a file of another one/);
    expect(await rewritten('standing', '{"steps":2,"pending":3,"updates":1,"intervals":[]}')).toMatch(
      /pending from 0 to 2, received 3/,
    );
    expect(await rewritten('standing', '{"steps":2,"pending":0,"updates":1,"current":2,"intervals":[[2,1]]}')).toMatch(
      /current from 0 to 1/,
    );
    expect(await rewritten('standing', '{"steps":2,"pending":0,"updates":1,"monitor":3,"intervals":[[2,1]]}')).toMatch(
      /text as monitor, received 3/,
    );
    expect(await rewritten('standing', '{"steps":2,"pending":0,"updates":1,"intervals":[[1,1]]}')).toMatch(
      /that add up to 2 steps/,
    );
    expect(await rewritten('standing', '{"steps":2,"pending":0,"updates":1}')).toMatch(/intervals as pairs of counts/);
    expect(await rewritten('standing', '{"steps":2,"pending":0,"updates":1,"intervals":[[2]]}')).toMatch(
      /pairs of counts/,
    );
    expect(await rewritten('standing', '{"steps":9e15,"pending":0,"updates":9e15,"intervals":[[1,9e15]]}')).toMatch(
      /updates from 0 to 1000000000/,
    );
    expect(await rewritten('weights', JSON.stringify({ ['\n'.repeat(1e5)]: 1 }))).toMatch(
      /weight '(\\u000a){200}\.\.\.' is/,
    );
    expect(await rewritten('settings', JSON.stringify({ ['x'.repeat(1e5)]: 'y'.repeat(1e5) }))).toMatch(
      /option x{200}\.\.\. was "y{999}\.\.\., now it is not there/,
    );
    expect(await rewritten('standing', 'nonsense')).toMatch(/expected JSON as 'standing'/);
    expect(await rewritten('standing', '3')).toMatch(/expected an object as 'standing'/);
    const fewer = new Map([...tensors].filter(([name]) => name !== 'average.1/out/bias'));
    const rest = new Map([...metadata].filter(([key]) => !key.startsWith('sha256')));
    writeFileSync(path, Buffer.concat(encodeSafetensors(withDigests({ tensors: fewer, metadata: rest }))));
    expect(await failure(path)).toMatch(/expected tensor 'average\.1\/out\/bias' of type F32 and shape \[3\]/);
  });

  it('needs a path, a file, a model, and averages that are alive', async () => {
    expect(await failure(file('none.safetensors'))).toMatch(/ENOENT/);
    const ema = make();
    await rejectionOf(ema.saveCheckpoint('file:///tmp/x'), 'INVALID_ARGUMENT');
    await rejectionOf(ema.loadCheckpoint(''), 'INVALID_ARGUMENT');
    const bytes = await rejectionOf(ema.loadCheckpoint(new Uint8Array(8) as unknown as Blob), 'INVALID_ARGUMENT');
    expect(bytes.message).toMatch(/^source: .*or a Blob, .*new Blob\(\[bytes\]\)\.$/);
    await rejectionOf(ema.saveCheckpoint(join(folder, 'no', 'folder')), 'CHECKPOINT');
    ema.dispose();
    await rejectionOf(ema.saveCheckpoint(file('x')), 'DISPOSED');
    await rejectionOf(new WeightEma(tf).saveCheckpoint(file('x')), 'NOT_ATTACHED');
    await rejectionOf(new WeightEma(tf).loadCheckpoint(file('x')), 'CHECKPOINT');
  });

  it('is offered by the callback: a fit that goes on in another object gives the same averages', async () => {
    const { x, y } = data(64);
    const options = { decays: [0.9, 0.99], updateEvery: 3, ...quiet };
    const fit = { epochs: 1, batchSize: 16, shuffle: false, verbose: 0 as const };
    replay(0);
    const whole = new WeightEma(tf, options);
    await model.fit(x, y, { ...fit, callbacks: [whole.callback()] });
    await model.fit(x, y, { ...fit, callbacks: [whole.callback()] });
    replay(0);
    const first = new WeightEma(tf, options);
    await model.fit(x, y, { ...fit, callbacks: [first.callback()] });
    await first.saveCheckpoint(file('fit.safetensors'));
    first.dispose();
    const second = new WeightEma(tf, options);
    second.attach(model);
    await second.loadCheckpoint(file('fit.safetensors'));
    await model.fit(x, y, { ...fit, callbacks: [second.callback()] });
    expect([second.steps, second.updates]).toEqual([whole.steps, whole.updates]);
    expect(averagesOf(second)).toEqual(averagesOf(whole));
    whole.dispose();
    second.dispose();
    tf.dispose([x, y]);
  });
});

/** The bits of the weights that are kept. */
function bitsOfBest(ema: Pick<WeightEma, 'read'>): Uint32Array[] {
  const tensors = ema.read('best-loss');
  const values = Object.values(valuesOf(tensors)).map(bits);
  tf.dispose(tensors);
  return values;
}

describe.each(['native', 'js'] as const)('best averages in a checkpoint, engine %s', (engine) => {
  const options = { decays: [0.5, 0.9], updateEvery: 1, engine, ...quiet } as const;
  const fit = { batchSize: 8, shuffle: false, verbose: 0 as const };

  it('go on in a resumed fit as if it had not been interrupted, weights and all', async () => {
    const { x, y } = data(32);
    const train = async (epochs: number, ema: WeightEma) =>
      model.fit(x, y, { ...fit, epochs, callbacks: [ema.callback({ validationData: [x, y] })] });
    const make = () => new WeightEma(tf, options);
    replay(0);
    const whole = make();
    await train(2, whole);
    const rawThen = weightValues(model);
    await whole.saveCheckpoint(file('bests.safetensors'));
    await whole.saveCheckpoint(file('records.safetensors'), { keepBest: false });
    const then = whole.bests;
    const kept = bitsOfBest(whole);
    await train(1, whole);

    const resumed = make();
    await resumed.loadCheckpoint(file('bests.safetensors'));
    model.weights.forEach((weight, i) => {
      assign(weight, () => tf.tensor(at(rawThen, i), weight.read().shape));
    });
    const tensors = tf.memory().numTensors;
    resumed.attach(model);
    expect(resumed.bests).toEqual(then);
    expect(bitsOfBest(resumed)).toEqual(kept);
    await train(1, resumed);
    expect(averagesOf(resumed)).toEqual(averagesOf(whole));
    // Epochs are counted by fit, from 0 in each.
    expect(resumed.bests.map(({ value }) => value)).toEqual(whole.bests.map(({ value }) => value));
    resumed.dispose();
    expect(tf.memory().numTensors).toBe(tensors);

    const records = make();
    records.attach(model);
    await records.loadCheckpoint(file('records.safetensors'));
    expect(records.bests).toEqual(then);
    expect(() => records.read('best-loss')).toThrow(/none is kept/);
    records.dispose();
    whole.dispose();
    tf.dispose([x, y]);
  });

  it('keep by what they are the best, and which average is current', async () => {
    const { x, y } = data(32);
    const make = () => new WeightEma(tf, options);
    const model = denseModel();
    const whole = make();
    const callback = whole.callback({ validationData: [x, y], monitor: 'val_acc' });
    await model.fit(x, y, { ...fit, epochs: 3, callbacks: [callback] });
    await whole.saveCheckpoint(file('monitor.safetensors'));
    const { metadata } = decodeSafetensors(readFileSync(file('monitor.safetensors')));
    const current = whole.validations.at(-1)?.best;
    expect(current).toBeDefined();
    expect(JSON.parse(metadata.get('standing') ?? '')).toMatchObject({ current, monitor: 'acc' });
    const resumed = make();
    await resumed.loadCheckpoint(file('monitor.safetensors'));
    resumed.attach(model);
    for (const which of ['best', 'best-acc', 'best-loss', 'current'] as const)
      expect(resumed.use(which, weightBits)).toEqual(whole.use(which, weightBits));
    expect(resumed.use('best', weightBits)).toEqual(resumed.use('best-acc', weightBits));
    // One from before anything was measured takes both away again.
    const early = make();
    early.attach(model);
    early.update();
    await early.saveCheckpoint(file('early.safetensors'));
    await resumed.loadCheckpoint(file('early.safetensors'));
    for (const which of ['best', 'current'] as const) thrownBy(() => resumed.read(which), 'INVALID_ARGUMENT');
    for (const one of [whole, resumed, early]) one.dispose();
    tf.dispose([x, y]);
  });

  it('may be infinite, of integers and bools too, and replace those that are held', async () => {
    const ema = new WeightEma(tf, options).attach(model);
    ema.update();
    ema.record({ epoch: 0, averages: [{ loss: Number.POSITIVE_INFINITY }, { loss: Number.NaN }] });
    await ema.saveCheckpoint(file('infinite.safetensors'));
    ema.record({ epoch: 1, averages: [{ loss: 1 }, { loss: 2 }] });
    const count = tf.memory().numTensors;
    await ema.loadCheckpoint(file('infinite.safetensors'));
    expect(tf.memory().numTensors).toBe(count);
    const record = { metric: 'loss', value: Number.POSITIVE_INFINITY, epoch: 0, index: 0, decay: 0.5 };
    expect(ema.bests).toEqual([record]);
    ema.dispose();
    const weights = {
      flag: tf.tensor1d([true, false], 'bool'),
      counter: tf.scalar(7, 'int32'),
      text: tf.tensor1d(['a']),
    };
    const saved = encodeBests([{ record, tensors: weights }]);
    const variables = Object.entries(weights).map(([name, tensor]) => ({ name, variable: tensor as Variable }));
    const context = { decays: [0.5], weights: variables };
    const [decoded] = decodeBests({ tensors: saved.tensors, metadata: new Map() }, JSON.parse(saved.metadata), context);
    expect([...(decoded?.tensors ?? [])].map(([name, { dtype, data }]) => [name, dtype, [...data]])).toEqual([
      ['flag', 'BOOL', [1, 0]],
      ['counter', 'I32', [7]],
    ]);
    tf.dispose(weights);
  });

  it('that are impossible, or lack a tensor, are refused', () => {
    const none = { tensors: new Map(), metadata: new Map() };
    const context = { decays: [0.5], weights: [] };
    const good = { metric: 'loss', value: 1, epoch: 0, index: 0 };
    expect(decodeBests(none, [good], context)).toHaveLength(1);
    for (const wrong of [{ metric: 3 }, { value: null }, { value: 'x' }, { epoch: -1 }, { index: 1 }, { index: 0.5 }]) {
      thrownBy(() => decodeBests(none, [{ ...good, ...wrong }], context), 'CHECKPOINT');
    }
    const weights = [{ name: 'w', variable: tf.scalar(1) as Variable<Rank> }];
    const lacking = () => decodeBests(none, [{ ...good, hasWeights: true }], { ...context, weights });
    expect(thrownBy(lacking, 'CHECKPOINT').message).toMatch(/tensor 'best\.loss\/w' of type F32 and shape \[\]/);
  });
});

describe('a checkpoint loaded before attach', () => {
  const options = { decays: [0.9, 0.99], updateEvery: 4, ...quiet } as const;

  it('waits for the model, and gives what one loaded afterwards gives', async () => {
    replay(0);
    const first = new WeightEma(tf, options).attach(model);
    for (let step = 1; step <= 6; step += 1) {
      replay(step);
      first.update();
    }
    await first.saveCheckpoint(file('before.safetensors'));
    const early = new WeightEma(tf, options);
    await early.loadCheckpoint(file('before.safetensors'));
    expect([early.engine, early.steps]).toEqual([undefined, 0]);
    setRandomWeights(model, 1);
    early.attach(model);
    expect([early.steps, early.updates]).toEqual([6, 1]);
    replay(6);
    expect(averagesOf(early)).toEqual(averagesOf(first));
    first.dispose();
    early.dispose();
  });

  it('fails fit before it trains when it does not fit, and then fits another', async () => {
    const { x, y } = data(32);
    const fit = { epochs: 1, batchSize: 8, verbose: 0 as const };
    const other = new WeightEma(tf, { ...options, decays: [0.9, 0.95] });
    await other.loadCheckpoint(file('before.safetensors'));
    const raw = weightBits(model);
    const tensors = tf.memory().numTensors;
    const { message } = await rejectionOf(model.fit(x, y, { ...fit, callbacks: [other.callback()] }), 'CHECKPOINT');
    expect(message).toMatch(/option decays was \[0\.9,0\.99\], now it is \[0\.9,0\.95\]/);
    expect([weightBits(model), other.engine, tf.memory().numTensors]).toEqual([raw, undefined, tensors]);
    other.dispose();

    const callback = new WeightEma(tf, options);
    await callback.loadCheckpoint(file('before.safetensors'));
    thrownBy(() => callback.attach(namedModel(9)), 'CHECKPOINT');
    await model.fit(x, y, { ...fit, callbacks: [callback.callback()] });
    expect(callback.steps).toBe(6 + 4);
    callback.dispose();
    tf.dispose([x, y]);
  });

  it('is checked for damage at once', async () => {
    writeFileSync(file('rubbish.safetensors'), 'rubbish');
    await rejectionOf(new WeightEma(tf, options).loadCheckpoint(file('rubbish.safetensors')), 'CHECKPOINT');
  });
});

describe('Python’s safetensors', () => {
  const fixture = (name: string) => new URL(`../../fixtures/${name}`, import.meta.url).pathname;
  const recorded: {
    readonly metadata: Readonly<Record<string, unknown>>;
    readonly readByPython: Readonly<Record<string, readonly [dtype: string, shape: number[], hex: string]>>;
  } = JSON.parse(readFileSync(fixture('checkpoint.json'), 'utf8'));
  const hexOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
    Buffer.from(buffer, byteOffset, byteLength).toString('hex');

  it('reads a whole checkpoint of ours: every average, both of its parts, the best one; equal to what we load of it', async () => {
    const model = checkpointModel();
    const ema = new WeightEma(tf, CHECKPOINT_OPTIONS);
    await ema.loadCheckpoint(fixture('checkpoint.safetensors'));
    ema.attach(model);
    const names = Object.keys(recorded.readByPython);
    expect(names).toHaveLength(8 * (2 * 3 + 1));
    // Before a read counts the pending step in.
    await ema.saveCheckpoint(file('again.safetensors'));
    ema.decays.forEach((_, k) => {
      const values = averageOf(ema, k);
      for (const [name, value] of Object.entries(values)) {
        expect(recorded.readByPython[`average.${k}/${name}`]?.slice(1)).toEqual([shapeOf(model, name), hexOf(value)]);
      }
    });
    const best = ema.read('best-loss');
    for (const [name, value] of Object.entries(valuesOf(best))) {
      expect(recorded.readByPython[`best.loss/${name}`]).toEqual(['float32', shapeOf(model, name), hexOf(value)]);
    }
    tf.dispose(best);
    expect(recorded.metadata['standing']).toMatchObject({ steps: ema.steps, pending: 1, current: 1, monitor: 'loss' });
    ema.dispose();
    model.dispose();
  });

  it('reads what is written today: the file that it read, saved again, is the same to the byte', () => {
    expect(readFileSync(file('again.safetensors')).equals(readFileSync(fixture('checkpoint.safetensors')))).toBe(true);
    const { tensors } = decodeSafetensors(readFileSync(file('again.safetensors')));
    const found = [...tensors].map(([name, { shape, data }]) => [name, ['float32', [...shape], hexOf(data)]]);
    expect(Object.fromEntries(found)).toEqual(recorded.readByPython);
  });

  /** An average as it stands in the file, without the pending step. */
  function averageOf(ema: WeightEma, k: number): Record<string, Float32Array> {
    const prefix = `average.${k}/`;
    const { tensors } = decodeSafetensors(readFileSync(file('again.safetensors')));
    expect(ema.labels).toHaveLength(3);
    const own = [...tensors].filter(([name]) => name.startsWith(prefix));
    return Object.fromEntries(own.map(([name, { data }]) => [name.slice(prefix.length), Float32Array.from(data)]));
  }

  function shapeOf(of: LayersModel, name: string): unknown {
    return of.weights.find(({ originalName }) => originalName === name)?.shape;
  }
});
