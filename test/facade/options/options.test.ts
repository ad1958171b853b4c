// Options: defaults, and for every wrong value an error that names option, value and fix.

import { describe, expect, it } from 'vitest';
import { type EmaCallbackOptions, resolveCallback } from '../../../src/callback/options.js';
import { withRun } from '../../../src/options/lengths.js';
import { checkTfjs, resolveOptions } from '../../../src/options/options.js';
import { settled } from '../../../src/options/run-length.js';
import { thrownBy } from '../../support/expect.js';
import { data, tf } from '../../support/models.js';

describe('defaults', () => {
  it("are the paper's: five windows, of the steps so far without a length, an update every 16 steps, its warm-up, averaged statistics", () => {
    expect(settled(resolveOptions({}), {})).toMatchObject({
      profiles: resolveOptions({ decays: 'anytime' }).profiles,
      updateEvery: 16,
      warmup: 'paper',
      warmupClock: 'updates',
      batchNorm: 'average',
      precision: 'fp32',
      engine: 'auto',
      onWarning: undefined,
    });
    expect(resolveCallback({})).toEqual({
      data: undefined,
      validate: undefined,
      batches: undefined,
      bestFolder: undefined,
      ties: true,
      monitor: undefined,
      batchSize: undefined,
      keepBest: true,
      mode: 'auto',
      log: undefined,
      asksFor: [],
    });
  });

  it('apply to options that are undefined', () => {
    const given = { decays: undefined, updateEvery: undefined } as object;
    const anytime = resolveOptions({ decays: 'anytime' });
    expect(settled(resolveOptions(given), {}).profiles).toEqual(anytime.profiles);
    expect(anytime.profiles).toHaveLength(6);
    expect(resolveCallback({ monitor: undefined, ties: undefined } as object)).toEqual(resolveCallback({}));
  });

  it('wait for the length of the run', () => {
    expect(resolveOptions({}).decays).toEqual([]);
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
    const paper = [0.998, 0.999, 0.9995, 0.99975, 0.999875];
    // The paper's own run: its five decays.
    for (const decays of ['auto', undefined] as const)
      expect(resolveOptions({ ...(decays && { decays }), run }).decays).toEqual(paper);
    const open = resolveOptions({ decays: [{ window: { epochs: 2 } }, 0.9] });
    expect(open.decays).toEqual([]);
    expect(withRun(open.specs, { stepsPerEpoch: 50 }).decays).toEqual([0.99, 0.9]);
    thrownBy(() => withRun(open.specs, { stepsPerEpoch: 5 }), 'INVALID_ARGUMENT');
  });

  it('is a metric to monitor by the name of the model, and by that of the logs', () => {
    for (const monitor of ['acc', 'val_acc']) expect(resolveCallback({ monitor }).monitor).toBe('acc');
  });

  it('is a warm-up by itself, and one with what it counts', () => {
    expect(resolveOptions({ warmup: { cap: 'none', by: 'steps' } })).toMatchObject({
      warmup: 'none',
      warmupClock: 'steps',
    });
    const inverseGamma = { scale: 1, power: 0.5 };
    expect(resolveOptions({ warmup: { inverseGamma } })).toMatchObject({
      warmup: { inverseGamma },
      warmupClock: 'updates',
    });
    expect(resolveOptions({ warmup: { cap: { inverseGamma }, by: 'steps' } })).toMatchObject({
      warmup: { inverseGamma },
      warmupClock: 'steps',
    });
  });

  it('are validation tensors in every form, and data sets', () => {
    const { x, y } = data(8);
    const dataset = tf.data.zip({ xs: tf.data.array([1]), ys: tf.data.array([1]) });
    for (const validationData of [[x, y], { xs: x, ys: y }, [[x], [y]], [{ in: x }, { out: y }], dataset]) {
      expect(resolveCallback({ validationData } as EmaCallbackOptions).data).toBe(validationData);
    }
    tf.dispose([x, y]);
  });
});

