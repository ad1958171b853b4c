// The package inside of a bundle, as an app ships it: it builds, trains, saves and keeps its averages without package.json and addon beside it.
// tfjs-node stays outside, as its addon needs; all else is in.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { afterAll, describe, expect, it } from 'vitest';
import { data, denseModel, tf } from '../support/models.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
// The bundler that tsx brings along.
const esbuild = createRequire(createRequire(import.meta.url).resolve('tsx'))('esbuild') as {
  build(
    options: object,
  ): Promise<{ readonly errors: readonly unknown[]; readonly outputFiles?: readonly { readonly text: string }[] }>;
};
const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-bundle-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The entries of the package: those of package.json, as sources. */
const { exports: entries } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object };
const ENTRIES = Object.entries(entries).flatMap(([name, entry]: [string, { types?: string }]) =>
  entry.types === undefined
    ? []
    : [[`tfjs-ema${name.slice(1)}`, join(root, entry.types.replace('dist', 'src').replace('.d.ts', '.ts'))]],
);

const APP = `
import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { halfLifeOf } from 'tfjs-ema/decay';
import { saveReport } from 'tfjs-ema/report';
import { searchDecay } from 'tfjs-ema/search';

async function main() {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] });
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
  const [x, y] = [tf.ones([8, 2]), tf.ones([8, 1])];
  const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1 });
  const callback = ema.callback({ validationData: [x, y], keepBest: { folder: 'kept' } });
  await model.fit(x, y, { epochs: 2, batchSize: 4, verbose: 0, callbacks: [callback] });
  await ema.saveModel('best', 'file://saved');
  await ema.saveCheckpoint('ema.safetensors');
  await ema.loadCheckpoint('ema.safetensors');
  const { decay } = await searchDecay(ema, { data: [x, y] });
  const { files } = await saveReport(ema.report(), 'report');
  const told = { updates: ema.updates, engine: ema.engine, reason: ema.engineReason, table: String(ema.report()) };
  console.log(JSON.stringify({ ...told, halfLife: halfLifeOf(decay), files }));
}
main();
`;

describe('the sources', () => {
  it('hold no `new URL(path, import.meta.url)`, which webpack resolves as a module and cannot build', () => {
    const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.startsWith('cli/'))
      .map((path) => readFileSync(join(root, 'src', path), 'utf8'));
    expect(sources.length).toBeGreaterThan(50);
    expect(sources.filter((text) => /new URL\([^)]*import\.meta\.url/.test(text))).toEqual([]);
  });
});

describe.each(['cjs', 'esm'] as const)('a bundle as %s', (format) => {
  it('builds without externals but tfjs-node, trains, saves and goes on', async () => {
    const home = join(folder, format, 'app');
    mkdirSync(join(home, 'out', 'deep'), { recursive: true });
    // Another package.json beside it, as any app has.
    writeFileSync(join(home, 'package.json'), '{ "name": "app", "version": "9.9.9" }');
    symlinkSync(join(root, 'node_modules'), join(folder, format, 'node_modules'));
    writeFileSync(join(home, 'app.mjs'), APP);
    const outfile = join(home, 'out', 'deep', format === 'cjs' ? 'app.cjs' : 'app.mjs');
    const { errors } = await esbuild.build({
      entryPoints: [join(home, 'app.mjs')],
      bundle: true,
      platform: 'node',
      format,
      outfile,
      external: ['@tensorflow/tfjs-node'],
      alias: Object.fromEntries(ENTRIES),
      logLevel: 'silent',
      ...(format === 'esm' && {
        banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
      }),
    });
    expect(errors).toEqual([]);
    const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' };
    const output = execFileSync(process.execPath, [outfile], { cwd: home, env, encoding: 'utf8' });
    const told = JSON.parse(output.trim().split('\n').at(-1) ?? '');
    expect(told).toMatchObject({ updates: 4, engine: 'js' });
    // Between those of the two decays.
    expect(told.halfLife).toBeGreaterThanOrEqual(1);
    expect(told.halfLife).toBeLessThan(6.6);
    expect(told.table).toContain('0.9');
    expect(told.files).toEqual(expect.arrayContaining([join('report', 'report.json'), join('report', 'report.txt')]));
    expect(told.reason).toMatch(/addon/);
    for (const saved of ['saved', join('kept', 'best-loss')]) {
      const { userDefinedMetadata } = JSON.parse(readFileSync(join(home, saved, 'model.json'), 'utf8'));
      const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
      expect(userDefinedMetadata.tfjsEma.version).toBe(version);
    }
  });
});

describe('a bundle for a browser', () => {
  it('builds without externals and without Node, trains, and says what files need', async () => {
    const { outputFiles, errors } = await esbuild.build({
      entryPoints: [join(root, 'src', 'index.ts')],
      bundle: true,
      minify: true,
      platform: 'browser',
      format: 'iife',
      globalName: 'tfjsEma',
      write: false,
      logLevel: 'silent',
    });
    expect(errors).toEqual([]);
    // What a page has, and no more: no process, no require.
    const page = createContext({ performance, queueMicrotask, TextEncoder, TextDecoder, URL });
    runInContext(outputFiles?.[0]?.text ?? '', page);
    const { WeightEma } = page['tfjsEma'] as typeof import('../../src/index.js');
    const { x, y } = data(32);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: [0.5, 0.9], engine: 'js' });
    const validationData: [typeof x, typeof y] = [x, y];
    await model.fit(x, y, { epochs: 2, batchSize: 8, verbose: 0, validationData, callbacks: [ema.callback()] });
    expect([ema.steps, ema.validations.length, ema.bests.length]).toEqual([8, 2, 2]);
    expect(ema.use('best', (averaged) => averaged.predict(x))).toHaveProperty('shape', [32, 3]);
    expect(`${ema.report()}`).toContain('val_loss');
    await expect(ema.saveCheckpoint('file')).rejects.toMatchObject({ code: 'MISSING_PACKAGE' });
    await expect(ema.saveRun('folder')).rejects.toMatchObject({ code: 'MISSING_PACKAGE' });
    ema.dispose();
  });
});
