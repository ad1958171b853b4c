// What `tfjs-ema doctor` finds out about a folder: packages and their copies, child processes.
// Judges nothing: that is test/unit/cli/checks.test.ts. With tfjs-node: test/facade/cli/gather.test.ts; the command as a whole: doctor.test.ts there.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { doctor } from '../../../src/cli/doctor.js';
import { gather } from '../../../src/cli/gather.js';
import { tfjsCopies } from '../../../src/cli/node-modules.js';
import { runCudaProbe, runTfjsProbe } from '../../../src/cli/run-probe.js';

const require = createRequire(import.meta.url);
const NAME = '@tensorflow/tfjs-node';
const PLACE = `node_modules/${NAME}`;
let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'tfjs-ema-gather-')));
  // The probes are TypeScript here: their processes need the loader.
  vi.stubEnv('NODE_OPTIONS', `--import ${pathToFileURL(require.resolve('tsx')).href}`);
});

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** Writes files below the folder; a manifest for each name that ends in package.json. */
function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

const manifest = (name: string, version: string) => JSON.stringify({ name, version });

describe('copies of tfjs', () => {
  it('are found inside other packages and in the store of pnpm, each once', () => {
    const core = '@tensorflow/tfjs-core';
    const stored = `node_modules/.pnpm/core@3/node_modules/${core}`;
    write({
      [`node_modules/${core}/package.json`]: manifest(core, '1.0.0'),
      [`node_modules/other/node_modules/${core}/package.json`]: manifest(core, '2.0.0'),
      [`${stored}/package.json`]: manifest(core, '3.0.0'),
      [`node_modules/@tensorflow/tfjs-data/package.json`]: manifest('@tensorflow/tfjs-data', '1.0.0'),
      [`node_modules/@tensorflow/tfjs-layers/package.json`]: '{ no manifest',
    });
    mkdirSync(join(folder, 'node_modules/linked/node_modules/@tensorflow'), { recursive: true });
    symlinkSync(join(folder, stored), join(folder, `node_modules/linked/node_modules/${core}`));
    const copies = tfjsCopies(join(folder, 'below'));
    expect(copies.map(({ name, version }) => [name, version]).sort()).toEqual([
      [core, '1.0.0'],
      [core, '2.0.0'],
      [core, '3.0.0'],
    ]);
  });
});

describe('the facts of a folder', () => {
  it('name no tfjs, no probe and this very Node where nothing is installed', async () => {
    const facts = await gather(folder);
    expect(facts).toMatchObject({ directory: folder, copies: [], tfjs: undefined, probe: undefined, cuda: undefined });
    expect(facts.node).toMatchObject({ version: process.versions.node, platform: process.platform });
  });

  it.each([
    [false, 'blocked'],
    [true, 'failed'],
  ])('tell whether the install script ran (%s), and start no process without a binding', async (ran) => {
    write({ [`${PLACE}/package.json`]: manifest(NAME, '4.22.0') });
    if (ran) mkdirSync(join(folder, PLACE, 'deps'));
    expect(await gather(folder)).toMatchObject({
      tfjs: {
        name: NAME,
        version: '4.22.0',
        path: join(folder, PLACE),
        binding: undefined,
        scriptRan: ran,
      },
      probe: undefined,
    });
  });
});

describe('the processes of doctor', () => {
  it('report a package that cannot be loaded', async () => {
    expect(await runTfjsProbe(join(folder, 'none'))).toMatchObject({
      error: expect.stringContaining('Cannot find module'),
      backend: undefined,
    });
  });

  it('report their death with its cause, and what was sent before it', async () => {
    write({ 'package.json': '{"main": "dies.js"}', 'dies.js': "console.error('no luck'); process.exit(7);" });
    expect(await runTfjsProbe(folder)).toMatchObject({ error: 'the process ended with exit code 7: no luck' });
    write({ 'dies.js': "process.kill(process.pid, 'SIGKILL'); for (;;);" });
    expect(await runTfjsProbe(folder)).toMatchObject({ error: expect.stringContaining('ended with signal SIGKILL') });
    vi.stubEnv('NODE_OPTIONS', '--import ./is-not-there.mjs');
    const { missing } = await runCudaProbe(['libone.so']);
    expect(missing).toEqual([{ soname: 'libone.so', reason: expect.stringContaining('is-not-there') }]);
  });

  // CUDA, which the libraries are those of, is for Linux (and Windows) only.
  it.skipIf(process.platform !== 'linux')('tell a library that is there from one that is not', async () => {
    const { missing } = await runCudaProbe(['libc.so.6', 'libtfjs-ema-none.so.1']);
    expect(missing.map(({ soname }) => soname)).toEqual(['libtfjs-ema-none.so.1']);
  });
});

describe('the command', () => {
  it.each([
    ['as text', [], /^tfjs-ema \d.*\n\nok {4}node .*\nfail {2}tfjs .*\n\nUpdates cannot run here yet\.\n$/s],
    ['as JSON', ['--json'], /^\{\n {2}"version": ".*"id": "tfjs",\n +"status": "fail"/s],
  ])('prints %s, and its exit code says that something is broken', async (_, args, expected) => {
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    const print = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    expect(await doctor(args)).toBe(1);
    const text = print.mock.calls.map(([chunk]) => String(chunk)).join('');
    print.mockRestore();
    expect(text).toMatch(expected);
  });
});
