// The commands inspect, diff and extract on the files of real runs, each a process of its own in which tfjs-node's binding cannot be loaded.
// What a file of every kind of damage does to the reader is in test/durability; here, what the commands say of it.

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSafetensors } from '../../../src/disk/safetensors.js';
import { type EmaOptions, WeightEma } from '../../../src/index.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const WITHOUT_BINDING = join(ROOT, 'tools', 'release', 'without-binding.cjs');
const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-files-'));
const at = (...names: readonly string[]) => join(folder, ...names);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function command(...args: readonly string[]) {
  const program = ['--require', WITHOUT_BINDING, '--import', TSX, join(ROOT, 'src/cli/main.ts')];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...program, ...args], { encoding: 'utf8' });
  return {
    status,
    stdout,
    stderr,
    lines: stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t')),
  };
}

/** A network with weights that are averaged, and statistics that are not. */
function network(): tf.LayersModel {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ name: 'hidden', units: 8, activation: 'relu', inputShape: [4] }),
      tf.layers.batchNormalization({ name: 'norm' }),
      tf.layers.dense({ name: 'out', units: 1 }),
    ],
  });
  model.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError' });
  return model;
}

const data = () => {
  const x = tf.randomNormal([64, 4], 0, 1, 'float32', 1);
  return { x, y: x.sum(1, true) };
};

async function train(model: tf.LayersModel, options: EmaOptions): Promise<WeightEma> {
  const { x, y } = data();
  const ema = new WeightEma(tf, { batchNorm: 'copy', warmup: 'none', updateEvery: 5, ...options });
  const callbacks = [ema.callback()];
  await model.fit(x, y, { epochs: 3, batchSize: 8, verbose: 0, validationData: [x, y], callbacks });
  return ema;
}

/** Values of a saved model, by weight name. */
async function weightsIn(name: string): Promise<Record<string, number[]>> {
  const model = await tf.loadLayersModel(`file://${at(name)}/model.json`);
  return Object.fromEntries(model.weights.map((weight) => [weight.originalName, [...weight.read().dataSync()]]));
}

let ema: WeightEma;

beforeAll(async () => {
  const model = network();
  ema = await train(model, { decays: [0.5, 0.9, 'uniform'] });
  await ema.saveRun(at('run'));
  await ema.saveCheckpoint(at('ema.safetensors'));
  await model.save(`file://${at('model')}`);
});

