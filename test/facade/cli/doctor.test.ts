// The command `tfjs-ema doctor` on sound and broken set-ups, each a folder of its own and a process of its own.
// Nothing is mocked: what is broken is really missing.

import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { Check, CheckId } from '../../../src/cli/facts.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const MAIN = join(ROOT, 'src/cli/main.ts');
const require = createRequire(import.meta.url);
const TSX = pathToFileURL(require.resolve('tsx')).href;
const installed = (name: string) => dirname(require.resolve(`${name}/package.json`));
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** An app without packages. */
function app(files: Readonly<Record<string, string>> = {}): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tfjs-ema-doctor-')));
  folders.push(folder);
  mkdirSync(join(folder, 'node_modules/@tensorflow'), { recursive: true });
  for (const [name, text] of Object.entries({ 'package.json': '{}', ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

function link(folder: string, name: string): void {
  symlinkSync(installed(name), join(folder, 'node_modules', name));
}

/** tfjs-node as it lies in node_modules before its install script has run. */
function unpackedOnly(folder: string): string {
  const target = join(folder, 'node_modules/@tensorflow/tfjs-node');
  for (const part of ['package.json', 'dist/index.js'])
    cpSync(join(installed('@tensorflow/tfjs-node'), part), join(target, part));
  return target;
}

interface Report {
  readonly code: number | null;
  readonly engine: string | null;
  readonly device: string | null;
  readonly verdict: string;
  readonly checks: readonly Check[];
  check(id: CheckId): Check | undefined;
}

function run(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return spawnSync(process.execPath, ['--import', TSX, MAIN, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}

function doctor(folder: string, env: NodeJS.ProcessEnv = {}): Report {
  const { status, stdout, stderr } = run(folder, ['doctor', '--json'], env);
  expect(stdout, stderr).toMatch(/^\{/);
  const report = JSON.parse(stdout);
  return { ...report, code: status, check: (id) => report.checks.find((check: Check) => check.id === id) };
}

describe('tfjs-ema doctor', () => {
  it('finds nothing wrong in an app with tfjs-node: the native engine runs', () => {
    const folder = app();
    link(folder, '@tensorflow/tfjs-node');
    const report = doctor(folder);
    expect(report.checks.filter(({ status }) => status !== 'ok' && status !== 'warn')).toEqual([]);
    expect(report.check('tensorflow')?.message).toMatch(/^TensorFlow 2\.\d+\.\d+ \(\/.*tensorflow.*\)$/);
    expect(report.check('ops')?.message).toMatch(/^registered for CPU/);
    expect(report.check('device')?.message).toBe('updates ran on CPU (its kernel counted 3 of 3)');
    expect(report.check('engines')?.message).toMatch(/^engine native: our op runs in TensorFlow 2\.\S+ on CPU \(/);
    expect(report).toMatchObject({
      code: 0,
      engine: 'native',
      device: 'CPU',
      verdict: 'Updates run natively, on the CPU.',
    });
  });

  it('says why there is no GPU that --gpu could try, which breaks nothing', () => {
    const folder = app();
    link(folder, '@tensorflow/tfjs-node');
    const { status, stdout } = run(folder, ['doctor', '--gpu']);
    expect(stdout).toMatch(
      /^warn {2}gpu-kernel there is no GPU to try: updates ran on CPU, with @tensorflow\/tfjs-node$/m,
    );
    expect(status).toBe(0);
  });

  it('names the package to install where there is no tfjs at all', () => {
    const folder = app();
    const report = doctor(folder);
    expect(report.check('tfjs')).toEqual({
      id: 'tfjs',
      status: 'fail',
      message: `no @tensorflow/tfjs-node, tfjs-node-gpu or tfjs can be imported from ${folder}`,
      cure: "in the app's folder: npm install @tensorflow/tfjs-node",
    });
    expect(report).toMatchObject({ code: 1, engine: null, verdict: 'Updates cannot run here yet.' });
  });

  it('accepts plain tfjs, and says how to get native updates', () => {
    const folder = app();
    link(folder, '@tensorflow/tfjs');
    const report = doctor(folder);
    expect(report.check('tfjs')).toMatchObject({
      status: 'warn',
      cure: expect.stringContaining('npm install @tensorflow/tfjs-node'),
    });
    expect(report.check('engines')?.message).toContain("tfjs runs on the backend 'cpu'");
    expect(report).toMatchObject({ code: 0, engine: 'js', device: null });
  });

  it('tells a failed install script from one that never ran', () => {
    const folder = app();
    mkdirSync(join(unpackedOnly(folder), 'deps'));
    const report = doctor(folder);
    expect(report.check('binding')?.message).toContain('the install script of @tensorflow/tfjs-node ran, but failed');
    expect(report.check('binding')?.cure).toMatch(/^npm rebuild @tensorflow\/tfjs-node .*docs\/troubleshooting\.md/);
    expect(report.code).toBe(1);
    const other = app();
    unpackedOnly(other);
    expect(doctor(other).check('binding')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('the install script of @tensorflow/tfjs-node never ran'),
    });
  });

  it('runs in JavaScript where there is no binary for the platform, and says so', () => {
    const folder = app();
    link(folder, '@tensorflow/tfjs-node');
    const report = doctor(folder, { PREBUILDS_ONLY: '1', npm_config_arch: 'riscv64' });
    expect(report.check('addon')).toMatchObject({
      status: 'warn',
      message: expect.stringMatching(/No native build was found for platform=linux arch=riscv64/),
    });
    expect(report.check('addon')?.cure).toContain('binaries exist for linux-x64 and linux-arm64 with glibc');
    expect(report.check('engines')).toMatchObject({ status: 'warn', message: expect.stringContaining('engine js') });
    // Its cure is that of the addon: nothing is wrong with TensorFlow.
    expect(report.check('ops')).toBeUndefined();
    expect(report).toMatchObject({ code: 0, engine: 'js' });
  });

  it('names tfjs-ema/compat where Node lacks what tfjs-node calls', () => {
    // What Node 23 did; tools/release/test-nodes.mjs runs this on a real Node 24.
    const folder = app({ 'remove.cjs': "delete require('node:util').isNullOrUndefined;\n" });
    link(folder, '@tensorflow/tfjs-node');
    const report = doctor(folder, { NODE_OPTIONS: `--require=${join(folder, 'remove.cjs')}` });
    expect(report.check('compat')).toMatchObject({
      status: 'warn',
      message: expect.stringContaining('util.isNullOrUndefined'),
    });
    expect(report.check('compat')?.cure).toContain(
      "import 'tfjs-ema/compat' before the import of @tensorflow/tfjs-node",
    );
    expect(report).toMatchObject({ code: 0, engine: 'native' });
  });

  it('lists the CUDA 11 libraries that tfjs-node-gpu lacks, and where to get them', (context) => {
    const folder = app();
    const gpu = join(folder, 'node_modules/@tensorflow/tfjs-node-gpu');
    const cpu = installed('@tensorflow/tfjs-node');
    mkdirSync(gpu);
    for (const part of ['dist', 'lib', 'deps']) symlinkSync(join(cpu, part), join(gpu, part));
    const manifest = JSON.parse(readFileSync(join(cpu, 'package.json'), 'utf8'));
    writeFileSync(join(gpu, 'package.json'), JSON.stringify({ ...manifest, name: '@tensorflow/tfjs-node-gpu' }));
    const report = doctor(folder);
    const cuda = report.check('cuda');
    if (cuda?.status === 'ok') context.skip();
    expect(cuda?.message).toContain('missing for TensorFlow 2.9.1: libcudart.so.11.0, libcublas.so.11');
    expect(cuda?.cure).toContain('pip install --target cuda11 nvidia-cuda-runtime-cu11');
    expect(report.check('device')?.message).toContain('runs on the CPU: TensorFlow found no usable GPU');
    expect(report.code).toBe(1);
  });

  it('prints each check with its cure below, and the verdict last', () => {
    const { stdout, status } = run(app(), ['doctor']);
    expect(stdout).toMatch(/^tfjs-ema \d+\.\d+\.\d+ in \/.*\n\nok {4}node {7}Node /);
    expect(stdout).toMatch(/\nfail {2}tfjs .*\n {13} -> in the app's folder: npm install/);
    expect(stdout).toMatch(/\n\nUpdates cannot run here yet\.\n$/);
    expect(status).toBe(1);
  });

  it('answers a wrong command or option with its usage and exit code 2', () => {
    for (const args of [[], ['docter'], ['doctor', '--yaml'], ['toString']]) {
      const { status, stderr } = run(tmpdir(), args);
      expect(stderr).toContain('usage: tfjs-ema COMMAND');
      expect(status).toBe(2);
    }
    expect(run(tmpdir(), ['--help'])).toMatchObject({ status: 0, stdout: expect.stringMatching(/^usage: tfjs-ema /) });
  });
});
