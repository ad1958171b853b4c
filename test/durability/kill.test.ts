// Writers that are killed with SIGKILL at random moments of saving, two hundred times; ten thousand with EMA_LONG=1.
// Says nothing of power cuts: what was written before a kill stays written. Calls that fail: io-faults.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { io, Sequential } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EmaError } from '../../src/base/errors.js';
import { writeAtomically } from '../../src/disk/atomic-file.js';
import { writeModel } from '../../src/disk/save-model.js';
import { WeightEma } from '../../src/index.js';
import { randoms, tf } from '../support/models.js';
import { plainProgram } from '../support/plain-program.js';
import { massacre, type Tally, total, type Victim } from './kill/killer.js';
import { checkpointOf, LAYER, modelOf, OPTIONS } from './kill/versions.js';

const IS_LONG = process.env['EMA_LONG'] === '1';
/** Of the writers of checkpoints, and as many of those of models. */
const KILLS = IS_LONG ? 5000 : 100;
/** So many show that the killer hits: of plain writes it tears a third and more. */
const CONTROLS = IS_LONG ? 1000 : 40;
/** Writers side by side, each with a folder of its own. */
const LANES = 2;
const TIMEOUT_MS = IS_LONG ? 6 * 3600_000 : 900_000;

/** Figures; a long run's report keeps the lines that begin so. */
const say = (text: string): void => console.log(IS_LONG ? `long: ${text}` : text);

const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-kill-'));
const recordedPath = join(folder, 'artifacts.json');
let recorded: io.ModelArtifacts;
let writer: string;

const model = (): Sequential => tf.sequential({ layers: [tf.layers.dense({ ...LAYER, inputShape: [128] })] });

beforeAll(async () => {
  const home = join(folder, 'program');
  await mkdir(home);
  writer = await plainProgram('test/durability/kill/writer.ts', home);
  await model().save(
    tf.io.withSaveHandler(async (artifacts) => {
      const { weightData: _, ...rest } = artifacts;
      recorded = rest;
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
    }),
  );
  writeFileSync(recordedPath, JSON.stringify(recorded));
});

afterAll(() => {
  tf.disposeVariables();
  rmSync(folder, { recursive: true, force: true });
});

/** The number that all values are; undefined where they differ. */
function onlyValue(tensors: readonly { dataSync(): ArrayLike<number> }[]): number | undefined {
  const values = tensors.map((tensor) => tensor.dataSync());
  const first = values[0]?.[0];
  return values.every((list) => Array.from(list).every((value) => value === first)) ? first : undefined;
}

/** A checkpoint in a folder of its own, read by `loadCheckpoint`, which checks every digest. */
async function checkpointVictim(kind: string, lane: number): Promise<Victim> {
  const home = join(folder, `${kind} ${lane}`);
  const target = join(home, 'run.ema.safetensors');
  await mkdir(home);
  const ema = new WeightEma(tf, OPTIONS).attach(model());
  return {
    target,
    argv: (first) => [writer, kind, target, `${first}`, recordedPath],
    save: (version) => writeAtomically(target, checkpointOf(version)),
    strays: async () => (await readdir(home)).filter((name) => name !== 'run.ema.safetensors'),
    load: async () => {
      if (!existsSync(target)) return 0;
      try {
        await ema.loadCheckpoint(target);
      } catch (error) {
        if (error instanceof EmaError && error.code === 'CHECKPOINT') return undefined;
        throw error;
      }
      const tensors = ema.decays.flatMap((_, index) => Object.values(ema.read({ index })));
      const value = onlyValue(tensors);
      tf.dispose(tensors);
      return value === ema.steps ? value : undefined;
    },
  };
}

/** A model's folder, read by tfjs. */
async function modelVictim(kind: string, lane: number): Promise<Victim> {
  const target = join(folder, `${kind} ${lane}`);
  return {
    target,
    argv: (first) => [writer, kind, target, `${first}`, recordedPath],
    save: (version) => writeModel(target, modelOf(recorded, version)),
    strays: async () => (await readdir(target).catch(() => [])).filter((name) => name.startsWith('.')),
    load: async () => {
      // Until there is a model.json there is no model.
      if (!existsSync(join(target, 'model.json'))) return 0;
      const loaded = await tf.loadLayersModel(`file://${target}/model.json`).catch(() => undefined);
      if (loaded === undefined) return undefined;
      const value = onlyValue(loaded.weights.map((weight) => weight.read()));
      const metadata: { version?: number } | undefined = loaded.getUserDefinedMetadata();
      loaded.dispose();
      return value === metadata?.version ? value : undefined;
    },
  };
}

/** Kills writers of one kind, side by side. */
async function outcome(kind: string, kills: number): Promise<Tally> {
  const began = performance.now();
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    const victim = await (kind.endsWith('model') ? modelVictim : checkpointVictim)(kind, lane);
    return massacre(victim, kills / LANES, randoms(kind.length * 100 + lane));
  });
  const tally = total(await Promise.all(lanes));
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  say(`${kind}, killed in ${seconds} s: ${JSON.stringify(tally)}`);
  return tally;
}

describe.each(['checkpoint', 'model'])('a %s whose writer is killed', (kind) => {
  it(
    `${KILLS} times is the old one or the new one, whole, and the next save leaves no file over`,
    async () => {
      const { kills, old, fresh, torn, littered, stillLittered } = await outcome(kind, KILLS);
      expect([kills, torn, stillLittered]).toEqual([KILLS, 0, 0]);
      // The kills did fall into saves, before the new version took its place and after: otherwise this would show nothing.
      expect(old).toBeGreaterThan(KILLS / 20);
      expect(fresh).toBeGreaterThan(0);
      expect(littered).toBeGreaterThan(KILLS / 20);
    },
    TIMEOUT_MS,
  );

  it(
    'is torn by the same killer where it is overwritten in place',
    async () => {
      const { torn } = await outcome(`plain ${kind}`, CONTROLS);
      expect(torn).toBeGreaterThan(CONTROLS / 40);
    },
    TIMEOUT_MS,
  );
});
