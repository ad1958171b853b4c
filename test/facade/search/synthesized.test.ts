// Decays that were not tracked: measured against a run that did track them, on real training; the bound; what is refused.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, WeightEma } from '../../../src/index.js';
import { synthesize } from '../../../src/search.js';
import { thrownBy } from '../../support/expect.js';
import { data, denseModel, setRandomWeights, tf, valuesOf, weightValues } from '../../support/models.js';
import { at, maxDifference } from '../../support/oracle.js';

// Half-lives of 8, 16, 32 and 64 steps.
const decays = [8, 16, 32, 64].map((halfLife) => ({ halfLife }));
const quiet = { onWarning: () => undefined };

afterEach(() => {
  tf.disposeVariables();
});

const valuesAndDispose = (tensors: Parameters<typeof valuesOf>[0]) => {
  const values = valuesOf(tensors);
  tf.dispose(tensors);
  return values;
};

describe.each(['native', 'js'] as const)('synthesize, engine %s', (engine) => {
  const make = (model: ReturnType<typeof denseModel>, options: EmaOptions = {}) =>
    new WeightEma(tf, { decays, engine, ...quiet, ...options }).attach(model);

  it.each([
    ['none', 1],
    ['none', 16],
    ['paper', 1],
    ['paper', 16],
  ] as const)(
    'is within its bound of the true average of a training; warm-up %s, T = %i',
    async (warmup, updateEvery) => {
      const { x, y } = data(64);
      const model = denseModel(tf.train.sgd(0.3));
      const tracked = make(model, { warmup, updateEvery });
      const wanted = [11, 20, 45, 64].map((halfLife) => ({ halfLife }));
      const truth = make(model, { warmup, updateEvery, decays: wanted });
      const start = weightValues(model);
      let radius = 0;
      for (let step = 1; step <= 150; step += 1) {
        await model.trainOnBatch(x, y);
        radius = Math.max(radius, ...weightValues(model).map((values, i) => maxDifference(values, at(start, i))));
        for (const ema of [tracked, truth]) {
          ema.update();
          // A look between updates changes nothing.
          if (step === 37 || step === 90) tf.dispose(ema.read({ index: 0 }));
        }
      }
      const before = tf.memory().numTensors;
      wanted.forEach((spec, index) => {
        const { tensors, bound, coefficients } = synthesize(tracked, spec);
        expect(coefficients.reduce((sum, c) => sum + c, 0)).toBeCloseTo(1, 12);
        const made = valuesAndDispose(tensors);
        const real = valuesAndDispose(truth.read({ index }));
        expect(Object.keys(made)).toEqual(Object.keys(real));
        const error = Math.max(
          ...Object.entries(made).map(([name, values]) => maxDifference(values, real[name] ?? [])),
        );
        // And what float32 rounds: a few units in the last place of weights below 8.
        expect(error).toBeLessThanOrEqual(bound * radius + 2 ** -18);
        expect(bound).toBeLessThan(0.11);
      });
      expect(tf.memory().numTensors).toBe(before);
      for (const ema of [tracked, truth]) ema.dispose();
    },
  );

  it('gives a tracked decay as it is, to the bit, and constant weights too', () => {
    const model = denseModel();
    const ema = make(model, { updateEvery: 1 });
    ema.update();
    expect(valuesAndDispose(synthesize(ema, { halfLife: 20 }).tensors)).toEqual(
      valuesAndDispose(ema.read({ index: 0 })),
    );
    setRandomWeights(model, 1);
    ema.update();
    const { tensors, bound } = synthesize(ema, { halfLife: 16 });
    expect(bound).toBe(0);
    expect(valuesAndDispose(tensors)).toEqual(valuesAndDispose(ema.read({ index: 1 })));
    ema.dispose();
  });

  it('refuses decays outside of the tracked ones, and a single one', () => {
    const ema = make(denseModel());
    ema.update();
    for (const halfLife of [7, 65]) {
      const { message } = thrownBy(() => synthesize(ema, { halfLife }), 'INVALID_ARGUMENT');
      expect(message).toMatch(/half-li/);
    }
    thrownBy(() => synthesize(ema, { halfLife: { epochs: 1 } }), 'INVALID_ARGUMENT');
    const single = make(denseModel(), { decays: [0.9] });
    single.update();
    thrownBy(() => synthesize(single, 0.95), 'INVALID_ARGUMENT');
    ema.dispose();
    thrownBy(() => synthesize(ema, { halfLife: 20 }), 'DISPOSED');
  });

  it('has the same bound after a checkpoint', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
    const model = denseModel();
    const [first, second] = [make(model), make(model)];
    for (let step = 0; step < 40; step += 1) {
      setRandomWeights(model, step);
      first.update();
    }
    await first.saveCheckpoint(join(folder, 'ema'));
    await second.loadCheckpoint(join(folder, 'ema'));
    const [a, b] = [first, second].map((ema) => synthesize(ema, { halfLife: 20 }));
    expect(b?.bound).toBe(a?.bound);
    expect(valuesAndDispose(b?.tensors ?? {})).toEqual(valuesAndDispose(a?.tensors ?? {}));
    rmSync(folder, { recursive: true });
    for (const ema of [first, second]) ema.dispose();
  });
});
