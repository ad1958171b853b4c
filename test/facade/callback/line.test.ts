// The line at the end of an epoch and the same figures in the logs: which numbers are in them, and under which names.

import { afterEach, describe, expect, it } from 'vitest';
import { epochLine, toLogs } from '../../../src/callback/line.js';
import { type EpochValidation, WeightEma } from '../../../src/index.js';
import { data, denseModel, tf } from '../../support/models.js';

const names = { labels: ['0.9', 'width0.1', '1e-7'], decays: [0.9, 1, 1e-7] };
const validation: EpochValidation = {
  epoch: 2,
  raw: { loss: 0.3114, acc: 0.897 },
  averages: [
    { loss: 0.5, acc: 0.1 },
    { loss: 0.2739, acc: 1 },
    { loss: 0.4, acc: 0.2 },
  ],
  best: 1,
  tied: undefined,
};

afterEach(() => {
  tf.disposeVariables();
});

describe('epochLine', () => {
  it('has the best average by its name, the raw weights, and no other average', () => {
    const figures = 'ema width0.1 loss 0.274 acc 1.00, raw loss 0.311 acc 0.897';
    expect(epochLine(validation, names, 10)).toBe(`epoch 3/10: ${figures}`);
    // Of a run whose length nobody said.
    expect(epochLine(validation, names, undefined)).toBe(`epoch 3: ${figures}`);
  });

  it('is short where a decay was a half-life', () => {
    const decays = [2 ** (-1 / 113), 2 ** (-1 / 700)];
    const long = { labels: decays.map((decay) => `${decay}`), decays };
    const two = { ...validation, averages: validation.averages.slice(0, 2) };
    expect(epochLine(two, long, 10)).toMatch(/^epoch 3\/10: ema 0\.99901 loss /);
  });

  it('has the raw weights alone where no average is best', () => {
    expect(epochLine({ ...validation, best: undefined }, names, 10)).toBe('epoch 3/10: raw loss 0.311 acc 0.897');
  });

  it.each([
    [12.3456, '12.35'],
    [0, '0.00'],
    [0.05, '0.0500'],
    [0.00123, '1.23e-3'],
    [-0.5, '-0.500'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
  ])('writes %s as tfjs-node does', (value, text) => {
    const of = { ...validation, raw: { loss: value }, best: undefined };
    expect(epochLine(of, names, 10)).toBe(`epoch 3/10: raw loss ${text}`);
  });
});

describe('toLogs', () => {
  it('has a number for each metric of the raw weights, of every average and of the best, and its decay', () => {
    expect(toLogs(validation, names, { loss: 1, val_loss: 2 })).toEqual({
      val_raw_loss: 0.3114,
      val_raw_acc: 0.897,
      'val_ema_0.9_loss': 0.5,
      'val_ema_0.9_acc': 0.1,
      'val_ema_width0.1_loss': 0.2739,
      'val_ema_width0.1_acc': 1,
      'val_ema_1e-7_loss': 0.4,
      'val_ema_1e-7_acc': 0.2,
      val_ema_loss: 0.2739,
      val_ema_acc: 1,
      ema_best_decay: 1,
    });
  });

  it('has the same names where nothing is best, and NaN under those of the best', () => {
    const logs = toLogs({ ...validation, best: undefined }, names, {});
    expect(Object.keys(logs)).toEqual(Object.keys(toLogs(validation, names, {})));
    expect(Object.keys(logs).filter((name) => Number.isNaN(logs[name]))).toEqual([
      'val_ema_loss',
      'val_ema_acc',
      'ema_best_decay',
    ]);
  });

  it('has names of its own where those of other averages are among the logs', () => {
    const [first, second] = [toLogs(validation, names, {}), toLogs(validation, names, toLogs(validation, names, {}))];
    const third = toLogs(validation, names, { ...first, ...second });
    expect(second).toMatchObject({ val_raw2_loss: 0.3114, 'val_ema2_0.9_acc': 0.1, ema2_best_decay: 1 });
    expect(third).toMatchObject({ val_raw3_loss: 0.3114, 'val_ema3_0.9_acc': 0.1, ema3_best_decay: 1 });
    const all = [first, second, third].flatMap((logs) => Object.keys(logs));
    expect(new Set(all).size).toBe(3 * 11);
  });
});

describe('the option log', () => {
  const number = String.raw`-?\d+\.\d+(e-\d+)?`;

  it('receives one line an epoch, with what was measured', async () => {
    const { x, y } = data();
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1 });
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    await denseModel().fit(x, y, {
      epochs: 2,
      verbose: 0,
      callbacks: [ema.callback({ validationData: [x, y], log })],
    });
    expect(lines).toEqual(ema.validations.map((one) => epochLine(one, ema, 2)));
    const figures = `loss ${number} acc ${number}`;
    lines.forEach((line, epoch) => {
      expect(line).toMatch(new RegExp(`^epoch ${epoch + 1}/2: ema 0\\.[59] ${figures}, raw ${figures}$`));
    });
    ema.dispose();
  });

  it('names the averages of the start nowhere, and says so where nothing is measured', async () => {
    const { x, y } = data();
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    const late = new WeightEma(tf, { decays: 0.5, updateEvery: 1, start: 100, onWarning: () => undefined });
    await denseModel().fit(x, y, {
      epochs: 1,
      verbose: 0,
      callbacks: [late.callback({ validationData: [x, y], log })],
    });
    expect(lines).toEqual([expect.stringMatching(/^epoch 1\/1: raw loss /)]);
    const blind = new WeightEma(tf, { decays: 0.5, updateEvery: 1 });
    await denseModel().fit(x, y, { epochs: 1, verbose: 0, callbacks: [blind.callback({ log })] });
    expect(lines[1]).toMatch(/^epoch 1\/1: nothing was measured; give fit validationData/);
    expect([lines.length, blind.steps]).toEqual([2, 2]);
    for (const ema of [late, blind]) ema.dispose();
  });
});
