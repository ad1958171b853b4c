// The machine's limits (native/floor.cc): compiling them for this machine, once, and loading them.
// No part of the package: without a C++ compiler the benchmark runs without its limits.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCompiler } from '../../tools/tensorflow/binding.mjs';
import { cacheFolder } from '../shared/cache.js';

/** Two buffers of native memory. */
export type FloorBuffers = { readonly floorBuffers: never };

/** The loops of native/floor.cc. */
export interface Floor {
  /** Two buffers of `floats` floats. */
  allocate(floats: number): FloorBuffers;
  /** Copies one buffer into the other. */
  copy(buffers: FloorBuffers, threads: number): void;
  /** Multiplies a buffer by a number, in place. */
  scale(buffers: FloorBuffers, threads: number): void;
  /** Moves one buffer towards the other, in place: one average, on 4 KiB pages, without TensorFlow. */
  lerp(buffers: FloorBuffers, threads: number): void;
}

const FLAGS = ['-std=c++17', '-O3', '-march=native', '-fPIC', '-shared', '-pthread', '-fvisibility=hidden'];

/** What -march=native compiles for; on another processor the result may die of SIGILL. */
function processor(): string {
  const model = cpus()[0]?.model ?? 'unknown';
  if (!existsSync('/proc/cpuinfo')) return model;
  // A virtual machine may hide instructions of its model.
  return `${model} ${/^(flags|Features)\s*:.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0]}`;
}

/**
 * The limits, compiled where that has not been done yet.
 * @returns the reason as a string when there is no compiler.
 */
export function loadFloor(): Floor | string {
  const require = createRequire(import.meta.url);
  const source = fileURLToPath(new URL('native/floor.cc', import.meta.url));
  const compiler = findCompiler();
  if (compiler === undefined) return 'native/floor.cc could not be compiled: no C++ compiler was found';
  const hash = createHash('sha256').update(readFileSync(source));
  for (const text of [compiler, ...FLAGS, processor()]) hash.update(`${text}\0`);
  const binary = join(cacheFolder(), `floor-${process.arch}-${hash.digest('hex').slice(0, 12)}.node`);
  if (!existsSync(binary)) {
    const headers = join(dirname(require.resolve('node-api-headers/package.json')), 'include');
    const partial = `${binary}.${process.pid}`;
    const { status, stderr, error } = spawnSync(compiler, [...FLAGS, `-I${headers}`, source, '-o', partial], {
      encoding: 'utf8',
    });
    if (status !== 0) return `native/floor.cc could not be compiled by '${compiler}': ${error?.message ?? stderr}`;
    renameSync(partial, binary);
  }
  // `require` gives any; native/floor.cc defines exactly these four.
  return require(binary) as Floor;
}
