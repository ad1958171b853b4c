// Synthesised averages of a real training run against averages that were tracked in it, within the bound.
// The formulas are synthesis.test.ts's.

import { afterAll, describe, expect, it } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { decayFromHalfLife } from '../../../src/schedule/decay.js';
import { Schedule, type WarmupCap } from '../../../src/schedule/schedule.js';
import { boundOfRuns } from '../../../src/search/run-bound.js';
import { data, denseModel, tf, valuesOf, weightValues } from '../../support/models.js';
import { at } from '../../support/oracle.js';
import { synthesize } from '../../support/synthesis.js';

const TRACKED = [10, 20, 40, 80, 160].map(decayFromHalfLife);
const WANTED = [13, 30, 55, 110].map(decayFromHalfLife);
const STEPS = 400;

interface Trained {
  /** Each average, one number after the other: the tracked ones, then the wanted ones. */
  readonly averages: readonly Float32Array[];
  /** The greatest distance of the weights from where they ended. */
  readonly reach: number;
}

function flat(arrays: readonly Float32Array[]): Float32Array {
  return Float32Array.from(arrays.flatMap((array) => [...array]));
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (at(a, i) - at(b, i)) ** 2;
  return Math.sqrt(sum);
}

async function train(updateEvery: number, warmup: WarmupCap): Promise<Trained> {
  const model = denseModel(tf.train.momentum(0.2, 0.9));
  const ema = new WeightEma(tf, { decays: [...TRACKED, ...WANTED], updateEvery, warmup, onWarning: () => undefined });
  ema.attach(model);
  const { x, y } = data(512);
  const path = [flat(weightValues(model))];
  for (let step = 0; step < STEPS; step += 1) {
    const first = (step * 32) % 512;
    const [batchX, batchY] = [x.slice([first], [32]), y.slice([first], [32])];
    await model.trainOnBatch(batchX, batchY);
    tf.dispose([batchX, batchY]);
    ema.update();
    path.push(flat(weightValues(model)));
  }
  const averages = Array.from({ length: ema.labels.length }, (_, index) => {
    const tensors = ema.read({ index });
    const values = flat(Object.values(valuesOf(tensors)));
    tf.dispose(tensors);
    return values;
  });
  ema.dispose();
  tf.dispose([x, y]);
  const last = at(path, STEPS);
  return { averages, reach: Math.max(...path.map((point) => distance(point, last))) };
}

afterAll(() => {
  tf.disposeVariables();
});

describe.each([
  ['none', 1],
  ['none', 16],
  ['paper', 1],
  ['paper', 16],
] as const)('with warm-up %s and an update every %i steps', (warmup, updateEvery) => {
  it('every wanted average is as near to the tracked one as was promised', async () => {
    const { averages, reach } = await train(updateEvery, warmup);
    WANTED.forEach((decay, index) => {
      const { coefficients, bound, amplification } = synthesize(TRACKED, decay);
      const made = at(averages, 0).map((_, i) =>
        coefficients.reduce((sum, c, k) => sum + c * at(at(averages, k), i), 0),
      );
      const error = distance(made, at(averages, TRACKED.length + index));
      const schedule = new Schedule({ decays: [...TRACKED, decay], updateEvery, warmup });
      const alphasOf = (update: number) => schedule.alphas(update * updateEvery, updateEvery);
      const inRun = boundOfRuns(coefficients, [{ updates: STEPS / updateEvery, isSmooth: true, alphasOf }]);
      // Averages in float32: each of 400 updates rounds by at most 2^-24 of a weight, of which the largest is below 4.
      const rounding = amplification * 400 * 4 * 2 ** -24 * Math.sqrt(made.length);
      expect(error).toBeLessThanOrEqual(inRun * reach + rounding);
      if (warmup === 'none') expect(inRun).toBeLessThanOrEqual(bound + 1e-12);
      // And near enough to be of use: 2 % of the way that the weights went.
      expect(error / reach).toBeLessThan(0.02);
    });
  });
});