describe('tfjs-ema inspect', () => {
  it('tells all of a run: counters, options, averages, bests, weights, digests', () => {
    const { status, stdout } = command('inspect', at('run'), '--json');
    expect(status).toBe(0);
    const facts = JSON.parse(stdout);
    const { steps, updates, pending } = { steps: 24, updates: 4, pending: 4 };
    expect(facts).toMatchObject({ kind: 'run', steps, updates, pending, epochs: 3, optimizer: 'Adam', totalSteps: 24 });
    expect(facts.settings).toMatchObject({ decays: [0.5, 0.9, 1], updateEvery: 5, batchNorm: 'copy' });
    expect(facts.averages.map(({ label }: { label: string }) => label)).toEqual(['0.5', '0.9', 'uniform']);
    expect(facts.averages[0]).toMatchObject({ index: 0, halfLife: 1, values: 65, bytes: 260 });
    expect(facts.bests).toMatchObject([{ metric: 'loss', ...ema.bests[0], hasWeights: true }]);
    expect(facts.weights).toContainEqual({ name: 'hidden/kernel', shape: '[4, 8]', averaged: true });
    expect(facts.weights).toContainEqual({ name: 'norm/moving_mean', shape: '[8]', averaged: false });
    expect(facts.tensors).toHaveLength(3 * 6 + 8 + 2 * 6 + 2);
    for (const { sha256 } of facts.tensors) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it('gives programs a line per row, tabs between its cells', () => {
    const { status, lines } = command('inspect', at('ema.safetensors'));
    expect(status).toBe(0);
    expect(lines).toContainEqual(['kind', 'checkpoint']);
    expect(lines).toContainEqual(['steps', '24']);
    expect(lines.filter(([kind]) => kind === 'average').map(([, index, label]) => [index, label])).toEqual([
      ['0', '0.5'],
      ['1', '0.9'],
      ['2', 'uniform'],
    ]);
  });
});

describe('tfjs-ema diff', () => {
  it('finds nothing between a checkpoint and its copy, and ends with 0', () => {
    cpSync(at('ema.safetensors'), at('copy.safetensors'));
    const { status, stdout } = command('diff', at('ema.safetensors'), at('copy.safetensors'));
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });

  it('finds nothing between two saves of one run, whose files have other names', async () => {
    await ema.saveRun(at('run-again'));
    expect(command('diff', at('run'), at('run-again'))).toMatchObject({ status: 0, stdout: '' });
  });

  it('tells counters, options and how far averages are apart, and ends with 1', async () => {
    const other = await train(network(), { decays: [0.5, 0.9, 'uniform'], updateEvery: 3 });
    await other.saveCheckpoint(at('other.safetensors'));
    const { status, stdout } = command('diff', at('ema.safetensors'), at('other.safetensors'), '--json');
    expect(status).toBe(1);
    const { same, figures, sentences, distances } = JSON.parse(stdout);
    expect(same).toBe(false);
    expect(figures).toContainEqual({ name: 'updates', a: 4, b: 8 });
    expect(sentences).toEqual(['option updateEvery was 5, now it is 3']);
    const average = distances.find(({ what }: { what: string }) => what === 'average 0.5');
    expect(average).toMatchObject({ values: 65 });
    expect(average.differing).toBeGreaterThan(50);
    expect(average.relative).toBeGreaterThan(0);
    const { lines } = command('diff', at('ema.safetensors'), at('other.safetensors'));
    expect(lines).toContainEqual(['figure', 'updates', '4', '8']);
  });

  it('tells when averages began anew, and how many steps their updates took in', async () => {
    // The weights rest, so that nothing but counters can differ; an update of fewer steps is made before putBack.
    const model = network();
    const save = async (name: string, at3: (ema: WeightEma) => void, at8: (ema: WeightEma) => void) => {
      const options = { decays: [0.9, 'uniform'], warmup: 'none', updateEvery: 5 } as const;
      const average = new WeightEma(tf, { ...options, onWarning: () => undefined }).attach(model);
      for (let step = 1; step <= 8; step += 1) {
        average.update();
        if (step === 3) at3(average);
      }
      at8(average);
      await average.saveCheckpoint(at(name));
      average.dispose();
    };
    const [putBack, nothing] = [(one: WeightEma) => one.putBack(0.9), () => undefined];
    await save('plain', nothing, putBack);
    await save('split', putBack, nothing);
    await save('anew', (one) => one.reset('uniform'), putBack);
    const differing = (name: string) => {
      const { status, stdout } = command('diff', at('plain'), at(name), '--json');
      return { status, ...JSON.parse(stdout) };
    };
    const nowhere = { sentences: [], distances: [] };
    const [five, three] = [
      [5, 1],
      [3, 1],
    ];
    const intervals = { name: 'intervals', a: [five, three], b: [three, five] };
    expect(differing('split')).toEqual({ status: 1, same: false, figures: [intervals], ...nowhere });
    const begun = { name: 'begun uniform', a: null, b: 3 };
    expect(differing('anew')).toEqual({ status: 1, same: false, figures: [begun], ...nowhere });
    const { averages, ...facts } = JSON.parse(command('inspect', at('anew'), '--json').stdout);
    expect(averages).toMatchObject([{ begun: null }, { begun: 3 }]);
    expect(facts.intervals).toEqual([five, three]);
    const rows = command('inspect', at('anew')).lines.filter(([kind]) => kind === 'average');
    expect(rows.map((row) => row.at(-1))).toEqual(['-', '3']);
  });

  it('ends with 2 where one cannot be read', () => {
    const { status, stderr } = command('diff', at('ema.safetensors'), at('no-such-file'));
    expect(status).toBe(2);
    expect(stderr).toMatch(/no-such-file: expected to read it, but: ENOENT.* Check the path\./);
  });
});

describe('tfjs-ema extract', () => {
  it.each([
    { what: 'plain', options: {} },
    { what: 'compensated', options: { precision: 'compensated' } },
    { what: 'of layers with a decay of their own', options: { layerDecays: [{ match: 'out', decay: 0.2 }] } },
  ] satisfies { what: string; options: EmaOptions }[])(
    'makes of a run the very model that saveModel made, to the bit: averages that are $what, with pending steps',
    async ({ what, options }) => {
      const average = await train(network(), { decays: [0.5, 0.9], ...options });
      expect(average.steps % 5).toBeGreaterThan(0);
      const run = `run-${what[0]}`;
      await average.saveRun(at(run));
      for (const which of [0.9, 'best', 'best-loss'] as const) {
        await average.saveModel(which, `file://${at('expected')}`);
        const { status, stderr, lines } = command('extract', at(run), `${which}`, '--out', at('extracted'));
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        expect(lines[0]?.[0]).toBe(at('extracted'));
        expect(await weightsIn('extracted')).toEqual(await weightsIn('expected'));
      }
    },
  );

  it('counts the steps of averages that began anew from there on, as their program does', async () => {
    const [model, { x, y }] = [network(), data()];
    const average = await train(model, { decays: ['uniform', 0.9], warmup: 'paper' });
    // Steps are pending here, and again where the run is saved.
    average.reset('uniform');
    for (let step = 0; step < 3; step += 1) {
      await model.trainOnBatch(x, y);
      average.update();
    }
    await average.saveRun(at('run-anew'));
    for (const which of ['uniform', 0.9] as const) {
      await average.saveModel(which, `file://${at('expected')}`);
      const { status, stderr } = command('extract', at('run-anew'), `${which}`, '--out', at('extracted'));
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(await weightsIn('extracted')).toEqual(await weightsIn('expected'));
    }
  });

  it('takes the architecture for a checkpoint from a model of that kind, and says which steps are not in it', async () => {
    const args = ['0.9', '--model', at('model'), '--out', at('from-checkpoint'), '--json'];
    const { status, stdout, stderr } = command('extract', at('ema.safetensors'), ...args);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ label: '0.9', steps: 24, pending: 4 });
    expect(stderr).toContain('4 steps since the last update are not in it');
    const extracted = await weightsIn('from-checkpoint');
    const saved = decodeSafetensors(readFileSync(at('ema.safetensors'))).tensors;
    for (const name of ['hidden/kernel', 'hidden/bias', 'out/kernel'])
      expect(extracted[name]).toEqual([...(saved.get(`average.1/${name}`)?.data ?? [])]);
    const own = await weightsIn('model');
    expect(extracted['norm/moving_mean']).toEqual(own['norm/moving_mean']);
    const { userDefinedMetadata } = JSON.parse(readFileSync(at('from-checkpoint', 'model.json'), 'utf8'));
    expect(userDefinedMetadata.tfjsEma).toMatchObject({ which: '0.9', index: 1, label: '0.9', steps: 24 });
  });

  it('leaves out steps whose share only a function knows, and says so', async () => {
    const average = await train(network(), { decays: [0.5, () => 0.9], warmup: (t) => (t + 1) / (t + 2) });
    await average.saveRun(at('run-function'));
    const { status, stderr } = command('extract', at('run-function'), 'function1', '--out', at('function.safetensors'));
    expect(status).toBe(0);
    expect(stderr).toContain('4 steps since the last update are not in it');
    const facts = JSON.parse(command('inspect', at('run-function'), '--json').stdout);
    expect(facts.averages.map(({ label }: { label: string }) => label)).toEqual(['0.5', 'function1']);
  });

  it('writes the weights alone as safetensors: all of a run, the averaged ones of a checkpoint', async () => {
    await ema.saveModel('best', `file://${at('expected')}`);
    const weights = (path: string) => {
      const { tensors } = decodeSafetensors(readFileSync(path));
      return Object.fromEntries([...tensors].map(([name, { data }]) => [name, [...data]]));
    };
    const [all, averaged] = [at('all.safetensors'), at('averaged.safetensors')];
    expect(command('extract', at('run'), 'best', '--out', all)).toMatchObject({ status: 0, stderr: '' });
    expect(weights(all)).toEqual(await weightsIn('expected'));
    expect(command('extract', at('ema.safetensors'), '0.9', '--out', averaged).status).toBe(0);
    const names = Object.keys(weights(all)).filter((name) => !name.includes('moving'));
    expect(Object.keys(weights(averaged)).sort()).toEqual(names.sort());
  });

  it('names the averages where there is none of that name, and writes nothing', () => {
    const { status, stderr } = command('extract', at('run'), '0.95', '--out', at('nothing'));
    expect(status).toBe(1);
    expect(stderr).toContain(
      "expected one of the averages 0.5, 0.9, uniform, best-loss, or a place, @0 to @2; received '0.95'",
    );
    expect(existsSync(at('nothing'))).toBe(false);
  });

  it('asks for the architecture of a checkpoint, and for one that fits', async () => {
    const args = ['extract', at('ema.safetensors'), '0.9', '--out', at('nothing')];
    expect(command(...args)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('--model: expected the folder'),
    });
    const model = tf.sequential({ layers: [tf.layers.dense({ name: 'hidden', units: 3, inputShape: [4] })] });
    await model.save(`file://${at('small')}`);
    const { status, stderr } = command(...args, '--model', at('small'));
    expect(status).toBe(1);
    expect(stderr).toContain("weight 'norm/gamma' is only in the checkpoint");
    expect(stderr).toContain("weight 'hidden/kernel' was [4, 8], now it is [4, 3]");
    expect(existsSync(at('nothing'))).toBe(false);
  });

  it('overwrites neither the run nor the model that it reads', () => {
    const before = readdirSync(at('run'));
    const { status, stderr } = command('extract', at('run'), '0.9', '--out', at('run'));
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('--out: expected another place'),
    });
    expect(readdirSync(at('run'))).toEqual(before);
    const other = command('extract', at('run'), '0.9', '--model', at('model'), '--out', at('nothing'));
    expect(other).toMatchObject({ status: 1, stderr: expect.stringContaining('--model: expected none') });
  });
});

