// What `tfjs-ema doctor` finds out about a folder in which tfjs-node lies: it is loaded in a process of its own.
// Folders without it: test/unit/cli/gather.test.ts.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, it, vi } from 'vitest';
import { gather, ownVersion } from '../../../src/cli/gather.js';

const require = createRequire(import.meta.url);
const NAME = '@tensorflow/tfjs-node';
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tfjs-ema-gather-')));

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

it('the facts of a folder hold what tfjs-node does in a process of its own, and what CUDA lacks for its GPU package', async () => {
  // The probes are TypeScript here: their processes need the loader.
  vi.stubEnv('NODE_OPTIONS', `--import ${pathToFileURL(require.resolve('tsx')).href}`);
  const gpu = join(folder, `node_modules/${NAME}-gpu`);
  const cpu = dirname(require.resolve(`${NAME}/package.json`));
  mkdirSync(gpu, { recursive: true });
  const manifest = { ...require(`${NAME}/package.json`), name: `${NAME}-gpu` };
  writeFileSync(join(gpu, 'package.json'), JSON.stringify(manifest));
  for (const part of ['dist', 'lib', 'deps']) symlinkSync(join(cpu, part), join(gpu, part));
  const { probe, cuda, tfjs, addon } = await gather(folder);
  expect(tfjs).toMatchObject({ name: `${NAME}-gpu`, scriptRan: true, binding: expect.stringContaining('napi-v') });
  expect(probe).toMatchObject({ error: undefined, backend: 'tensorflow', registration: { ops: expect.anything() } });
  expect(probe?.engines).toMatchObject({ engine: 'native', updates: 3 });
  expect(cuda?.missing.map(({ soname }) => soname)).not.toContain('libcuda.so.1');
  expect(addon).toMatchObject({ build: { version: ownVersion() }, selfTest: { differing: 0 } });
});
