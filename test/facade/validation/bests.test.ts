// The best averages of all epochs: which they are, that their weights are kept as they were, and that nothing is best up to the start.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel, Scalar, Tensor, Tensor2D } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, type Metrics, WeightEma } from '../../../src/index.js';
import { BestAverages } from '../../../src/validation/bests.js';
import { winnersOf } from '../../../src/validation/selection.js';
import { thrownBy, weightBits } from '../../support/expect.js';
import {
  assign,
  data,
  denseModel,
  floats,
  lineModel,
  setRandomWeights,
  tf,
  valuesOf,
  weightValues,
} from '../../support/models.js';
import { at } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };

afterEach(() => {
  tf.disposeVariables();
});

describe('BestAverages', () => {
  const decays = [0.9, 0.99];
  type Snapshot = Parameters<BestAverages['record']>[2];
  const record = (bests: BestAverages, epoch: number, averages: readonly Metrics[], snapshot?: Snapshot) =>
    bests.record(
      { epoch },
      { winners: winnersOf(averages, decays, { monitor: 'loss' }), decays, monitor: 'loss' },
      snapshot,
    );

  it('keeps lowest loss and highest accuracy apart, over all epochs and averages', () => {
    const bests = new BestAverages(tf);
    record(bests, 0, [
      { loss: 1, acc: 0.5 },
      { loss: 2, acc: 0.6 },
    ]);
    record(bests, 1, [
      { loss: 0.9, acc: 0.4 },
      { loss: 0.8, acc: 0.6 },
    ]);
    record(bests, 2, [
      { loss: 0.8, acc: 0.7 },
      { loss: 0.9, acc: 0.1 },
    ]);
    expect(bests.records).toEqual([
      // The tie of epoch 2 does not replace epoch 1.
      { metric: 'loss', value: 0.8, epoch: 1, index: 1, decay: 0.99 },
      { metric: 'acc', value: 0.7, epoch: 2, index: 0, decay: 0.9 },
    ]);
  });

  it('lets no NaN win, and knows no metric that was not measured', () => {
    const bests = new BestAverages(tf);
    record(bests, 0, [{ loss: Number.NaN }, { loss: Number.NaN }]);
    expect(bests.records).toEqual([]);
    record(bests, 1, [{ loss: Number.NaN }, { loss: 3 }]);
    record(bests, 2, [{ loss: Number.NaN }, { loss: Number.NaN }]);
    expect(bests.records).toEqual([{ metric: 'loss', value: 3, epoch: 1, index: 1, decay: 0.99 }]);
  });

  it('holds one snapshot per metric, and releases what is beaten', () => {
    const before = tf.memory().numTensors;
    const bests = new BestAverages(tf);
    const snapshot = (index: number) => ({ w: tf.scalar(index) });
    const first = [
      { loss: 2, acc: 0 },
      { loss: 3, acc: 1 },
    ];
    tf.tidy(() => record(bests, 0, first, snapshot));
    for (let i = 1; i < 5; i += 1)
      record(
        bests,
        i,
        [
          { loss: 2 - i, acc: i },
          { loss: 9, acc: 0 },
        ],
        snapshot,
      );
    expect(tf.memory().numTensors - before).toBe(2);
    expect(at(bests.find('best-loss')?.tensors['w']?.dataSync() ?? [], 0)).toBe(0);
    bests.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('names what is kept where another one is asked for', () => {
    const bests = new BestAverages(tf);
    expect(bests.find('best')).toBeUndefined();
    expect(thrownBy(() => bests.find('best-loss'), 'INVALID_ARGUMENT').message).toMatch(
      /and none is kept, received 'best-loss'/,
    );
    record(bests, 0, [{ loss: 1 }], () => ({}));
    expect(thrownBy(() => bests.find('best-acc'), 'INVALID_ARGUMENT').message).toMatch(
      /expected one of 'best-loss', received/,
    );
    expect(bests.find('best')?.record).toBe(bests.find('best-loss')?.record);
  });

  it("gives another metric's best not the name 'best' where the monitored one has no number", () => {
    const bests = new BestAverages(tf);
    const winners = winnersOf([{ loss: 1, acc: Number.NaN }], decays, { monitor: 'acc' });
    bests.record({ epoch: 0 }, { winners, decays, monitor: 'acc' }, () => ({}));
    expect(bests.records).toMatchObject([{ metric: 'loss' }]);
    expect(thrownBy(() => bests.find('best'), 'INVALID_ARGUMENT').message).toMatch(
      /expected one of 'best-loss', received 'best'/,
    );
  });
});

describe.each(['native', 'js'] as const)('the best of a fit, engine %s', (engine) => {
  async function trained(batchNorm: 'average' | 'copy' = 'average') {
    const { x, y } = data(64);
    const validation = data(32, 99);
    const model = denseModel(tf.train.sgd(0.5));
    const ema = new WeightEma(tf, { decays: [0.5, 0.95], updateEvery: 2, engine, batchNorm, ...quiet });
    await model.fit(x, y, {
      epochs: 6,
      batchSize: 8,
      verbose: 0,
      callbacks: [ema.callback({ validationData: [validation.x, validation.y], batchSize: 32 })],
    });
    const measure = (m: LayersModel) =>
      (m.evaluate(validation.x, validation.y) as Scalar[]).map((scalar) => at(scalar.dataSync(), 0));
    return { model, ema, measure };
  }

  it.each(['average', 'copy'] as const)(
    'is what was measured then, in use, read, saved and restored; BatchNorm %s',
    async (policy) => {
      const { model, ema, measure } = await trained(policy);
      const all = ema.validations.flatMap(({ averages }) => averages);
      const [loss, acc] = ['loss', 'acc'].map((metric) => ema.bests.find((best) => best.metric === metric));
      expect(loss?.value).toBe(Math.min(...all.map((metrics) => metrics['loss'] ?? Number.NaN)));
      expect(acc?.value).toBe(Math.max(...all.map((metrics) => metrics['acc'] ?? Number.NaN)));
      const raw = weightValues(model);
      expect(ema.use('best-loss', measure)[0]).toBe(loss?.value);
      expect(ema.use('best-acc', measure)[1]).toBe(acc?.value);
      expect(weightValues(model)).toEqual(raw);
      expect(all[2 * (loss?.epoch ?? -1) + (loss?.index ?? -1)]?.['loss']).toBe(loss?.value);
      // By the monitored metric, which is the loss.
      expect(ema.use('best', measure)[0]).toBe(loss?.value);
      // Later training does not reach it.
      const kept = ema.read('best-loss');
      const values = valuesOf(kept);
      tf.dispose(kept);
      setRandomWeights(model, 3);
      ema.update();
      ema.putBack('best-loss');
      expect(measure(model)[0]).toBe(loss?.value);
      expect(weightValues(model)).toEqual(model.weights.map((weight) => values[weight.originalName]));
      ema.dispose();
    },
  );

  it('leaves no tensor behind', async () => {
    const { ema } = await trained();
    ema.use('best-loss', () => 0);
    ema.putBack('best-acc');
    const before = tf.memory().numTensors;
    ema.use('best-loss', () => 0);
    ema.putBack('best-acc');
    expect(tf.memory().numTensors).toBe(before);
    ema.dispose();
    // K averages or their arena, and two snapshots of eight weights.
    expect(before - tf.memory().numTensors).toBeGreaterThanOrEqual(17);
  });
});

describe('record', () => {
  const options = { decays: [0.5, 0.9], updateEvery: 1, warmup: 'none', ...quiet } as const;
  const stepped = (more: EmaOptions = {}) => {
    const model = denseModel();
    const ema = new WeightEma(tf, { ...options, ...more }).attach(model);
    const step = (seed: number): void => {
      setRandomWeights(model, seed);
      ema.update();
    };
    return { model, ema, step };
  };
  const bitsOf = (ema: WeightEma, which: Parameters<WeightEma['use']>[0]) => ema.use(which, weightBits);

  it("makes 'best' the best of all so far as it was then, and 'current' the best of the last as it is now", () => {
    const { ema, step } = stepped();
    step(1);
    expect(ema.record({ epoch: 0, averages: [{ loss: 2 }, { loss: 1 }] })).toBe(1);
    const then = bitsOf(ema, { index: 1 });
    step(2);
    expect(ema.record({ epoch: 1, averages: [{ loss: 3 }, { loss: 4 }] })).toBe(0);
    expect(bitsOf(ema, 'best')).toEqual(then);
    expect(bitsOf(ema, 'current')).toEqual(bitsOf(ema, 0.5));
    step(3);
    expect(bitsOf(ema, 'best')).toEqual(then);
    expect(bitsOf(ema, 'current')).toEqual(bitsOf(ema, 0.5));
    expect(ema.bests).toEqual([{ metric: 'loss', value: 1, epoch: 0, index: 1, decay: 0.9 }]);
    ema.dispose();
  });

  it('takes the metric with val_ and without, smaller or larger by its name, or as mode says', () => {
    for (const [monitor, mode, best] of [
      ['recall', 'auto', 1],
      ['val_recall', 'auto', 1],
      ['val_recall', 'min', 0],
      ['accel_error', 'auto', 0],
      ['accel_error', 'max', 1],
    ] as const) {
      const { ema, step } = stepped();
      step(1);
      const averages = [
        { loss: 1, recall: 0.1, accel_error: 0.1 },
        { loss: 2, recall: 0.7, accel_error: 0.7 },
      ];
      expect(ema.record({ epoch: 0, averages }, { monitor, mode })).toBe(best);
      expect(bitsOf(ema, 'best')).toEqual(bitsOf(ema, { index: best }));
      // Beaten in the same direction only.
      step(2);
      const worse = [
        { loss: 1, recall: 0.3, accel_error: 0.3 },
        { loss: Number.NaN, recall: Number.NaN, accel_error: Number.NaN },
      ];
      expect(ema.record({ epoch: 1, averages: worse }, { monitor, mode })).toBe(0);
      expect(ema.bests.find(({ metric }) => metric === monitor.replace('val_', ''))?.epoch).toBe(0);
      // The loss has its own direction, whatever mode says of the monitored metric.
      expect(bitsOf(ema, 'best-loss')).not.toEqual(bitsOf(ema, { index: 0 }));
      expect(ema.bests.find(({ metric }) => metric === 'loss')).toMatchObject({ value: 1, epoch: 0, index: 0 });
      ema.dispose();
    }
  });

  it('warns once of a direction that is guessed, and of none that is said or known', () => {
    const heard: string[] = [];
    const { ema, step } = stepped({ onWarning: (message) => void heard.push(message) });
    const averages = [
      { loss: 1, sparsity: 0.2, recall: 1 },
      { loss: 2, sparsity: 0.1, recall: 0 },
    ];
    step(1);
    for (const options of [{}, { monitor: 'val_recall' }, { monitor: 'sparsity', mode: 'max' }] as const)
      ema.record({ epoch: 0, averages }, options);
    expect(heard).toEqual([]);
    expect(ema.record({ epoch: 1, averages }, { monitor: 'sparsity' })).toBe(1);
    expect(ema.record({ epoch: 2, averages }, { monitor: 'val_sparsity' })).toBe(1);
    expect(heard).toEqual([
      "nothing in the name 'sparsity' says what is better: smaller is taken to be. Say so by mode: 'min' or 'max'.",
    ]);
    ema.dispose();
  });

  it('says that nothing is best where no average has a number, and leaves what was best', () => {
    const { ema, step } = stepped();
    step(1);
    const nothing = [{ loss: Number.NaN }, { loss: Number.NaN }];
    expect(ema.record({ epoch: 0, averages: nothing })).toBeUndefined();
    for (const which of ['best', 'current'] as const) thrownBy(() => ema.read(which), 'INVALID_ARGUMENT');
    ema.record({ epoch: 1, averages: [{ loss: 2 }, { loss: 1 }] });
    const best = bitsOf(ema, 'best');
    step(2);
    expect(ema.record({ epoch: 2, averages: nothing })).toBeUndefined();
    expect(bitsOf(ema, 'best')).toEqual(best);
    expect(bitsOf(ema, 'current')).toEqual(bitsOf(ema, { index: 1 }));
    ema.dispose();
  });

  it('keeps records alone where keepBest is false: current is there, best is not, and says why', () => {
    const { ema, step } = stepped();
    step(1);
    const before = tf.memory().numTensors;
    expect(ema.record({ epoch: 0, averages: [{ loss: 2 }, { loss: 1 }] }, { keepBest: false })).toBe(1);
    expect(tf.memory().numTensors).toBe(before);
    expect(ema.bests).toMatchObject([{ metric: 'loss', index: 1 }]);
    expect(bitsOf(ema, 'current')).toEqual(bitsOf(ema, { index: 1 }));
    expect(thrownBy(() => ema.use('best', () => 0), 'INVALID_ARGUMENT').message).toMatch(
      /none is kept, received 'best'\..*keepBest is false/,
    );
    ema.dispose();
  });

  it('refuses what was not measured, other options and other measurements, and changes nothing by it', () => {
    const { ema, step } = stepped();
    step(1);
    const averages = [
      { loss: 1, acc: 0 },
      { loss: 2, acc: 1 },
    ];
    const refused = (measured: unknown, options: unknown = {}): string =>
      thrownBy(() => ema.record(measured as never, options as never), 'INVALID_ARGUMENT').message;
    expect(refused({ epoch: 0, averages }, { monitor: 'val_auc' })).toBe(
      "monitor: expected one of loss, acc, received 'val_auc'.",
    );
    expect(refused({ epoch: 0, averages }, { monitor: 3 })).toMatch(/^monitor: .*received 3/);
    expect(refused({ epoch: 0, averages }, { mode: 'up' })).toMatch(/^mode: expected 'auto' or 'min' or 'max'/);
    expect(refused({ epoch: 0, averages }, { keepBest: 1 })).toMatch(/^keepBest: expected true or false/);
    expect(refused({ epoch: 0, averages }, { metric: 'acc' })).toMatch(/no option 'metric'/);
    expect(refused({ epoch: 0, averages }, ['loss'])).toMatch(/^options: expected an object/);
    expect(refused({ epoch: 0, averages: [] })).toMatch(
      /^measured\.averages: expected metrics of each of the 2 averages/,
    );
    for (const measured of [undefined, null, 1, {}, { averages: 3 }]) expect(refused(measured)).toMatch(/^measured: /);
    expect(ema.bests).toEqual([]);
    thrownBy(() => ema.read('current'), 'INVALID_ARGUMENT');
    ema.dispose();
  });

  it('takes nothing down up to the start, nor before the first step', () => {
    const { ema, step } = stepped({ start: 2 });
    const measured = { epoch: 0, averages: [{ loss: 1 }, { loss: 2 }] };
    for (let seed = 1; seed <= 3; seed += 1) {
      expect(ema.record(measured)).toBeUndefined();
      expect(ema.bests).toEqual([]);
      for (const which of ['best', 'current', 'best-loss'] as const)
        thrownBy(() => ema.read(which), 'INVALID_ARGUMENT');
      step(seed);
    }
    expect(ema.record(measured)).toBe(0);
    expect(ema.bests).toHaveLength(1);
    ema.dispose();
  });

  it("with one average 'best' is that one until something was measured, which before the start is a copy: a warning says so", () => {
    const model = lineModel();
    const ema = new WeightEma(tf, { ...options, decays: [0.5], start: 1 }).attach(model);
    const step = (value: number): void => {
      assign(model.weights[0], () => tf.tensor2d([[value]]));
      ema.update();
    };
    step(4);
    expect(ema.use('best', weightValues)).toEqual([Float32Array.of(4)]);
    expect(ema.warnings).toEqual([expect.stringMatching(/^'best' before the start: .* a copy of the weights/)]);
    step(8);
    for (const which of ['best', 'current'] as const)
      expect(ema.use(which, weightValues)).toEqual([Float32Array.of(6)]);
    ema.record({ epoch: 0, averages: [{ loss: 1 }] });
    step(8);
    expect(ema.use('best', weightValues)).toEqual([Float32Array.of(6)]);
    expect(ema.use('current', weightValues)).toEqual([Float32Array.of(7)]);
    expect(ema.warnings).toHaveLength(1);
    ema.dispose();
  });
});

describe('the callback', () => {
  it('keeps records without weights where keepBest is false', async () => {
    const { x, y } = data(32);
    const ema = new WeightEma(tf, { decays: 0.9, ...quiet });
    await denseModel().fit(x, y, {
      epochs: 1,
      batchSize: 8,
      verbose: 0,
      callbacks: [ema.callback({ validationData: [x, y], keepBest: false })],
    });
    expect(ema.bests.map(({ metric }) => metric)).toEqual(['loss', 'acc']);
    for (const which of ['best', 'best-loss'] as const) thrownBy(() => ema.putBack(which), 'INVALID_ARGUMENT');
    tf.dispose(ema.read('current'));
    ema.dispose();
  });

  it('judges by recall that larger is better, and by the same metric what mode says', async () => {
    const x = tf.tensor2d(floats(128, 1), [64, 2]);
    const y = tf.tidy(() => x.sum(1, true).greater(0).toFloat());
    // Without a part of the targets no recall: the first average that finds any is better than one that finds none.
    const recall = (truth: Tensor, predicted: Tensor) =>
      tf.tidy(() => truth.mul(predicted.greater(0.5).toFloat()).sum().div(truth.sum()));
    const trained = async (mode: 'auto' | 'min') => {
      const kernelInitializer = tf.initializers.constant({ value: -1 });
      const layer = tf.layers.dense({ units: 1, inputShape: [2], activation: 'sigmoid', kernelInitializer });
      const model = tf.sequential({ layers: [layer] });
      model.compile({ optimizer: tf.train.sgd(1), loss: 'binaryCrossentropy', metrics: [recall] });
      const options = { decays: [0.5, 0.99], updateEvery: 1, warmup: 'none', ...quiet } as const;
      const ema = new WeightEma(tf, options);
      const callback = ema.callback({ validationData: [x, y], monitor: 'val_recall', mode });
      const fit = { epochs: 8, batchSize: 16, shuffle: false, verbose: 0 as const };
      const { history } = await model.fit(x, y, { ...fit, callbacks: [callback] });
      const measured = ema.validations.flatMap(({ averages }) => averages.map((metrics) => metrics['recall'] ?? -1));
      const found = {
        measured,
        best: ema.bests.find(({ metric }) => metric === 'recall'),
        loss: ema.bests.find(({ metric }) => metric === 'loss')?.value,
        losses: ema.validations.flatMap(({ averages }) => averages.map((metrics) => metrics['loss'] ?? Number.NaN)),
        last: history['ema_best_decay']?.at(-1),
        warnings: ema.warnings,
      };
      ema.dispose();
      return found;
    };
    const larger = await trained('auto');
    // Decay 0.5 follows the trained weights; 0.99 has most of the start, which finds nothing.
    expect(larger.last).toBe(0.5);
    expect(larger.best?.value).toBe(Math.max(...larger.measured));
    expect(larger.best?.value).toBeGreaterThan(0.5);
    expect(larger.warnings.join()).not.toMatch(/what is better/);
    const smaller = await trained('min');
    expect(smaller.measured).toEqual(larger.measured);
    expect(smaller.last).toBe(0.99);
    expect(smaller.best?.value).toBe(Math.min(...smaller.measured));
    // What mode says is said of the monitored metric alone.
    for (const { loss, losses } of [larger, smaller]) expect(loss).toBe(Math.min(...losses));
  });

  it('lets nothing be best up to the start, and trains on: the raw weights hit the optimum there by chance', async () => {
    const [x, y] = [tf.tensor2d([[1]]), tf.tensor2d([[1]])];
    // Exactly right in the second epoch, and swinging around it for good: only the average comes near it again.
    const path = [0.5, 1, 1.3, 0.6, 1.4, 0.7, 1.3, 0.8, 1.2, 0.8, 1.2, 0.8, 1.2, 0.8, 1.2, 0.8];
    const start = 8;
    const model = lineModel();
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
    const options = { decays: [0.5, 0.7], updateEvery: 1, warmup: 'none', start, ...quiet } as const;
    const ema = new WeightEma(tf, options);
    const saved: number[] = [];
    const drive = new tf.CustomCallback({
      onBatchEnd: async () => assign(model.weights[0], () => tf.tensor2d([[path[ema.steps] ?? Number.NaN]])),
      onEpochEnd: async (epoch) => {
        saved.push(readdirSync(folder).length);
        if (epoch < start) thrownBy(() => ema.read('best'), 'INVALID_ARGUMENT');
      },
    });
    const fit = {
      epochs: path.length,
      batchSize: 1,
      verbose: 0 as const,
      callbacks: [drive, ema.callback({ validationData: [x, y], keepBest: { folder } })],
    };
    const { history, epoch } = await model.fit(x, y, fit);
    expect(epoch).toHaveLength(path.length);
    const [best] = ema.bests;
    // The step of an epoch is one more than its number: epoch 8 is the first that averages.
    expect(best?.epoch).toBeGreaterThanOrEqual(start);
    expect(best?.value).toBe(ema.validations[best?.epoch ?? 0]?.averages[best?.index ?? 0]?.['loss']);
    ema.validations.forEach(({ best: index, tied, averages }, number) => {
      if (number < start) expect([index, tied]).toEqual([undefined, undefined]);
      else expect(index).toBeDefined();
      expect(averages).toHaveLength(2);
    });
    // A number an epoch in all of History.
    for (const [name, values] of Object.entries(history)) {
      expect(values).toHaveLength(path.length);
      const isOfBest = name === 'val_ema_loss' || name === 'ema_best_decay';
      expect(values.map((value) => Number.isNaN(value))).toEqual(path.map((_, number) => isOfBest && number < start));
    }
    expect(Object.keys(history)).toEqual(expect.arrayContaining(['val_raw_loss', 'val_ema_loss', 'ema_best_decay']));
    // Before the callback of that epoch.
    expect(saved.slice(0, start + 1)).toEqual(path.slice(0, start + 1).map(() => 0));
    expect(saved.at(-1)).toBe(1);
    ema.dispose();
    rmSync(folder, { recursive: true });
  });

  it('gives History a number an epoch where the metric has none in some: NaN', async () => {
    const { x, y } = data(32);
    let now = 0;
    const flaky = (truth: Tensor, predicted: Tensor) =>
      tf.tidy(() =>
        truth
          .sub(predicted)
          .abs()
          .mean()
          .mul(now === 1 ? Number.NaN : 1),
      );
    const model = denseModel();
    model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy', metrics: [flaky] });
    const options = { decays: [0.5, 0.9], updateEvery: 1, ...quiet };
    const ema = new WeightEma(tf, options);
    const clock = new tf.CustomCallback({
      onEpochBegin: async (epoch) => {
        now = epoch;
      },
    });
    const { history } = await model.fit(x, y, {
      epochs: 4,
      batchSize: 8,
      verbose: 0,
      callbacks: [clock, ema.callback({ validationData: [x, y], monitor: 'val_flaky', mode: 'min' })],
    });
    for (const values of Object.values(history)) expect(values).toHaveLength(4);
    for (const name of ['val_ema_loss', 'val_ema_flaky', 'ema_best_decay'])
      expect(history[name]?.map((value) => Number.isNaN(value))).toEqual([false, true, false, false]);
    expect(ema.bests.map(({ metric }) => metric).sort()).toEqual(['flaky', 'loss']);
    ema.dispose();
  });

  it('keeps the best of all epochs where the model overfits: its loss is far below that of the last epoch', async () => {
    // 8 inputs, and targets that are mostly noise: 64 hidden units learn it by heart within 60 epochs.
    const noisy = (samples: number, seed: number) => {
      const x = tf.randomNormal([samples, 8], 0, 1, 'float32', seed) as Tensor2D;
      const noise = tf.randomNormal([samples, 1], 0, 1, 'float32', seed + 1);
      return { x, y: tf.tidy(() => x.slice([0, 0], [samples, 1]).mul(0.5).add(noise)) };
    };
    const [train, validation] = [noisy(128, 1), noisy(512, 3)];
    const model = tf.sequential({
      layers: [
        tf.layers.dense({
          units: 64,
          inputShape: [8],
          activation: 'tanh',
          kernelInitializer: tf.initializers.glorotUniform({ seed: 1 }),
        }),
        tf.layers.dense({ units: 1, kernelInitializer: tf.initializers.glorotUniform({ seed: 2 }) }),
      ],
    });
    model.compile({ optimizer: tf.train.adam(0.02), loss: 'meanSquaredError' });
    const options = { decays: [0.9, 0.99], warmup: 'none', ...quiet } as const;
    const ema = new WeightEma(tf, options);
    const fit = {
      epochs: 60,
      batchSize: 16,
      shuffle: false,
      verbose: 0 as const,
      callbacks: [ema.callback({ validationData: [validation.x, validation.y], batchSize: 32 })],
    };
    await model.fit(train.x, train.y, fit);
    const evaluate = (m: LayersModel) => at((m.evaluate(validation.x, validation.y) as Scalar).dataSync(), 0);
    const [best, current] = [ema.use('best', evaluate), ema.use('current', evaluate)];
    expect(ema.bests).toHaveLength(1);
    expect(best).toBe(at(ema.bests, 0).value);
    expect(at(ema.bests, 0).epoch).toBeLessThan(20);
    const last = at(ema.validations, 59);
    expect(current).toBe(last.averages[last.best ?? -1]?.['loss']);
    // Measured: 0.960 after epoch 5, and 1.831 at the end.
    expect(best).toBeLessThan(current / 1.5);
    // The file of a newcomer's run is the model that they mean.
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
    await ema.saveModel('best', `file://${folder}`);
    const loaded = await tf.loadLayersModel(`file://${folder}/model.json`);
    expect(weightBits(loaded)).toEqual(ema.use('best', weightBits));
    rmSync(folder, { recursive: true });
    ema.dispose();
  });
});