describe('tfjs-ema extract, where it is easy to lose something', () => {
  it('overwrites no checkpoint, neither by a link nor inside of a run', () => {
    symlinkSync(at('model'), at('link'));
    symlinkSync(at('ema.safetensors'), at('link.safetensors'));
    const averages = at('run', readdirSync(at('run')).find((name) => name.startsWith('averages.')) ?? '');
    const all = [
      [at('ema.safetensors'), 'best', '--model', at('model'), '--out', at('link')],
      [at('ema.safetensors'), 'best', '--out', at('link.safetensors')],
      [at('run'), 'best', '--out', averages],
    ];
    for (const args of all)
      expect(command('extract', ...args)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('--out: expected another place'),
      });
    expect(command('inspect', at('run')).status).toBe(0);
  });

  it('leaves steps out that ended in weights that are not finite, and says so', async () => {
    const model = network();
    const average = await train(model, { decays: [0.5, 0.9], nonFinite: 'skip', onWarning: () => undefined });
    model.layers[0]?.setWeights([tf.fill([4, 8], Number.NaN), tf.zeros([8])]);
    await average.saveRun(at('run-nan'));
    await average.saveModel(0.9, `file://${at('expected')}`);
    const { status, stderr } = command('extract', at('run-nan'), '0.9', '--out', at('nan'));
    expect(status).toBe(0);
    expect(stderr).toContain('weights that are NaN or infinite are left out');
    expect((await weightsIn('nan'))['hidden/kernel']).toEqual((await weightsIn('expected'))['hidden/kernel']);
  });

  it('knows the only average as best, and bests by metrics of which one begins as the other', async () => {
    const model = network();
    const { x, y } = data();
    const single = new WeightEma(tf, { decays: 0.9 }).attach(model);
    await model.trainOnBatch(x, y);
    single.update();
    await single.saveRun(at('run-single'));
    expect(command('extract', at('run-single'), 'best', '--out', at('single'))).toMatchObject({
      status: 0,
      stderr: '',
    });
    for (const monitor of ['loss', 'loss/a'])
      single.record(
        { epoch: 0, averages: [{ loss: 1, 'loss/a': Number.POSITIVE_INFINITY }] },
        { monitor, mode: 'min' },
      );
    await single.saveCheckpoint(at('two.safetensors'));
    expect(command('extract', at('two.safetensors'), 'best-loss', '--out', at('loss.safetensors')).status).toBe(0);
    expect(decodeSafetensors(readFileSync(at('loss.safetensors'))).tensors.size).toBe(8);
    const { bests } = JSON.parse(command('inspect', at('two.safetensors'), '--json').stdout);
    expect(bests).toContainEqual(expect.objectContaining({ metric: 'loss/a', value: 'Infinity' }));
  });

  it.each([{ name: 5 }, { shape: 'wide' }, { shape: [-4, 8] }])('refuses a model.json with a weight of %j', (wrong) => {
    cpSync(at('model'), at('wrong'), { recursive: true });
    const json = JSON.parse(readFileSync(at('wrong', 'model.json'), 'utf8'));
    Object.assign(json.weightsManifest[0].weights[0], wrong);
    writeFileSync(at('wrong', 'model.json'), JSON.stringify(json));
    const args = ['extract', at('ema.safetensors'), 'best', '--model', at('wrong'), '--out', at('nothing')];
    expect(command(...args)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('received one without a list'),
    });
  });
});

