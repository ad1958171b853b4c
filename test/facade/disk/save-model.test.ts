// Saved models: plain, with their provenance, and whole after a failure at any moment; on both engines.
// What checkpoints are made of: checkpoint.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as fsPromises from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VERSION } from '../../../src/base/version.js';
import { writeModel } from '../../../src/disk/save-model.js';
import { type Provenance, WeightEma } from '../../../src/index.js';
import { rejectionOf, weightBits } from '../../support/expect.js';
import { spoiled, systemError } from '../../support/file-system.js';
import { data, denseModel, setRandomWeights, tf, weightValues } from '../../support/models.js';

const quiet = { onWarning: () => undefined };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-model-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  tf.disposeVariables();
});

const load = (path = folder): Promise<LayersModel> => tf.loadLayersModel(`file://${path}/model.json`);
const provenanceOf = (model: LayersModel) =>
  (model.getUserDefinedMetadata() as { tfjsEma?: Provenance } | undefined)?.tfjsEma;

/** What `model.save` hands to its handler. */
async function artifactsOf(model: LayersModel): Promise<Parameters<typeof writeModel>[1]> {
  let taken: Parameters<typeof writeModel>[1] = {};
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      taken = artifacts;
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
    }),
  );
  return taken;
}

describe.each(['native', 'js'] as const)('saveModel with engine %s', (engine) => {
  it('writes what tfjs itself would, and how the average was made beside the model’s own metadata', async () => {
    const model = denseModel();
    model.setUserDefinedMetadata({ classes: ['cat', 'dog'] });
    const options = { decays: [0.5, 0.9], updateEvery: 2, warmup: 'none', engine, ...quiet } as const;
    const ema = new WeightEma(tf, options).attach(model);
    for (const seed of [1, 2, 3]) {
      setRandomWeights(model, seed);
      ema.update();
    }
    const raw = weightBits(model);
    const { modelArtifactsInfo } = await ema.saveModel(0.9, `file://${folder}/a/b`);
    expect(modelArtifactsInfo.weightDataBytes).toBe(4 * raw.flat().length);
    expect([weightBits(model), model.getUserDefinedMetadata()]).toEqual([raw, { classes: ['cat', 'dog'] }]);
    expect(readdirSync(join(folder, 'a/b')).sort()).toEqual(['model.json', 'weights.bin']);

    const loaded = await load(join(folder, 'a/b'));
    expect(weightValues(loaded)).toEqual(ema.use(0.9, weightValues));
    expect(loaded.getUserDefinedMetadata()).toMatchObject({ classes: ['cat', 'dog'] });
    const { settings, ...rest } = provenanceOf(loaded) ?? expect.fail('no provenance');
    expect(rest).toEqual({ version: VERSION, which: 0.9, index: 1, label: '0.9', steps: 3, updates: 1 });
    expect(settings).toMatchObject({ decays: [0.5, 0.9], updateEvery: 2, warmup: 'none', batchNorm: 'average' });

    // The same as tfjs writes of the same model, but for the metadata.
    await ema.use(0.9, (m) => m.save(`file://${folder}/plain`));
    const [ours, plain] = ['a/b', 'plain'].map((name) => readFileSync(join(folder, name, 'weights.bin')));
    expect(ours?.equals(plain ?? Buffer.alloc(0))).toBe(true);
    const [json, plainJson] = ['a/b', 'plain'].map((name) =>
      JSON.parse(readFileSync(join(folder, name, 'model.json'), 'utf8')),
    );
    expect({ ...json, userDefinedMetadata: 0 }).toEqual({ ...plainJson, userDefinedMetadata: 0 });
    ema.dispose();
  });

  it('takes all in one turn: several at once, beside training and inside of use; only with the optimizer it waits', async () => {
    const { x, y } = data(16);
    const model = denseModel(tf.train.momentum(0.1, 0.9));
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 2, warmup: 'none', engine, ...quiet }).attach(
      model,
    );
    await model.trainOnBatch(x, y);
    ema.update();
    const due = [0.5, 0.9].map((decay) => ema.use(decay, weightBits));
    const saving = [0.5, 0.9].map((decay) => ema.saveModel(decay, `file://${folder}/${decay}`));
    const before = weightBits(model);
    await model.trainOnBatch(x, y);
    ema.update();
    await Promise.all(saving);
    expect(weightBits(model)).not.toEqual(before);
    const saved = async (name: string | number) => weightBits(await load(join(folder, `${name}`)));
    expect([await saved(0.5), await saved(0.9)]).toEqual(due);

    const next = ema.use(0.5, weightBits);
    await ema.use(0.9, () => ema.saveModel(0.5, `file://${folder}/inside`));
    expect(await saved('inside')).toEqual(next);
    const withOptimizer = () => ema.saveModel(0.5, `file://${folder}/all`, { includeOptimizer: true });
    await withOptimizer();
    expect(await saved('all')).toEqual(next);
    await ema.use(0.9, () => rejectionOf(withOptimizer(), 'SWAPPED_IN'));
    const misspelt: object = { includeOptimiser: true };
    const { message } = await rejectionOf(ema.saveModel(0.5, `file://${folder}/none`, misspelt), 'INVALID_ARGUMENT');
    expect(message).toMatch(/no option 'includeOptimiser'\. Did you mean 'includeOptimizer'\?$/);
    ema.dispose();
  });

  it.each([{ includeOptimizer: true }, { trainableOnly: true }, { includeOptimizer: true, trainableOnly: true }])(
    'writes what tfjs itself would with %j, of frozen layers too',
    async (config) => {
      const { x, y } = data(16);
      const model = denseModel(tf.train.adam(0.1));
      const [first] = model.layers;
      if (first !== undefined) first.trainable = false;
      model.compile({ optimizer: tf.train.adam(0.1), loss: 'categoricalCrossentropy' });
      const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1, engine, ...quiet }).attach(model);
      await model.trainOnBatch(x, y);
      ema.update();
      await ema.saveModel(0.5, `file://${folder}/ours`, config);
      await ema.use(0.5, (m) => m.save(`file://${folder}/plain`, config));
      const read = (name: string, file: string) => readFileSync(join(folder, name, file));
      expect(read('ours', 'weights.bin').equals(read('plain', 'weights.bin'))).toBe(true);
      const [ours, plain] = ['ours', 'plain'].map((name) => JSON.parse(read(name, 'model.json').toString()));
      const { userDefinedMetadata, ...rest } = ours;
      expect(rest).toEqual(plain);
      ema.dispose();
    },
  );

  it("saves the model's own weights before the first step, and says so", async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1, engine, ...quiet }).attach(model);
    setRandomWeights(model, 3);
    await ema.saveModel(0.5, `file://${folder}`);
    expect(weightBits(await load())).toEqual(weightBits(model));
    expect(ema.warnings.join()).toMatch(/saveModel\(\) before the first step: .*own weights are saved/);
    ema.dispose();
  });

  it('saves weights that are given, and best averages, before the first step as ever', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, engine, ...quiet }).attach(model);
    const given = tf.tidy(() => {
      const mixed = Object.entries(ema.read(0.5)).map(([name, weight]) => [name, tf.keep(weight.mul(0.5).add(0.25))]);
      return Object.fromEntries(mixed) as ReturnType<WeightEma['read']>;
    });
    const expected = ema.use(given, weightBits);
    expect(expected).not.toEqual(weightBits(model));
    await ema.saveModel(given, `file://${folder}`);
    expect(weightBits(await load())).toEqual(expected);

    setRandomWeights(model, 1);
    ema.update();
    ema.record({ epoch: 0, averages: [{ loss: 1 }, { loss: 0.5 }] });
    const best = ema.use('best', weightBits);
    ema.reset();
    setRandomWeights(model, 2);
    expect(ema.steps).toBe(0);
    await ema.saveModel('best', `file://${folder}`);
    expect(weightBits(await load())).toEqual(best);
    expect(ema.warnings).toEqual([]);
    tf.dispose(given);
    ema.dispose();
  });

  it('says of a best average by what, and in which epoch', async () => {
    const { x, y } = data(64);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, engine, ...quiet });
    await model.fit(x, y, { epochs: 2, verbose: 0, callbacks: [ema.callback({ validationData: [x, y] })] });
    await ema.saveModel('best-loss', `file://${folder}`);
    const record = ema.bests.find(({ metric }) => metric === 'loss');
    expect(provenanceOf(await load())).toMatchObject({
      which: 'best-loss',
      index: record?.index,
      best: { metric: 'loss', epoch: record?.epoch, value: record?.value },
    });
    await ema.saveModel('best', `file://${folder}`);
    expect(provenanceOf(await load())).toMatchObject({ which: 'best', index: record?.index, best: record });
    await ema.saveModel('current', `file://${folder}`);
    const current = provenanceOf(await load());
    expect(current).toMatchObject({ which: 'current', index: ema.validations.at(-1)?.best });
    expect(current).not.toHaveProperty('best');
    ema.dispose();
  });
});

