// Updates that fail before anything was written, on the real op: the averages are as before, to the bit, and go on. What may be
// half done poisons them. The same on a GPU is in fake-gpu.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WeightEma } from '../../src/index.js';
import { thrownBy } from '../support/expect.js';
import { lineModel, setRandomWeights, tf, valuesOf } from '../support/models.js';
import { at, bits } from '../support/oracle.js';

type Ids = readonly number[];

// What the library's backend.ts types too; the test keeps its own so that it can put other inputs in the place of the library's.
const backend = tf.backend() as unknown as {
  binding: { executeOp(name: string, attributes: object[], ids: Ids, outputs: number): object[] };
  getInputTensorIds(tensors: Tensor[]): number[];
};

const { binding } = backend;

afterEach(() => {
  backend.binding = binding;
  vi.restoreAllMocks();
  tf.disposeVariables();
});

const idOf = (tensor: Tensor): number => at(backend.getInputTensorIds([tensor]), 0);
const alphaBits = (...alphas: number[]): number =>
  idOf(tf.tensor1d(new Int32Array(new Float32Array(alphas).buffer), 'int32'));

/** Functions of an addon cannot be replaced in place. */
function replaceExecute(executeOp: typeof binding.executeOp): void {
  backend.binding = Object.create(binding, { executeOp: { value: executeOp } });
}

/** The next update runs on other inputs: arena, alphas and the weight. */
function withInputs(change: (ids: Ids) => Ids): void {
  let isNext = true;
  replaceExecute((name, attributes, ids, outputs) => {
    const isMeant = isNext && name.startsWith('TfjsEmaUpdate');
    if (isMeant) isNext = false;
    return binding.executeOp(name, attributes, isMeant ? change(ids) : ids, outputs);
  });
}

const arenaAsWeight = ([arena = 0, alpha = 0]: Ids): Ids => [arena, alpha, arena];
const otherAlpha =
  (id: () => number) =>
  ([arena = 0, , ...weights]: Ids): Ids => [arena, id(), ...weights];
const otherWeight =
  (shape: number[]) =>
  ([arena = 0, alpha = 0]: Ids): Ids => [arena, alpha, idOf(tf.zeros(shape))];

const REFUSALS: readonly [what: string, change: (ids: Ids) => Ids, message: RegExp][] = [
  ['a weight of another size', otherWeight([400]), /do not fit the arena/],
  ['a weight in the memory of the averages', arenaAsWeight, /shares memory with the arena/],
  ['too many alphas', otherAlpha(() => alphaBits(0.5, 0.5)), /alpha must have 1 numbers/],
  ['an alpha above 1', otherAlpha(() => alphaBits(1.5)), /alpha must be in \[0, 1\], received 1\.5/],
  ['an alpha that is not a number', otherAlpha(() => alphaBits(Number.NaN)), /alpha must be in \[0, 1\]/],
];

const OPTIONS = { decays: 0.9, updateEvery: 1, warmup: 'none', onWarning: () => undefined } as const;

/** A model and two averages of it, one of which will be refused an update that the other makes. */
function pair() {
  const model = lineModel();
  const make = () => new WeightEma(tf, { ...OPTIONS, engine: 'native' }).attach(model);
  return { model, ema: make(), twin: make() };
}

function bitsIn(ema: WeightEma): number[][] {
  const tensors = ema.read(0.9);
  const values = Object.values(valuesOf(tensors)).map((one) => Array.from(bits(one)));
  tf.dispose(tensors);
  return values;
}

