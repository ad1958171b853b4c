// Post-hoc averages: from models and checkpoints that were saved in the course of a training, against the average of its weights by hand.
// The formulas are the unit test's.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Provenance, WeightEma } from '../../../src/index.js';
import { mix } from '../../../src/merge.js';
import { exponentFromWidth } from '../../../src/schedule/profile.js';
import { synthesize } from '../../../src/search.js';
import { data, denseModel, tf, weightValues } from '../../support/models.js';
import { at } from '../../support/oracle.js';

const STEPS = 480;
/** Snapshots of each of the two widths. */
const SAVES = 16;
const DECAYS = [{ relativeWidth: 0.05 }, { relativeWidth: 0.1 }] as const;
type Wanted = { relativeWidth: number } | { halfLife: number };

describe('averages of a training, from what was saved in its course', () => {
  let folder: string;
  /** Weights before the first step and after each, one number after the other. */
  const path: Float64Array[] = [];
  const checkpoints: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'ema-post-hoc-'));
    const model = denseModel(tf.train.momentum(0.2, 0.9));
    const ema = new WeightEma(tf, { decays: DECAYS, updateEvery: 1, onWarning: () => undefined }).attach(model);
    const { x, y } = data(512);
    const note = (): void => void path.push(Float64Array.from(weightValues(model).flatMap((values) => [...values])));
    note();
    for (let step = 1; step <= STEPS; step += 1) {
      const from = (step * 32) % 512;
      const [batchX, batchY] = [x.slice([from], [32]), y.slice([from], [32])];
      await model.trainOnBatch(batchX, batchY);
      tf.dispose([batchX, batchY]);
      ema.update();
      note();
      if (step % (STEPS / SAVES) !== 0) continue;
      for (const index of [0, 1]) await ema.saveModel({ index }, `file://${join(folder, `${step}-${index}`)}`);
      checkpoints.push(join(folder, `${step}.safetensors`));
      await ema.saveCheckpoint(at(checkpoints, checkpoints.length - 1));
    }
    ema.dispose();
    model.dispose();
    tf.dispose([x, y]);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    tf.disposeVariables();
  });

  /** The average by its definition, in float64. */
  function byHand(wanted: Wanted, steps: number): Float64Array {
    const sum = new Float64Array(at(path, 0).length);
    for (let s = 0; s <= steps; s += 1) {
      const share = shareOf(wanted, s, steps);
      at(path, s).forEach((weight, i) => {
        sum[i] = at(sum, i) + share * weight;
      });
    }
    return sum;
  }

  function shareOf(wanted: Wanted, step: number, steps: number): number {
    if ('relativeWidth' in wanted) {
      const power = exponentFromWidth(wanted.relativeWidth) + 1;
      return step === 0 ? 0 : (step / steps) ** power - ((step - 1) / steps) ** power;
    }
    // With the paper's warm-up, update by update.
    const decayOf = (t: number): number => Math.min(2 ** (-1 / wanted.halfLife), (t + 1) / (t + 10));
    let share = step === 0 ? 1 : 1 - decayOf(step - 1);
    for (let t = step; t < steps; t += 1) share *= decayOf(t);
    return share;
  }

  function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
    return Math.sqrt(Array.from(a).reduce((sum, value, i) => sum + (value - at(b, i)) ** 2, 0));
  }

  function flat(weights: NamedTensorMap | readonly Tensor[]): number[] {
    return Object.values(weights).flatMap((tensor: Tensor) => [...tensor.dataSync()]);
  }

  /** As a user does it, from `count` moments of the run: how far from the truth, and how far that may be. */
  async function fromModels(wanted: Wanted, { count, steps }: { count: number; steps: number }) {
    const every = STEPS / count;
    const names = Array.from({ length: 2 * count }, (_, i) => `${every * (1 + (i >> 1))}-${i % 2}`);
    const models = await Promise.all(
      names.map((name) => tf.loadLayersModel(`file://${join(folder, name)}/model.json`)),
    );
    const saved = models.map((model) => {
      const { tfjsEma } = model.getUserDefinedMetadata() as { tfjsEma: Provenance };
      return tfjsEma;
    });
    const { coefficients, bound, amplification } = synthesize(saved, wanted, steps);
    const weights = mix(models.map((model, i) => [at(coefficients, i), model.getWeights()] as const));
    const end = at(path, STEPS);
    const reach = Math.max(...path.map((point) => distance(point, end)));
    const error = distance(flat(weights), byHand(wanted, steps));
    for (const model of models) model.dispose();
    tf.dispose(weights);
    // Averages in float32: each of 480 updates rounds by at most 2^-24 of a weight, of which the largest is below 4.
    const rounding = amplification * STEPS * 4 * 2 ** -24 * Math.sqrt(end.length);
    return { error, bound, allowed: bound * reach + rounding, relative: error / reach };
  }

  it.each<[Wanted, number, number]>([
    [{ relativeWidth: 0.07 }, STEPS, 0.002],
    [{ relativeWidth: 0.2 }, STEPS, 0.02],
    [{ relativeWidth: 0.07 }, 360, 0.002],
    // Between two of them: the next one holds later weights, too.
    [{ relativeWidth: 0.07 }, 400, 0.005],
    [{ halfLife: 60 }, STEPS, 0.01],
  ])('%j at step %i is within its bound, and nearer with more snapshots', async (wanted, steps, most) => {
    const found = [];
    for (const count of [4, 8, 16]) found.push(await fromModels(wanted, { count, steps }));
    for (const { error, allowed } of found) expect(error).toBeLessThanOrEqual(allowed);
    const [few, some, many] = [at(found, 0), at(found, 1), at(found, 2)];
    expect(some.bound).toBeLessThan(few.bound);
    expect(many.bound).toBeLessThan(some.bound);
    expect(many.relative).toBeLessThan(few.relative / 2);
    // Of the way that the weights went.
    expect(many.relative).toBeLessThan(most);
  });

  it('are the same from checkpoints, by what the object says of itself', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: DECAYS, updateEvery: 1, onWarning: () => undefined }).attach(model);
    const saved: Pick<Provenance, 'steps' | 'index' | 'settings'>[] = [];
    const weights: NamedTensorMap[] = [];
    for (const file of checkpoints.slice(8)) {
      await ema.loadCheckpoint(file);
      for (const index of [0, 1]) {
        saved.push({ steps: ema.steps, index, settings: ema.facts.settings });
        weights.push(ema.read({ index }));
      }
    }
    const { coefficients, bound } = synthesize(saved, { relativeWidth: 0.07 });
    const mixed = mix(weights.map((one, i) => [at(coefficients, i), one] as const));
    const reach = Math.max(...path.map((point) => distance(point, at(path, STEPS))));
    const error = distance(flat(mixed), byHand({ relativeWidth: 0.07 }, STEPS));
    expect(error).toBeLessThanOrEqual(bound * reach + 1e-3);
    expect(error / reach).toBeLessThan(0.003);
    tf.dispose([mixed, weights]);
    ema.dispose();
  });

  it('are refused of an average that began anew in the course of the run, as it says wherever it is saved', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: DECAYS, updateEvery: 1, onWarning: () => undefined }).attach(model);
    for (let step = 0; step < 3; step += 1) ema.update();
    ema.reset({ index: 1 });
    for (let step = 0; step < 3; step += 1) ema.update();
    for (const index of [0, 1]) await ema.saveModel({ index }, `file://${join(folder, `anew-${index}`)}`);
    await ema.saveCheckpoint(join(folder, 'anew.safetensors'));
    const command = ['extract', join(folder, 'anew.safetensors'), 'width0.1', '--model', join(folder, 'anew-0')];
    const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
    execFileSync(process.execPath, ['--import', 'tsx', main, ...command, '--out', join(folder, 'anew-2')]);
    const made = [0, 1, 2].map((place): Provenance => {
      const text = readFileSync(join(folder, `anew-${place}`, 'model.json'), 'utf8');
      return JSON.parse(text).userDefinedMetadata.tfjsEma;
    });
    expect(made.map(({ begun }) => begun)).toEqual([undefined, 3, 3]);
    for (const place of [1, 2])
      expect(() => synthesize([at(made, 0), at(made, place)], { relativeWidth: 0.07 })).toThrow(
        "snapshots[1]: expected an average of all steps of its run, received 'one that began anew at step 3'",
      );
    ema.dispose();
  });
});