describe('a folder that was saved to before', () => {
  it('gives its place over to the new model, twice, keeps other files, and is equal for equal averages', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, ...quiet }).attach(model);
    setRandomWeights(model, 1);
    ema.update();
    writeFileSync(join(folder, 'labels.txt'), 'cat\ndog\n');
    for (const [decay, name] of [
      [0.5, 'weights.bin'],
      [0.9, 'weights-2.bin'],
      [0.5, 'weights.bin'],
    ] as const) {
      await ema.saveModel(decay, `file://${folder}`);
      expect(readdirSync(folder).sort()).toEqual(['labels.txt', 'model.json', name].sort());
      expect(weightValues(await load())).toEqual(ema.use(decay, weightValues));
    }
    const before = readFileSync(join(folder, 'model.json'));
    await ema.saveModel(0.9, `file://${folder}`);
    await ema.saveModel(0.5, `file://${folder}`);
    expect(readFileSync(join(folder, 'model.json'))).toEqual(before);
    ema.dispose();
  });

  it('also takes the place of a model in shards, and of one that cannot be loaded', async () => {
    const manifest = [{ paths: ['group1-shard1of2', 'group1-shard2of2', '../outside'], weights: [] }];
    writeFileSync(join(folder, 'model.json'), JSON.stringify({ weightsManifest: manifest }));
    for (const name of manifest[0]?.paths.slice(0, 2) ?? []) writeFileSync(join(folder, name), 'old');
    writeFileSync(join(folder, '..', 'outside'), 'not ours');
    const artifacts = await artifactsOf(denseModel());
    await writeModel(folder, artifacts);
    expect(readdirSync(folder).sort()).toEqual(['model.json', 'weights.bin']);
    expect(readFileSync(join(folder, '..', 'outside'), 'utf8')).toBe('not ours');
    rmSync(join(folder, '..', 'outside'));
    writeFileSync(join(folder, 'model.json'), '{"weightsManifest":');
    await writeModel(folder, artifacts);
    expect((await load()).weights).toHaveLength(8);
  });

  it('is written to one save after the other, so that it holds what was asked for last, whole', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: [0.25, 0.5, 0.9], updateEvery: 1, ...quiet }).attach(model);
    setRandomWeights(model, 1);
    ema.update();
    for (const order of [
      [0.25, 0.5, 0.9, 0.5],
      [0.9, 0.25],
    ]) {
      await Promise.all(order.map((decay) => ema.saveModel(decay, `file://${folder}`)));
      const loaded = await load();
      expect([weightValues(loaded), provenanceOf(loaded)?.which]).toEqual([
        ema.use(order.at(-1) ?? 0, weightValues),
        order.at(-1),
      ]);
      expect(readdirSync(folder)).toHaveLength(2);
    }
    ema.dispose();
  });

  it.each([false, true])(
    'holds the old model or the new one, whole, whichever call fails; for ever: %s',
    async (forEver) => {
      const [old, next] = [denseModel(), denseModel()];
      setRandomWeights(old, 1);
      setRandomWeights(next, 2);
      const [oldBits, nextBits] = [weightBits(old), weightBits(next)];
      const [oldArtifacts, nextArtifacts] = [await artifactsOf(old), await artifactsOf(next)];
      const whole = spoiled(-1, systemError('none'));
      await writeModel(folder, oldArtifacts);
      await writeModel(folder, nextArtifacts, whole.fs);
      const seen = new Set<string>();
      for (let number = 0; number < whole.log.length; number += 1) {
        await fsPromises.rm(folder, { recursive: true });
        await writeModel(folder, oldArtifacts);
        const { fs } = spoiled(number, systemError('EIO'), forEver);
        const failed = await writeModel(folder, nextArtifacts, fs).then(
          () => false,
          () => true,
        );
        const found = weightBits(await load());
        const isOld = JSON.stringify(found) === JSON.stringify(oldBits);
        expect(isOld || JSON.stringify(found) === JSON.stringify(nextBits)).toBe(true);
        // A save that says it succeeded did.
        if (!failed) expect(isOld).toBe(false);
        seen.add(`${isOld ? 'old' : 'new'}${failed ? ', failed' : ''}`);
        // And the next one mends what is left over.
        await writeModel(folder, nextArtifacts);
        // Temporary files of a process that still lives stay until it ends: see atomic-file.
        expect(readdirSync(folder).filter((name) => !name.endsWith('.tmp'))).toHaveLength(2);
        tf.disposeVariables();
      }
      expect([...seen]).toEqual(expect.arrayContaining(['old, failed', 'new, failed', 'new']));
    },
  );
});

