// The paper's presets from a CIFAR file to results: one epoch of each network with the callback, T = 16, five decays.
// Twenty images: what is tested is that everything fits together, not what is learnt.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadStudyData, NETWORKS } from '../../../study/plan/catalog.js';
import { DOMAINS } from '../../../study/plan/domains.js';
import { parseStudyOptions } from '../../../study/plan/options.js';
import { planRuns } from '../../../study/plan/plan.js';
import type { Condition, RunSpec } from '../../../study/runs/condition.js';
import { drawSamples } from '../../../study/runs/samples.js';
import { trainRun } from '../../../study/runs/train.js';
import { tf } from '../../../tools/shared/tfjs.js';
import { cifarRecords, humanLabelsFile } from '../../support/cifar-files.js';

const folder = mkdtempSync(join(tmpdir(), 'study-preset-'));
afterAll(() => rmSync(folder, { recursive: true }));

// 20 images: 4 validate, 16 train in batches of one, so that the epoch has one update of 16 steps.
const labels = Array.from({ length: 20 }, (_, index) => index % 10);
const fine = labels.map((label) => [0, label]);
const noisy = labels.map((label, index) => (index % 3 === 0 ? (label + 1) % 10 : label));
const files = {
  'data_batch_1.bin': cifarRecords(labels.map((label) => [label])),
  'test_batch.bin': cifarRecords([[1], [2]]),
  'train.bin': cifarRecords(fine),
  'test.bin': cifarRecords(fine.slice(0, 2)),
  'CIFAR-10_human.pt': humanLabelsFile({ clean_label: labels, worse_label: noisy }),
  'CIFAR-100_human.pt': humanLabelsFile({ clean_label: labels, noisy_label: noisy }),
};
for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);

/** The first run of a preset, with one epoch, batches of one image and a small rate. */
function presetRun(preset: string): RunSpec<Condition> {
  const options = parseStudyOptions(['--preset', preset, '--data-dir', folder, '--epochs', '1']);
  const [images] = DOMAINS.filter(({ id }) => id === 'images');
  const [spec] = images === undefined ? [] : (planRuns(options.plan, images, () => 'test') as RunSpec<Condition>[]);
  if (spec === undefined) throw new Error(`no run for ${preset}`);
  const { condition } = spec;
  // The paper's rates are for batches of 128.
  const learningRate = { ...condition.recipe.learningRate, peak: 0.01 };
  return { ...spec, condition: { ...condition, recipe: { ...condition.recipe, batchSize: 1, learningRate } } };
}

describe('presets', () => {
  it.each([
    ['paper-cifar10', true],
    ['paper-cifar100', true],
    ['paper-cifar100-vgg', false],
    ['paper-cifar100-wrn', true],
    ['paper-cifar10n', true],
    ['paper-cifar100n', true],
  ])(
    '%s trains an epoch with the callback and judges what it has',
    async (preset, hasBatchNorm) => {
      const spec = presetRun(preset);
      const { data } = spec.condition;
      const samples = drawSamples(await loadStudyData(data.name, data.directory), data);
      const network = NETWORKS[spec.condition.network].value;
      const epochs: number[] = [];
      const onEpoch = (epoch: number): number => epochs.push(epoch);
      const before = tf.memory().numTensors;
      const { result, logits } = await trainRun(tf, { spec, network, samples, probe: undefined, onEpoch });
      expect(epochs).toEqual([1]);
      expect([result.steps, Object.keys(result.windows).length]).toEqual([16, 5]);
      expect(Object.values(result.curves).map(({ loss }) => loss.length)).toEqual([1, 1, 1, 1, 1, 1]);
      const finite = Object.values(result.models).every(({ test }) => Number.isFinite(test.negativeLogLikelihood));
      expect(finite).toBe(true);
      expect('emaLossRecomputed' in result.models).toBe(hasBatchNorm);
      expect(Object.keys(result.memorisation)).toHaveLength(data.name.endsWith('n') ? 2 : 0);
      // After its first update an average holds 0.1 of the initial weights: it is not the raw weights.
      expect(result.models.emaLast?.test).not.toEqual(result.models.sgdLast?.test);
      expect(logits.emaLoss).toHaveLength(2 * samples.images.classes);
      // tfjs's optimizer leaves one number behind.
      expect(tf.memory().numTensors - before).toBeLessThanOrEqual(1);
    },
    600_000,
  );
});
