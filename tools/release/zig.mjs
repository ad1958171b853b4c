// The Zig compiler that builds the published binaries: found, or fetched from PyPI into the cache.
// Builds nothing itself.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory, publish } from '../tensorflow/cache.mjs';
import { BootstrapError } from '../tensorflow/errors.mjs';
import { requirePip } from '../tensorflow/python.mjs';
import { run, tail } from '../tensorflow/run.mjs';

/** Pinned: another compiler would give other bytes. */
const ZIG_VERSION = '0.17.1';

async function install(entry) {
  const python = await requirePip();
  await publish(entry, async (draft) => {
    // A plain folder and not a virtual environment: nothing in it knows its own path.
    const args = [
      '-m',
      'pip',
      'install',
      '--no-deps',
      '--only-binary=:all:',
      '--target',
      draft,
      `ziglang==${ZIG_VERSION}`,
    ];
    const result = await run(python, args, { limitS: 600 });
    if (!result.ok)
      throw new BootstrapError(
        `pip could not install ziglang: ${result.ended}\n${tail(result.output)}`,
        'set ZIG to a zig program',
      );
    return { version: ZIG_VERSION };
  });
}

/**
 * The path of the `zig` program, of the one version that the binaries are built with.
 * @returns {Promise<string>} `$ZIG`, or the cached one, which is installed when it is missing.
 */
export async function zigProgram() {
  const entry = join(cacheDirectory(), `zig-${ZIG_VERSION}`);
  const program = process.env.ZIG || join(entry, 'ziglang', 'zig');
  if (!process.env.ZIG && !existsSync(program)) await install(entry);
  const version = execFileSync(program, ['version'], { encoding: 'utf8' }).trim();
  if (version === ZIG_VERSION) return program;
  throw new BootstrapError(
    `expected zig ${ZIG_VERSION}, but ${program} is ${version}`,
    'unset ZIG: the right one is then installed',
  );
}
