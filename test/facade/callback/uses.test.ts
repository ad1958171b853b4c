// Ways in which programs use fit with averages: in phases, in loops, stopped, with functions of their own, with what it was not asked for.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Callback, LayersModel } from '@tensorflow/tfjs';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type EmaCallbackOptions, type EmaOptions, WeightEma } from '../../../src/index.js';
import { rejectionOf, thrownBy, weightBits } from '../../support/expect.js';
import { data, denseModel, tf } from '../../support/models.js';

const home = mkdtempSync(join(tmpdir(), 'tfjs-ema-uses-'));
let count = 0;
function folder(): string {
  count += 1;
  return join(home, `${count}`);
}

afterAll(() => rmSync(home, { recursive: true }));
afterEach(() => {
  tf.disposeVariables();
});

const quiet = { onWarning: () => undefined };
const make = (options: EmaOptions = {}) =>
  new WeightEma(tf, { decays: [0.5, 0.9], warmup: 'zero-debias', ...quiet, ...options });
/** Four batches an epoch. */
const PLAN = { epochs: 2, batchSize: 8, verbose: 0 } as const;
const { x, y } = data(32);
tf.keep(x);
tf.keep(y);

describe('epochs that a run counts', () => {
  const resumedAt = async (ema: WeightEma) => {
    const run = folder();
    await ema.saveRun(run);
    return (await make().resume(run))?.initialEpoch;
  };

  it('are those of all fits, of a loop of fits and of phases', async () => {
    const [loop, phases] = [make(), make()];
    const [one, two] = [denseModel(), denseModel()];
    for (let epoch = 0; epoch < 5; epoch += 1)
      await one.fit(x, y, { ...PLAN, epochs: 1, callbacks: [loop.callback()] });
    expect(await resumedAt(loop)).toBe(5);
    await two.fit(x, y, { ...PLAN, epochs: 3, callbacks: [phases.callback()] });
    await two.fit(x, y, { ...PLAN, epochs: 2, callbacks: [phases.callback()] });
    expect(await resumedAt(phases)).toBe(5);
    await two.fit(x, y, { ...PLAN, epochs: 7, initialEpoch: 5, callbacks: [phases.callback()] });
    expect(await resumedAt(phases)).toBe(7);
  });

  it.each(['fit', 'fitDataset'] as const)('do not count one that %s was stopped in', async (method) => {
    const ema = make();
    const model = denseModel();
    let batches = 0;
    const stop: Callback = Object.assign(new (class extends tf.Callback {})(), {
      onBatchEnd: async () => {
        batches += 1;
        if (batches === 6) model.stopTraining = true;
      },
    });
    const callbacks: Callback[] = [ema.callback(), stop];
    if (method === 'fit') await model.fit(x, y, { ...PLAN, callbacks });
    else {
      const batch = { xs: x.slice(0, 8), ys: y.slice(0, 8) };
      const endless = tf.data.generator(function* () {
        for (let i = 0; i < 4; i += 1) yield { xs: batch.xs.clone(), ys: batch.ys.clone() };
      });
      await model.fitDataset(endless, { epochs: 2, verbose: 0, callbacks });
    }
    expect([ema.steps, await resumedAt(ema)]).toEqual([6, 1]);
  });
});

