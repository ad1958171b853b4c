// The line for people at the end of an epoch: which numbers are in it, and that they look as tfjs's own.

import { describe, expect, it } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { data, denseModel, tf } from '../../support/models.js';

describe('formatEpoch', () => {
  it('has the raw weights and the best average, sorted, and no single average', () => {
    const logs = {
      loss: 0.5,
      val_loss: 0.25,
      val_raw_loss: 0.3114,
      val_raw_acc: 0.897,
      'val_ema_0.9_loss': 0.1,
      'val_ema_1e-7_acc': 0.1,
      'val_ema_width0.1_acc': 0.1,
      val_ema_uniform_acc: 0.1,
      val_ema_loss: 0.2739,
      val_ema_acc: 1,
      ema_best_decay: 0.999875,
    };
    const line = 'ema_best_decay=0.999875 val_ema_acc=1.00 val_ema_loss=0.274 val_raw_acc=0.897 val_raw_loss=0.311';
    expect(formatEpoch(logs)).toBe(line);
  });

  it.each([
    [12.3456, '12.35'],
    [0, '0.00'],
    [0.05, '0.0500'],
    [0.00123, '1.23e-3'],
    [-0.5, '-0.500'],
    [Number.NaN, 'NaN'],
  ])('writes %s as tfjs-node does', (value, text) => {
    expect(formatEpoch({ val_ema_loss: value })).toBe(`val_ema_loss=${text}`);
  });

  it('is empty where nothing was validated', () => {
    expect([formatEpoch({ loss: 1, val_loss: 2 }), formatEpoch(undefined)]).toEqual(['', '']);
  });

  it('serves a callback after ours in fit', async () => {
    const { x, y } = data();
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1 });
    const lines: string[] = [];
    const print = new tf.CustomCallback({ onEpochEnd: async (_, logs) => void lines.push(formatEpoch(logs)) });
    await denseModel().fit(x, y, {
      epochs: 2,
      verbose: 0,
      callbacks: [ema.callback({ validationData: [x, y] }), print],
    });
    const number = String.raw`\d\.\d+`;
    const names = ['val_ema_acc', 'val_ema_loss', 'val_raw_acc', 'val_raw_loss'];
    const line = new RegExp(`^ema_best_decay=0\\.9 ${names.map((name) => `${name}=${number}`).join(' ')}$`);
    expect(lines).toEqual([expect.stringMatching(line), expect.stringMatching(line)]);
    ema.dispose();
  });
});
