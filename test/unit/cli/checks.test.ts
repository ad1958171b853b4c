// How `tfjs-ema doctor` judges facts, each altered in one point from a healthy machine, and its self-test of the addon.
// Gathers nothing: that is test/facade/cli/doctor.test.ts. Holds docs/troubleshooting.md against both.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { judge, verdict } from '../../../src/cli/checks.js';
import { CUDA_LIBRARIES, runScript } from '../../../src/cli/cures.js';
import type { CheckId, Facts } from '../../../src/cli/facts.js';
import { coreSelfTest } from '../../../src/cli/self-test.js';

describe('judging', () => {
  const registration = {
    ops: { create: 'C', update: 'U', read: 'R', write: 'W', stats: 'S' },
    tensorflow: '2.9.1',
    tensorflowPath: '/tf/libtensorflow.so.2',
    devices: ['CPU', 'GPU'],
    gpuReason: '',
  } as const;
  const healthy: Facts = {
    directory: '/app',
    node: { version: '22.1.0', napi: 9, platform: 'linux', arch: 'x64', glibc: '2.36' },
    addon: {
      path: '/p/tfjs-ema.glibc.node',
      sha256: 'ab',
      published: true,
      build: { version: '1.0.0', cpuKernel: 'avx2', threads: 2, compiler: 'Clang' },
      selfTest: { compared: 10, differing: 0 },
    },
    copies: [{ name: '@tensorflow/tfjs-core', version: '4.22.0', path: '/app/core' }],
    tfjs: {
      name: '@tensorflow/tfjs-node-gpu',
      version: '4.22.0',
      path: '/app/tfjs-node-gpu',
      binding: '/app/tfjs_binding.node',
      scriptRan: true,
    },
    probe: {
      error: undefined,
      needsCompat: false,
      backend: 'tensorflow',
      usesGpu: true,
      registration,
      engines: {
        engine: 'native',
        reason: 'because',
        difference: 1e-8,
        tolerance: 1e-6,
        updates: 3,
        ran: { CPU: 0, GPU: 3 },
      },
    },
    cuda: { driver: '535.104.05', missing: [] },
  };
  const find = (facts: Partial<Facts>, id: CheckId) => judge({ ...healthy, ...facts }).find((check) => check.id === id);

  it('finds a GPU set-up healthy, and says that updates run on the GPU', () => {
    expect(judge(healthy).filter(({ status, cure }) => status !== 'ok' || cure !== '')).toEqual([]);
    expect(verdict(healthy)).toBe('Updates run natively, on the GPU.');
  });

  const ranOn = (CPU: number, GPU: number, rest: object = {}) =>
    ({ ...healthy.probe, ...rest, engines: { ...healthy.probe?.engines, ran: { CPU, GPU } } }) as Facts['probe'];

  it('believes the count of the kernels, not what was registered', () => {
    expect(find({}, 'device')).toMatchObject({
      status: 'ok',
      message: 'updates ran on GPU (its kernel counted 3 of 3)',
    });
    const onCpu = ranOn(3, 0);
    expect(find({ probe: onCpu }, 'device')).toMatchObject({
      status: 'fail',
      message: expect.stringMatching(
        /^tfjs-node runs on the GPU, but updates ran on CPU \(its kernel counted 3 of 3\)/,
      ),
    });
    expect(verdict({ ...healthy, probe: onCpu })).toBe('Updates run natively, on the CPU.');
    const lost = ranOn(1, 1);
    expect(find({ probe: lost }, 'device')).toMatchObject({
      status: 'fail',
      message: 'of 3 updates the kernels counted 1 on CPU and 1 on GPU',
    });
    expect(verdict({ ...healthy, probe: lost })).toBe('Updates run natively.');
  });

  it('is content with the CPU where the package is for the CPU, and not where it is for the GPU', () => {
    const probe = ranOn(3, 0, { usesGpu: false });
    expect(find({ probe }, 'device')?.status).toBe('fail');
    const tfjs = { ...healthy.tfjs, name: '@tensorflow/tfjs-node' } as Facts['tfjs'];
    expect(find({ probe, tfjs }, 'device')).toMatchObject({
      status: 'ok',
      message: 'updates ran on CPU (its kernel counted 3 of 3)',
    });
  });

  it('fails where tfjs-node is on the GPU and the ops are not', () => {
    const probe = {
      ...healthy.probe,
      registration: { ...registration, devices: ['CPU'], gpuReason: 'cuLaunchKernel is missing' },
      engines: { ...healthy.probe?.engines, engine: 'js', ran: { CPU: 0, GPU: 0 } },
    } as Facts['probe'];
    expect(find({ probe }, 'device')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('cuLaunchKernel is missing'),
    });
  });

  it('fails for an old Node and warns of an old C library', () => {
    expect(find({ node: { ...healthy.node, version: '18.20.0' } }, 'node')).toMatchObject({
      status: 'fail',
      cure: expect.stringContaining('20.19'),
    });
    expect(find({ node: { ...healthy.node, glibc: '2.17' } }, 'node')).toMatchObject({
      status: 'warn',
      cure: expect.stringContaining('glibc 2.28'),
    });
  });

  it('names musl where a binary is missing for it', () => {
    const addon = { reason: 'No native build was found for platform=linux arch=x64 libc=musl' };
    expect(find({ addon, node: { ...healthy.node, glibc: undefined } }, 'addon')?.cure).toContain(
      'linux-x64 with musl',
    );
  });

  it('warns of two copies of tfjs-core, whose callbacks are strangers to each other', () => {
    const copies = [...healthy.copies, { name: '@tensorflow/tfjs-core', version: '4.20.0', path: '/app/other/core' }];
    expect(find({ copies }, 'copies')).toMatchObject({ status: 'warn', cure: expect.stringContaining('npm dedupe') });
  });

  it('fails where the engines disagree, and where the addon computes other bits', () => {
    const engines = { ...healthy.probe?.engines, difference: 1e-3 };
    expect(find({ probe: { ...healthy.probe, engines } as Facts['probe'] }, 'engines')?.status).toBe('fail');
    const addon = { ...healthy.addon, selfTest: { compared: 10, differing: 1 } } as Facts['addon'];
    expect(find({ addon }, 'self-test')?.message).toContain('1 of 10 numbers');
  });

  it('reports how the process that loaded tfjs died', () => {
    const probe = {
      ...healthy.probe,
      backend: undefined,
      engines: undefined,
      error: 'the process ended with signal SIGSEGV: it printed nothing',
    } as Facts['probe'];
    expect(find({ probe }, 'tensorflow')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('SIGSEGV'),
    });
  });

  it('says the same of tfjs-node and tfjs-node-gpu side by side, and nothing where there is one copy', () => {
    const copy = (name: string) => ({ name: `@tensorflow/${name}`, version: '4.22.0', path: `/app/${name}` });
    expect(find({ copies: [copy('tfjs-core')] }, 'copies')?.message).toMatch(/^one copy of tfjs: /);
    expect(find({ copies: [copy('tfjs-node'), copy('tfjs-node-gpu')] }, 'copies')).toMatchObject({
      status: 'warn',
      message: expect.stringMatching(/^both .*two TensorFlows$/),
    });
  });

  it('tells an install script that never ran from one that failed, with one cure for both', () => {
    const tfjs = { ...healthy.tfjs, binding: undefined } as NonNullable<Facts['tfjs']>;
    const blocked = find({ tfjs: { ...tfjs, scriptRan: false } }, 'binding');
    expect(blocked).toMatchObject({ status: 'fail', message: expect.stringContaining('never ran') });
    const failed = find({ tfjs }, 'binding');
    expect(failed).toMatchObject({ status: 'fail', message: expect.stringContaining('ran, but failed') });
    for (const check of [blocked, failed]) {
      expect(check?.cure).toMatch(
        /^npm rebuild @tensorflow\/tfjs-node-gpu .* see docs\/troubleshooting\.md, "binding"$/,
      );
    }
  });

  it('warns where TensorFlow refuses the ops, and says it once where there is no addon', () => {
    const probe = { ...healthy.probe, registration: { reason: 'TF_NewOp is missing' }, engines: undefined };
    const refused = judge({ ...healthy, probe: { ...probe, error: 'no op' } as Facts['probe'] });
    expect(refused.find(({ id }) => id === 'ops')).toMatchObject({
      status: 'warn',
      cure: expect.stringMatching(/2\.7 to 2\.21/),
    });
    expect(refused.find(({ id }) => id === 'engines')?.message).toBe('updates fail: no op');
    expect(find({ probe: probe as Facts['probe'], addon: { reason: 'No native build' } }, 'ops')).toBeUndefined();
  });

  it.each([
    [
      "Cannot find module 'long'\nRequire stack:\n- /app/x.js",
      /^npm install long: @tensorflow\/tfjs-node-gpu needs it/,
    ],
    ["Cannot find package '@tensorflow/tfjs' imported from /app/x.js", /^npm install @tensorflow\/tfjs: /],
    ["Cannot find module '/app/lib/napi-v8/tfjs_binding.node'", /^npm rebuild /],
    ["Cannot find module './tfjs_binding.node'", /^npm rebuild /],
    ['libtensorflow.so.2: cannot open shared object file', /^npm rebuild /],
  ])('cures a tfjs that does not load by what is missing: %s', (error, cure) => {
    const probe = { ...healthy.probe, backend: undefined, registration: undefined, error } as Facts['probe'];
    expect(find({ probe }, 'tensorflow')?.cure).toMatch(cure);
  });

  it('says what is installed where nothing can be imported, and what plain tfjs lacks', () => {
    expect(find({ tfjs: undefined, probe: undefined }, 'tfjs')?.cure).toContain('npm install @tensorflow/tfjs-node');
    const tfjs = { ...healthy.tfjs, name: '@tensorflow/tfjs' } as Facts['tfjs'];
    expect(find({ tfjs }, 'tfjs')?.cure).toContain('npm install @tensorflow/tfjs-node');
    expect(find({ tfjs }, 'binding')).toBeUndefined();
    expect(verdict({ ...healthy, probe: undefined })).toBe('Updates cannot run here yet.');
    const js = { ...healthy.probe, engines: { ...healthy.probe?.engines, engine: 'js' } } as Facts['probe'];
    expect(verdict({ ...healthy, probe: js })).toContain('in JavaScript');
    expect(find({ probe: js }, 'engines')).toMatchObject({ status: 'warn', message: 'engine js: because' });
  });

  it('asks for the driver where there is none, and for the libraries only where they are missing', () => {
    const probe = { ...healthy.probe, usesGpu: false } as Facts['probe'];
    const none = { driver: undefined, missing: [] };
    expect(find({ probe, cuda: none }, 'cuda')?.cure).toMatch(
      /^install the NVIDIA driver .*the CUDA 11 libraries are all there$/,
    );
    const missing = Object.keys(CUDA_LIBRARIES).map((soname) => ({ soname, reason: 'no such file' }));
    const cure = find({ probe, cuda: { driver: '535', missing } }, 'cuda')?.cure ?? '';
    for (const name of new Set(Object.values(CUDA_LIBRARIES))) expect(cure).toContain(name);
  });
});

