// Atomic writes: every call of the file system fails once in every way, and writers are killed at any moment.
// Needs no TensorFlow.

import { type ChildProcess, spawn } from 'node:child_process';
import * as fsPromises from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EmaError } from '../../../src/base/errors.js';
import { type FileSystem, makeFolder, readWhole, writeAtomically } from '../../../src/disk/atomic-file.js';
import { spoiled, systemError } from '../../support/file-system.js';
import { plainProgram } from '../../support/plain-program.js';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await fsPromises.mkdtemp(join(tmpdir(), 'tfjs-ema-atomic-'));
  path = join(folder, 'run.ema.safetensors');
});

afterEach(async () => {
  await fsPromises.rm(folder, { recursive: true, force: true });
});

const OLD = [Buffer.from('the old file')];
const NEW = [Buffer.from('the '), Buffer.from('new '), Buffer.alloc(0), Buffer.from('file')];

async function failureOf(run: Promise<unknown>): Promise<EmaError> {
  try {
    await run;
  } catch (error) {
    if (error instanceof EmaError && error.code === 'CHECKPOINT') return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const read = (): Promise<string> => fsPromises.readFile(path, 'utf8');

const isWindows = process.platform === 'win32';
/** What a write asks of the file system; Windows cannot make a folder durable, and knows no permissions. */
const CALLS = [
  ...['realpath', 'stat', 'readdir', 'open wx', 'chmod', 'write', 'write', 'write', 'sync', 'close', 'rename'],
  ...(isWindows ? [] : ['open r', 'sync', 'close']),
];

describe('a write', () => {
  it('goes through a temporary file, makes it durable, renames it, and makes the folder durable, in this order', async () => {
    await writeAtomically(path, OLD);
    const { fs, log } = spoiled(-1, systemError('none'));
    await writeAtomically(path, NEW, fs);
    expect(log).toEqual(CALLS);
    expect(await read()).toBe('the new file');
    expect(await fsPromises.readdir(folder)).toEqual(['run.ema.safetensors']);
  });

  it.skipIf(isWindows)(
    'makes a file that was not there, keeps the permissions of one that was, and the link to one',
    async () => {
      await writeAtomically(path, OLD);
      await fsPromises.chmod(path, 0o640);
      const link = join(folder, 'latest');
      await fsPromises.symlink('run.ema.safetensors', link);
      await writeAtomically(link, NEW);
      expect(await read()).toBe('the new file');
      expect((await fsPromises.stat(path)).mode & 0o777).toBe(0o640);
      expect((await fsPromises.lstat(link)).isSymbolicLink()).toBe(true);
    },
  );

  it.skipIf(isWindows)('is never readable by more users than the file was, not even while it goes on', async () => {
    await writeAtomically(path, OLD);
    await fsPromises.chmod(path, 0o600);
    const { fs } = spoiled(-1, systemError('none'));
    const modes: (number | undefined)[] = [];
    await writeAtomically(path, NEW, {
      ...fs,
      open: (name, flags, mode) => {
        modes.push(mode);
        return fs.open(name, flags, mode);
      },
    });
    expect(modes).toEqual([0o600, undefined]);
  });

  it('of many at once leaves one whole file and nothing else', async () => {
    const texts = Array.from({ length: 20 }, (_, i) => `${i}`.repeat(5000));
    await Promise.all(texts.map((text) => writeAtomically(path, [Buffer.from(text)])));
    expect(texts).toContain(await read());
    expect(await fsPromises.readdir(folder)).toHaveLength(1);
  });

  it('goes on where the system wrote less than asked', async () => {
    await writeAtomically(path, OLD);
    for (const number of [5, 6, 7]) {
      await writeAtomically(path, NEW, spoiled(number, { short: 1 }).fs);
      expect(await read()).toBe('the new file');
    }
  });
});

describe('a call that fails', () => {
  const CODES = ['ENOSPC', 'EIO', 'EACCES', 'EROFS'];

  it.each(CALLS.flatMap((name, number) => CODES.map((code) => [number, name, code] as const)))(
    'call %i, %s, with %s: the old file or the new one, whole, no litter, and the cause is told',
    async (number, name, code) => {
      await writeAtomically(path, OLD);
      const { fs, log } = spoiled(number, systemError(code));
      const write = writeAtomically(path, NEW, fs);
      if (name === 'readdir') {
        await write;
        expect(await read()).toBe('the new file');
      } else {
        const error = await failureOf(write);
        expect(error.cause).toMatchObject({ code });
        expect(error.message).toContain(path);
        expect(error.message).toContain(`${code}: injected`);
        const isInPlace = number > CALLS.indexOf('rename');
        expect(error.message).toMatch(isInPlace ? /complete and in place/ : /Nothing was changed/);
        expect(await read()).toBe(isInPlace ? 'the new file' : 'the old file');
      }
      expect(log[number]).toBe(name);
      expect(await fsPromises.readdir(folder)).toEqual(['run.ema.safetensors']);
    },
  );

  it.each([
    ['ENOSPC', /Make room/],
    ['EDQUOT', /Make room/],
    ['EACCES', /that this user may write to/],
    ['EROFS', /on a disk that can be written/],
    ['EMFILE', /Close files/],
    ['EIO', /Save again, or elsewhere/],
  ])('%s says what to do', async (code, pattern) => {
    const { fs } = spoiled(CALLS.indexOf('open wx'), systemError(code));
    expect((await failureOf(writeAtomically(path, NEW, fs))).message).toMatch(pattern);
  });

  it('is a write that cannot go on, too', async () => {
    await writeAtomically(path, OLD);
    const { message } = await failureOf(writeAtomically(path, NEW, spoiled(6, { short: 0 }).fs));
    expect(message).toMatch(/only 0 of 4 bytes could be written/);
    expect(await read()).toBe('the old file');
  });

  it.skipIf(isWindows)('may be the folder’s durability where a file system has none', async () => {
    for (const code of ['EINVAL', 'ENOTSUP', 'ENOSYS']) {
      await writeAtomically(path, OLD);
      await writeAtomically(path, NEW, spoiled(CALLS.lastIndexOf('sync'), systemError(code)).fs);
      expect(await read()).toBe('the new file');
    }
  });

  it('while the pieces are made leaves the old file', async () => {
    await writeAtomically(path, OLD);
    function* pieces(): Iterable<Uint8Array> {
      yield Buffer.from('half');
      throw new Error('the device is gone');
    }
    const error = await failureOf(writeAtomically(path, pieces()));
    expect(error.message).toMatch(/writing failed: the device is gone/);
    expect(await read()).toBe('the old file');
    expect(await fsPromises.readdir(folder)).toHaveLength(1);
  });

  it('for real: no folder, a folder in the way, a file system that takes no files', async () => {
    expect((await failureOf(writeAtomically(join(folder, 'none', 'x'), NEW))).message).toMatch(
      /ENOENT.*Make the folder first/,
    );
    expect((await failureOf(writeAtomically(folder, NEW))).message).toMatch(
      /something that is not a file has its name/,
    );
    if (process.platform === 'linux') {
      const error = await failureOf(writeAtomically('/proc/tfjs-ema.safetensors', NEW));
      expect(error.cause).toMatchObject({ syscall: 'open' });
    }
  });
});

describe('temporary files of dead writers', () => {
  /** A write that fails at the rename and cannot clean up; the name of what it leaves. */
  async function failed(): Promise<string> {
    const { fs } = spoiled(-1, systemError('none'));
    const stuck: FileSystem = {
      ...fs,
      rename: () => Promise.reject(systemError('EIO')),
      unlink: () => Promise.reject(systemError('EIO')),
    };
    await failureOf(writeAtomically(path, NEW, stuck));
    const [name] = (await fsPromises.readdir(folder)).filter((entry) => entry.endsWith('.tmp'));
    return name ?? '';
  }

  /** The temporary file of a writer of this process id that is not known to have failed. */
  async function leftOver(): Promise<string> {
    const name = await failed();
    const other = name.replace(/[0-9a-f]{12}(?=\.tmp$)/, '0'.repeat(12));
    await fsPromises.rename(join(folder, name), join(folder, other));
    return other;
  }

  it('go with the next write where it was this process that failed; while that fails too, with the one after it', async () => {
    const mine = await failed();
    const { fs } = spoiled(-1, systemError('none'));
    await writeAtomically(path, NEW, { ...fs, unlink: () => Promise.reject(systemError('EIO')) });
    expect(await fsPromises.readdir(folder)).toContain(mine);
    await writeAtomically(path, NEW);
    expect(await fsPromises.readdir(folder)).toEqual(['run.ema.safetensors']);
  });

  const pidOfTheDead = async (): Promise<number> => {
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.on('exit', resolve));
    return child.pid ?? 0;
  };

  it('go with the next write; those of the living, of other files and of other machines stay', async () => {
    const mine = await leftOver();
    const dead = mine.replace(`.${process.pid}.`, `.${await pidOfTheDead()}.`);
    const alive = mine.replace(`.${process.pid}.`, `.${process.ppid}.`);
    const elsewhere = dead.replace(/\.[0-9a-f]{8}\.(?=\d+\.)/, '.00000000.');
    const other = dead.replace('run.ema', 'other.ema');
    const unlike = dead.replace('.tmp', '.bak');
    for (const name of [dead, alive, elsewhere, other, unlike]) await fsPromises.writeFile(join(folder, name), 'half');
    await writeAtomically(path, NEW);
    const left = await fsPromises.readdir(folder);
    expect(left).not.toContain(dead);
    expect(left.sort()).toEqual([mine, alive, elsewhere, other, unlike, 'run.ema.safetensors'].sort());
  });

  it('go too where every run has the same process id, as in a container: they are older than this process', async () => {
    const mine = await leftOver();
    await writeAtomically(path, NEW);
    expect(await fsPromises.readdir(folder)).toContain(mine);
    const before = new Date(performance.timeOrigin - 10_000);
    await fsPromises.utimes(join(folder, mine), before, before);
    await writeAtomically(path, NEW);
    expect(await fsPromises.readdir(folder)).not.toContain(mine);
  });

  it('that cannot be removed do not keep a write from succeeding', async () => {
    const mine = await leftOver();
    const dead = mine.replace(`.${process.pid}.`, `.${await pidOfTheDead()}.`);
    await fsPromises.writeFile(join(folder, dead), 'half');
    const { fs } = spoiled(-1, systemError('none'));
    await writeAtomically(path, NEW, { ...fs, unlink: () => Promise.reject(systemError('EACCES')) });
    expect(await read()).toBe('the new file');
  });
});

describe('a writer that is killed', () => {
  const SIZE = 1 << 20;

  /** The module and a loop that overwrites the file with one byte value after the other, as plain JavaScript in a folder of their own. */
  async function makeWriter(): Promise<string> {
    const home = await fsPromises.mkdtemp(join(folder, 'writer-'));
    await plainProgram('src/disk/atomic-file.ts', home);
    await fsPromises.writeFile(
      join(home, 'main.js'),
      `import { writeAtomically } from './src/disk/atomic-file.js';
       for (let i = 0; ; i = (i + 1) % 256) {
         const piece = new Uint8Array(${SIZE / 4}).fill(i);
         await writeAtomically(process.argv[2], [piece, piece, piece, piece]);
         if (i === 0) process.stdout.write('.');
       }`,
    );
    return join(home, 'main.js');
  }

  /** Kills the process some time after its first sign of life. */
  async function killAfter(child: ChildProcess, milliseconds: number): Promise<void> {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    await new Promise((resolve, reject) => {
      child.stdout?.once('data', resolve);
      child.once('exit', () => reject(new Error('the writer ended by itself')));
    });
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    child.kill('SIGKILL');
    await gone;
  }

  it('at any of 30 moments and more leaves a whole file, and what it left over goes with the next write', async () => {
    const main = await makeWriter();
    const states = new Set<number>();
    let leftOvers = 0;
    // Until kills did fall into writes, however slow the disk and busy the machine: otherwise this would show nothing.
    for (let round = 0; round < 30 || states.size < 2 || leftOvers === 0; round += 1) {
      await killAfter(
        spawn(process.execPath, [main, path], { stdio: ['ignore', 'pipe', 'inherit'] }),
        (round * 7) % 31,
      );
      const bytes = await readWhole(path);
      expect(bytes.length).toBe(SIZE);
      const [value = -1] = bytes;
      expect(bytes.every((byte) => byte === value)).toBe(true);
      states.add(value);
      leftOvers += (await fsPromises.readdir(folder)).filter((name) => name.endsWith('.tmp')).length;
    }
    await writeAtomically(path, NEW);
    expect((await fsPromises.readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('reading', () => {
  it('gives all bytes, also where the system gives them in parts', async () => {
    await writeAtomically(path, NEW);
    const { fs } = spoiled(-1, systemError('none'));
    const drops: FileSystem = {
      ...fs,
      open: async (name, flags) => {
        const file = await fs.open(name, flags);
        return { ...file, read: (bytes, offset) => file.read(bytes, offset, 1) };
      },
    };
    expect(Buffer.from(await readWhole(path, drops)).toString()).toBe('the new file');
  });

  it.each([
    [0, 'open r'],
    [1, 'stat file'],
    [2, 'read'],
    [3, 'close'],
  ])('tells the cause when call %i, %s, fails', async (number, name) => {
    await writeAtomically(path, NEW);
    const { fs, log } = spoiled(number, systemError('EIO'));
    expect((await failureOf(readWhole(path, fs))).cause).toMatchObject({ code: 'EIO' });
    expect(log[number]).toBe(name);
  });

  it.each([
    ['EACCES', /Let this user read it/],
    ['ENFILE', /Close files/],
    ['EIO', /Check the path, and the disk/],
  ])('of a file that cannot be opened for %s says what to do', async (code, pattern) => {
    expect((await failureOf(readWhole(path, spoiled(0, systemError(code)).fs))).message).toMatch(pattern);
  });

  it('refuses what is missing, what is no file, and a file that shrinks meanwhile', async () => {
    expect((await failureOf(readWhole(path))).message).toMatch(/ENOENT.*Check the path/);
    expect((await failureOf(readWhole(folder))).message).toMatch(/it is not a file/);
    await writeAtomically(path, NEW);
    const { fs } = spoiled(-1, systemError('none'));
    const shrinks: FileSystem = {
      ...fs,
      open: async (name, flags) => ({ ...(await fs.open(name, flags)), read: async () => ({ bytesRead: 0 }) }),
    };
    expect((await failureOf(readWhole(path, shrinks))).message).toMatch(/it ended after 0 of 12 bytes/);
  });

  it('refuses a file too large for memory, and does not try', async () => {
    const file = await fsPromises.open(path, 'w');
    await file.truncate(2 ** 50).catch(() => file.truncate(2 ** 43));
    await file.close();
    expect((await failureOf(readWhole(path))).cause).toBeInstanceOf(RangeError);
  });
});

describe('a folder', () => {
  it('is made with those above it, and those that hold new ones are made durable', async () => {
    const { fs, log } = spoiled(-1, systemError('none'));
    await makeFolder(join(folder, 'a', 'b'), fs);
    expect((await fsPromises.stat(join(folder, 'a', 'b'))).isDirectory()).toBe(true);
    await makeFolder(join(folder, 'a', 'b'), fs);
    expect(log.join(', ')).toBe('mkdir, open r, sync, close, open r, sync, close, mkdir');
  });

  it('that cannot be made is an error that names it', async () => {
    await writeAtomically(path, OLD);
    expect((await failureOf(makeFolder(join(path, 'inside')))).message).toMatch(/making the folder failed: ENOTDIR/);
  });
});
