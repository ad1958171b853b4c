// Mistakes of other libraries, each as a test that this one does not make it. Sources: their issues and code, as named.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel, Scalar, Tensor2D } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { isSwapped, rejectionOf, weightBits } from '../../support/expect.js';
import {
  addCounter,
  assign,
  data,
  denseModel,
  lineModel,
  setRandomWeights,
  tf,
  valuesOf,
  weightValues,
} from '../../support/models.js';
import { at, bits } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };
const fit = { epochs: 2, batchSize: 16, verbose: 0 as const };

afterEach(() => {
  tf.disposeVariables();
});

describe('swapping', () => {
  it('Keras 3.15.1 SwapEMAWeights.on_predict_end: after predict the averages stay in the model', () => {
    const { x } = data(16);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1 }).attach(model);
    setRandomWeights(model, 1);
    ema.update();
    const raw = weightBits(model);
    const before = Array.from((model.predict(x) as Scalar).dataSync());
    const averaged = ema.use(0.9, () => Array.from((model.predict(x) as Scalar).dataSync()));
    expect(averaged).not.toEqual(before);
    expect(Array.from((model.predict(x) as Scalar).dataSync())).toEqual(before);
    expect(weightBits(model)).toEqual(raw);
    ema.dispose();
  });

  it('Keras, TFA: swapping by arithmetic changes the bits of half of the weights in a round trip', () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1 }).attach(model);
    // Values of very different sizes, which a sum and a difference would not bring back.
    model.weights.forEach((weight, i) => {
      assign(weight, () => tf.mul(weight.read(), 10 ** (3 * i - 9)));
    });
    ema.update();
    const raw = weightBits(model);
    for (let i = 0; i < 10; i += 1) ema.use(0.9, () => 0);
    expect(weightBits(model)).toEqual(raw);
    ema.dispose();
  });

  it('Lightning 21724: averages swapped in before the first update', () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, ...quiet }).attach(model);
    setRandomWeights(model, 4);
    const loaded = weightBits(model);
    expect(ema.use(0.9, weightBits)).toEqual(loaded);
    expect(ema.warnings).toHaveLength(1);
    ema.dispose();
  });

  it.each(['onTrainBegin', 'onEpochBegin', 'onBatchBegin', 'onBatchEnd', 'onEpochEnd', 'onTrainEnd'] as const)(
    'Open-Sora-Plan 186, waifu-diffusion 31: weights not restored; a throw in %s leaves them raw',
    async (hook) => {
      const { x, y } = data(48);
      const model = denseModel();
      const ema = new WeightEma(tf, { decays: [0.9, 0.99], updateEvery: 1 });
      let raw: number[][] = [];
      const failing = new tf.CustomCallback({
        [hook]: () => {
          raw = weightBits(model);
          throw new RangeError(hook);
        },
      });
      await expect(
        model.fit(x, y, { ...fit, callbacks: [ema.callback({ validationData: [x, y] }), failing] }),
      ).rejects.toThrow(RangeError);
      expect(weightBits(model)).toEqual(raw);
      expect(isSwapped(ema)).toBe(false);
      // And the next fit goes on.
      const steps = ema.steps;
      await model.fit(x, y, { ...fit, callbacks: [ema.callback({ validationData: [x, y] })] });
      expect(ema.steps).toBe(steps + 6);
      ema.dispose();
    },
  );

  it('nequip 590, schnetpack 785: a checkpoint of the model written during validation holds the average', async () => {
    const { x, y } = data(32);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1 });
    const saved: boolean[] = [];
    const checkpoint = new tf.CustomCallback({
      onEpochEnd: async () => {
        const raw = weightBits(model);
        let written = Buffer.alloc(0);
        const handler = tf.io.withSaveHandler(async (artifacts) => {
          written = Buffer.from(artifacts.weightData as ArrayBuffer);
          return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' as const } };
        });
        await model.save(handler);
        saved.push(written.equals(Buffer.from(Uint32Array.from(raw.flat()).buffer)));
      },
    });
    await model.fit(x, y, { ...fit, callbacks: [ema.callback({ validationData: [x, y] }), checkpoint] });
    expect(saved).toEqual([true, true]);
    ema.dispose();
  });
});