describe('the core self-test', () => {
  it('counts the numbers that an addon gets wrong', () => {
    const lazy = { lerp: () => undefined };
    // Of five alphas, 0 alone leaves the shadow as it was.
    const { compared, differing } = coreSelfTest(lazy);
    expect(differing).toBeGreaterThan(0.7 * compared);
    expect(differing).toBeLessThanOrEqual(0.8 * compared);
  });
});

describe('docs/troubleshooting.md', () => {
  const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
  const namesOf = (path: string, type: string) =>
    [...(read(path).split(`export type ${type} =`)[1]?.split(';')[0] ?? '').matchAll(/^ *\| '([\w-]+)'/gm)].map(
      ([, name]) => name,
    );
  const text = read('docs/troubleshooting.md');

  it('has a row for every check and every error code', () => {
    const names = [...namesOf('src/cli/facts.ts', 'CheckId'), ...namesOf('src/base/errors.ts', 'EmaErrorCode')];
    expect(names.length).toBeGreaterThan(20);
    const cells = [...text.matchAll(/^\| (.*?) \|/gm)].map(([, cell = '']) => cell).join(' ');
    for (const name of names) expect(cells).toContain(`\`${name}\``);
  });

  it('has the command that doctor types, and those of other package managers', () => {
    const row = text.split('\n').find((line) => line.startsWith('| `binding` |')) ?? '';
    expect(row).toContain(`\`${runScript('@tensorflow/tfjs-node').split(', and')[0]}\``);
    for (const word of ['npm approve-scripts', 'pnpm approve-builds', 'enableScripts', 'TFJS_NODE_CDN_STORAGE']) {
      expect(row).toContain(word);
    }
  });
});
