// What an epoch's validation hands on: to History, to callbacks that come later, to TensorBoard; and its options.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Callback, Logs } from '@tensorflow/tfjs';
import * as tfNode from '@tensorflow/tfjs-node';
import { afterEach, describe, expect, it } from 'vitest';
import { type EmaCallbackOptions, WeightEma } from '../../../src/index.js';
import { rejectionOf, weightBits } from '../../support/expect.js';
import { assign, data, denseModel, lineModel, tf } from '../../support/models.js';
import { at } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };
const fit = { epochs: 2, batchSize: 16, verbose: 0 as const };

afterEach(() => {
  tf.disposeVariables();
});

describe('the logs', () => {
  it.each(['val_ema_loss', 'val_ema_0.9_loss', 'val_raw_loss'])(
    'let tf.callbacks.earlyStopping, which comes later in callbacks, watch %s',
    async (monitor) => {
      const { x, y } = data();
      const model = denseModel();
      // Nothing gets better than the first epoch by 1000: patience 2 ends the run after the third.
      const stop = tf.callbacks.earlyStopping({ monitor, patience: 2, minDelta: 1000 });
      const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, ...quiet });
      const { history } = await model.fit(x, y, {
        ...fit,
        epochs: 9,
        callbacks: [ema.callback({ validationData: [x, y] }), stop],
      });
      expect(history[monitor]).toHaveLength(3);
      ema.dispose();
    },
  );

  it('reach TensorBoard, every one', async () => {
    const { x, y } = data();
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
    const board = tfNode.node.tensorBoard(folder);
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, ...quiet });
    const { history } = await denseModel().fit(x, y, {
      ...fit,
      callbacks: [ema.callback({ validationData: [x, y] }), board],
    });
    const written = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.includes('tfevents'))
      .map((name) => readFileSync(join(folder, name), 'latin1'))
      .join();
    const ours = Object.keys(history).filter((name) => /ema|raw/.test(name));
    expect(ours).toHaveLength(9);
    for (const name of ours) expect(written).toContain(name.replace(/^val_/, ''));
    ema.dispose();
    rmSync(folder, { recursive: true });
  });
});

describe('tf.callbacks.earlyStopping on val_ema_loss, standing after ours', () => {
  const stopping = { monitor: 'val_ema_loss', patience: 2 };

  it("stops a run after the averages' peak, and the best stays that of the peak", async () => {
    const { x, y } = data(32);
    const model = denseModel(tf.train.sgd(0.5));
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1, ...quiet });
    const callbacks = () => [ema.callback({ validationData: [x, y] }), tf.callbacks.earlyStopping(stopping)];
    // After epoch 3 every step makes things worse: the labels are turned round.
    const wrong = tf.tidy(() => y.reverse(1));
    await model.fit(x, y, {
      ...fit,
      epochs: 3,
      batchSize: 8,
      callbacks: callbacks(),
    });
    const { epoch: best } = at(ema.bests, 0);
    expect(ema.validations).toHaveLength(3);
    const later = { ...fit, epochs: 20, initialEpoch: 3, batchSize: 8 };
    await model.fit(x, wrong, { ...later, callbacks: callbacks() });
    expect(at(ema.validations, ema.validations.length - 1).epoch).toBeLessThan(8);
    expect(at(ema.bests, 0).epoch - best).toBeLessThanOrEqual(1);
    ema.dispose();
  });

  it('counts anew in the next fit, which begins with epoch 0 again', async () => {
    const { x, y } = data(32);
    const model = denseModel(tf.train.sgd(0.5));
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1, ...quiet });
    const callbacks = [ema.callback({ validationData: [x, y] }), tf.callbacks.earlyStopping(stopping)];
    const wrong = tf.tidy(() => y.reverse(1));
    await model.fit(x, y, { ...fit, epochs: 8, batchSize: 8, callbacks });
    const before = ema.validations.length;
    await model.fit(x, wrong, { ...fit, epochs: 20, batchSize: 8, callbacks });
    expect(ema.validations.length - before).toBeLessThan(6);
    ema.dispose();
  });

  // Up to the start val_ema_loss is NaN. tfjs never takes it for the best, so that the first average is the first best; but it counts
  // each such epoch as one without improvement: patience must be more than the epochs up to the start, or the callback not be asked there.
  const START_EPOCHS = 3;
  /** Averages that get better from epoch 3 to 5, and worse after it: one step an epoch, and the epochs that were trained. */
  async function trained(stop: (monitor: string) => Callback): Promise<number> {
    const path = [0.5, 1, 0.6, 0.7, 0.8, 0.9, 0.5, 0.2, 0, 0, 0, 0, 0, 0, 0, 0];
    const [x, y] = [tf.tensor2d([[1]]), tf.tensor2d([[1]])];
    const model = lineModel();
    const options = { decays: 0.1, updateEvery: 1, warmup: 'none', start: START_EPOCHS, ...quiet } as const;
    const ema = new WeightEma(tf, options);
    const drive = new tf.CustomCallback({
      onBatchEnd: async () => assign(model.weights[0], () => tf.tensor2d([[path[ema.steps] ?? Number.NaN]])),
    });
    const callbacks = [drive, ema.callback({ validationData: [x, y] }), stop('val_ema_loss')];
    const { history } = await model.fit(x, y, { ...fit, epochs: path.length, batchSize: 1, callbacks });
    const losses = history['val_ema_loss'] as number[];
    expect(losses.findIndex((loss) => !Number.isNaN(loss))).toBe(losses.length > START_EPOCHS ? START_EPOCHS : -1);
    if (losses.length > 6) expect(losses.indexOf(Math.min(...losses.slice(START_EPOCHS)))).toBe(5);
    ema.dispose();
    return losses.length;
  }

  it('takes no NaN up to the start for the best: with patience for these epochs it stops after the peak', async () => {
    // The peak is epoch 5, the sixth; after it come as many epochs as patience says.
    expect(await trained((monitor) => tf.callbacks.earlyStopping({ monitor, patience: 4 }))).toBe(6 + 4);
  });

  it('counts these epochs where patience is less: it stops before the start', async () => {
    expect(await trained((monitor) => tf.callbacks.earlyStopping({ monitor, patience: 2 }))).toBe(2);
  });

  it('waits for the start with any patience where it is not asked before', async () => {
    class FromStart extends tf.EarlyStopping {
      override async onEpochEnd(epoch: number, logs: Logs = {}): Promise<void> {
        if (!Number.isNaN(logs[this.monitor])) await super.onEpochEnd(epoch, logs);
      }
    }
    expect(await trained((monitor) => new FromStart({ monitor, patience: 2 }))).toBe(6 + 2);
  });
});

