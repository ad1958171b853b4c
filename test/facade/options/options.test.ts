// Options: defaults, and for every wrong value an error that names option, value and way out.

import { describe, expect, it } from 'vitest';
import { type EmaCallbackOptions, splitOptions } from '../../../src/callback/options.js';
import { withRun } from '../../../src/options/lengths.js';
import { checkTfjs, PAPER_DECAYS, resolveOptions } from '../../../src/options/options.js';
import { thrownBy } from '../../support/expect.js';
import { data, tf } from '../../support/models.js';

describe('defaults', () => {
  it("are the paper's: its five decays per step, an update every 16 steps, its warm-up, averaged statistics", () => {
    expect(resolveOptions({})).toMatchObject({
      decays: [0.998, 0.999, 0.9995, 0.99975, 0.999875],
      updateEvery: 16,
      warmup: 'paper',
      warmupClock: 'updates',
      batchNorm: 'average',
      precision: 'fp32',
      engine: 'auto',
      onWarning: undefined,
    });
    expect(splitOptions({}).validation).toEqual({
      data: undefined,
      batches: undefined,
      bestFolder: undefined,
      ties: true,
      monitor: 'val_loss',
      batchSize: 32,
      keepBest: true,
      mode: 'auto',
    });
  });

  it('apply to options that are undefined', () => {
    const given = { decays: undefined, decays: undefined, updateEvery: undefined } as object;
    expect(resolveOptions(given).decays).toEqual(PAPER_DECAYS);
  });
});

describe('what is taken', () => {
  it('is one decay or several, 0 and 1 included', () => {
    expect(resolveOptions({ decays: 0.99 }).decays).toEqual([0.99]);
    expect(resolveOptions({ decays: [1, 0, 0.5] }).decays).toEqual([1, 0, 0.5]);
  });

  it('are decays in any unit; those that need the run are settled once it is known', () => {
    expect(resolveOptions({ decays: { halfLife: 100 } }).decays).toEqual([2 ** -0.01]);
    const run = { totalSteps: 78_200 };
    const auto = resolveOptions({ decays: 'auto', run }).decays;
    // The paper's own run: its five decays.
    auto.forEach((decay, index) => {
      expect(decay).toBeCloseTo(PAPER_DECAYS[index] ?? 0, 12);
    });
    const open = resolveOptions({ decays: [{ window: { epochs: 2 } }, 0.9] });
    expect(open.decays).toEqual([]);
    expect(withRun(open.specs, { stepsPerEpoch: 50 }).decays).toEqual([0.99, 0.9]);
    thrownBy(() => withRun(open.specs, { stepsPerEpoch: 5 }), 'INVALID_ARGUMENT');
  });

  it('are validation tensors in every form, and data sets', () => {
    const { x, y } = data(8);
    const dataset = tf.data.zip({ xs: tf.data.array([1]), ys: tf.data.array([1]) });
    for (const validationData of [[x, y], { xs: x, ys: y }, [[x], [y]], [{ in: x }, { out: y }], dataset]) {
      expect(splitOptions({ validationData } as EmaCallbackOptions).validation.data).toBe(validationData);
    }
    tf.dispose([x, y]);
  });
});

