// Trainings that save their run after every step and are killed with SIGKILL at random moments, fifty times; a thousand with EMA_LONG=1.
// Says nothing of power cuts. Kills while a checkpoint or a model is saved: kill.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel } from '@tensorflow/tfjs';
import { afterAll, expect, it } from 'vitest';
import { EmaError } from '../../src/base/errors.js';
import { WeightEma } from '../../src/index.js';
import { randoms, tf } from '../support/models.js';
import { plainProgram } from '../support/plain-program.js';
import { massacre, type Victim } from './kill/killer.js';
import { digestOfRun, freshModel, step, TRAINED } from './kill/training.js';

const IS_LONG = process.env['EMA_LONG'] === '1';
const KILLS = IS_LONG ? 1000 : 50;

const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-run-kill-'));
const [target, copy] = ['run', 'copy'].map((name) => join(folder, name)) as [string, string];

afterAll(() => {
  tf.disposeVariables();
  rmSync(folder, { recursive: true, force: true });
});

interface Training {
  readonly model: LayersModel;
  readonly ema: WeightEma;
}

function begin(model: LayersModel = freshModel(tf)): Training {
  return { model, ema: new WeightEma(tf, TRAINED).attach(model) };
}

function end({ model, ema }: Training): void {
  ema.dispose();
  model.dispose();
}

/** The training that nobody kills; digests of its moments, by their steps. */
let unkilled = begin();
const digests = new Map<number, string>();

async function unkilledAt(steps: number): Promise<Training> {
  if (unkilled.ema.steps > steps) {
    end(unkilled);
    unkilled = begin();
  }
  while (unkilled.ema.steps < steps) {
    await step(tf, unkilled.model, unkilled.ema);
    if (digests.has(unkilled.ema.steps)) continue;
    await unkilled.ema.saveRun(copy);
    digests.set(unkilled.ema.steps, digestOfRun(copy));
  }
  return unkilled;
}

/** The steps of the run that is there, if all that goes on from it is what the training that nobody kills had then. */
async function load(): Promise<number | undefined> {
  const ema = new WeightEma(tf, TRAINED);
  const resumed = await ema.resume(target).catch((error: unknown) => {
    if (error instanceof EmaError && error.code === 'CHECKPOINT') return error;
    throw error;
  });
  if (resumed === undefined) return 0;
  if (resumed instanceof EmaError) return undefined;
  ema.attach(resumed.model);
  const { steps } = ema;
  await ema.saveRun(copy);
  const digest = digestOfRun(copy);
  end({ model: resumed.model, ema });
  await unkilledAt(steps);
  return digest === digests.get(steps) ? steps : undefined;
}

/** Files of the folder that the run there does not name. */
function strays(): string[] {
  const topology = join(target, 'model.json');
  if (!existsSync(target)) return [];
  const named = existsSync(topology) ? readFileSync(topology, 'utf8') : '';
  return readdirSync(target).filter((name) => name !== 'model.json' && !named.includes(`"${name}"`));
}

it('a run that is saved on Ctrl-C goes on where it was, or a step behind', async () => {
  const home = join(folder, 'fitter');
  await mkdir(home);
  const program = await plainProgram('test/durability/kill/fitter.ts', home);
  const child = spawn(process.execPath, [program, target], { stdio: ['ignore', 'pipe', 'ignore'] });
  child.stdout.on('data', (text: Buffer) => {
    if (`${text}`.includes('begun')) child.kill('SIGINT');
  });
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(130);
  const ema = new WeightEma(tf, TRAINED);
  const { model, initialEpoch } = (await ema.resume(target)) ?? expect.fail('nothing was saved');
  const { steps } = ema.attach(model);
  expect(initialEpoch).toBeGreaterThan(0);
  expect(steps).toBeGreaterThanOrEqual(32);
  expect([0, 1]).toContain(model.optimizer.iterations - steps);
  rmSync(target, { recursive: true });
});

it(
  `a run whose training is killed ${KILLS} times is the old one or the new one, whole, and goes on to the bit`,
  async () => {
    const home = join(folder, 'program');
    await mkdir(home);
    const trainer = await plainProgram('test/durability/kill/trainer.ts', home);
    const victim: Victim = {
      target,
      argv: () => [trainer, target],
      load,
      save: async (steps) => (await unkilledAt(steps)).ema.saveRun(target),
      strays: async () => strays(),
      // The first save of a process takes longer than any file.
      spreadMs: 150,
    };
    const { kills, old, fresh, torn, littered, stillLittered } = await massacre(victim, KILLS, randoms(11));
    console.log(
      `${IS_LONG ? 'long: ' : ''}runs: ${JSON.stringify({ kills, old, fresh, torn, littered, stillLittered })}`,
    );
    expect([kills, torn, stillLittered]).toEqual([KILLS, 0, 0]);
    // The kills did fall into saves, before the new run took its place and after: otherwise this would show nothing.
    expect(old).toBeGreaterThan(KILLS / 10);
    // A few of fifty: between the rename and the end of a save there is little time.
    if (IS_LONG) expect(fresh).toBeGreaterThan(0);
    expect(littered).toBeGreaterThan(KILLS / 10);
  },
  IS_LONG ? 6 * 3600_000 : 1_800_000,
);
