// Real disks that are full or cannot be written: a small one in memory, and the device that is always full.
// Injected failures of every call: io-faults.

import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import * as fsPromises from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { io, LayersModel } from '@tensorflow/tfjs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { FileSystem } from '../../src/disk/atomic-file.js';
import { writeModel } from '../../src/disk/save-model.js';
import { WeightEma } from '../../src/index.js';
import { rejectionOf } from '../support/expect.js';
import { spoiled, systemError } from '../support/file-system.js';
import { setRandomWeights, tf } from '../support/models.js';
import { filesOf, WAYS_OUT } from './io-faults/expected.js';

let folder: string;
/** Larger than a page, so that part of it may be written. */
let large: LayersModel;
let averages: WeightEma;
let mounted = false;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-full-'));
});

beforeAll(() => {
  large = tf.sequential({ layers: [tf.layers.dense({ name: 'only', units: 128, inputShape: [64] })] });
  averages = new WeightEma(tf, { decays: [0.5], updateEvery: 1, onWarning: () => undefined }).attach(large);
});

afterEach(() => {
  if (mounted) execFileSync('umount', [folder]);
  mounted = false;
  rmSync(folder, { recursive: true });
});

afterAll(() => averages.dispose());

/** Mounts 256 KiB of memory at the folder; why not, where that is not possible. */
function mount(): string | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', folder], { stdio: 'pipe' });
    mounted = true;
    return undefined;
  } catch (error) {
    return `this needs a file system of its own, and mounting one failed: ${error}`;
  }
}

/** Fills the disk but for some pages. */
function fill(pages: number): void {
  const filler = join(folder, 'filler');
  writeFileSync(filler, '');
  expect(() => {
    for (;;) appendFileSync(filler, Buffer.alloc(4096));
  }).toThrow(/ENOSPC/);
  truncateSync(filler, statSync(filler).size - 4096 * pages);
}

const saves = {
  checkpoint: () => averages.saveCheckpoint(join(folder, 'run.ema.safetensors')),
  model: () => averages.saveModel(0.5, `file://${folder}`),
};

it.for(['checkpoint', 'model'] as const)(
  'a disk that is full, or cannot be written, keeps the old %s',
  async (name, { skip }) => {
    const why = mount();
    skip(why !== undefined, why);
    await saves[name]();
    setRandomWeights(large, 1);
    averages.update();
    for (const pages of [0, 1, 2, 5]) {
      fill(pages);
      const old = filesOf(folder);
      const { message, cause } = await rejectionOf(saves[name](), 'CHECKPOINT');
      expect([message, cause]).toEqual([
        expect.stringMatching(WAYS_OUT['ENOSPC'] ?? ''),
        expect.objectContaining({ code: 'ENOSPC' }),
      ]);
      expect(filesOf(folder)).toEqual(old);
      rmSync(join(folder, 'filler'));
    }
    const old = filesOf(folder);
    execFileSync('mount', ['-o', 'remount,ro', folder]);
    const { message } = await rejectionOf(saves[name](), 'CHECKPOINT');
    expect(message).toMatch(WAYS_OUT['EROFS'] ?? '');
    expect(filesOf(folder)).toEqual(old);
    execFileSync('mount', ['-o', 'remount,rw', folder]);
    await saves[name]();
    expect(filesOf(folder)).not.toEqual(old);
    expect(readdirSync(folder)).toHaveLength(Object.keys(old).length);
  },
);

it.skipIf(process.platform !== 'linux')(
  'a disk that takes no byte, /dev/full, keeps the old model and is told',
  async () => {
    await saves.model();
    const old = filesOf(folder);
    const { fs } = spoiled(-1, systemError('none'));
    const full: FileSystem = {
      ...fs,
      open: async (name, flags, mode) => {
        const file = await fs.open(name, flags, mode);
        if (flags === 'r') return file;
        const device = await fsPromises.open('/dev/full', 'r+');
        const close = () => device.close().finally(() => file.close());
        return { ...file, write: (bytes, at, length) => device.write(bytes, at, length), close };
      },
    };
    const save = async (artifacts: io.ModelArtifacts): Promise<io.SaveResult> => {
      await writeModel(folder, artifacts, full);
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
    };
    const { message, cause } = await rejectionOf(averages.saveModel(0.5, { save }), 'CHECKPOINT');
    expect(cause).toMatchObject({ code: 'ENOSPC', syscall: 'write' });
    expect(message).toMatch(WAYS_OUT['ENOSPC'] ?? '');
    expect(filesOf(folder)).toEqual(old);
  },
);