describe('a run in a folder', () => {
  async function saved() {
    const run = folder();
    const ema = make();
    await denseModel().fit(x, y, { ...PLAN, validationSplit: 0.25, callbacks: [ema.callback()] });
    await ema.saveRun(run);
    return { run, ema };
  }

  it('is not written over by a model', async () => {
    const { run, ema } = await saved();
    const files = readdirSync(run);
    const { message } = await rejectionOf(ema.saveModel('best', `file://${run}`), 'CHECKPOINT');
    expect(message).toMatch(/holds a run of saveRun\(\)\. Save it beside/);
    expect(readdirSync(run)).toEqual(files);
    expect((await make().resume(run))?.initialEpoch).toBe(2);
  });

  it('goes on with the model that resume gave, and with no other', async () => {
    const { run } = await saved();
    const ema = make();
    const resumed = await ema.resume(run);
    const other = denseModel();
    await rejectionOf(other.fit(x, y, { ...PLAN, callbacks: [ema.callback()] }), 'MODEL_CHANGED');
    await resumed?.model.fit(x, y, { ...PLAN, epochs: 3, initialEpoch: 2, callbacks: [ema.callback()] });
    expect(ema.steps).toBe(3 * 2 + 4);
  });

  it('is not taken into a model that is being trained', async () => {
    const { run } = await saved();
    const [ema, model] = [make(), denseModel()];
    const said: string[] = [];
    const probe = new tf.CustomCallback({
      onBatchEnd: async () => {
        await ema.resume(run).catch((error: Error) => said.push(error.message));
      },
    });
    await model.fit(x, y, { ...PLAN, epochs: 1, callbacks: [ema.callback(), probe] });
    expect([ema.steps, said.length]).toEqual([4, 4]);
    expect(said[0]).toMatch(/which fit trains now.*Let fit end first/);
  });

  it('is told that its length is outgrown only where it is', async () => {
    const ema = make({ decays: 'auto' });
    const model = denseModel();
    const fail = new tf.CustomCallback({
      onEpochEnd: async () => {
        throw new RangeError('the end');
      },
    });
    await model.fit(x, y, { ...PLAN, epochs: 10, callbacks: [ema.callback(), fail] }).catch(() => undefined);
    await model.fit(x, y, { ...PLAN, epochs: 10, initialEpoch: 1, callbacks: [ema.callback()] });
    expect([ema.steps, ema.warnings]).toEqual([40, []]);
    await model.fit(x, y, { ...PLAN, epochs: 1, callbacks: [ema.callback()] });
    expect(ema.warnings).toEqual([expect.stringMatching(/training goes on/)]);
  });
});

