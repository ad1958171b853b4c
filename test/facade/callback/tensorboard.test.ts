// TensorBoard: what is in the event files after a fit, by our callback and by tfjs-node's own.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logs, ModelFitArgs } from '@tensorflow/tfjs';
import * as plain from '@tensorflow/tfjs';
import * as tfNode from '@tensorflow/tfjs-node';
import { afterEach, describe, expect, it } from 'vitest';
import { type EmaCallbackOptions, type EpochValidation, WeightEma } from '../../../src/index.js';
import { emaTensorBoard } from '../../../src/tensorboard.js';
import { type Summary, summariesIn } from '../../support/event-file.js';
import { rejectionOf } from '../../support/expect.js';
import { assign, data, denseModel, tf } from '../../support/models.js';
import { at } from '../../support/oracle.js';

const folders: string[] = [];

afterEach(() => {
  tf.disposeVariables();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function logFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-board-'));
  folders.push(folder);
  return folder;
}

const { x, y } = data();
const DECAYS = [0.5, 0.9];
const RUNS = ['ema_0.5', 'ema_0.9', 'ema_best', 'raw'];

const averaging = () => new WeightEma(tf, { decays: DECAYS, updateEvery: 1, onWarning: () => undefined });
const validated: EmaCallbackOptions = { validationData: [x, y] };

async function fit(callbacks: NonNullable<ModelFitArgs['callbacks']>, { model = denseModel(), epochs = 3 } = {}) {
  await model.fit(x, y, { epochs, batchSize: 16, verbose: 0, callbacks });
  return model;
}

/** The points of one chart: step and value. */
const chart = (summaries: readonly Summary[], tag: string) =>
  summaries.filter((summary) => summary.tag === tag).map(({ step, value }) => [step, value]);

const histograms = (folder: string) => summariesIn(folder).filter(({ buckets }) => buckets !== undefined);

describe('tf.node.tensorBoard after ours', () => {
  it('writes a scalar for each of our keys', async () => {
    const folder = logFolder();
    const ema = averaging();
    await fit([ema.callback(validated), tfNode.node.tensorBoard(folder)]);
    const val = summariesIn(join(folder, 'val'));
    for (const run of ['raw', 'ema_0.5', 'ema_0.9', 'ema']) {
      expect(chart(val, `epoch_${run}_loss`).map(([step]) => step)).toEqual([1, 2, 3]);
      expect(chart(val, `epoch_${run}_acc`)).toHaveLength(3);
    }
    const last = at(ema.validations, 2);
    expect(at(chart(val, 'epoch_raw_loss'), 2)).toEqual([3, Math.fround(last.raw['loss'] ?? Number.NaN)]);
    expect(chart(summariesIn(join(folder, 'train')), 'epoch_ema_best_decay')).toHaveLength(3);
    ema.dispose();
  });
});

describe('emaTensorBoard', () => {
  it.each(['after', 'before'])(
    'writes the metrics of every epoch, a run for each average, standing %s ours',
    async (place) => {
      const folder = logFolder();
      const ema = averaging();
      const board = emaTensorBoard(tfNode, ema, { logdir: folder, histogramFreq: 0 });
      const callback = ema.callback(validated);
      await fit(place === 'after' ? [callback, board] : [board, callback]);
      expect(readdirSync(folder).sort()).toEqual(RUNS);
      const points = (pick: (epoch: EpochValidation) => Logs, name: string) =>
        ema.validations.map((epoch, i) => [i + 1, Math.fround(pick(epoch)[name] ?? Number.NaN)]);
      for (const name of ['loss', 'acc']) {
        expect(chart(summariesIn(join(folder, 'raw')), `epoch_${name}`)).toEqual(points(({ raw }) => raw, name));
        DECAYS.forEach((decay, k) => {
          const written = chart(summariesIn(join(folder, `ema_${decay}`)), `epoch_${name}`);
          expect(written).toEqual(points(({ averages }) => at(averages, k), name));
        });
      }
      const best = ema.validations.map((epoch, i) => [i + 1, Math.fround(at(DECAYS, epoch.best ?? -1))]);
      expect(chart(summariesIn(join(folder, 'ema_best')), 'epoch_ema_best_decay')).toEqual(best);
      expect(RUNS.flatMap((run) => histograms(join(folder, run)))).toEqual([]);
      ema.dispose();
    },
  );

  it('writes histograms of weights and averages under the same names: every element counted, from least to largest', async () => {
    const folder = logFolder();
    const ema = averaging();
    const model = await fit([ema.callback(), emaTensorBoard(tfNode, ema, { logdir: folder, histogramFreq: 2 })]);
    expect(readdirSync(folder).sort()).toEqual(['ema_0.5', 'ema_0.9', 'raw']);
    const named = ema.read(0.9);
    const names = Object.keys(named).sort();
    expect(names).toContain('dense_Dense1/kernel'.replace('dense_Dense1', at(model.layers, 0).name));
    for (const run of readdirSync(folder)) {
      const written = histograms(join(folder, run));
      expect(written.map(({ tag, step }) => `${step} ${tag}`).sort()).toEqual(
        [1, 3].flatMap((step) => names.map((name) => `${step} ${name}`)),
      );
    }
    for (const { tag, buckets = [] } of histograms(join(folder, 'ema_0.9')).filter(({ step }) => step === 3)) {
      const values = named[tag]?.dataSync() ?? [];
      expect(buckets.reduce((sum, [, , count = 0]) => sum + count, 0)).toBe(values.length);
      expect([buckets[0]?.[0], buckets.at(-1)?.[1]]).toEqual([Math.min(...values), Math.max(...values)]);
    }
    tf.dispose(named);
    ema.dispose();
  });

  it('shows a constant weight as a peak, every n-th element of a huge one, and none of what is not finite', async () => {
    const folder = logFolder();
    const model = tf.sequential();
    const odd = 2 ** 20 + 3;
    model.add(tf.layers.dense({ units: 1, inputShape: [odd], kernelInitializer: 'randomUniform' }));
    model.add(tf.layers.dense({ units: 3, useBias: false, name: 'large' }));
    model.add(tf.layers.dense({ units: 1, name: 'broken' }));
    // Frozen, or the infinity would reach them.
    for (const layer of model.layers) layer.trainable = false;
    model.add(tf.layers.dense({ units: 1 }));
    model.compile({ optimizer: tf.train.sgd(0), loss: 'meanSquaredError' });
    assign(at(model.getLayer('large').weights, 0), () => tf.fill([1, 3], 3e8));
    assign(at(model.getLayer('broken').weights, 0), () => tf.tensor2d([1, Number.POSITIVE_INFINITY, 3], [3, 1]));
    const ema = averaging();
    const board = emaTensorBoard(tfNode, ema, { logdir: folder });
    const inputs = tf.zeros([1, odd]);
    await model.fit(inputs, tf.zeros([1, 1]), { epochs: 1, verbose: 0, callbacks: [ema.callback(), board] });
    const of = (tag: string) => histograms(join(folder, 'raw')).find((summary) => summary.tag.includes(tag))?.buckets;
    const first = at(model.layers, 0).name;
    expect(of(`${first}/kernel`)?.reduce((sum, [, , count = 0]) => sum + count, 0)).toBe(2 ** 19 + 2);
    // Values around 0 in thirds of 1; the two outer ones are the bounds themselves.
    expect(
      of(`${first}/bias`)?.map(([left = 0, right = 0, count]) => [left.toFixed(3), right.toFixed(3), count]),
    ).toEqual([
      ['-0.500', '-0.167', 1],
      ['-0.167', '0.167', 1],
      ['0.167', '0.500', 1],
    ]);
    expect(of('large/kernel')?.map(([, , count]) => count)).toEqual([1, 3, 1]);
    expect(of('broken/kernel')).toBeUndefined();
    inputs.dispose();
    ema.dispose();
  });

  it('continues in a second fit, and holds no tensors beyond its writers', async () => {
    const folder = logFolder();
    const ema = averaging();
    const board = emaTensorBoard(tfNode, ema, { logdir: folder });
    const model = await fit([ema.callback(validated), board], { epochs: 1 });
    const before = tf.memory().numTensors;
    // A fit of no concern to it.
    await fit([ema.callback(validated)], { model, epochs: 1 });
    await fit([ema.callback(validated), board], { model, epochs: 2 });
    // The averages of best epochs, replaced one for one.
    expect(tf.memory().numTensors).toBe(before);
    expect(chart(summariesIn(join(folder, 'raw')), 'epoch_loss').map(([step]) => step)).toEqual([1, 1, 2]);
    ema.dispose();
  });

  it('refuses tfjs without a writer, wrong options, and a fit without the averaging callback', async () => {
    const ema = averaging();
    const make = (options: object) => () => emaTensorBoard(tfNode, ema, options as { logdir: string });
    expect(() => emaTensorBoard(plain as unknown as typeof tfNode, ema, { logdir: 'logs' })).toThrow(
      'tf: expected tfjs-node or tfjs-node-gpu',
    );
    expect(() => emaTensorBoard(tfNode, ema.callback() as never, { logdir: 'logs' })).toThrow(
      'ema: expected a WeightEma',
    );
    expect(make({ logdir: '' })).toThrow("logdir: expected a folder such as 'logs', received ''");
    expect(make({ logdir: 'a', histogramFreq: -1 })).toThrow('histogramFreq: expected a whole number of epochs');
    expect(make({ logDir: 'a' })).toThrow("Did you mean 'logdir'?");
    const board = emaTensorBoard(tfNode, ema, { logdir: logFolder() });
    const { message } = await rejectionOf(fit([board]), 'NOT_ATTACHED');
    expect(message).toContain('callbacks: [ema.callback(), emaTensorBoard(');
    ema.dispose();
  });
});
