// Progress: which steps move the averages, by how much, and what a failure leaves.

import { describe, expect, it } from 'vitest';
import { Progress, type ProgressOptions } from '../../../src/averages/progress.js';
import { ModelShadows } from '../../../src/averages/shadows.js';
import { EmaError } from '../../../src/index.js';
import { resolveOptions } from '../../../src/options/options.js';
import { Schedule } from '../../../src/schedule/schedule.js';
import { thrownBy } from '../../support/expect.js';
import { assign, lineModel, tf, valuesOf } from '../../support/models.js';

function setUp(updateEvery: number, more: Omit<ProgressOptions, 'updateEvery'> = {}) {
  const options = resolveOptions({ decays: 0.5, updateEvery, warmup: 'none' });
  const model = lineModel();
  const shadow = new ModelShadows(tf, model, options);
  assign(model.weights[0], () => tf.tensor2d([[2]]));
  const value = () => {
    const tensors = shadow.read(0);
    const [values] = Object.values(valuesOf(tensors));
    tf.dispose(tensors);
    return values?.[0];
  };
  return { model, shadow, value, progress: new Progress(shadow, new Schedule(options), { updateEvery, ...more }) };
}

describe('Progress', () => {
  it('moves at every T-th step, by decay ** T', () => {
    const { progress, value } = setUp(3);
    for (let step = 0; step < 7; step += 1) progress.count();
    expect([progress.steps, progress.pending, progress.updates]).toEqual([7, 1, 2]);
    expect(value()).toBe(2 - 0.5 ** 6);
    expect(progress.seconds).toBeGreaterThan(0);
  });

  it('tells the alphas of an update that would take the pending steps in, and does not make it', () => {
    const { progress, shadow, value } = setUp(3);
    expect([progress.ahead(), progress.intervalsAhead()]).toEqual([undefined, []]);
    for (let step = 0; step < 5; step += 1) progress.count();
    const before = value();
    expect(progress.ahead()).toEqual([1 - 0.5 ** 2]);
    expect(progress.intervalsAhead()).toEqual([
      [3, 1],
      [2, 1],
    ]);
    expect([progress.nextAlphas(progress.ahead()), progress.nextAlphas(undefined)]).toEqual([[1 - 0.5 ** 3], [0.875]]);
    const tensors = shadow.read(0, progress.ahead());
    expect(Object.values(valuesOf(tensors))[0]?.[0]).toBe(2 - 0.5 ** 5);
    tf.dispose(tensors);
    expect([progress.pending, progress.updates, progress.intervals, value()]).toEqual([2, 1, [[3, 1]], before]);
  });

  it('counts nothing in while weights are not finite and policy leaves them out, nor after the model was disposed', () => {
    const told: string[] = [];
    const { model, progress } = setUp(3, { nonFinite: 'skip', onSkip: (message) => told.push(message) });
    progress.count();
    assign(model.weights[0], () => tf.tensor2d([[Number.NaN]]));
    expect([progress.ahead(), progress.ahead(), told.length]).toEqual([undefined, undefined, 1]);
    assign(model.weights[0], () => tf.tensor2d([[2]]));
    expect(progress.ahead()).toEqual([0.5]);
    model.dispose();
    expect(progress.ahead()).toBeUndefined();
  });

  it('flushes pending steps by decay ** pending, and counts T anew from there', () => {
    const { progress, value } = setUp(3);
    progress.count();
    progress.flush();
    progress.flush();
    expect([progress.pending, progress.updates, value(), progress.intervals]).toEqual([0, 1, 1.5, [[1, 1]]]);
    for (let step = 0; step < 2; step += 1) progress.count();
    expect(progress.updates).toBe(1);
    progress.count();
    expect([progress.updates, value()]).toEqual([2, 2 - 0.5 ** 4]);
  });

  it('keeps steps pending when a move fails, and is not poisoned by a failure that changed nothing', () => {
    const { progress, model } = setUp(2);
    progress.count();
    model.dispose();
    thrownBy(() => progress.count(), 'WEIGHT_DISPOSED');
    expect([progress.steps, progress.pending, progress.updates, progress.poison]).toEqual([2, 2, 0, undefined]);
  });

  it('remembers a failure after which the averages cannot be trusted', () => {
    const { progress, shadow } = setUp(1);
    // As when TensorFlow loses the memory: the arena is gone, the object is not told.
    shadow.dispose();
    const error = thrownBy(() => progress.count(), 'POISONED');
    expect(progress.poison).toBe(error);
    expect(error).toBeInstanceOf(EmaError);
  });

  it('is poisoned by a state that could be restored in part only, and takes over one that could', () => {
    const { progress } = setUp(4);
    const failure = new Error('half-way');
    const state = { steps: 7, pending: 3, updates: 1, intervals: [[4, 1]] as const };
    thrownBy(
      () =>
        progress.restore(state, () => {
          throw failure;
        }),
      'POISONED',
    );
    expect([progress.steps, progress.poison?.cause]).toEqual([0, failure]);
    const other = setUp(4).progress;
    other.restore(state, () => undefined);
    other.count();
    expect([other.steps, other.pending, other.updates, other.intervals]).toEqual([8, 0, 2, [[4, 2]]]);
  });
});
