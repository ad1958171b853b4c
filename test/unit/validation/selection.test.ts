// Choosing the best average.

import { describe, expect, it } from 'vitest';
import { bestIndex, directionOf } from '../../../src/validation/selection.js';

describe('directionOf', () => {
  it('is up for accuracies and down for all else, as in tf.callbacks.earlyStopping', () => {
    expect([directionOf('val_loss'), directionOf('val_acc'), directionOf('out_acc'), directionOf('mse')]).toEqual([
      'min',
      'max',
      'max',
      'min',
    ]);
  });
});

describe('bestIndex', () => {
  const decays = [0.99, 0.9, 0.999];

  it('takes the smallest loss and the largest accuracy', () => {
    const candidates = [
      { loss: 2, acc: 0.5 },
      { loss: 1, acc: 0.4 },
      { loss: 3, acc: 0.9 },
    ];
    expect(bestIndex(candidates, decays, 'loss')).toBe(1);
    expect(bestIndex(candidates, decays, 'acc')).toBe(2);
  });

  it('keeps the smallest decay in a tie', () => {
    expect(bestIndex([{ loss: 1 }, { loss: 1 }, { loss: 1 }], decays, 'loss')).toBe(1);
  });

  it('passes over what is not a number', () => {
    expect(bestIndex([{ loss: Number.NaN }, { loss: Number.NaN }, { loss: 7 }], decays, 'loss')).toBe(2);
    expect(bestIndex([{ loss: Number.NaN }, {}, {}], decays, 'loss')).toBeUndefined();
  });
});
