// Misuse: each case gives a typed error or a clear report, the process lives, and nothing is lost.
// Wrong options are in options.test.ts; wrong names of averages in which.test.ts.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type EmaCallbackOptions, WeightEma } from '../../../src/index.js';
import { isSwapped, rejectionOf, thrownBy, weightBits } from '../../support/expect.js';
import { data, denseModel, setRandomWeights, sharedModel, tf, valuesOf, weightValues } from '../../support/models.js';
import { at } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };
const fit = { epochs: 1, batchSize: 8, verbose: 0 as const };

afterEach(() => {
  tf.disposeVariables();
});

/** A WeightEma with one update behind it. */
function trained(model = denseModel()): { ema: WeightEma; model: typeof model } {
  const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1, warmup: 'none', ...quiet }).attach(model);
  setRandomWeights(model, 3);
  ema.update();
  return { ema, model };
}

describe('words that help', () => {
  it('say what was given in the place of options', () => {
    const model = denseModel();
    for (const call of [
      () => new WeightEma(tf, model as never),
      () => new WeightEma(tf).callback(model as never),
      () => new WeightEma(tf, new Map() as never),
    ])
      expect(thrownBy(call, 'INVALID_ARGUMENT').message).toMatch(/^options: expected a plain object of options/);
  });

  it('say what is meant by a folder, by raw, by log: true', async () => {
    const { ema } = trained();
    const { message } = await rejectionOf(ema.saveModel(0.9, 'folder'), 'INVALID_ARGUMENT');
    expect(message).toMatch(/For a folder write 'file:\/\/folder'\./);
    expect(thrownBy(() => ema.use('raw' as never, () => 0), 'INVALID_ARGUMENT').message).toMatch(
      /raw weights are those/,
    );
    expect(thrownBy(() => ema.callback({ log: true as never }), 'INVALID_ARGUMENT').message).toMatch(/console\.log/);
    ema.dispose();
  });

  it('show no decays before the run is known', () => {
    expect(inspect(new WeightEma(tf, { decays: ['uniform', { halfLife: { epochs: 1 } }] }))).toMatch(
      /length of the run/,
    );
  });
});

describe('the wrong model', () => {
  it('before attach: every method says to attach first', async () => {
    const ema = new WeightEma(tf, { decays: 0.9 });
    for (const call of [() => ema.update(), () => ema.read(0.9), () => ema.use(0.9, () => 0)]) {
      expect(thrownBy(call, 'NOT_ATTACHED').message).toMatch(/attach\(model\) first/);
    }
    await rejectionOf(ema.saveModel(0.9, 'file:///tmp/none'), 'NOT_ATTACHED');
    expect([ema.steps, ema.updates, ema.facts.bytes, ema.engine]).toEqual([0, 0, 0, undefined]);
    ema.dispose();
  });

  it('no model at all: says what was expected', () => {
    for (const wrong of [undefined, null, {}, tf.layers.dense({ units: 1 })]) {
      expect(thrownBy(() => new WeightEma(tf).attach(wrong as never), 'INVALID_ARGUMENT').message).toMatch(
        /^model: expected/,
      );
    }
  });

  it('not built: says how to build it', () => {
    thrownBy(() => new WeightEma(tf).attach(tf.sequential()), 'MODEL_NOT_BUILT');
  });

  it('attached twice: names the model that it has', () => {
    const { ema, model } = trained();
    expect(thrownBy(() => ema.attach(sharedModel()), 'ALREADY_ATTACHED').message).toContain(model.name);
    thrownBy(() => ema.attach(model), 'ALREADY_ATTACHED');
    ema.dispose();
  });

  it('fit on another model: refused before its first step', async () => {
    const { x, y } = data(16);
    const ema = new WeightEma(tf, { decays: 0.9 });
    await denseModel().fit(x, y, { ...fit, callbacks: [ema.callback()] });
    const other = denseModel();
    const raw = weightBits(other);
    await rejectionOf(other.fit(x, y, { ...fit, callbacks: [ema.callback()] }), 'MODEL_CHANGED');
    expect(weightBits(other)).toEqual(raw);
    expect(ema.steps).toBe(2);
    ema.dispose();
  });

  it('a layer added after attach: refused at the next use', () => {
    const { ema, model } = trained();
    model.add(tf.layers.dense({ units: 2 }));
    thrownBy(() => ema.use(0.5, () => 0), 'MODEL_CHANGED');
    ema.dispose();
  });
});

