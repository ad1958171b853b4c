// Other versions of Node, and Node for another processor or system: from the npm registry, kept in the cache.
// Judges nothing.

import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheDirectory } from '../tensorflow/cache.mjs';
import { findProgram } from '../tensorflow/run.mjs';

/** One version of each line that is tried, carried by the npm packages node-PLATFORM-ARCH; the newest when this was written. */
export const NODE_VERSIONS = ['20.20.2', '22.23.3', '24.21.0', '26.12.1'];

const ARM64_ROOT = '/usr/aarch64-linux-gnu';

/** Debian's wine64 is not in PATH. */
const WINE = ['wine', 'wine64', '/usr/lib/wine/wine64'];

/** The path of a version's `node`; by default for this machine. */
export function nodeProgram(version, { platform, arch } = process) {
  if (process.versions.node === version && process.platform === platform && process.arch === arch)
    return process.execPath;
  const isWindows = platform === 'win32';
  const name = `node-${isWindows ? 'win' : platform}-${arch}`;
  const folder = join(cacheDirectory(), 'node', `${platform}-${arch}-${version}`);
  const program = join(folder, 'node_modules', name, 'bin', isWindows ? 'node.exe' : 'node');
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    // --force: npm refuses a package for another machine, which is what is wanted here.
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save', '--force'];
    execFileSync('npm', ['install', '--prefix', folder, ...options, `${name}@${version}`], { stdio: ['ignore', 2, 2] });
  }
  return program;
}

/**
 * The command that runs Node for a target on this machine: Node itself, `$NODE_ARM64`, an emulator with Debian's libraries
 * (apt-get install qemu-user libc6-arm64-cross libstdc++6-arm64-cross libatomic1-arm64-cross), or for Windows wine (apt-get install wine64).
 * @param version of the Node so run; the others are what they are.
 * @returns {string[] | undefined} the command; undefined when there is none.
 */
export function nodeRunner({ platform, arch }, version = NODE_VERSIONS[0]) {
  if (platform === process.platform && arch === process.arch) return [process.execPath];
  if (process.platform !== 'linux') return undefined;
  if (platform === 'win32') return wineRunner(arch, version);
  if (platform !== 'linux' || arch !== 'arm64') return undefined;
  const given = process.env.NODE_ARM64?.split(' ').filter(Boolean);
  if (given !== undefined) return given;
  const qemu = findProgram(['qemu-aarch64']);
  // From 26 on Node links the second one.
  const libraries = ['libstdc++.so.6', ...(Number(version.split('.')[0]) < 26 ? [] : ['libatomic.so.1'])];
  if (qemu === undefined || !libraries.every((name) => existsSync(join(ARM64_ROOT, 'lib', name)))) return undefined;
  return [qemu, '-L', ARM64_ROOT, nodeProgram(version, { platform, arch })];
}

/**
 * The command before a program of Windows.
 * @returns {string[] | undefined} undefined when there is no wine, or it is for another processor.
 */
export function wineCommand(arch) {
  const wine = process.platform === 'linux' && process.arch === arch ? findProgram(WINE) : undefined;
  if (wine === undefined) return undefined;
  // A Windows of its own, not that of the user; Node takes wine's version for one too old.
  const settings = [`WINEPREFIX=${join(cacheDirectory(), 'wine')}`, 'WINEDEBUG=-all', 'NODE_SKIP_PLATFORM_CHECK=1'];
  return ['env', ...settings, wine];
}

function wineRunner(arch, version) {
  // From 24 on Node reserves more memory at its start than wine 8 gives.
  const wine = Number(version.split('.')[0]) < 24 ? wineCommand(arch) : undefined;
  return wine && [...wine, nodeProgram(version, { platform: 'win32', arch })];
}

/**
 * Runs a script by a runner of `nodeRunner`, or a program of Windows by `wineCommand`.
 * @returns {{status: number | null, output: string}} what it wrote to both streams, and its exit code.
 */
export function runNode([program, ...first], args) {
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-run-'));
  const path = join(folder, 'output');
  // A file: a program of Windows cannot use the sockets that Node takes for pipes.
  const file = openSync(path, 'w');
  try {
    const { status, error } = spawnSync(program, [...first, ...args], { stdio: ['ignore', file, file] });
    return { status, output: (error?.message ?? readFileSync(path, 'utf8')).trim() };
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}