describe('what is refused', () => {
  const empty = tf.zeros([0, 4]);
  const some = tf.zeros([2, 4]);
  const cases: [string, object, RegExp][] = [
    [
      'a decay below 0',
      { decay: -0.1 },
      /^decay: expected a number from 0 to 1, or .*, received -0\.1\. A typical decay/,
    ],
    ['a decay above 1', { decay: 1.5 }, /^decay: .*received 1\.5\./],
    ['a decay that is not a number', { decay: Number.NaN }, /^decay: .*received NaN\./],
    ['an infinite decay', { decay: Number.POSITIVE_INFINITY }, /^decay: .*received Infinity\./],
    ['a decay in quotes', { decay: '0.9' }, /^decay: .*received '0\.9'\. Write 0\.9 without quotes\.$/],
    ['a decay of null', { decay: null }, /^decay: .*received null\./],
    ['no decays', { decays: [] }, /^decays: expected 'auto' or a list of at least one decay, received \[\]\./],
    ['decays that are no list', { decays: 0.9 }, /^decays: .*received 0\.9\./],
    ['one wrong decay of several', { decays: [0.9, 2] }, /^decays\[1\]: .*received 2\./],
    ['equal decays', { decays: [0.9, 0.99, 0.9] }, /^decays: expected different decays.*0\.9 stands there twice\.$/],
    [
      'a wrong decay in a unit that needs the run',
      { decay: { halfLife: { epochs: -1 } } },
      /^decay\.halfLife\.epochs: .*received -1/,
    ],
    ['an unknown unit', { decays: [{ halfLife: { days: 1 } }] }, /^decays\[0\]\.halfLife: expected one of/],
    ['a word for decays', { decays: 'car' }, /^decays: expected 'auto' or a list.*received 'car'\./],
    [
      'an unknown length',
      { run: { epochs: 3 } },
      /^run: expected the names totalSteps, stepsPerEpoch, batchSize, received 'epochs'/,
    ],
    ['a run of no steps', { run: { totalSteps: 0 } }, /^run\.totalSteps: expected a number above 0, received 0\./],
    ['a run that is no object', { run: 5 }, /^run: expected an object such as/],
    ['decay and decays', { decays: 0.9, decays: [0.99] }, /^decay: expected either decay or decays/],
    ['updateEvery 0', { updateEvery: 0 }, /^updateEvery: expected an integer of at least 1, received 0\./],
    ['a fraction of steps', { updateEvery: 1.5 }, /^updateEvery: .*received 1\.5\./],
    ['updateEvery in quotes', { updateEvery: '16' }, /^updateEvery: .*received '16'\./],
    [
      'an unknown warm-up',
      { warmup: 'linear' },
      /^warmup: expected 'paper', 'none', 'zero-debias', .* received 'linear'\./,
    ],
    [
      'an inverse gamma of nothing',
      { warmup: { inverseGamma: { scale: 1 } } },
      /^warmup: expected .*received an object/,
    ],
    ['an unknown clock', { warmupClock: 'epochs' }, /^warmupClock: expected 'updates' or 'steps', received 'epochs'\./],
    ['an unknown policy', { batchNorm: 'keep' }, /^batchNorm: expected 'average' or 'copy', received 'keep'\./],
    ['an unknown precision', { precision: 'fp64' }, /^precision: expected 'fp32' or 'compensated', received 'fp64'\./],
    ['an unknown engine', { engine: 'cuda' }, /^engine: expected 'auto' or 'native' or 'js', received 'cuda'\./],
    ['a handler that is none', { onWarning: 'log' }, /^onWarning: expected a function .*received 'log'\./],
    ['a misspelt option', { decay: 0.9, updateEvry: 4 }, /no option 'updateEvry'\. Did you mean 'updateEvery'\?$/],
    ['an unknown option', { speed: 1 }, /no option 'speed'\. Known options: decay, decays, run, updateEvery/],
    ['options that are no object', [0.9], /^options: expected an object/],
    ['a monitor without val_', { monitor: 'acc' }, /^monitor: expected 'val_loss' or 'val_'.*received 'acc'\./],
    ['a monitor that is no name', { monitor: 3 }, /^monitor: .*received 3\./],
    ['keepBest in quotes', { keepBest: 'no' }, /^keepBest: expected true, false or .*, received 'no'\./],
    ['a mode in other words', { mode: 'largest' }, /^mode: expected 'auto' or 'min' or 'max', received 'largest'\./],
    ['a mode that is no word', { mode: 1 }, /^mode: expected 'auto' or 'min' or 'max', received 1\./],
    ['a batch of nothing', { batchSize: 0 }, /^batchSize: expected an integer of at least 1/],
    [
      'validation data without targets',
      { validationData: [some] },
      /^validationData: expected \[x, y\] or \{ xs, ys \}/,
    ],
    ['validation data with weights', { validationData: [some, some, some] }, /^validationData: expected \[x, y\]/],
    ['validation data of null', { validationData: null }, /^validationData: .*received null\./],
    ['validation targets of null', { validationData: [some, null] }, /^validationData: expected \[x, y\]/],
    ['validation data of numbers', { validationData: [[1, 2], [3]] }, /^validationData: expected \[x, y\]/],
    ['validation data in quotes', { validationData: 'data' }, /^validationData: .*received 'data'\./],
    ['an empty list as validation data', { validationData: [] }, /^validationData: expected \[x, y\]/],
    [
      'validation data of no samples',
      { validationData: [empty, empty] },
      /^validationData: expected at least one sample/,
    ],
    ['validation data of empty lists', { validationData: [[], []] }, /^validationData: expected at least one sample/],
  ];

  it.each(cases)('%s', (_, options, message) => {
    expect(thrownBy(() => resolveAll(options), 'INVALID_ARGUMENT').message).toMatch(message);
  });

  it('is a first argument that is not tfjs', () => {
    for (const wrong of [undefined, null, {}, { decay: 0.9 }]) {
      const { message } = thrownBy(() => checkTfjs(wrong as never), 'INVALID_ARGUMENT');
      expect(message).toMatch(/^tf: expected the tfjs module, as in import \* as tf from '@tensorflow\/tfjs-node'/);
    }
  });

  it('are options of validation in a WeightEma, which has none', () => {
    const { message } = thrownBy(() => resolveOptions({ validationData: [some, some] } as object), 'INVALID_ARGUMENT');
    expect(message).toMatch(/no option 'validationData'/);
  });
});

function resolveAll(options: object): void {
  resolveOptions(splitOptions(options).ema);
}