describe('the option batches', () => {
  it('takes so many batches of a data set that never ends, other ones each epoch', async () => {
    const { x, y } = data();
    const taken: number[] = [];
    let epoch = 0;
    const endless = tf.data.generator(function* () {
      epoch += 1;
      for (let i = 0; ; i += 1) {
        taken.push(epoch);
        yield { xs: x.slice([(i % 8) * 8, 0], [8, 4]), ys: y.slice([(i % 8) * 8, 0], [8, 3]) };
      }
    });
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, ...quiet });
    const options = { validationData: endless };
    await denseModel().fit(x, y, { ...fit, callbacks: [ema.callback({ ...options, batches: 3 })] });
    expect(taken).toEqual([1, 1, 1, 2, 2, 2]);
    expect(at(ema.validations, 1).tied?.averages).toContain(at(ema.validations, 1).best);
    const wrong: EmaCallbackOptions = { ...options, batches: 0 };
    expect(() => ema.callback(wrong)).toThrow(/batches: expected an integer of at least 1, received 0/);
    ema.dispose();
  });

  it('says at the end of the epoch where data that can be gone through once is used up', async () => {
    const { x, y } = data();
    const iterator = await tf.data
      .array([0])
      .map(() => ({ xs: x.slice(0, 8), ys: y.slice(0, 8) }))
      .iterator();
    const once = { iterator: async () => iterator } as unknown as NonNullable<EmaCallbackOptions['validationData']>;
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1, ...quiet });
    const error = await rejectionOf(
      denseModel().fit(x, y, { ...fit, callbacks: [ema.callback({ validationData: once })] }),
      'INVALID_ARGUMENT',
    );
    expect(error.message).toMatch(/at least one batch/);
    expect(ema.validations).toHaveLength(1);
    ema.dispose();
  });
});

describe('the option keepBest', () => {
  it('saves each new best into a folder: models that any tfjs loads, and that are what is kept', async () => {
    const { x, y } = data(64);
    const model = denseModel(tf.train.sgd(0.5));
    const folder = join(mkdtempSync(join(tmpdir(), 'tfjs-ema-')), 'run', 'bests');
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, ...quiet });
    const wrong = tf.tidy(() => y.reverse(1));
    await model.fit(x, y, { ...fit, callbacks: [ema.callback({ validationData: [x, y], keepBest: { folder } })] });
    const times = () => ['best-acc', 'best-loss'].map((name) => statSync(join(folder, name, 'model.json')).mtimeMs);
    const records = () => ['acc', 'loss'].map((metric) => ema.bests.find((best) => best.metric === metric));
    // In epochs of the same numbers: what is new is saved, and nothing else.
    const stayed: boolean[] = [];
    for (let again = 0; again < 4; again += 1) {
      const [before, bests] = [times(), records()];
      await model.fit(x, wrong, {
        ...fit,
        callbacks: [ema.callback({ validationData: [x, y], keepBest: { folder } })],
      });
      const isSame = records().map((record, index) => record === bests[index]);
      expect(times().map((time, index) => time === before[index])).toEqual(isSame);
      stayed.push(...isSame);
    }
    expect(stayed).toContain(true);
    expect(readdirSync(folder).sort()).toEqual(['best-acc', 'best-loss']);
    for (const metric of ['loss', 'acc'] as const) {
      const loaded = await tf.loadLayersModel(`file://${join(folder, `best-${metric}`)}/model.json`);
      const kept = ema.use(`best-${metric}`, weightBits);
      expect(weightBits(loaded)).toEqual(kept);
    }
    ema.dispose();
    rmSync(folder, { recursive: true });
    for (const keepBest of ['yes', {}, { folder: '' }])
      expect(() => new WeightEma(tf).callback({ keepBest: keepBest as never })).toThrow(
        /keepBest: expected true, false or/,
      );
  });
});