describe('an update that the op refuses', () => {
  it.each(REFUSALS)('because of %s leaves the step pending and the averages as they were', (_, change, message) => {
    const { model, ema, twin } = pair();
    for (const seed of [1, 2, 3]) {
      setRandomWeights(model, seed);
      twin.update();
      if (seed < 3) ema.update();
    }
    withInputs(change);
    const error = thrownBy(() => ema.update(), 'NATIVE_FAILURE');
    expect(error.message).toMatch(/^the update was refused, and every average is as before: .*tfjs-ema: refused/s);
    expect(error.message).toMatch(message);
    expect([ema.steps, ema.updates]).toEqual([3, 2]);
    // The read counts the pending step in: from what the averages were, it is the update that the twin made.
    expect(bitsIn(ema)).toEqual(bitsIn(twin));
    expect(ema.updates).toBe(2);
  });

  it('is made up for by the next step, which covers both', () => {
    const { model, ema } = pair();
    setRandomWeights(model, 1);
    withInputs(otherWeight([400]));
    thrownBy(() => ema.update(), 'NATIVE_FAILURE');
    setRandomWeights(model, 2);
    ema.update();
    expect([ema.steps, ema.updates]).toEqual([2, 1]);
    // The same two steps, pending in an average that is updated at every second one.
    const other = lineModel();
    const second = new WeightEma(tf, { ...OPTIONS, engine: 'native', updateEvery: 2 }).attach(other);
    second.update();
    setRandomWeights(other, 2);
    second.update();
    expect(bitsIn(ema)).toEqual(bitsIn(second));
  });
});

describe('an update that fails otherwise', () => {
  it.each([
    'Invalid TF_Status: 13\nMessage: out of luck',
    'Invalid TF_Status: 3\nMessage: tfjs-ema: cuLaunchKernel failed',
    '',
  ])('with %j poisons the averages: they may be half done', (message) => {
    const { ema } = pair();
    replaceExecute(() => {
      throw new Error(message);
    });
    thrownBy(() => ema.update(), 'POISONED');
    backend.binding = binding;
    thrownBy(() => ema.update(), 'POISONED');
    thrownBy(() => ema.read(0.9), 'POISONED');
  });

  it('before TensorFlow is called leaves them as they were', () => {
    const { model, ema, twin } = pair();
    setRandomWeights(model, 1);
    twin.update();
    vi.spyOn(backend, 'getInputTensorIds').mockImplementationOnce(() => {
      throw new Error('no memory for the alphas');
    });
    expect(thrownBy(() => ema.update(), 'NATIVE_FAILURE').message).toMatch(/as before: no memory for the alphas/);
    expect(bitsIn(ema)).toEqual(bitsIn(twin));
  });
});

describe('where there is no memory', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-memory-'));
  const here = join(import.meta.dirname, 'scarce-memory');
  const library = join(folder, 'scarce_memory.so');

  beforeAll(() => {
    const flags = ['-std=c++17', '-O1', '-shared', '-fPIC'];
    execFileSync(process.env['CXX'] ?? 'c++', [...flags, '-o', library, join(here, 'scarce_memory.cc'), '-ldl']);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** What a program prints in which allocations of the addon fail. */
  const printedBy = (program: string): unknown =>
    JSON.parse(
      execFileSync(process.execPath, ['--import', 'tsx', join(here, program)], {
        encoding: 'utf8',
        env: { ...process.env, LD_PRELOAD: library, TF_CPP_MIN_LOG_LEVEL: '2' },
      }),
    );

  it('an update says of every allocation that can fail whether the averages are as before, and never wrongly', () => {
    const outcomes = printedBy('program.ts') as { code: string; isAsBefore: boolean; isUsable: boolean }[];
    expect(outcomes.at(-1)?.code).toBe('none left');
    const failed = outcomes.slice(0, -1);
    const refused = failed.filter(({ code }) => code === 'NATIVE_FAILURE');
    // The inputs, their places, the alphas and the groups are listed before anything is written.
    expect(refused.length).toBeGreaterThanOrEqual(4);
    for (const outcome of refused) expect(outcome).toMatchObject({ isAsBefore: true, isUsable: true });
    // What else there is comes later, and poisons.
    expect(failed.map(({ code }) => code)).toEqual([
      ...refused.map(({ code }) => code),
      ...new Array<string>(failed.length - refused.length).fill('POISONED'),
    ]);
    expect(failed.some(({ isAsBefore }) => !isAsBefore)).toBe(true);
  });

  it('a registration throws at every allocation, through no frame of C, and says so from then on', () => {
    const { said, isLoading } = printedBy('registration.ts') as { said: string[]; isLoading: boolean };
    expect(said.at(-1)).toMatch(/an earlier registration failed half-way: start the process anew$/);
    // A path and a name for each library of the process.
    expect(said.length).toBeGreaterThan(20);
    for (const message of said.slice(0, -1)) expect(message).toBe('std::bad_alloc');
    expect(isLoading).toBe(true);
  });
});