describe('counting', () => {
  it('Keras, F5-TTS 631: the average moves with every micro-batch; here with every call, one for each optimizer step', () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 2 }).attach(model);
    for (let microBatch = 1; microBatch <= 12; microBatch += 1) {
      // Gradients accumulate over 3 micro-batches; then the optimizer steps once.
      if (microBatch % 3 === 0) ema.update();
    }
    expect([ema.steps, ema.updates]).toEqual([4, 2]);
    ema.dispose();
  });

  it('ema-pytorch KarrasEMA: the per-step decay applied once every T steps; here 8 steps of T = 4 equal 8 of T = 1', () => {
    // Weights that jump once and stay: both give the same closed form, 1 - decay ** 8 of the jump.
    for (const updateEvery of [1, 4]) {
      const model = lineModel();
      const ema = new WeightEma(tf, { decays: 0.95, updateEvery, warmup: 'none' }).attach(model);
      assign(model.weights[0], () => tf.tensor2d([[2]]));
      for (let step = 0; step < 8; step += 1) ema.update();
      const [tensor] = Object.values(ema.read(0.95));
      expect(tensor?.dataSync()[0]).toBeCloseTo(1 + (1 - 0.95 ** 8), 6);
      ema.dispose();
    }
  });

  it.each([1, 4])(
    'lightly-train 892, YOLOX 1318: the counter is not saved and the warm-up restarts; here it goes on, T = %i',
    async (updateEvery) => {
      const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
      const options = { decays: 0.99, updateEvery, warmup: 'paper', ...quiet } as const;
      const model = lineModel();
      const step = (ema: WeightEma, from: number, to: number) => {
        for (let i = from; i < to; i += 1) {
          assign(model.weights[0], () => tf.tensor2d([[Math.sin(i)]]));
          ema.update();
        }
      };
      const whole = new WeightEma(tf, options).attach(model);
      step(whole, 0, 10);
      await whole.saveCheckpoint(join(folder, 'ema'));
      step(whole, 10, 24);
      const resumed = new WeightEma(tf, options).attach(model);
      await resumed.loadCheckpoint(join(folder, 'ema'));
      expect(resumed.steps).toBe(10);
      step(resumed, 10, 24);
      const of = (ema: WeightEma) => ema.use('best', weightBits);
      expect(of(resumed)).toEqual(of(whole));
      // A warm-up that starts again would take nine tenths of the next weight.
      const restarted = new WeightEma(tf, options).attach(model);
      step(restarted, 10, 24);
      expect(of(restarted)).not.toEqual(of(whole));
      for (const ema of [whole, resumed, restarted]) ema.dispose();
      rmSync(folder, { recursive: true });
    },
  );

  it('timm 1182, mmpretrain 870: decay too high for the run, accuracy 0 for epochs; here a warning says so before the first step', async () => {
    const { x, y } = data(32);
    const ema = new WeightEma(tf, { decays: [0.5, 0.9999], updateEvery: 1, warmup: 'none', ...quiet });
    const begin: string[] = [];
    const watch = new tf.CustomCallback({ onEpochBegin: () => void begin.push(...ema.warnings) });
    await denseModel().fit(x, y, { ...fit, epochs: 5, callbacks: [ema.callback(), watch] });
    // 10 steps: 0.9999 ** 10 of the start is left, and 1 % would be after half-lives of 1.5 steps.
    expect(begin[0]).toMatch(
      /^too high a decay for 10 steps of training: after them the average of 0\.9999 still holds 100 % of the initial weights\. Use a half-life of at most 1\.5 steps, or the warm-up\.$/,
    );
    // Once, and of no other decay.
    expect(ema.warnings).toEqual([begin[0]]);
    expect(begin[0]).not.toMatch(/\b0\.5 /);
    ema.dispose();
  });

  it('senpai 2899, ai-toolkit 1034: silently never updated; here the average has moved, in Sequential, functional and nested models', async () => {
    const { x, y } = data(32);
    const inner = denseModel();
    const input = tf.input({ shape: [4] });
    const outer = tf.model({ inputs: input, outputs: inner.apply(input) as never });
    outer.compile({ optimizer: tf.train.sgd(0.5), loss: 'categoricalCrossentropy' });
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1 });
    const start = weightValues(inner);
    await outer.fit(x, y, { ...fit, callbacks: [ema.callback()] });
    const moved = ema.use(0.9, () => weightValues(inner));
    moved.forEach((values, i) => {
      expect(Array.from(values)).not.toEqual(Array.from(at(start, i)));
    });
    ema.dispose();
  });
});