describe('disposed weights', () => {
  it.each([
    ['model.dispose()', (model: ReturnType<typeof denseModel>) => void model.dispose()],
    ['tf.disposeVariables()', () => tf.disposeVariables()],
  ])('by %s: the update names the weight, the averages stay readable', (_, dispose) => {
    const { ema, model } = trained();
    const before = valuesOf(ema.read(0.5));
    dispose(model);
    expect(thrownBy(() => ema.update(), 'WEIGHT_DISPOSED').message).toMatch(
      /^weight 'dense.*\/kernel' of the model was disposed/,
    );
    thrownBy(() => ema.use(0.5, () => 0), 'WEIGHT_DISPOSED');
    expect(valuesOf(ema.read(0.5))).toEqual(before);
    ema.dispose();
  });

  it('by tf.engine().reset(): the averages are gone, and every method says so', () => {
    // In a process of its own: a reset ends all tensors of this file.
    const script = `
      import * as tf from '@tensorflow/tfjs-node';
      import { WeightEma } from './src/index.ts';
      const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3] })] });
      const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1, engine: process.argv.at(-1) }).attach(model);
      ema.update();
      tf.engine().reset();
      const codes = [];
      for (const call of [() => ema.update(), () => ema.update(), () => ema.use(0.9, () => 0)]) {
        try { call(); codes.push('none'); } catch (error) { codes.push(error.code); }
      }
      ema.dispose();
      console.log(codes.join(' '));
    `;
    expect(runScript(script, ['native'])).toBe('POISONED POISONED POISONED');
    expect(runScript(script, ['js'])).toBe('WEIGHT_DISPOSED WEIGHT_DISPOSED WEIGHT_DISPOSED');
  });
});

describe('callbacks in one array', () => {
  it('[ema.callback(), { plain }]: fit fails in tfjs, and a warning says why and what to write', async () => {
    const { x, y } = data(16);
    const model = denseModel();
    const raw = weightBits(model);
    const heard: string[] = [];
    const ema = new WeightEma(tf, { decays: 0.9, onWarning: (message) => heard.push(message) });
    const mixed = [ema.callback(), { onEpochEnd: async () => undefined }] as never;
    await expect(model.fit(x, y, { ...fit, callbacks: mixed })).rejects.toThrow(TypeError);
    expect(heard).toEqual([expect.stringMatching(/plain object.*new tf\.CustomCallback/)]);
    expect(ema.warnings).toEqual(heard);
    expect(weightBits(model)).toEqual(raw);
    // The fix that the warning names.
    const epochs: number[] = [];
    const custom = new tf.CustomCallback({ onEpochEnd: (epoch) => void epochs.push(epoch) });
    await model.fit(x, y, { ...fit, callbacks: [ema.callback(), custom] });
    expect([ema.steps, epochs]).toEqual([2, [0]]);
    expect(heard.filter((message) => /plain object/.test(message))).toHaveLength(1);
    ema.dispose();
  });

  it('[{ plain }, ema.callback()]: refused before the first step', async () => {
    const { x, y } = data(16);
    const model = denseModel();
    const raw = weightBits(model);
    const ema = new WeightEma(tf, { decays: 0.9 });
    const mixed = [{ onEpochEnd: async () => undefined }, ema.callback()] as never;
    const { message } = await rejectionOf(model.fit(x, y, { ...fit, callbacks: mixed }), 'CALLBACK_MISUSE');
    expect(message).toMatch(/plain object.*callbacks: \[ema\.callback\(\), new tf\.CustomCallback/);
    expect(weightBits(model)).toEqual(raw);
    ema.dispose();
  });

  it('[{ plain }, ema.callback()] in the second fit, where ema has a model from the first: refused too', async () => {
    const { x, y } = data(16);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9 });
    await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    const mixed = [{ onEpochEnd: async () => undefined }, ema.callback()] as never;
    await rejectionOf(model.fit(x, y, { ...fit, callbacks: mixed }), 'CALLBACK_MISUSE');
    expect(ema.steps).toBe(2);
    ema.dispose();
  });

  it('a callback made with another copy of tfjs: refused, alone and behind a native one', async () => {
    const { x, y } = data(16);
    const other = otherTfjs();
    const ema = new WeightEma(other, { decays: 0.9, engine: 'js' });
    await rejectionOf(denseModel().fit(x, y, { ...fit, callbacks: [ema.callback()] as never }), 'CALLBACK_MISUSE');
    const own = new tf.CustomCallback({});
    const { message } = await rejectionOf(
      denseModel().fit(x, y, { ...fit, callbacks: [own, ema.callback()] as never }),
      'CALLBACK_MISUSE',
    );
    expect(message).toMatch(/another copy of tfjs/);
    ema.dispose();
  });
});

