// Looking changes nothing: random schedules of everything that looks at averages, against a run that nobody looked at, and against runs
// that were updated at the moment of each look. All equalities are to the bit.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel, NamedTensorMap } from '@tensorflow/tfjs';
import { afterAll, describe, expect, it } from 'vitest';
import { Progress } from '../../../src/averages/progress.js';
import { ModelShadows } from '../../../src/averages/shadows.js';
import { Warnings } from '../../../src/base/warnings.js';
import { Looks } from '../../../src/diagnosis/looks.js';
import { decodeSafetensors } from '../../../src/disk/safetensors.js';
import { type EmaOptions, WeightEma } from '../../../src/index.js';
import { withRules } from '../../../src/options/layer-decays.js';
import { resolveOptions } from '../../../src/options/options.js';
import { Schedule } from '../../../src/schedule/schedule.js';
import { labelsOf } from '../../../src/schedule/specs.js';
import { boundAfter, synthesisOf } from '../../../src/search/synthesized.js';
import { synthesize } from '../../../src/search.js';
import { data, denseModel, randoms, setRandomWeights, tf, valuesOf } from '../../support/models.js';
import { at, bits } from '../../support/oracle.js';

const STEPS = 40;
const SCHEDULES = 17; // of each of twelve kinds: 204
const DECAYS = [0.9, 0.97, 0.99, 0.999, 0.9999];
const WANTED = 0.98; // between the tracked ones

const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
const { x, y } = data(8);

afterAll(() => {
  rmSync(folder, { recursive: true });
  tf.dispose([x, y]);
});

function plainModel(): LayersModel {
  const layers = [tf.layers.dense({ units: 5, inputShape: [4] }), tf.layers.dense({ units: 3, activation: 'softmax' })];
  const model = tf.sequential({ layers });
  model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' });
  return model;
}

const MODELS: readonly [name: string, make: () => LayersModel, options: EmaOptions][] = [
  ['BatchNorm', denseModel, { warmup: 'none' }],
  ['layerDecays', plainModel, { layerDecays: [{ match: /bias$/, decay: { halfLifeTimes: 0.5 } }] }],
  ['plain weights', plainModel, {}],
];

/** Values by name, in a form that tells every bit. */
const told = (values: { [name: string]: Float32Array }): { [name: string]: string } =>
  Object.fromEntries(Object.entries(values).map(([name, list]) => [name, bits(list).join()]));

function taken(tensors: NamedTensorMap): { [name: string]: string } {
  const values = valuesOf(tensors);
  tf.dispose(tensors);
  return told(values);
}

/** What every look must find at a step. */
interface Expected {
  readonly averages: readonly { [name: string]: string }[];
  readonly synthesized: { [name: string]: string } | undefined;
  readonly bound: number | undefined;
  readonly diagnosis: object;
}

/** By a run of its own, which ends with an update at that very step. */
function updatedAt(last: number, model: LayersModel, given: EmaOptions): Expected {
  const options = resolveOptions(given);
  setRandomWeights(model, 0);
  const shadows = new ModelShadows(tf, model, options);
  const schedule = new Schedule({ ...options, ...withRules(options, options.layerRules) });
  const progress = new Progress(shadows, schedule, { ...options, updateEvery: 16 });
  for (let step = 1; step <= last; step += 1) {
    setRandomWeights(model, step);
    progress.count();
  }
  progress.flush();
  const { decays, layerRules } = options;
  const looks = { decays, labels: labelsOf(options), layerRules, every: undefined };
  const { updates: _, ...diagnosis } = new Looks(progress, looks, new Warnings(() => undefined)).look();
  const plan = layerRules.length > 0 ? undefined : synthesisOf(options, WANTED);
  const expected = {
    averages: decays.map((_, k) => taken(shadows.read(k))),
    synthesized: plan && taken(shadows.read(plan.coefficients)),
    bound: plan && boundAfter(plan, options, progress.intervals),
    diagnosis,
  };
  shadows.dispose();
  return expected;
}

interface Moment {
  readonly ema: WeightEma;
  readonly model: LayersModel;
  readonly expected: Expected;
  readonly step: number;
  /** An average. */
  readonly k: number;
}

/** What a handler of `model.save` is given, by name. */
async function savedBy(ema: WeightEma, k: number): Promise<{ [name: string]: string }> {
  let found: { [name: string]: string } = {};
  const handler = tf.io.withSaveHandler(async ({ weightData, weightSpecs = [] }) => {
    found = taken(tf.io.decodeWeights(weightData as ArrayBuffer, weightSpecs));
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
  });
  await ema.saveModel({ index: k }, handler);
  return found;
}

