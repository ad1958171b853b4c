// Every call that saveCheckpoint, saveModel and saveRun make of the file system fails once, or for ever, in every way.
// What one file's writing does in each case: atomic-file. Real disks: full-disk. Processes that are killed: kill.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { io, LayersModel } from '@tensorflow/tfjs';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { EmaError } from '../../src/base/errors.js';
import type { FileSystem } from '../../src/disk/atomic-file.js';
import { decodeSafetensors } from '../../src/disk/safetensors.js';
import { writeModel } from '../../src/disk/save-model.js';
import { WeightEma } from '../../src/index.js';
import { rejectionOf, weightBits } from '../support/expect.js';
import { type Fault, spoiled, systemError } from '../support/file-system.js';
import { denseModel, setRandomWeights, tf, valuesOf } from '../support/models.js';
import { bits } from '../support/oracle.js';
import { filesOf, fix, WAYS_OUT } from './io-faults/expected.js';

/** The file system that `saveCheckpoint` and `saveRun` write with. */
const disk = vi.hoisted(() => ({ fs: undefined as FileSystem | undefined }));

vi.mock('../../src/disk/atomic-file.js', async (original) => {
  const real = await original<typeof import('../../src/disk/atomic-file.js')>();
  const writeAtomically: typeof real.writeAtomically = (path, pieces, fs = disk.fs) =>
    real.writeAtomically(path, pieces, fs);
  return { ...real, writeAtomically };
});

vi.mock('../../src/disk/run-folder.js', async (original) => {
  const real = await original<typeof import('../../src/disk/run-folder.js')>();
  const writeRun: typeof real.writeRun = (folder, files, fs = disk.fs) => real.writeRun(folder, files, fs);
  return { ...real, writeRun };
});

const CODES = Object.keys(WAYS_OUT);

let folder: string;
let model: LayersModel;
let ema: WeightEma;

beforeAll(() => {
  model = denseModel();
  ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 1, onWarning: () => undefined }).attach(model);
});

beforeEach(() => {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-faults-'));
  disk.fs = undefined;
});

afterAll(() => {
  ema.dispose();
  tf.disposeVariables();
  rmSync(folder, { recursive: true, force: true });
});

/** All that a save must leave as it is: weights, averages, counters, the number of tensors. */
function stateOf(): unknown {
  const averages = ema.decays.map((_, index) => {
    const tensors = ema.read({ index });
    const values = Object.values(valuesOf(tensors)).map((value) => Array.from(bits(value)));
    tf.dispose(tensors);
    return values;
  });
  return [weightBits(model), averages, ema.steps, ema.updates, tf.memory().numTensors];
}

/** One of the things that are saved. */
interface Subject {
  /** Where they are saved, for messages. */
  readonly target: () => string;
  readonly save: (fs: FileSystem | undefined) => Promise<unknown>;
}

const SUBJECTS: Readonly<Record<'checkpoint' | 'model' | 'run', Subject>> = {
  checkpoint: {
    target: () => join(folder, 'run.ema.safetensors'),
    save: async (fs) => {
      disk.fs = fs;
      await ema.saveCheckpoint(join(folder, 'run.ema.safetensors'));
    },
  },
  model: {
    target: () => folder,
    save: (fs) => {
      const save = async (artifacts: io.ModelArtifacts): Promise<io.SaveResult> => {
        await writeModel(folder, artifacts, fs);
        return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
      };
      return ema.saveModel(0.9, { save });
    },
  },
  run: {
    target: () => folder,
    save: async (fs) => {
      disk.fs = fs;
      await ema.saveRun(folder);
    },
  },
};

/** A step of training, so that the next save differs from the one before. */
function step(seed: number): void {
  setRandomWeights(model, seed);
  ema.update();
}

/** What a save without a failure calls, over an older one. */
async function callsOf({ save }: Subject): Promise<readonly string[]> {
  step(1);
  await save(undefined);
  step(2);
  const { fs, log } = spoiled(-1, systemError('none'));
  await save(fs);
  return log;
}

