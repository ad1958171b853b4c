// How `tfjs-ema doctor --gpu` judges what it found on a GPU. On a fake one as a whole: test/native/fake-gpu.test.ts.
// Tries no GPU.

import { describe, expect, it } from 'vitest';
import type { Facts, GpuFacts } from '../../../src/cli/facts.js';
import { gpuChecks } from '../../../src/cli/gpu.js';

describe('judging a GPU', () => {
  // An H200 moves an update's 12 bytes a weight about as fast as a copy's 8.
  const good: GpuFacts = {
    card: 'NVIDIA H200, 580.159.04, 143771 MiB',
    error: undefined,
    kernels: { models: 100, floats: 90_000_000, differing: 0 },
    speed: { floats: 2 ** 26, updateMs: 0.192, copyMs: 0.128 },
    order: { hostMs: 0.16, queuedMs: 40, isRight: true },
  };
  // Of the rest only what a reason names is read.
  const judge = (gpu: GpuFacts | undefined, rest: Partial<Facts> = {}) => gpuChecks({ ...rest, gpu } as Facts);
  const one = (facts: Partial<GpuFacts>, id: string) => judge({ ...good, ...facts }).find((check) => check.id === id);

  it('finds a good card good, and names it', () => {
    expect(judge(good)).toEqual([
      {
        id: 'gpu-kernel',
        status: 'ok',
        message: `90000000 numbers of 100 random models equal the CPU kernel's to the bit (${good.card})`,
        cure: '',
      },
      {
        id: 'gpu-order',
        status: 'ok',
        message:
          "runs on TensorFlow's stream, and the host waits for nothing: update() took 0.16 ms with 40.0 ms of work before it",
        cure: '',
      },
      {
        id: 'gpu-speed',
        status: 'ok',
        message: "67108864 weights in 0.192 ms: 4194 GB/s, 1.00 of the speed of TensorFlow's copy",
        cure: '',
      },
    ]);
  });

  it('fails at one wrong bit, at an update out of order, and where the host waits', () => {
    expect(one({ kernels: { models: 2, floats: 10, differing: 1 } }, 'gpu-kernel')).toMatchObject({
      status: 'fail',
      message: `1 of 10 numbers of 2 random models differ from the CPU kernel's (${good.card})`,
      cure: expect.stringContaining('doctor --json'),
    });
    expect(one({ order: { hostMs: 0.1, queuedMs: 40, isRight: false } }, 'gpu-order')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('did not wait for the weights'),
    });
    expect(one({ order: { hostMs: 20, queuedMs: 20, isRight: true } }, 'gpu-order')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('the host waits for the device'),
    });
  });

  it('warns of a slow update, which breaks nothing', () => {
    const slow = one({ speed: { floats: 2 ** 26, updateMs: 0.4, copyMs: 0.128 } }, 'gpu-speed');
    expect(slow).toMatchObject({ status: 'warn', message: expect.stringContaining('0.48 of the speed') });
  });

  it('says what ended a trial before it was done', () => {
    const died = judge({ ...good, error: 'the process ended with signal SIGABRT', speed: undefined, order: undefined });
    expect(died.map(({ status }) => status)).toEqual(['ok', 'fail', 'fail']);
    expect(died[2]?.message).toBe('was not reached: the process ended with signal SIGABRT');
  });

  it('says why there is no GPU to try, which breaks nothing', () => {
    const tfjs = { name: '@tensorflow/tfjs-node' } as Facts['tfjs'];
    expect(judge(undefined, { tfjs })).toMatchObject([
      { status: 'warn', message: 'there is no GPU to try: no update ran natively, with @tensorflow/tfjs-node' },
    ]);
  });
});