describe('health', () => {
  it('senpai 2899: the averages are attached to a model that a wrapper does not train; here diagnose() says so', async () => {
    const { x, y } = data(32);
    const [attached, trained] = [denseModel(), denseModel()];
    const ema = new WeightEma(tf, { decays: [0.9, 0.99], updateEvery: 1, ...quiet }).attach(attached);
    expect(ema.diagnose().health).toEqual([expect.stringMatching(/no step was counted yet/)]);
    for (let step = 0; step < 5; step += 1) {
      await trained.trainOnBatch(x, y);
      ema.update();
    }
    const wrong = /every average equals the weights to the bit: the weights have not changed since they were copied/;
    expect(ema.diagnose().health).toContainEqual(expect.stringMatching(wrong));
    expect(ema.warnings).toContainEqual(expect.stringMatching(wrong));
    ema.dispose();
  });

  it('ai-toolkit 1034: the norm of the weights grows 12-fold with no sign of it; here a warning comes while it trains', () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1, diagnoseEvery: 5, ...quiet }).attach(model);
    for (let step = 0; step < 20; step += 1) {
      for (const weight of model.weights) assign(weight, () => tf.mul(weight.read(), 12 ** (1 / 20)));
      ema.update();
      if (step === 14) expect(ema.warnings).toEqual([]);
    }
    expect(ema.warnings).toEqual([expect.stringMatching(/norm of the weights has grown 12-fold since step 0/)]);
    ema.dispose();
  });
});

describe('what is averaged', () => {
  it('ignite 2590: stale BatchNorm statistics; here those of the average are averaged or live, never those of the start', async () => {
    const { x, y } = data();
    const statistics = (model: LayersModel) =>
      at(model.layers, 1)
        .getWeights()
        .slice(2)
        .flatMap((tensor) => Array.from(tensor.dataSync()));
    for (const batchNorm of ['average', 'copy'] as const) {
      const model = denseModel();
      const start = statistics(model);
      const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1, batchNorm });
      await model.fit(x, y, { ...fit, callbacks: [ema.callback()] });
      ema.use(0.9, (m) => expect(statistics(m)).not.toEqual(start));
      ema.dispose();
    }
  });

  it('ignite 2590: F1 of 40 instead of 60; here average, copy and recompute are each what a reference says', async () => {
    const { x, y } = data(64);
    const [layer, decay] = [1, 0.7];
    const statistics = (model: LayersModel) =>
      at(model.layers, layer)
        .getWeights()
        .slice(2)
        .map((tensor) => Array.from(tensor.dataSync()));
    const expectClose = (values: number[][], expected: number[][]) =>
      values.flat().forEach((value, i) => {
        expect(value).toBeCloseTo(at(expected.flat(), i), 5);
      });
    for (const batchNorm of ['average', 'copy'] as const) {
      const model = denseModel(tf.train.sgd(0.3));
      let averaged = statistics(model);
      const ema = new WeightEma(tf, { decays: decay, updateEvery: 1, warmup: 'none', batchNorm, ...quiet }).attach(
        model,
      );
      for (let step = 0; step < 5; step += 1) {
        await model.trainOnBatch(x, y);
        ema.update();
        const live = statistics(model).flat();
        averaged = averaged.map((part, i) => part.map((old, j) => decay * old + (1 - decay) * at(live, 8 * i + j)));
      }
      const live = statistics(model);
      expectClose(ema.use(decay, statistics), batchNorm === 'average' ? averaged : live);
      if (batchNorm === 'average') {
        await ema.recomputeBatchNorm(x);
        const { mean, variance } = ema.use(decay, (m) =>
          tf.tidy(() => {
            const inner = at(m.layers, 0).apply(x) as Tensor2D;
            const { mean, variance } = tf.moments(inner, 0);
            return { mean: Array.from(mean.dataSync()), variance: Array.from(variance.dataSync()) };
          }),
        );
        const [means, variances] = ema.use(decay, statistics);
        // tfjs may count n - 1 instead of n samples: 1/64 of the variance.
        expectClose([at([means ?? []], 0)], [mean]);
        (variances ?? []).forEach((value, i) => {
          expect(Math.abs(value - at(variance, i))).toBeLessThan(at(variance, i) / 60 + 1e-6);
        });
        expect(statistics(model)).toEqual(live);
      }
      ema.dispose();
    }
  });

  it('torch, Composer: integer buffers are truncated averages; here they are the live ones', () => {
    const model = denseModel();
    const counter = addCounter(model);
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1, warmup: 'none' }).attach(model);
    for (let step = 1; step <= 3; step += 1) {
      assign(counter, () => tf.tensor1d([1000 * step + 7], 'int32'));
      ema.update();
    }
    const live = () => counter?.read().dataSync()[0];
    expect(ema.use(0.9, live)).toBe(3007);
    const read = valuesOf(ema.read(0.9));
    expect(Object.entries(read).find(([name]) => name.includes('counter'))?.[1]).toEqual(Float32Array.of(3007));
    ema.dispose();
  });

  it('torch 1.x, NeMo, Composer: float32 decays are off by 1.7e-4; here alpha is rounded once', () => {
    const model = lineModel();
    const decay = 0.9999;
    const ema = new WeightEma(tf, { decays: decay, updateEvery: 1, warmup: 'none' }).attach(model);
    assign(model.weights[0], () => tf.tensor2d([[2]]));
    ema.update();
    const [tensor] = Object.values(ema.read(decay));
    // 1 + alpha, to one rounding of the sum.
    expect(Math.abs((tensor?.dataSync()[0] ?? 0) - (1 + 1e-4))).toBeLessThan(2 ** -24 + 1e-11);
    ema.dispose();
  });
});

