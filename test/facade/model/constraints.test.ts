// Constraints of layers on averages that are used, read and saved; what tfjs itself does with them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Constraint } from '@tensorflow/tfjs-layers/dist/constraints.js';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, WeightEma } from '../../../src/index.js';
import { constrained } from '../../../src/model/constraints.js';
import { collectWeights } from '../../../src/model/weights.js';
import { synthesize } from '../../../src/search.js';
import { thrownBy, weightBits } from '../../support/expect.js';
import { floats, tf, valuesOf } from '../../support/models.js';
import { at, maxDifference } from '../../support/oracle.js';

const folder = mkdtempSync(join(tmpdir(), 'constraints-'));

afterEach(() => {
  tf.disposeVariables();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const model = (constraint: Constraint | undefined) => {
  const layer = tf.layers.dense({
    units: 3,
    inputShape: [4],
    ...(constraint === undefined ? {} : { kernelConstraint: constraint }),
  });
  const made = tf.sequential({ layers: [layer] });
  made.compile({ optimizer: tf.train.sgd(0.5), loss: 'meanSquaredError' });
  return made;
};

/** Norms of the columns. */
const norms = (values: Float32Array) =>
  [0, 1, 2].map((column) => Math.sqrt(values.reduce((sum, v, i) => sum + (i % 3 === column ? v * v : 0), 0)));

describe('tfjs', () => {
  it('applies constraints when weights are set, and not in fit: why they are ignored by default', async () => {
    const made = model(tf.constraints.unitNorm({ axis: 0 }));
    made.setWeights(made.getWeights().map((weight, i) => tf.tensor(floats(weight.size, i + 1), weight.shape)));
    const kernel = () => Float32Array.from(at(made.weights, 0).read().dataSync());
    for (const norm of norms(kernel())) expect(norm).toBeCloseTo(1, 5);
    const x = tf.tensor(floats(32 * 4, 5), [32, 4]);
    await made.fit(x, tf.tensor(floats(32 * 3, 6), [32, 3]), { epochs: 2, verbose: 0 });
    expect(norms(kernel()).every((norm) => Math.abs(norm - 1) < 0.01)).toBe(false);
  });
});

describe('constrained', () => {
  it('leaves weights without a constraint as they are, as the same tensors', () => {
    const made = model(tf.constraints.nonNeg());
    const { averaged } = collectWeights(tf, made, { batchNorm: 'average' });
    const values = averaged.map(({ variable }, i) => tf.tensor(floats(variable.size, i), variable.shape));
    const before = values.map((value) => Float32Array.from(value.dataSync()));
    const [kernel, bias] = constrained(tf, averaged, values);
    expect(bias).toBe(values[1]);
    expect(kernel?.dataSync()).toEqual(at(before, 0).map((value) => Math.max(0, value)));
    expect(values[0]?.isDisposed).toBe(true);
  });
});

describe.each(['native', 'js'] as const)("constraints: 'apply', engine %s", (engine) => {
  const make = (options: EmaOptions = {}) =>
    new WeightEma(tf, {
      engine,
      decays: [0.5, 0.75],
      updateEvery: 1,
      warmup: 'none',
      constraints: 'apply',
      onWarning: () => undefined,
      ...options,
    });
  const set = (made: ReturnType<typeof model>, seed: number) =>
    made.weights.forEach((weight, i) => {
      // Past the constraint, as an optimizer does.
      const value = tf.tensor(floats(weight.read().size, 10 * seed + i), weight.read().shape);
      (weight.read() as ReturnType<typeof tf.variable>).assign(value);
    });
  const kernelOf = (ema: WeightEma, which = 0.5) => {
    const tensors = ema.read(which);
    const values = at(Object.values(valuesOf(tensors)), 0);
    tf.dispose(tensors);
    return values;
  };

  const unit = (values: Float32Array) => values.map((value, i) => value / at(norms(values), i % 3));
  it.each<[string, () => Constraint, (average: Float32Array) => Float32Array]>([
    ['unitNorm', () => tf.constraints.unitNorm({ axis: 0 }), unit],
    ['nonNeg', () => tf.constraints.nonNeg(), (w) => w.map((value) => Math.max(0, value))],
    [
      'maxNorm',
      () => tf.constraints.maxNorm({ maxValue: 0.4, axis: 0 }),
      (w) => w.map((value, i) => value * Math.min(1, 0.4 / at(norms(w), i % 3))),
    ],
    [
      'minMaxNorm',
      () => tf.constraints.minMaxNorm({ minValue: 2, maxValue: 3, axis: 0 }),
      (w) => unit(w).map((value) => 2 * value),
    ],
  ])(
    '%s: what is used, read, saved and combined satisfies it; averaging goes on without',
    async (_, constraint, project) => {
      const made = model(constraint());
      const [applied, ignored] = [make(), make({ constraints: 'ignore' })];
      for (const ema of [applied, ignored]) ema.attach(made);
      for (let step = 1; step <= 5; step += 1) {
        set(made, step);
        for (const ema of [applied, ignored]) ema.update();
        // Read in between, so that a projection that went back into the average would show.
        expect(maxDifference(kernelOf(applied), project(kernelOf(ignored)))).toBeLessThan(1e-5);
      }
      const raw = weightBits(made);
      const expected = project(kernelOf(ignored));
      const used = applied.use(0.5, () => Float32Array.from(at(made.weights, 0).read().dataSync()));
      expect(maxDifference(used, expected)).toBeLessThan(1e-5);
      expect(weightBits(made)).toEqual(raw);

      const path = `file://${join(folder, `${engine}-${_}`)}`;
      await applied.saveModel(0.5, path);
      const loaded = await tf.loadLayersModel(`${path}/model.json`);
      expect(maxDifference(at(loaded.getWeights(), 0).dataSync(), expected)).toBeLessThan(1e-5);

      expect(applied.warnings.filter((message) => message.startsWith('saveModel'))).toEqual([]);
      await ignored.saveModel(0.5, path);
      const [warning] = ignored.warnings.filter((message) => message.startsWith('saveModel'));
      expect(warning).toMatch(/changes weight '.*\/kernel' of this average by up to .*constraints: 'apply'/);

      const [some, none] = [synthesize(applied, 0.6), synthesize(ignored, 0.6)];
      const [projected, plain] = [some, none].map(({ tensors }) => at(Object.values(valuesOf(tensors)), 0));
      expect(maxDifference(projected ?? [], project(plain ?? new Float32Array(0)))).toBeLessThan(1e-5);
      tf.dispose([some.tensors, none.tensors]);
      for (const ema of [applied, ignored]) ema.dispose();
    },
  );

  it('NCAR/miles-credit 394: the average of unit vectors that point apart is short; here it is a unit vector', () => {
    const made = model(tf.constraints.unitNorm({ axis: 0 }));
    const ema = make().attach(made);
    for (const sign of [1, -1, 1, -1]) {
      const [kernel] = made.weights;
      kernel?.write(
        tf.tensor(
          floats(12, 3).map((value) => sign * value + 0.05),
          [4, 3],
        ),
      );
      ema.update();
    }
    for (const norm of norms(kernelOf(ema))) expect(norm).toBeCloseTo(1, 4);
    const ignoring = make({ constraints: 'ignore' }).attach(made);
    made.weights[0]?.write(tf.tensor(floats(12, 3), [4, 3]));
    ignoring.update();
    for (const norm of norms(kernelOf(ignoring))) expect(norm).toBeLessThan(0.5);
    for (const each of [ema, ignoring]) each.dispose();
  });

  it('changes nothing, to the bit, in a model without constraints', () => {
    const made = model(undefined);
    const [applied, ignored] = [make().attach(made), make({ constraints: 'ignore' }).attach(made)];
    set(made, 1);
    for (const ema of [applied, ignored]) ema.update();
    expect(kernelOf(applied)).toEqual(kernelOf(ignored));
    for (const ema of [applied, ignored]) ema.dispose();
  });

  it('is one of two words', () => {
    thrownBy(() => make({ constraints: 'project' as 'apply' }), 'INVALID_ARGUMENT');
  });
});
