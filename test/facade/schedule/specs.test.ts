// Averages of other shapes beside exponential ones: their names, their values against float64 oracles, logs, resume, refusals.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, WeightEma, type Which } from '../../../src/index.js';
import { exponentFromWidth } from '../../../src/schedule/profile.js';
import { type AverageSpec, type DecaySpecs, labelsOf, resolveAverages } from '../../../src/schedule/specs.js';
import { synthesize } from '../../../src/search.js';
import { rejectionOf, thrownBy } from '../../support/expect.js';
import { data, denseModel, setRandomWeights, tf, valuesOf, weightValues } from '../../support/models.js';
import { at, maxDifference } from '../../support/oracle.js';

const quiet = { onWarning: () => undefined };
const folder = mkdtempSync(join(tmpdir(), 'averages-'));

afterEach(() => {
  tf.disposeVariables();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const messageOf = (specs: DecaySpecs) => thrownBy(() => resolveAverages(specs), 'INVALID_ARGUMENT').message;

describe('resolveAverages', () => {
  it('tells shapes apart, and gives decay 1 to those that have none', () => {
    const averages = resolveAverages([0.9, 'uniform', { relativeWidth: 0.1 }, { halfLife: 1 }]);
    expect(averages).toEqual({
      decays: [0.9, 1, 1, 0.5],
      profiles: ['exponential', 'uniform', { relativeWidth: 0.1 }, 'exponential'],
    });
    expect(labelsOf(averages)).toEqual(['0.9', 'uniform', 'width0.1', '0.5']);
  });

  it('takes decay 1 and the plain mean for different averages, and one average twice for a mistake', () => {
    expect(labelsOf(resolveAverages([1, 'uniform']))).toEqual(['1', 'uniform']);
    expect(messageOf(['uniform', 'uniform'])).toMatch(/uniform stands there twice/);
    expect(messageOf([{ relativeWidth: 0.1 }, { relativeWidth: 0.1 }])).toMatch(/width0.1 stands there twice/);
  });

  it('refuses what is no width, and what is given beside one', () => {
    expect(messageOf([{ relativeWidth: 0.3 }])).toMatch(/above 0 and at most 0\.2886/);
    expect(messageOf([{ relativeWidth: 0 }])).toMatch(/received 0/);
    expect(messageOf([{ relativeWidth: 0.1, halfLife: 3 } as AverageSpec])).toMatch(/decays\[0\].*relativeWidth/);
    expect(messageOf('mean' as 'uniform')).toMatch(/^decays: .*received 'mean'/);
  });
});

/** The float64 sum over all steps, with the share of step s (from 1) growing as s ** exponent, and the weights held for T steps. */
function mean(history: readonly Float32Array[][], exponent: number, updateEvery: number): Float64Array[] {
  const share = (update: number) => {
    const edge = (step: number) => (step / (history.length * updateEvery)) ** (exponent + 1);
    return edge((update + 1) * updateEvery) - edge(update * updateEvery);
  };
  return at(history, 0).map((values, i) =>
    Float64Array.from(values, (_, j) =>
      history.reduce((sum, weights, update) => sum + share(update) * at(at(weights, i), j), 0),
    ),
  );
}

describe.each(['native', 'js'] as const)('averages of other shapes, engine %s', (engine) => {
  const decays = [0.9, 'uniform', { relativeWidth: 0.1 }] as const;
  const make = (options: EmaOptions = {}) => new WeightEma(tf, { engine, decays, ...quiet, ...options });
  const read = (ema: WeightEma, which: Which) => {
    const tensors = ema.read(which);
    const values = Object.values(valuesOf(tensors));
    tf.dispose(tensors);
    return values;
  };
  const inLayerOrder = (model: ReturnType<typeof denseModel>) =>
    model.weights.map((weight) => Float32Array.from(weight.read().dataSync()));

  it.each([
    [1, 'fp32'],
    [5, 'fp32'],
    [5, 'compensated'],
  ] as const)('are the sums that their shapes say, in one pass with an exponential one: T = %i, %s', (T, precision) => {
    const model = denseModel();
    const ema = make({ updateEvery: T, precision }).attach(model);
    const alone = make({ decays: [0.9], updateEvery: T, precision }).attach(model);
    const history: Float32Array[][] = [];
    for (let step = 1; step <= 12 * T; step += 1) {
      setRandomWeights(model, step);
      ema.update();
      alone.update();
      if (step % T === 0) history.push(inLayerOrder(model));
    }
    for (const [which, exponent] of [
      ['uniform', 0],
      [{ relativeWidth: 0.1 }, exponentFromWidth(0.1)],
    ] as const) {
      const expected = mean(history, exponent, T);
      read(ema, which).forEach((values, i) => {
        // Twelve updates of numbers below 2.5: each rounds by at most 2^-22.
        expect(maxDifference(values, at(expected, i))).toBeLessThan(12 * 2 ** -22);
      });
    }
    expect(read(ema, 0.9)).toEqual(read(alone, 0.9));
    ema.dispose();
    alone.dispose();
  });

  it('may be the only one', () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { engine, decays: 'uniform', updateEvery: 1 }).attach(model);
    setRandomWeights(model, 1);
    ema.update();
    expect(read(ema, 'best')).toEqual(inLayerOrder(model));
    expect([ema.decays, ema.labels]).toEqual([[1], ['uniform']]);
    ema.dispose();
  });

  it('are refused by a checkpoint of other shapes, and go on from one of the same to the bit', async () => {
    const model = denseModel();
    const path = join(folder, `${engine}.safetensors`);
    const [whole, other] = [make({ updateEvery: 3 }), make({ decays: [0.9, 1, 'uniform'], updateEvery: 3 })];
    const resumed = make({ updateEvery: 3 });
    for (const ema of [whole, resumed, other]) ema.attach(model);
    for (let step = 1; step <= 20; step += 1) {
      setRandomWeights(model, step);
      whole.update();
      if (step === 10) await whole.saveCheckpoint(path);
    }
    const { message } = await rejectionOf(other.loadCheckpoint(path), 'CHECKPOINT');
    expect(message).toMatch(/option profiles was \["exponential","uniform",\{"relativeWidth":0.1\}\]/);
    await resumed.loadCheckpoint(path);
    for (let step = 11; step <= 20; step += 1) {
      setRandomWeights(model, step);
      resumed.update();
    }
    for (const which of [0.9, 'uniform', { relativeWidth: 0.1 }] as const)
      expect(read(resumed, which)).toEqual(read(whole, which));
    for (const ema of [whole, resumed, other]) ema.dispose();
  });

  it('are left out by synthesize, which needs exponential ones', () => {
    const model = denseModel();
    const ema = make({ decays: [0.5, 0.75, 'uniform'], updateEvery: 1 }).attach(model);
    const plain = make({ decays: [0.5, 0.75], updateEvery: 1 }).attach(model);
    const none = make({ decays: ['uniform'] }).attach(model);
    for (let step = 1; step <= 10; step += 1) {
      setRandomWeights(model, step);
      for (const each of [ema, plain]) each.update();
    }
    const [mixed, expected] = [synthesize(ema, 0.6), synthesize(plain, 0.6)];
    expect(valuesOf(mixed.tensors)).toEqual(valuesOf(expected.tensors));
    expect(mixed.coefficients).toEqual([...expected.coefficients, 0]);
    expect(mixed.bound).toBeCloseTo(expected.bound, 14);
    expect(thrownBy(() => synthesize(none, 0.6), 'INVALID_ARGUMENT').message).toMatch(
      /exponential averages.*'uniform'/,
    );
    for (const each of [ema, plain, none]) each.dispose();
    tf.dispose([mixed.tensors, expected.tensors]);
  });
});

describe('averages of other shapes in fit', () => {
  it('have their names in the logs, and no warning of a warm-up that never ends', async () => {
    const { x, y } = data(32);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: [0.5, 'uniform', { relativeWidth: 0.2 }], updateEvery: 1, ...quiet });
    const { history } = await model.fit(x, y, {
      epochs: 2,
      batchSize: 8,
      verbose: 0,
      callbacks: [ema.callback({ validationData: [x, y] })],
    });
    expect(Object.keys(history)).toEqual(
      expect.arrayContaining(['val_ema_0.5_loss', 'val_ema_uniform_loss', 'val_ema_width0.2_loss']),
    );
    expect(ema.labels).toEqual(['0.5', 'uniform', 'width0.2']);
    expect(ema.warnings).toEqual([]);
    const evaluated = ema.use('uniform', () => weightValues(model));
    expect(evaluated).not.toEqual(weightValues(model));
    ema.dispose();
  });
});
