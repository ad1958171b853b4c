// What an epoch's validation hands on: to History, to callbacks that come later, to TensorBoard; and its options.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tfNode from '@tensorflow/tfjs-node';
import { afterEach, describe, expect, it } from 'vitest';
import { type EmaCallbackOptions, emaCallback } from '../../../src/index.js';
import { rejectionOf, weightBits } from '../../support/expect.js';
import { data, denseModel, tf } from '../../support/models.js';
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
      const ema = emaCallback(tf, { decays: [0.5, 0.9], updateEvery: 1, validationData: [x, y], ...quiet });
      const { history } = await model.fit(x, y, { ...fit, epochs: 9, callbacks: [ema, stop] });
      expect(history[monitor]).toHaveLength(3);
      ema.dispose();
    },
  );

  it('reach TensorBoard, every one', async () => {
    const { x, y } = data();
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
    const board = tfNode.node.tensorBoard(folder);
    const ema = emaCallback(tf, { decays: [0.5, 0.9], updateEvery: 1, validationData: [x, y], ...quiet });
    const { history } = await denseModel().fit(x, y, { ...fit, callbacks: [ema, board] });
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

describe('the option validationBatches', () => {
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
    const options = { decays: [0.5, 0.9], updateEvery: 1, validationData: endless, ...quiet };
    const ema = emaCallback(tf, { ...options, validationBatches: 3 });
    await denseModel().fit(x, y, { ...fit, callbacks: [ema] });
    expect(taken).toEqual([1, 1, 1, 2, 2, 2]);
    expect(at(ema.validations, 1).tied?.averages).toContain(at(ema.validations, 1).best);
    ema.dispose();
    const wrong: EmaCallbackOptions = { ...options, validationBatches: 0 };
    expect(() => emaCallback(tf, wrong)).toThrow(/validationBatches: expected an integer of at least 1, received 0/);
  });

  it('says at the end of the epoch where data that can be gone through once is used up', async () => {
    const { x, y } = data();
    const iterator = await tf.data
      .array([0])
      .map(() => ({ xs: x.slice(0, 8), ys: y.slice(0, 8) }))
      .iterator();
    const once = { iterator: async () => iterator } as unknown as NonNullable<EmaCallbackOptions['validationData']>;
    const ema = emaCallback(tf, { decay: 0.5, updateEvery: 1, validationData: once, ...quiet });
    const error = await rejectionOf(denseModel().fit(x, y, { ...fit, callbacks: [ema] }), 'INVALID_ARGUMENT');
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
    const ema = emaCallback(tf, {
      decays: [0.5, 0.9],
      updateEvery: 1,
      validationData: [x, y],
      keepBest: { folder },
      ...quiet,
    });
    const wrong = tf.tidy(() => y.reverse(1));
    await model.fit(x, y, { ...fit, callbacks: [ema] });
    const times = () => ['best-acc', 'best-loss'].map((name) => statSync(join(folder, name, 'model.json')).mtimeMs);
    const records = () => ['acc', 'loss'].map((metric) => ema.bests.find((best) => best.metric === metric));
    // In epochs of the same numbers: what is new is saved, and nothing else.
    const stayed: boolean[] = [];
    for (let again = 0; again < 4; again += 1) {
      const [before, bests] = [times(), records()];
      await model.fit(x, wrong, { ...fit, callbacks: [ema] });
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
      expect(() => emaCallback(tf, { keepBest: keepBest as never })).toThrow(/keepBest: expected true, false or/);
  });
});