/** Everything that looks; each compares what it sees. */
const LOOKS: Readonly<Record<string, (moment: Moment) => unknown>> = {
  read: ({ ema, expected, k }) => expect(taken(ema.read({ index: k }))).toEqual(at(expected.averages, k)),
  use: ({ ema, model, expected, k }) => {
    const inside = ema.use({ index: k }, () => [
      told(Object.fromEntries(model.weights.map((weight, i) => [i, weight.read().dataSync() as Float32Array]))),
      // The model's own weights count, and not those that stand in their place.
      taken(ema.read({ index: (k + 1) % 5 })),
    ]);
    expect(Object.values(at(inside, 0)).sort()).toEqual(Object.values(at(expected.averages, k)).sort());
    expect(at(inside, 1)).toEqual(at(expected.averages, (k + 1) % 5));
  },
  saveModel: async ({ ema, expected, k }) => expect(await savedBy(ema, k)).toEqual(at(expected.averages, k)),
  record: ({ ema, expected, step, k }) => {
    // Better each time, and average k the best.
    const averages = DECAYS.map((_, index) => ({ loss: (index === k ? 1 : 2) / step }));
    expect(ema.record({ epoch: step, averages })).toBe(k);
    expect(taken(ema.read('best'))).toEqual(at(expected.averages, k));
  },
  validate: ({ ema, k }) => tf.dispose(ema.use({ index: k }, (model) => model.evaluate(x, y))),
  diagnose: ({ ema, expected }) => {
    const { updates: _, ...diagnosis } = ema.diagnose();
    const { health: _own, ...seen } = diagnosis;
    const { health: _its, ...wanted } = expected.diagnosis as typeof diagnosis;
    expect(seen).toEqual(wanted);
  },
  synthesize: ({ ema, expected }) => {
    if (expected.synthesized === undefined) return;
    const { tensors, bound } = synthesize(ema, WANTED);
    expect([taken(tensors), bound]).toEqual([expected.synthesized, expected.bound]);
  },
  asModel: async ({ ema, expected, k }) => {
    const twin = await ema.asModel({ index: k });
    const values = twin.model.weights.map((weight) => bits(weight.read().dataSync()).join());
    twin.dispose();
    expect(values.sort()).toEqual(Object.values(at(expected.averages, k)).sort());
  },
  saveCheckpoint: ({ ema }) => ema.saveCheckpoint(join(folder, 'between')),
};

/** What is stored: the averages, low parts included, and where averaging stands. */
async function storedBy(ema: WeightEma): Promise<object> {
  const path = join(folder, 'stored');
  await ema.saveCheckpoint(path, { keepBest: false });
  const { tensors, metadata } = decodeSafetensors(readFileSync(path));
  const { steps, pending, updates, intervals } = JSON.parse(metadata.get('standing') ?? '') as Record<string, unknown>;
  const values = [...tensors].map(([name, { data }]) => [name, Buffer.from(data).toString('base64')]);
  return { steps, pending, updates, intervals, values };
}

async function runOf(ema: WeightEma, model: LayersModel, look: (step: number) => Promise<void>): Promise<object> {
  for (let step = 1; step <= STEPS; step += 1) {
    setRandomWeights(model, step);
    ema.update();
    await look(step);
  }
  const stored = await storedBy(ema);
  ema.dispose();
  return stored;
}

const KINDS = MODELS.flatMap(([name, make, options]) =>
  (['native', 'js'] as const).flatMap((engine) =>
    (['fp32', 'compensated'] as const).map((precision) => [name, engine, precision, make, options] as const),
  ),
);

describe.each(KINDS)('averages of %s, engine %s, precision %s, K = 5, T = 16', (_, engine, precision, make, more) => {
  const options = { decays: DECAYS, updateEvery: 16, engine, precision, ...more, onWarning: () => undefined } as const;

  it('are the same whoever looks and how often, and every look sees what an update at that moment would leave', async () => {
    const model = make();
    const expected = Array.from({ length: STEPS }, (_, index) => updatedAt(index + 1, model, options));
    const start = (): WeightEma => {
      setRandomWeights(model, 0);
      return new WeightEma(tf, options).attach(model);
    };
    const unseen = await runOf(start(), model, async () => undefined);
    const before = tf.memory().numTensors;
    for (let seed = 1; seed <= SCHEDULES; seed += 1) {
      const next = randoms(seed);
      const ema = start();
      const looks: string[] = [];
      const stored = await runOf(ema, model, async (step) => {
        while (next() < 0.2) {
          const name = at(Object.keys(LOOKS), Math.floor(next() * Object.keys(LOOKS).length));
          looks.push(`${name} at ${step}`);
          const k = Math.floor(next() * DECAYS.length);
          await LOOKS[name]?.({ ema, model, expected: at(expected, step - 1), step, k });
        }
      });
      expect(stored, looks.join()).toEqual(unseen);
      expect(tf.memory().numTensors).toBe(before);
    }
    model.dispose();
  });
});