describe('a function that measures', () => {
  function recurrent(): LayersModel {
    const initial = (seed: number) => tf.initializers.glorotUniform({ seed });
    const model = tf.sequential({
      layers: [
        tf.layers.lstm({
          ...{ units: 3, stateful: true, batchInputShape: [8, 2, 2] },
          ...{ kernelInitializer: initial(1), recurrentInitializer: initial(2) },
        } as never),
        tf.layers.dense({ units: 1, kernelInitializer: initial(3) }),
      ],
    });
    model.compile({ optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError' });
    return model;
  }
  const [sequences, targets] = [tf.keep(x.reshape([32, 2, 2])), tf.keep(y.slice([0, 0], [32, 1]))];
  const plan = { ...PLAN, shuffle: false } as const;

  it('moves nothing of a stateful model, with its own weights neither', async () => {
    const [plain, measured] = [recurrent(), recurrent()];
    await plain.fit(sequences, targets, plan);
    const ema = make({ decays: 0, updateEvery: 1, warmup: 'none' });
    const validate = (model: LayersModel) => {
      const output = model.predict(sequences.slice([0, 0, 0], [8, 2, 2])) as never as { dataSync(): Float32Array };
      return { val_mean: output.dataSync().reduce((sum, value) => sum + value, 0) };
    };
    await measured.fit(sequences, targets, {
      ...plan,
      callbacks: [ema.callback({ validate, monitor: 'val_mean', mode: 'min' })],
    });
    expect(weightBits(measured)).toEqual(weightBits(plain));
    // A decay of 0 is the raw weights: equal weights measure equal things.
    for (const { raw, averages } of ema.validations) expect(averages).toEqual([raw]);
  });

  it('that trains the raw weights is refused, and the weights come back', async () => {
    const model = denseModel();
    const validate = async (used: LayersModel) => {
      await used.trainOnBatch(x, y);
      return { loss: 1 };
    };
    const ema = make();
    await rejectionOf(model.fit(x, y, { ...PLAN, callbacks: [ema.callback({ validate })] }), 'SWAPPED_IN');
  });

  it('is not compared with the loss of the model', async () => {
    const ema = make();
    const model = denseModel();
    await model.fit(x, y, { ...PLAN, callbacks: [ema.callback({ validate: () => ({ loss: -100 }) })] });
    expect(ema.bests[0]?.value).toBe(-100);
    await model.fit(x, y, { ...PLAN, validationSplit: 0.25, callbacks: [ema.callback()] });
    expect(ema.bests[0]?.value).toBeGreaterThan(0);
    expect(ema.warnings).toEqual([expect.stringMatching(/'loss' is measured by another function now/)]);
  });
});

it('a best of the other direction is not compared', () => {
  const ema = make().attach(denseModel());
  ema.update();
  ema.record({ epoch: 0, averages: [{ score: 5 }, { score: 6 }] }, { monitor: 'score', mode: 'max' });
  ema.record({ epoch: 1, averages: [{ score: 7 }, { score: 8 }] }, { monitor: 'score', mode: 'min' });
  expect(ema.bests[0]).toMatchObject({ metric: 'score', value: 7, epoch: 1, mode: 'min' });
});

describe('what is taken down', () => {
  it.each([
    [{ epoch: 0.5, averages: [{ loss: 1 }, { loss: 2 }] }, /measured\.epoch/],
    [{ epoch: -1, averages: [{ loss: 1 }, { loss: 2 }] }, /measured\.epoch/],
    [{ averages: [{ loss: 1 }, { loss: 2 }] }, /measured\.epoch/],
    [{ epoch: 0, averages: [{ loss: 1 }] }, /each of the 2 averages/],
    [{ epoch: 0, averages: [{ loss: 1 }, { loss: 2 }, { loss: 3 }] }, /each of the 2 averages/],
    [{ epoch: 0, averages: [{ loss: '1' }, { loss: 2 }] }, /averages\[0\]/],
    [{ epoch: 0, averages: [{ loss: 1 }, null] }, /averages\[1\]/],
    [{ epoch: 0, raw: { loss: '1' }, averages: [{ loss: 1 }, { loss: 2 }] }, /measured\.raw/],
  ])('is what a file can hold: %j', (measured, message) => {
    const ema = make().attach(denseModel());
    ema.update();
    expect(thrownBy(() => ema.record(measured as never), 'INVALID_ARGUMENT').message).toMatch(message);
    expect([ema.bests, ema.validations]).toEqual([[], []]);
  });
});

describe('what cannot happen is said', () => {
  const warningsOf = async (options: EmaCallbackOptions, fit: object = {}) => {
    const ema = make();
    await denseModel().fit(x, y, { ...PLAN, epochs: 1, ...fit, callbacks: [ema.callback(options)] });
    return ema.warnings;
  };

  it('before the first step, where nothing will be measured', async () => {
    expect(await warningsOf({ monitor: 'val_acc', keepBest: { folder: folder() } })).toEqual([
      expect.stringMatching(/^ema\.callback: monitor, keepBest given, but nothing will be measured/),
    ]);
    expect(await warningsOf({})).toEqual([]);
    expect(await warningsOf({ monitor: 'val_acc' }, { validationSplit: 0.25 })).toEqual([]);
  });

  it('of one callback in two fits at once, and of the method in its place', async () => {
    const shared = make().callback();
    const fit = () => denseModel().fit(x, y, { ...PLAN, callbacks: [shared] });
    const [first, second] = await Promise.allSettled([fit(), fit()]);
    expect(first.status).toBe('fulfilled');
    expect(second).toMatchObject({
      status: 'rejected',
      reason: { message: expect.stringMatching(/another fit runs/) },
    });
    const ema = make();
    const given = denseModel().fit(x, y, { ...PLAN, callbacks: [ema.callback as never] });
    expect((await rejectionOf(given, 'CALLBACK_MISUSE')).message).toMatch(/ema\.callback\(\)/);
  });

  it('of a folder that is a URL, and of arguments that are none', async () => {
    expect(
      thrownBy(() => make().callback({ keepBest: { folder: 'file://best' } }), 'INVALID_ARGUMENT').message,
    ).toMatch(/Leave file:\/\/ out/);
    for (const run of [{ epochs: 3 }, { totalSteps: -4 }, 100])
      thrownBy(() => make().attach(denseModel(), run as never), 'INVALID_ARGUMENT');
    const ema = make().attach(denseModel());
    await rejectionOf(ema.recomputeBatchNorm(x, { batchsize: 3 } as never), 'INVALID_ARGUMENT');
    await rejectionOf(ema.saveCheckpoint('file', { keepbest: true } as never), 'INVALID_ARGUMENT');
  });

  it('of a loss that was no number', async () => {
    const ema = make();
    await denseModel().fit(x, y, { ...PLAN, callbacks: [ema.callback({ validate: () => ({ loss: Number.NaN }) })] });
    expect(thrownBy(() => ema.use('best', () => 0), 'INVALID_ARGUMENT').message).toMatch(
      /Kept are the monitored metric, loss and accuracy, of epochs in which they were numbers/,
    );
  });
});
