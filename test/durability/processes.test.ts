// Processes and threads that load the addon, use it and end in every way, at any moment: none crashes.
// Updates that fail are in failures and refusal, killed writers in kill.

import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainProgram } from '../support/plain-program.js';

const isLong = process.env['EMA_LONG'] === '1';
const CYCLES = isLong ? 2000 : 64;
const ENDINGS = isLong ? 250 : 10;
/** Programs side by side. */
const LANES = 2;
const TIMEOUT_MS = isLong ? 3 * 3_600_000 : 900_000;

const root = mkdtempSync(join(tmpdir(), 'tfjs-ema-processes-'));
const addon = createRequire(import.meta.url).resolve('../../build/Release/tfjs_ema.node');

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A copy of the package with an addon of its own, and a program in it; the name is also that of its folder. */
async function install(program: string, name = program): Promise<string> {
  const folder = join(root, name);
  mkdirSync(join(folder, 'build', 'Release'), { recursive: true });
  copyFileSync(addon, join(folder, 'build', 'Release', 'tfjs_ema.node'));
  return plainProgram(`test/durability/processes/${program}.ts`, folder);
}

interface Ended {
  /** 128 and its number for a signal, as a shell has it. */
  readonly code: number;
  /** Standard output: what the program says. */
  readonly output: string;
  /** Standard error, where libraries say what they like: for messages only. */
  readonly errors: string;
}

function run(program: string, args: readonly string[]): Promise<Ended> {
  // TensorFlow's log, not even errors: a program that ends at once may leave threads that complain.
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' };
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (output += text));
  child.stderr.on('data', (text: Buffer) => (errors += text));
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]), output, errors });
    });
  });
}

/** Runs a program that ends with 0; what it says. */
async function outputOf(program: string, args: readonly string[]): Promise<string> {
  const { code, output, errors } = await run(program, args);
  expect(code, errors.slice(-2000)).toBe(0);
  return output;
}

/** Runs something again and again, two at a time. */
async function repeated<T>(count: number, once: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      results.push(await once(next));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return results;
}

/** What ended otherwise, with the last of what was printed. */
const others = (ended: readonly Ended[], code: number): Ended[] =>
  ended
    .filter((one) => one.code !== code || !one.output.includes('it runs'))
    .map((one) => ({ ...one, errors: one.errors.slice(-2000) }));

describe('workers', { timeout: TIMEOUT_MS }, () => {
  let program: string;
  beforeAll(async () => {
    program = await install('cycle');
  });

  it(`${CYCLES} of them, eight at a time, load all, keep averages and end, beside a main thread that does so too`, async () => {
    expect(await outputOf(program, [`${CYCLES}`, '8', 'main'])).toBe(`${CYCLES} ended well`);
  });

  // TensorFlow alone does not survive this: where the main thread has not loaded it, Node unloads it with the last worker, and such a
  // process ends with SIGSEGV (9 of 9; tfjs-node 4.22, TensorFlow 2.21). Our addon keeps it loaded.
  it('of a main thread without TensorFlow: the process ends well too', async () => {
    for (const lanes of ['1', '4']) {
      expect(await outputOf(program, ['4', lanes, 'alone'])).toBe('4 ended well');
    }
  });

  it('eight of them register at the same moment, with 50 copies of the addon one after the other: all get the same ops', async () => {
    const copies = Array.from({ length: 50 }, (_, index) => join(root, `copy-${index}.node`));
    for (const copy of copies) copyFileSync(addon, copy);
    const output = await outputOf(await install('race'), copies);
    expect(JSON.parse(output)).toEqual({ threads: 8, agree: true, names: 50, values: [0.25] });
  });
});

describe('two copies in one process', { timeout: TIMEOUT_MS }, () => {
  it('of this package, each with its addon: both average natively, side by side', async () => {
    const first = await install('copies', 'first');
    await install('copies', 'second');
    const folders = ['first', 'second'].map((name) => join(root, name));
    const output = await outputOf(first, ['package', ...folders]);
    expect(JSON.parse(output)).toEqual({ apart: true, values: [0.6875, 0.6875] });
  });

  it('of tfjs-node: averages of models of both, each with its own tfjs; a mixture is refused', async () => {
    const output = await outputOf(await install('copies', 'third'), ['tfjs']);
    expect(JSON.parse(output)).toEqual({
      apart: true,
      values: [0.6875, 0.6875],
      mixed: expect.stringMatching(/^INVALID_ARGUMENT model: expected a tf.LayersModel of the same tfjs/),
    });
  });
});

describe('while a native update runs', { timeout: TIMEOUT_MS }, () => {
  let program: string;
  beforeAll(async () => {
    program = await install('ending');
  });

  it.each([
    ['process.exit() by another thread', 'exit', 0],
    ['an error in another thread that nobody catches', 'throw', 1],
    ['SIGTERM to the thread that updates', 'signal', 143],
    ['SIGTERM, and a handler that exits', 'signal, handled', 143],
  ] as const)(`${ENDINGS} times %s: the exit code is as ever`, async (_, ending, code) => {
    const ended = await repeated(ENDINGS, (index) =>
      run(program, [ending, 'ours', '1', index % 5 === 0 ? 'main' : 'worker']),
    );
    expect(others(ended, code)).toEqual([]);
  });

  it(`terminate() of its worker, ${ENDINGS} workers one after the other: the process goes on averaging`, async () => {
    const output = await outputOf(program, ['terminate', 'ours', `${ENDINGS}`]);
    expect(output).toBe('it runs\nended with 1\n'.repeat(ENDINGS));
  });
});