/** Saves where one call fails; the error, if it was one, and what is on disk. Nothing else may have changed. */
async function outcomeOf(
  { save }: Subject,
  faulty: FileSystem,
): Promise<{ readonly error: EmaError | undefined; readonly found: 'old' | 'new' | 'torn' }> {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  step(3);
  await save(undefined);
  const old = filesOf(folder);
  step(4);
  const state = stateOf();
  let error: EmaError | undefined;
  const saving = save(faulty);
  await saving.catch(async () => {
    error = await rejectionOf(saving, 'CHECKPOINT');
  });
  expect(stateOf()).toEqual(state);
  const left = filesOf(folder);
  const isOld = Object.entries(old).every(([name, bytes]) => left[name] === bytes);
  await save(undefined);
  const whole = filesOf(folder);
  expect(Object.keys(whole)).toHaveLength(Object.keys(old).length);
  const isNew = JSON.stringify(contentOf(left)) === JSON.stringify(contentOf(whole));
  return { error, found: isOld ? 'old' : isNew ? 'new' : 'torn' };
}

/** What a loader sees of these files: the checkpoint, or the topology, the weights that it names, and the averages of a run. */
function contentOf(files: Readonly<Record<string, string>>): readonly unknown[] {
  const topology = files['model.json'];
  if (topology === undefined) return [files['run.ema.safetensors']];
  const { weightsManifest, tfjsEmaRun, ...rest } = JSON.parse(Buffer.from(topology, 'base64').toString());
  const averages = files[tfjsEmaRun];
  // The names of the files are others each time, and so are digests of what has them in it.
  const tensors = averages === undefined ? [] : [...decodeSafetensors(Buffer.from(averages, 'base64')).tensors].sort();
  return [rest, files[weightsManifest[0].paths[0]], tensors.map(([name, { data }]) => [name, `${data}`])];
}

describe.each(['checkpoint', 'model', 'run'] as const)('saving a %s', (name) => {
  const subject = SUBJECTS[name];

  it('has more than a dozen calls that can fail', async () => {
    const calls = await callsOf(subject);
    expect(calls.length).toBeGreaterThan(12);
    expect([...new Set(calls)]).toEqual(expect.arrayContaining(['open wx', 'write', 'sync', 'close', 'rename']));
  });

  it.each(CODES)(
    'survives %s of any call: the old one bit for bit or the new one, the fix told, nothing left over',
    async (code) => {
      const calls = await callsOf(subject);
      const seen = new Set<string>();
      for (const [number, call] of calls.entries()) {
        const { fs, log } = spoiled(number, systemError(code));
        const { error, found } = await outcomeOf(subject, fs);
        const where = `call ${number}, ${call}`;
        expect([where, log[number], found]).toEqual([where, call, found === 'old' ? 'old' : 'new']);
        if (error === undefined) {
          // What cannot be listed, or removed afterwards, does not make a save fail.
          expect([where, found]).toEqual([expect.stringMatching(/readdir|unlink/), 'new']);
        } else {
          expect(error.message).toContain(subject.target());
          expect(error.cause).toMatchObject({ code });
          expect(error.message).toMatch(fix(error.message, code));
        }
        seen.add(`${found}${error === undefined ? '' : ', told'}`);
      }
      expect([...seen].sort()).toEqual(['new', 'new, told', 'old, told']);
    },
  );

  it.each(['EIO', 'EROFS', 'EMFILE'])(
    'survives %s of any call and of all that follow, the removal of what is left over too; the next save removes it',
    async (code) => {
      const calls = await callsOf(subject);
      for (const number of calls.keys()) {
        const { error, found } = await outcomeOf(subject, spoiled(number, systemError(code), true).fs);
        expect([number, ['old', 'new']]).toEqual([number, expect.arrayContaining([found])]);
        if (error === undefined) expect([number, found]).toEqual([number, 'new']);
      }
    },
  );

  it('goes on where a write takes less than asked, and fails typed where it takes nothing', async () => {
    const calls = await callsOf(subject);
    const writes = [...calls.keys()].filter((number) => calls[number] === 'write');
    const outcomes = async (fault: Fault) => {
      const all: string[] = [];
      for (const number of writes) {
        const { error, found } = await outcomeOf(subject, spoiled(number, fault).fs);
        all.push(
          `${found}, ${error === undefined ? 'no error' : /only 0 of \d+ bytes/.exec(error.message)?.[0].slice(0, 6)}`,
        );
      }
      return [...new Set(all)];
    };
    expect(await outcomes({ short: 1 })).toEqual(['new, no error']);
    expect(await outcomes({ short: 7 })).toEqual(['new, no error']);
    expect(await outcomes({ short: 0 })).toEqual(['old, only 0']);
  });
});