describe('the averages in callbacks', () => {
  const custom = () => new tf.CustomCallback({});

  it.each([
    ['[ema]', (ema: WeightEma) => [ema]],
    ['ema', (ema: WeightEma) => ema],
    ['[another, ema]', (ema: WeightEma) => [custom(), ema]],
    ['[ema, another]', (ema: WeightEma) => [ema, custom()]],
    ['[ema.callback(), ema]', (ema: WeightEma) => [ema.callback(), ema]],
    ['[ema, ema.callback()]', (ema: WeightEma) => [ema, ema.callback()]],
  ])('%s: refused before the first step, with what to write', async (_, callbacksOf) => {
    const { x, y } = data(16);
    const model = denseModel();
    const raw = weightBits(model);
    const ema = new WeightEma(tf, { decays: 0.9, ...quiet });
    const callbacks = callbacksOf(ema) as never;
    const { message } = await rejectionOf(model.fit(x, y, { ...fit, callbacks }), 'CALLBACK_MISUSE');
    expect(message).toMatch(/callbacks: \[ema\.callback\(\)\]/);
    expect([weightBits(model), ema.steps]).toEqual([raw, 0]);
    await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    expect(ema.steps).toBe(2);
    ema.dispose();
  });

  it.each(['two', 'one, twice'])(
    '%s callbacks of one object in one fit: refused before the first step',
    async (kind) => {
      const { x, y } = data(16);
      const model = denseModel();
      const ema = new WeightEma(tf, { decays: 0.9, ...quiet });
      const pair = () => {
        const callback = ema.callback();
        return [callback, kind === 'two' ? ema.callback() : callback];
      };
      const raw = weightBits(model);
      const { message } = await rejectionOf(model.fit(x, y, { ...fit, callbacks: pair() }), 'CALLBACK_MISUSE');
      expect(message).toMatch(/count every step/);
      expect([weightBits(model), ema.steps]).toEqual([raw, 0]);
      // In two fits, one after the other, all is well; and then again not.
      for (const steps of [2, 4]) {
        await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
        expect(ema.steps).toBe(steps);
      }
      await rejectionOf(model.fit(x, y, { ...fit, callbacks: pair() }), 'CALLBACK_MISUSE');
      expect(ema.steps).toBe(4);
      ema.dispose();
    },
  );

  it('one callback in two fits, one after the other, goes on', async () => {
    const { x, y } = data(16);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, ...quiet });
    const callbacks = [ema.callback()];
    for (const steps of [2, 4]) {
      await model.fit(x, y, { ...fit, callbacks });
      expect(ema.steps).toBe(steps);
    }
    ema.dispose();
  });

  it('callbacks of two objects in one fit: each counts, each measures, and each has names of its own in History', async () => {
    const { x, y } = data(16);
    const pair = [new WeightEma(tf, { decays: [0.5, 0.9], ...quiet }), new WeightEma(tf, { decays: 0.5, ...quiet })];
    const callbacks = pair.map((ema) => ema.callback({ validationData: [x, y] }));
    const { history } = await denseModel().fit(x, y, { ...fit, epochs: 2, callbacks });
    const namesOf = (count: string, labels: readonly string[]) => [
      `ema${count}_best_decay`,
      ...[`raw${count}`, `ema${count}`, ...labels.map((label) => `ema${count}_${label}`)].flatMap((name) => [
        `val_${name}_acc`,
        `val_${name}_loss`,
      ]),
    ];
    const names = ['acc', 'loss', ...namesOf('', ['0.5', '0.9']), ...namesOf('2', ['0.5'])];
    expect(Object.keys(history).sort()).toEqual(names.sort());
    pair.forEach((ema, index) => {
      expect(ema.steps).toBe(4);
      const losses = ema.validations.map(({ averages }) => averages[0]?.['loss']);
      expect(history[`val_ema${index === 0 ? '' : '2'}_0.5_loss`]).toEqual(losses);
      expect(losses).toHaveLength(2);
    });
    // The same decay of the same run.
    expect(history['val_ema2_0.5_loss']).toEqual(history['val_ema_0.5_loss']);
    expect(history['val_raw2_acc']).toEqual(history['val_raw_acc']);
    for (const ema of pair) ema.dispose();
  });
});