describe('a file that is damaged, or of somebody else', () => {
  it.each([
    [
      'a byte that changed',
      (path: string) => flip(path),
      /expected the bytes that were saved, received others in tensors/,
    ],
    [
      'an end that is missing',
      (path: string) => truncateSync(path, 2000),
      /damaged or no checkpoint: use an earlier one/,
    ],
    ['text', (path: string) => writeFileSync(path, 'not a checkpoint at all'), /damaged or no checkpoint/],
    ['nothing', (path: string) => writeFileSync(path, ''), /expected at least 8 bytes, received 0/],
    [
      'tensors of another program',
      (path: string) => cpSync(join(ROOT, 'test/fixtures/python.safetensors'), path),
      /received a file of another one/,
    ],
  ])('is refused with its path, the reason and the fix: %s', (_, damage, message) => {
    const path = at('damaged.safetensors');
    cpSync(at('ema.safetensors'), path);
    damage(path);
    const { status, stdout, stderr } = command('inspect', path);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^tfjs-ema inspect: \S+damaged\.safetensors: .*\n$/);
    expect(stderr).toMatch(message);
  });

  it('is refused where it is a run whose weights changed, and where it is a model of tfjs alone', () => {
    cpSync(at('run'), at('changed'), { recursive: true });
    flip(at('changed', readdirSync(at('changed')).find((name) => name.endsWith('.bin')) ?? ''));
    expect(command('inspect', at('changed')).stderr).toContain(
      'expected the bytes that were saved, received others as weights',
    );
    expect(command('inspect', at('model')).stderr).toContain(
      'expected a folder of saveRun(), received one with another model',
    );
  });
});

describe('tfjs-ema', () => {
  it('shows its commands with --help, and with 2 where an argument is missing or unknown', () => {
    expect(command('diff', '--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('inspect FILE') });
    for (const args of [['inspect'], ['diff', 'a'], ['extract', 'a', 'b'], ['inspect', 'a', '--jsno'], ['inspekt']])
      expect(command(...args)).toMatchObject({ status: 2, stderr: expect.stringContaining('usage: tfjs-ema COMMAND') });
  });
});

/** Another byte in the last quarter, where tensors are. */
function flip(path: string): void {
  const bytes = readFileSync(path);
  const place = Math.floor(bytes.length * 0.9);
  bytes[place] = (bytes[place] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}
