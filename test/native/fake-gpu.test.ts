// The whole path on a GPU that is not there: real TensorFlow with a pluggable device of type "GPU" on the fake CUDA driver; and, where
// with-tf.mjs gives it a TensorFlow with CUDA, that TensorFlow's own device on the driver that interprets the PTX.
// Each case runs in a process of its own (test/native/fake-gpu/cases.ts), on the device and, to compare, without it.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildFakeGpu, deviceEnvironment, isInTree, whyNoFakeGpu } from './fake-gpu/index.js';

const reason = whyNoFakeGpu();
if (reason !== '') console.log(`skipped: ${reason}`);

const run = promisify(execFile);
const program = join(import.meta.dirname, 'fake-gpu', 'cases.ts');

interface Options {
  readonly cpu?: boolean;
  readonly env?: Record<string, string>;
}

/** The JSON that a case prints. Its shape is what the case's function in cases.ts returns. */
async function runCase<T>(name: string, { cpu = false, env = {} }: Options = {}): Promise<T> {
  const args = ['--import', 'tsx', program, name, ...(cpu ? ['--cpu'] : [])];
  const { stdout } = await run(process.execPath, args, {
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', ...(cpu ? {} : deviceEnvironment), ...env },
    maxBuffer: 1 << 26,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as T;
}

interface OnGpu {
  readonly isGpu: boolean;
  readonly launches: number;
  readonly violation: string;
}

interface Fit extends OnGpu {
  readonly engine: string;
  readonly reason: string;
  readonly updates: number;
  readonly averages: number[][];
  readonly weights: number[][];
  readonly losses: Record<string, number[]>;
  readonly evaluated: number[][];
}

interface Replay extends OnGpu {
  readonly averages: readonly { reason: string; updates: number; averages: number[][] }[];
}

interface Failure {
  readonly code: string;
  readonly message: string;
}

/** Numbers that must be the CPU's, to the bit. */
function numbersOf({ engine, updates, averages, weights, losses, evaluated }: Fit): object {
  return { engine, updates, averages, weights, losses, evaluated };
}

const device = isInTree ? 'TensorFlow’s own CUDA device' : 'the fake GPU';

// Who asks for TensorFlow's own device wants no skipped tests.
describe.skipIf(reason !== '' && !isInTree)(`on ${device}`, () => {
  beforeAll(buildFakeGpu);

  it.each(['0', '300'])('averages of a training are the CPU’s, to the bit, %s us behind', async (delay) => {
    const [gpu, cpu] = await Promise.all([
      runCase<Replay>('replay', { env: { FAKE_CUDA_DELAY_US: delay } }),
      runCase<Replay>('replay', { cpu: true }),
    ]);
    expect(gpu).toMatchObject({ isGpu: true, violation: '' });
    expect(cpu).toMatchObject({ isGpu: false, launches: 0 });
    const plainAndCompensated = Array.from({ length: 2 }, () => ({ updates: 20 }));
    expect(gpu.averages).toMatchObject(plainAndCompensated);
    for (const { reason } of gpu.averages) expect(reason).toMatch(/ on GPU$/);
    expect(gpu.averages.map(({ averages }) => averages)).toEqual(cpu.averages.map(({ averages }) => averages));
  });

  // TensorFlow's own device would run the kernels of the training too, which are not there.
  it.skipIf(isInTree)('model.fit with the callback gives the averages of the CPU, to the bit', async () => {
    const [gpu, cpu] = await Promise.all([runCase<Fit>('fit'), runCase<Fit>('fit', { cpu: true })]);
    expect(gpu).toMatchObject({ isGpu: true, engine: 'native', violation: '', updates: 15 });
    expect(gpu.reason).toMatch(/ on GPU$/);
    expect(gpu.launches).toBeGreaterThanOrEqual(gpu.updates);
    expect(cpu).toMatchObject({ isGpu: false, engine: 'native', launches: 0 });
    expect(cpu.averages.length).toBeGreaterThan(0);
    expect(numbersOf(gpu)).toEqual(numbersOf(cpu));
  });

  it.skipIf(isInTree)(
    'gives them also when the device lags behind the host: nothing is read before it is there',
    async () => {
      const [slow, cpu] = await Promise.all([
        runCase<Fit>('fit', { env: { FAKE_CUDA_DELAY_US: '300' } }),
        runCase<Fit>('fit', { cpu: true }),
      ]);
      expect(slow).toMatchObject({ isGpu: true, violation: '' });
      expect(numbersOf(slow)).toEqual(numbersOf(cpu));
    },
  );

  it('an update is one launch: no copy, no host synchronisation, no device memory', async () => {
    expect(await runCase('counts')).toEqual({
      steps: 10,
      launches: 10,
      synchronisations: 0,
      uploads: 0,
      downloads: 0,
      copies: 0,
      fills: 0,
      allocated: 0,
      violation: '',
    });
  });

  it.each(['0', '200'])('reads no stale value in 1,000 rounds of update and read, %s us behind', async (delay) => {
    const result = await runCase<OnGpu & { engine: string; stale: number }>('staleReads', {
      env: { FAKE_CUDA_DELAY_US: delay },
    });
    expect(result).toMatchObject({ isGpu: true, engine: 'native', stale: 0, violation: '' });
    expect(result.launches).toBeGreaterThan(2000);
  });

  it('ten compensated averages, written and read back, are the CPU’s, to the bit', async () => {
    const [gpu, cpu] = await Promise.all([
      runCase<OnGpu & { read: number[][][] }>('everyOperation'),
      runCase<OnGpu & { read: number[][][] }>('everyOperation', { cpu: true }),
    ]);
    expect(gpu).toMatchObject({ isGpu: true, violation: '' });
    expect(gpu.read).toEqual(cpu.read);
  });

  it('a failed launch poisons the averages: the message names call and error, and nothing is read or saved', async () => {
    const result = await runCase<Record<'first' | 'next' | 'read' | 'create' | 'again', Failure>>('failures');
    for (const failure of [result.first, result.next, result.read]) {
      expect(failure.code).toBe('POISONED');
      expect(failure.message).toContain('cuLaunchKernel(ema_update_1) failed: CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES');
    }
    expect(result.create.message).toContain('cuMemsetD32Async failed: CUDA_ERROR_INVALID_HANDLE');
    expect(result.again).toEqual({ code: '', message: '' });
  });

  it('any failure of the driver poisons, also before the first launch, between two, and one of earlier work', async () => {
    const outcomes = await runCase<{ name: string; first: Failure; read: Failure }[]>('poison');
    expect(outcomes).toHaveLength(5);
    for (const { name, first, read } of outcomes) {
      expect([first.code, read.code], name).toEqual(['POISONED', 'POISONED']);
      expect(first.message).toContain(name);
    }
  });

  it.runIf(isInTree)(
    'an error that stays, and that TensorFlow meets first, ends the process, as the documents say',
    async () => {
      await expect(runCase('stickyError')).rejects.toMatchObject({ signal: 'SIGABRT' });
    },
  );

  it('an update that the op refuses calls no driver, and the averages go on', async () => {
    const result = await runCase<OnGpu & Record<'refused' | 'next', Failure>>('refusal');
    expect(result).toMatchObject({ isGpu: true, violation: '', isUntouched: true, isAsBefore: true });
    expect(result.refused.code).toBe('NATIVE_FAILURE');
    expect(result.refused.message).toMatch(/refused, nothing was written: alpha must be in/);
    expect(result.next).toEqual({ code: '', message: '' });
  });

  it('holds no more device memory after 2,000 updates and reads', async () => {
    const { before, after, tensors, violation } = await runCase<{
      before: number;
      after: number;
      tensors: number;
      violation: string;
    }>('memory');
    expect(after).toBe(before);
    expect({ tensors, violation }).toEqual({ tensors: 0, violation: '' });
  });

  it.skipIf(isInTree)('doctor proves by the count of the kernel that updates run on it, and tries it', async () => {
    const root = join(import.meta.dirname, '..', '..');
    const preload = `--import=tsx --import=${join(import.meta.dirname, 'fake-gpu', 'preload.ts')}`;
    const doctor = run(process.execPath, [join(root, 'src', 'cli', 'main.ts'), 'doctor', '--gpu', '--json'], {
      cwd: root,
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', NODE_OPTIONS: preload },
    });
    // The fake device runs a launch inside of the call: to doctor a host that waits, which is broken.
    const { stdout, code } = await doctor.catch((error) => error);
    const report = JSON.parse(stdout);
    const check = (wanted: string) => report.checks.find(({ id }: { id: string }) => id === wanted);
    expect(check('device')).toMatchObject({ status: 'ok', message: 'updates ran on GPU (its kernel counted 3 of 3)' });
    expect(report).toMatchObject({ engine: 'native', device: 'GPU', verdict: 'Updates run natively, on the GPU.' });
    expect(check('gpu-kernel')).toMatchObject({
      status: 'ok',
      message: expect.stringMatching(/equal the CPU kernel's/),
    });
    expect(report.gpu).toMatchObject({
      kernels: { differing: 0 },
      speed: { updateMs: expect.any(Number), copyMs: expect.any(Number) },
      order: { isRight: true },
    });
    expect(report.gpu.kernels.floats).toBeGreaterThan(1_000_000);
    expect(check('gpu-order')).toMatchObject({ status: 'fail', message: expect.stringMatching(/the host waits/) });
    expect(code).toBe(1);
  });

  it('with two GPUs the averages are right', async () => {
    const result = await runCase<OnGpu & { attached: Failure; engine: string; right: boolean }>('twoDevices', {
      env: { FAKE_GPUS: '2' },
    });
    expect(result).toMatchObject({ isGpu: true, engine: 'native', right: true, violation: '' });
    expect(result.attached.message).toBe('');
  });
});