describe('training while swapped', () => {
  it('fit with the callback, started inside use(): refused, weights and average unharmed', async () => {
    const { x, y } = data(16);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1 });
    await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    const raw = weightBits(model);
    const average = valuesOf(ema.read(0.5));
    const inside = ema.use(0.5, () => model.fit(x, y, { ...fit, callbacks: [ema.callback()] }));
    expect((await rejectionOf(inside, 'SWAPPED_IN')).message).toMatch(/^fit: /);
    expect(weightBits(model)).toEqual(raw);
    expect(valuesOf(ema.read(0.5))).toEqual(average);
    expect(ema.steps).toBe(2);
    await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    expect(ema.steps).toBe(4);
    ema.dispose();
  });

  it('use() that nobody awaits, in the middle of fit: training stops before its next step', async () => {
    const { x, y } = data(64);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1 });
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let raw: number[][] = [];
    let stray: Promise<void> = Promise.resolve();
    const careless = new tf.CustomCallback({
      onBatchEnd: (batch) => {
        if (batch !== 2) return;
        raw = weightBits(model);
        stray = ema.use(0.5, () => gate);
      },
    });
    await rejectionOf(model.fit(x, y, { ...fit, callbacks: [ema.callback(), careless] }), 'SWAPPED_IN');
    expect(ema.steps).toBe(3);
    release();
    await stray;
    expect(weightBits(model)).toEqual(raw);
    ema.dispose();
  });

  it('fit without the callback inside use(): raw weights back to the bit, trained values handed over', async () => {
    const { x, y } = data(16);
    const { ema, model } = trained();
    const raw = weightBits(model);
    let trainedValues: Float32Array[] = [];
    const inside = ema.use(0.5, async () => {
      await model.fit(x, y, fit);
      trainedValues = weightValues(model);
    });
    expect((await rejectionOf(inside, 'SWAPPED_IN')).message).toMatch(/^use: \d+ weights .*`overwritten`/);
    expect(weightBits(model)).toEqual(raw);
    // Seven: the loss has no gradient for what softmax cancels, but every variable was assigned to.
    const kept = Object.values(valuesOf(ema.overwritten));
    for (const values of kept) expect(trainedValues).toContainEqual(values);
    expect(kept.length).toBeGreaterThan(4);
    ema.dispose();
  });

  it('trainOnBatch and update() inside use(): neither is counted', async () => {
    const { x, y } = data(16);
    const { ema, model } = trained();
    const raw = weightBits(model);
    await rejectionOf(
      ema.use(0.5, () => model.trainOnBatch(x, y)),
      'SWAPPED_IN',
    );
    thrownBy(() => ema.use(0.5, () => ema.update()), 'SWAPPED_IN');
    expect(ema.steps).toBe(1);
    expect(weightBits(model)).toEqual(raw);
    ema.dispose();
  });

  it('a second use(), dispose() and attach() of another object inside use(): refused, then all is well', () => {
    const { ema, model } = trained();
    const raw = weightBits(model);
    const other = new WeightEma(tf, { decays: 0.9, ...quiet }).attach(model);
    other.update();
    const before = valuesOf(other.read(0.9));
    ema.use(0.5, () => {
      const swapped = weightBits(model);
      thrownBy(() => ema.use(0.5, () => 0), 'SWAPPED_IN');
      thrownBy(() => ema.dispose(), 'SWAPPED_IN');
      // Another object must neither swap on top nor take the average for weights.
      thrownBy(() => other.use(0.9, () => 0), 'SWAPPED_IN');
      thrownBy(() => other.update(), 'SWAPPED_IN');
      // It may be read: what is pending counts by the model's own weights.
      expect(valuesOf(other.read(0.9))).toEqual(before);
      thrownBy(() => new WeightEma(tf).attach(model), 'SWAPPED_IN');
      tf.dispose(ema.read(0.5));
      expect(weightBits(model)).toEqual(swapped);
    });
    expect(weightBits(model)).toEqual(raw);
    other.use(0.9, () => 0);
    for (const each of [ema, other]) each.dispose();
  });

  it('use() before the first step: runs with the raw weights and warns once', () => {
    const heard: string[] = [];
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, onWarning: (message) => heard.push(message) }).attach(model);
    setRandomWeights(model, 8);
    const raw = weightBits(model);
    expect(ema.use(0.9, weightBits)).toEqual(raw);
    expect(ema.use(0.9, weightBits)).toEqual(raw);
    expect(heard).toEqual([expect.stringMatching(/before the first step/)]);
    ema.dispose();
  });

  it('something that is no function', () => {
    const { ema } = trained();
    expect(thrownBy(() => ema.use(0.5, 'evaluate' as never), 'INVALID_ARGUMENT').message).toMatch(
      /^fn: expected a function/,
    );
    ema.dispose();
  });
});

