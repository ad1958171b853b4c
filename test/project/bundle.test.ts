// The package inside of a bundle, as an app ships it: it builds, trains, saves and keeps its averages without package.json and addon beside it.
// tfjs-node stays outside, as its addon needs; all else is in.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
// The bundler that tsx brings along.
const esbuild = createRequire(createRequire(import.meta.url).resolve('tsx'))('esbuild') as {
  build(options: object): Promise<{ readonly errors: readonly unknown[] }>;
};
const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-bundle-'));
afterAll(() => rmSync(folder, { recursive: true }));

const APP = `
import * as tf from '@tensorflow/tfjs-node';
import { emaCallback } from 'tfjs-ema';

async function main() {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] });
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
  const [x, y] = [tf.ones([8, 2]), tf.ones([8, 1])];
  const ema = emaCallback(tf, { decays: [0.5, 0.9], updateEvery: 1, validationData: [x, y], keepBest: { folder: 'kept' } });
  await model.fit(x, y, { epochs: 2, batchSize: 4, verbose: 0, callbacks: [ema] });
  await ema.saveModel('best', 'file://saved');
  await ema.saveCheckpoint('ema.safetensors');
  await ema.loadCheckpoint('ema.safetensors');
  console.log(JSON.stringify({ updates: ema.updates, engine: ema.engine, reason: ema.engineReason, table: ema.report().toTable() }));
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
      alias: { 'tfjs-ema': join(root, 'src', 'index.ts') },
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
    expect(told.reason).toMatch(/addon/);
    for (const saved of ['saved', join('kept', 'best-loss')]) {
      const { userDefinedMetadata } = JSON.parse(readFileSync(join(home, saved, 'model.json'), 'utf8'));
      const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
      expect(userDefinedMetadata.tfjsEma.version).toBe(version);
    }
  });
});