describe('a target', () => {
  it('must be one that can be written to, which is found out first', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1, ...quiet }).attach(model);
    ema.update();
    const { message } = await rejectionOf(ema.saveModel(0.5, 'nowhere://x'), 'INVALID_ARGUMENT');
    expect(message).toMatch(/save handlers/);
    const browsers = await rejectionOf(ema.saveModel(0.5, 'indexeddb://x'), 'INVALID_ARGUMENT');
    expect(browsers.message).toMatch(/Only a browser has it: in Node write 'file:\/\/folder'\.$/);
    await rejectionOf(ema.saveModel(0.5, 'file://'), 'INVALID_ARGUMENT');
    await rejectionOf(ema.saveModel(0.5, { load: async () => ({}) }), 'INVALID_ARGUMENT');
    writeFileSync(join(folder, 'file'), '');
    await rejectionOf(ema.saveModel(0.5, `file://${folder}/file`), 'CHECKPOINT');
    ema.dispose();
  });

  it('may be a handler, which gets the provenance too', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1, ...quiet }).attach(model);
    ema.update();
    let metadata: object | undefined;
    const result = { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' as const } };
    const handler = tf.io.withSaveHandler(async (artifacts) => {
      metadata = artifacts.userDefinedMetadata;
      return result;
    });
    expect(await ema.saveModel('best', handler)).toBe(result);
    expect(metadata).toMatchObject({ tfjsEma: { which: 'best', label: '0.5' } });
    ema.dispose();
  });
});