describe('validation that fails', () => {
  it.each<[string, EmaCallbackOptions['validationData'], RegExp]>([
    ['on the wrong shape', [tf.zeros([4, 5]), tf.zeros([4, 3])], /shape/],
    [
      'on an empty data set',
      tf.data.array<{ xs: number; ys: number }>([]),
      /^validationData: expected at least one batch/,
    ],
  ])('%s: fit is rejected, weights raw, average usable', async (_, validationData, message) => {
    const { x, y } = data(16);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9 });
    await expect(
      model.fit(x, y, { ...fit, callbacks: [ema.callback({ ...(validationData && { validationData }) })] }),
    ).rejects.toThrow(message);
    expect(isSwapped(ema)).toBe(false);
    tf.dispose(ema.read(0.9));
    ema.dispose();
  });
});

describe("engine 'native' that cannot run", () => {
  it('on a backend without native ops: says which, and the fix', () => {
    const script = `
      import * as tf from '@tensorflow/tfjs';
      import { WeightEma } from './src/index.ts';
      try { new WeightEma(tf, { engine: 'native' }); } catch (error) { console.log(error.code, error.message); }
      const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3] })] });
      const auto = new WeightEma(tf, { updateEvery: 1 }).attach(model);
      auto.update();
      console.log(auto.engine, auto.updates, auto.engineReason);
    `;
    const lines = runScript(script).split('\n').slice(-2);
    expect(at(lines, 0)).toMatch(
      /^ENGINE_UNAVAILABLE .*backend 'cpu': native updates need tfjs-node.*Use engine: 'auto'/,
    );
    expect(at(lines, 1)).toMatch(/^js 1 no native engine: tfjs runs on the backend 'cpu'/);
  });

  it('without a binary: an error for native, the reason and the js engine for auto', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
    const script = `
      import * as tf from '@tensorflow/tfjs-node';
      import { WeightEma } from './src/index.ts';
      const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3] })] });
      try { new WeightEma(tf, { engine: 'native' }); } catch (error) { console.log(error.code, error.message); }
      const auto = new WeightEma(tf, { updateEvery: 1 }).attach(model);
      auto.update();
      console.log(auto.engine, auto.updates, auto.engineReason);
    `;
    const lines = runScript(script, [], { TFJS_EMA_PREBUILD: folder }).split('\n');
    expect(at(lines, 0)).toMatch(
      /^ENGINE_UNAVAILABLE engine: 'native' cannot run here: the addon could not be loaded: No native build/,
    );
    expect(at(lines, 1)).toMatch(/^js 1 no native engine: the addon could not be loaded/);
    rmSync(folder, { recursive: true });
  });
});

/** Another copy of tfjs, as a careless import makes it; all copies share one engine, but not their classes. */
function otherTfjs(): typeof import('@tensorflow/tfjs') {
  const require = createRequire(import.meta.url);
  const saved = Object.entries(require.cache).filter(([path]) => path.includes('@tensorflow'));
  // A second registration of each kernel is worth a line on the console to tfjs.
  const silence = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  try {
    for (const [path] of saved) delete require.cache[path];
    return require('@tensorflow/tfjs') as typeof import('@tensorflow/tfjs');
  } finally {
    for (const [path, module] of saved) require.cache[path] = module;
    silence.mockRestore();
  }
}

/** Runs a TypeScript module in a process of its own; gives what it printed. */
function runScript(source: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): string {
  const flags = ['--import', 'tsx', '--input-type=module', '--eval', source, '--'];
  return execFileSync(process.execPath, [...flags, ...args], {
    cwd: new URL('../../..', import.meta.url),
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}