describe('what tfjs does', () => {
  it('setWeights shares the memory of its tensors with the weights: averages are copies', () => {
    const model = lineModel();
    const array = Float32Array.of(5);
    tf.tidy(() => model.setWeights([tf.tensor2d(array, [1, 1])]));
    const ema = new WeightEma(tf, { decays: 1, updateEvery: 1, warmup: 'none', engine: 'native' }).attach(model);
    array[0] = 99;
    assign(model.weights[0], () => tf.tensor2d([[7]]));
    ema.update();
    expect(Object.values(valuesOf(ema.read(1)))).toEqual([Float32Array.of(5)]);
    ema.dispose();
  });

  it('a weight read by the user before keeps its value when the average moves', () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1, engine: 'native' }).attach(model);
    const early = ema.read(0.5);
    const before = Object.values(early).map((tensor) => Array.from(bits(tensor.dataSync())));
    setRandomWeights(model, 2);
    ema.update();
    expect(Object.values(early).map((tensor) => Array.from(bits(tensor.dataSync())))).toEqual(before);
    ema.dispose();
  });

  it('a batch that throws leaves fit without onTrainEnd: the callback works in the next fit', async () => {
    const { x, y } = data(32);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1 });
    await expect(
      model.fit(x, tf.zeros([32, 5]), { ...fit, callbacks: [ema.callback({ validationData: [x, y] })] }),
    ).rejects.toThrow();
    await model.fit(x, y, { ...fit, callbacks: [ema.callback({ validationData: [x, y] })] });
    expect(ema.steps).toBe(4);
    await rejectionOf(ema.saveModel(0.123, 'file:///tmp/none'), 'INVALID_ARGUMENT');
    ema.dispose();
  });

  it('stopTraining in the middle of an epoch: the epoch is validated, and the steps are those taken', async () => {
    const { x, y } = data(64);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 3 });
    const stop = new tf.CustomCallback({
      onBatchEnd: (batch) => {
        if (batch === 1) model.stopTraining = true;
      },
    });
    await model.fit(x, y, { ...fit, callbacks: [ema.callback({ validationData: [x, y] }), stop] });
    expect([ema.steps, ema.updates, ema.validations.length]).toEqual([2, 0, 1]);
    ema.dispose();
  });
});
