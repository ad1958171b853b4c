// Other versions of Node, and Node for another processor: from the npm registry, kept in the cache.
// Runs none of them.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../tensorflow/cache.mjs';
import { findProgram } from '../tensorflow/run.mjs';

/** One version of each supported line, carried by the npm packages node-PLATFORM-ARCH; the newest when this was written. */
export const NODE_VERSIONS = ['20.20.2', '22.23.3', '24.21.0'];

const ARM64_ROOT = '/usr/aarch64-linux-gnu';

/** The path of a version's `node`. */
export function nodeProgram(version, arch = process.arch) {
  if (process.versions.node === version && process.arch === arch) return process.execPath;
  const name = `node-${process.platform}-${arch}`;
  const folder = join(cacheDirectory(), 'node', `${arch}-${version}`);
  const program = join(folder, 'node_modules', name, 'bin', 'node');
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    // --force: npm refuses a package for another processor, which is what is wanted here.
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save', '--force'];
    execFileSync('npm', ['install', '--prefix', folder, ...options, `${name}@${version}`], { stdio: ['ignore', 2, 2] });
  }
  return program;
}

/**
 * The command that runs Node for a processor on this machine: Node itself, `$NODE_ARM64`, or an emulator with Debian's libraries
 * (apt-get install qemu-user libc6-arm64-cross libstdc++6-arm64-cross).
 * @param version of the emulated Node; the others are what they are.
 * @returns {string[] | undefined} the command; undefined when there is none.
 */
export function nodeRunner({ platform, arch }, version = NODE_VERSIONS[0]) {
  if (platform === process.platform && arch === process.arch) return [process.execPath];
  const given = process.env[`NODE_${arch.toUpperCase()}`]?.split(' ').filter(Boolean);
  if (given !== undefined || arch !== 'arm64' || process.platform !== 'linux') return given;
  const qemu = findProgram(['qemu-aarch64']);
  if (qemu === undefined || !existsSync(join(ARM64_ROOT, 'lib', 'libstdc++.so.6'))) return undefined;
  return [qemu, '-L', ARM64_ROOT, nodeProgram(version, arch)];
}
