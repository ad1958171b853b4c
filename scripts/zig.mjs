// The Zig compiler that builds the published binaries: found, or fetched from PyPI into a cache.
// Builds nothing itself.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Pinned: another compiler would give other bytes. */
export const ZIG_VERSION = '0.17.1';

/** A folder for downloads that outlives `node_modules`. */
export function cacheFolder() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tfjs-ema');
}

function install(folder) {
  const partial = `${folder}.${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  // --target and not a virtual environment: nothing in it knows its own path, so that it can be moved into place whole.
  const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary=:all:', '--target', partial];
  execFileSync(process.env.PYTHON || 'python3', [...args, `ziglang==${ZIG_VERSION}`], { stdio: ['ignore', 2, 2] });
  try {
    renameSync(partial, folder);
  } catch (error) {
    // Another build was first.
    rmSync(partial, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
}

/**
 * The path of the `zig` program of version {@link ZIG_VERSION}.
 * @returns `ZIG` of the environment, or the cached one, which is installed when it is missing.
 */
export function zigProgram() {
  const program = process.env.ZIG || join(cacheFolder(), `ziglang-${ZIG_VERSION}`, 'ziglang', 'zig');
  if (!process.env.ZIG && !existsSync(program)) install(join(cacheFolder(), `ziglang-${ZIG_VERSION}`));
  const version = execFileSync(program, ['version'], { encoding: 'utf8' }).trim();
  if (version !== ZIG_VERSION) {
    throw new Error(
      `zig: expected version ${ZIG_VERSION}, but ${program} is ${version}; unset ZIG to have the right one installed`,
    );
  }
  return program;
}