describe('what is refused', () => {
  const empty = tf.zeros([0, 4]);
  const some = tf.zeros([2, 4]);
  const cases: [string, object, RegExp][] = [
    ['a decay below 0', { decays: -0.1 }, /^decays: expected a number from 0 to 1, or .*, received -0\.1\. A typical/],
    ['a decay above 1', { decays: 1.5 }, /^decays: .*received 1\.5\./],
    ['a decay that is not a number', { decays: Number.NaN }, /^decays: .*received NaN\./],
    ['an infinite decay', { decays: Number.POSITIVE_INFINITY }, /^decays: .*received Infinity\./],
    ['a decay in quotes', { decays: '0.9' }, /^decays: .*received '0\.9'\. Write 0\.9 without quotes\.$/],
    [
      'decays of null',
      { decays: null },
      /^decays: expected 'auto', 'anytime', one average or a list of .*received null\./,
    ],
    [
      'no decays',
      { decays: [] },
      /^decays: expected 'auto', 'anytime', one average or a list of at least one, received \[\]\./,
    ],
    ['one wrong decay of several', { decays: [0.9, 2] }, /^decays\[1\]: .*received 2\./],
    ['equal decays', { decays: [0.9, 0.99, 0.9] }, /^decays: expected different decays.*0\.9 stands there twice\.$/],
    [
      'a wrong decay in a unit that needs the run',
      { decays: { halfLife: { epochs: -1 } } },
      /^decays\.halfLife\.epochs: .*received -1/,
    ],
    ['an unknown unit', { decays: [{ halfLife: { days: 1 } }] }, /^decays\[0\]\.halfLife: expected one of/],
    ['a word for decays', { decays: 'car' }, /^decays: expected a number from 0 to 1, or .*received 'car'\./],
    [
      'an unknown length',
      { run: { epochs: 3 } },
      /^run: expected the names totalSteps, stepsPerEpoch, batchSize, received 'epochs'/,
    ],
    ['a run of no steps', { run: { totalSteps: 0 } }, /^run\.totalSteps: expected a number above 0, received 0\./],
    ['a run that is no object', { run: 5 }, /^run: expected an object such as/],
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
    [
      'an unknown clock',
      { warmup: { cap: 'paper', by: 'epochs' } },
      /^warmup\.by: expected 'updates' or 'steps', received 'epochs'\./,
    ],
    ['an unknown cap with a clock', { warmup: { cap: 'linear', by: 'steps' } }, /^warmup: .*received 'linear'\./],
    ['more in a warm-up', { warmup: { cap: 'paper', clock: 'steps' } }, /no option 'clock'\. Known options: cap, by/],
    ['an unknown policy', { batchNorm: 'keep' }, /^batchNorm: expected 'average' or 'copy', received 'keep'\./],
    ['an unknown precision', { precision: 'fp64' }, /^precision: expected 'fp32' or 'compensated', received 'fp64'\./],
    ['an unknown engine', { engine: 'cuda' }, /^engine: expected 'auto' or 'native' or 'js', received 'cuda'\./],
    ['a handler that is none', { onWarning: 'log' }, /^onWarning: expected a function .*received 'log'\./],
    ['a misspelt option', { decays: 0.9, updateEvry: 4 }, /no option 'updateEvry'\. Did you mean 'updateEvery'\?$/],
    ['an unknown option', { speed: 1 }, /no option 'speed'\. Known options: decays, run, updateEvery/],
    ['options that are no object', [0.9], /^options: expected an object/],
  ];
  const inCallback: [string, object, RegExp][] = [
    ['a monitor of no metric', { monitor: 'val_' }, /^monitor: expected 'val_loss' or 'val_'.*received 'val_'\./],
    ['a monitor of nothing', { monitor: '' }, /^monitor: expected 'val_loss' or 'val_'.*received ''\./],
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
    ['batches of nothing', { batches: 0.5 }, /^batches: expected an integer of at least 1, received 0\.5/],
    ['ties in quotes', { ties: 'no' }, /^ties: expected true or false, received 'no'\./],
    ['a log that is none', { log: true }, /^log: expected a function such as console.log, received true\./],
    ['validation by no function', { validate: 'acc' }, /^validate: expected a function, received 'acc'\./],
    [
      'validation by a function and by data',
      { validate: () => ({ loss: 1 }), validationData: [some, some] },
      /^validate: expected either validate or validationData, received 'both'\. Take the data in validate itself\./,
    ],
    ['a misspelt option of the callback', { monitr: 'acc' }, /no option 'monitr'\. Did you mean 'monitor'\?$/],
  ];

  it.each(cases)('%s', (_, options, message) => {
    expect(thrownBy(() => resolveOptions(options), 'INVALID_ARGUMENT').message).toMatch(message);
  });

  it.each(inCallback)('%s', (_, options, message) => {
    expect(thrownBy(() => resolveCallback(options), 'INVALID_ARGUMENT').message).toMatch(message);
  });

  it('is a first argument that is not tfjs', () => {
    for (const wrong of [undefined, null, {}, { decay: 0.9 }]) {
      const { message } = thrownBy(() => checkTfjs(wrong as never), 'INVALID_ARGUMENT');
      expect(message).toMatch(/^tf: expected the tfjs module, as in import \* as tf from '@tensorflow\/tfjs-node'/);
    }
  });
});

describe('what stands in the wrong place', () => {
  const hintOf = (resolve: (options: object) => unknown, name: string, value: unknown) => {
    const { message } = thrownBy(() => resolve({ [name]: value }), 'INVALID_ARGUMENT');
    expect(message).toMatch(new RegExp(`^options: there is no option '${name}'\\. `));
    return message.replace(/.*?\. /, '');
  };

  it.each([
    ['decay', 0.9, /decays/],
    ['warmupClock', 'steps', /^Write warmup: \{ cap: 'paper', by: 'steps' \}\.$/],
    ['epochs', 10, /^Write run: \{ totalSteps: 10000 \}/],
    ['totalSteps', 10_000, /^Write run: \{ totalSteps: 10000 \}/],
    ['stepsPerEpoch', 10, /^Write run: \{ totalSteps: 10000 \}/],
    ['validationSplit', 0.1, /^Give it to model\.fit/],
    ...[
      ['validationData', [1, 2]],
      ['validate', () => ({ loss: 1 })],
      ['monitor', 'val_acc'],
      ['mode', 'max'],
      ['batchSize', 32],
      ['batches', 3],
      ['keepBest', true],
      ['ties', false],
      ['log', () => undefined],
    ].map(([name, value]) => [name as string, value, /ema\.callback\(\)/] as const),
  ] as const)('%s given to a WeightEma is told its place', (name, value, hint) => {
    expect(hintOf(resolveOptions, name, value)).toMatch(hint);
  });

  it('is told for every option of the callback', () => {
    const names = Object.keys(resolveCallback({})).filter((name) => !['bestFolder', 'asksFor'].includes(name));
    for (const name of names.map((one) => (one === 'data' ? 'validationData' : one)))
      expect(hintOf(resolveOptions, name, undefined)).toMatch(/ema\.callback\(\)/);
  });

  it.each([
    ['decays', [0.9], /new WeightEma\(tf, \{ decays \}\)/],
    ['validationSplit', 0.1, /^Give it to model\.fit/],
    ['validationBatches', 3, /'batches'/],
  ] as const)('%s given to the callback is told its place', (name, value, hint) => {
    expect(hintOf(resolveCallback, name, value)).toMatch(hint);
  });
});
