// The bootstrap's cache: entries that are whole or absent, locks, disk space, and TensorFlow's wheel on its way into it.
// The wheel is a small one that these tests write; pip reads it from a folder, so nothing is downloaded.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MODULES = fileURLToPath(new URL('../../tools/tensorflow', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'tfjs-ema-cache-'));
afterAll(() => rmSync(work, { recursive: true }));

interface CacheModule {
  openEntry(folder: string): Record<string, unknown> | undefined;
  publish(folder: string, build: (draft: string) => Promise<object>): Promise<object>;
  requireSpace(folder: string, bytes: number, statfs?: (path: string) => { bavail: number; bsize: number }): void;
}
interface LockModule {
  withLock<T>(path: string, what: string, work: () => Promise<T>): Promise<T>;
}
interface RunModule {
  run(
    command: string,
    args: readonly string[],
    options?: object,
  ): Promise<{ ok: boolean; output: string; ended: string }>;
}

// By address: the bootstrap is plain JavaScript, without typings.
const load = async (name: string): Promise<unknown> => import(join(MODULES, name));
const cacheModule = (await load('cache.mjs')) as CacheModule;
const { withLock } = (await load('lock.mjs')) as LockModule;
const { run } = (await load('run.mjs')) as RunModule;

/** Runs statements in a Node of their own, with the bootstrap's modules at hand as `await load('x.mjs')`; `finished` is all that was said. */
function start(code: string, env: Record<string, string> = {}): ChildProcess & { finished: Promise<string> } {
  const source = `const load = (name) => import(${JSON.stringify(`${MODULES}/`)} + name);\n${code}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { env: { ...process.env, ...env } });
  const finished = new Promise<string>((resolve) => {
    let text = '';
    child.stdout.on('data', (data) => {
      text += data;
    });
    child.stderr.on('data', (data) => {
      text += data;
    });
    child.on('close', () => resolve(text));
  });
  return Object.assign(child, { finished });
}

describe('an entry of the cache', () => {
  const folder = join(work, 'entries', 'one');
  const build = async (draft: string): Promise<object> => {
    mkdirSync(join(draft, 'lib'));
    writeFileSync(join(draft, 'lib', 'a.so'), 'content');
    return { version: '1' };
  };

  it('is whole or absent: a missing, cut or unfinished one is not opened, and is made anew', async () => {
    expect(cacheModule.openEntry(folder)).toBeUndefined();
    await cacheModule.publish(folder, build);
    expect(cacheModule.openEntry(folder)).toEqual({ version: '1' });
    truncateSync(join(folder, 'lib', 'a.so'), 3);
    expect(cacheModule.openEntry(folder)).toBeUndefined();
    await cacheModule.publish(folder, build);
    expect(cacheModule.openEntry(folder)).toEqual({ version: '1' });
    rmSync(join(folder, 'manifest.json'));
    expect(cacheModule.openEntry(folder)).toBeUndefined();
    await cacheModule.publish(folder, build);
    expect(readFileSync(join(folder, 'lib', 'a.so'), 'utf8')).toBe('content');
    expect(readdirSync(dirname(folder))).toEqual(['one']);
  });

  it('of a build that fails leaves nothing behind', async () => {
    const failing = join(work, 'entries', 'two');
    const failure = cacheModule.publish(failing, async (draft) => {
      writeFileSync(join(draft, 'half'), '');
      throw new Error('no luck');
    });
    await expect(failure).rejects.toThrow('no luck');
    expect(readdirSync(dirname(failing))).toEqual(['one']);
  });

  it('made by two processes at once is whole, whichever was first', async () => {
    const target = join(work, 'race', 'entry');
    const code = `
      const { publish } = await load('cache.mjs');
      const { writeFileSync } = await import('node:fs');
      await publish(${JSON.stringify(target)}, async (draft) => {
        for (let part = 0; part < 20; part += 1) writeFileSync(draft + '/' + part, 'x'.repeat(1000));
        return { parts: 20 };
      });`;
    const children = Array.from({ length: 4 }, () => start(code));
    const texts = await Promise.all(children.map(({ finished }) => finished));
    expect(
      children.map(({ exitCode }) => exitCode),
      texts.join('\n'),
    ).toEqual([0, 0, 0, 0]);
    expect(cacheModule.openEntry(target)).toEqual({ parts: 20 });
    expect(readdirSync(dirname(target))).toEqual(['entry']);
  });

  it('that a killed process left half-made is cleared away by the next one', async () => {
    const target = join(work, 'killed', 'entry');
    const child = start(`
      const { publish } = await load('cache.mjs');
      await publish(${JSON.stringify(target)}, async (draft) => {
        console.log('working');
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });`);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.kill('SIGKILL');
    await child.finished;
    expect(readdirSync(dirname(target))).toHaveLength(1);
    await cacheModule.publish(target, build);
    expect(readdirSync(dirname(target))).toEqual(['entry']);
  });

  it('is not begun on a disk without the space for it', () => {
    const statfs = () => ({ bavail: 1000, bsize: 1_000_000 });
    expect(() => cacheModule.requireSpace(work, 0.9e9, statfs)).not.toThrow();
    expect(() => cacheModule.requireSpace(work, 1.5e9, statfs)).toThrow(
      /1500 MB of free disk space.* 1000 MB are there/,
    );
    expect(() => cacheModule.requireSpace(work, Number.MAX_SAFE_INTEGER)).toThrow(/free disk space/);
  });
});

describe('a lock', () => {
  it('lets one process at a time do the work', async () => {
    const lock = join(work, 'turns.lock');
    const trace = join(work, 'turns.txt');
    const code = `
      const { withLock } = await load('lock.mjs');
      const { appendFileSync } = await import('node:fs');
      await withLock(${JSON.stringify(lock)}, 'test', async () => {
        appendFileSync(${JSON.stringify(trace)}, '(');
        await new Promise((resolve) => setTimeout(resolve, 100));
        appendFileSync(${JSON.stringify(trace)}, ')');
      });`;
    const texts = await Promise.all(Array.from({ length: 4 }, () => start(code).finished));
    expect(readFileSync(trace, 'utf8')).toBe('()()()()');
    expect(texts.join('')).toMatch(/test: waiting for process \d+, which is at it already/);
    expect(existsSync(lock)).toBe(false);
  });

  it('of a process that is gone is taken over', async () => {
    const lock = join(work, 'left.lock');
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    writeFileSync(lock, JSON.stringify({ pid, host: hostname() }));
    expect(await withLock(lock, 'test', async () => 'done')).toBe('done');
    expect(readdirSync(work).filter((name) => name.startsWith('left.lock'))).toEqual([]);
  });

  it('is released when the process is ended by a signal', async () => {
    const lock = join(work, 'signal.lock');
    const child = start(`
      await load('run.mjs');
      const { withLock } = await load('lock.mjs');
      await withLock(${JSON.stringify(lock)}, 'test', async () => {
        console.log('held');
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });`);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    expect(existsSync(lock)).toBe(true);
    child.kill('SIGTERM');
    await child.finished;
    expect(existsSync(lock)).toBe(false);
    expect(child.exitCode).toBe(128 + 15);
  });
});

/** A process that has ended but was not yet waited for (a zombie, state Z) does not run. */
function isRunning(pid: number): boolean {
  const status = join('/proc', String(pid), 'status');
  return existsSync(status) && !/^State:\s+[ZX]/m.test(readFileSync(status, 'utf8'));
}

describe('a program that hangs', () => {
  it('is ended at its limit, with all that it has started', async () => {
    // Where it were not ended, this test would be, by its own limit.
    const result = await run('/bin/sh', ['-c', 'echo begun; sleep 3600 & echo $!; wait'], { limitS: 1 });
    expect(result).toMatchObject({ ok: false, ended: 'not finished after 1 s' });
    const grandchild = Number(/^\d+$/m.exec(result.output)?.[0]);
    expect(isRunning(grandchild)).toBe(false);
  });

  it('is ended when nothing arrives any more, however long its limit', async () => {
    // Grows as often as it is asked, up to here: however busy the machine, it does not stand still before.
    const last = 3;
    let asked = -1;
    const progress = (): number => {
      asked += 1;
      return Math.min(asked, last);
    };
    const result = await run('/bin/sh', ['-c', 'echo begun; sleep 3600'], { limitS: 3600, stallS: 1.5, progress });
    expect(result).toMatchObject({ ok: false, output: 'begun\n', ended: 'nothing arrived for 1.5 s' });
    expect(asked).toBeGreaterThan(last);
  });
});

describe("TensorFlow's wheel", () => {
  const wheels = join(work, 'wheels');
  const members = {
    'tensorflow/libtensorflow_cc.so.2': 'cc',
    'tensorflow/libtensorflow_framework.so.2': 'framework',
    'tensorflow/include/tensorflow/c/c_api.h':
      '#include "tensorflow/c/used.h"\n#include "beside.h"\n#include <stdint.h>',
    'tensorflow/include/tensorflow/c/used.h': '#include "tensorflow/c/c_api.h" // a circle',
    'tensorflow/include/tensorflow/c/beside.h': '#include "not/in/the/wheel.h"',
    'tensorflow/include/tensorflow/core/unused.h': '',
  };

  function writeWheel(version: string, content: object): void {
    const info = `tensorflow_cpu-${version}.dist-info`;
    const files = {
      ...content,
      [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: tensorflow-cpu\nVersion: ${version}\n`,
      [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
      [`${info}/RECORD`]: '',
    };
    const code =
      'import json,sys,zipfile\nwith zipfile.ZipFile(sys.argv[1],"w") as z:\n for n,t in json.load(sys.stdin).items(): z.writestr(n,t)';
    const path = join(wheels, `tensorflow_cpu-${version}-py3-none-any.whl`);
    spawnSync('python3', ['-c', code, path], { input: JSON.stringify(files) });
  }
  beforeAll(() => mkdirSync(wheels));

  function ensure(cache: string): Promise<string> {
    const code = `
      const { ensureTensorFlow } = await load('tensorflow.mjs');
      const { report } = await load('steps.mjs');
      await ensureTensorFlow().then((found) => console.log(JSON.stringify(found)), report);`;
    const env = { TFJS_EMA_CACHE: cache, PIP_NO_INDEX: '1', PIP_FIND_LINKS: wheels, PIP_CONFIG_FILE: '/dev/null' };
    return start(code, env).finished;
  }

  // The names below are those of x64; elsewhere PyPI has no tensorflow-cpu.
  const x64 = process.arch === 'x64' && process.platform === 'linux';

  it.skipIf(!x64)('that is damaged, or of another making, is an error with a fix', async () => {
    writeWheel('2.21.0', { 'tensorflow/libtensorflow_cc.so.2': 'cc' });
    const cache = join(work, 'cache-damaged');
    expect(await ensure(cache)).toMatch(/could not unpack .*no item named.*framework.*fix: run again/is);
    expect(readdirSync(join(cache, 'tensorflow'))).toEqual([]);
  });

  it.skipIf(!x64)('of another version serves where the preferred one is not to be had', async () => {
    rmSync(join(wheels, 'tensorflow_cpu-2.21.0-py3-none-any.whl'));
    writeWheel('2.20.0', members);
    const cache = join(work, 'cache-other');
    expect(await ensure(cache)).toContain('"version":"2.20.0"');
    const again = await ensure(cache);
    expect(again).toContain('"version":"2.20.0"');
    expect(again).not.toContain('from PyPI');
  });

  it.skipIf(!x64)('is unpacked once for two that want it at the same time, and then removed', async () => {
    writeWheel('2.21.0', members);
    const cache = join(work, 'cache-two');
    const texts = await Promise.all([ensure(cache), ensure(cache)]);
    expect(texts.filter((text) => text.includes('unpacking'))).toHaveLength(1);
    for (const text of texts) expect(text).toContain('"version":"2.21.0"');
    const [entry = '', ...others] = readdirSync(join(cache, 'tensorflow'));
    expect(others).toEqual([]);
    const files = readdirSync(join(cache, 'tensorflow', entry), { recursive: true }).map(String);
    const headers = files.filter((name) => name.endsWith('.h')).sort();
    expect(headers).toEqual(['beside', 'c_api', 'used'].map((name) => `include/tensorflow/c/${name}.h`));
    expect(readFileSync(join(cache, 'tensorflow', entry, 'lib', 'libtensorflow_cc.so.2'), 'utf8')).toBe('cc');
  });
});
