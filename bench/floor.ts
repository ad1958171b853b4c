// The machine's limits (native/floor.cc): compiling them for this machine, once, and loading them.
// No part of the package: without a C++ compiler the benchmark runs without its limits.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from './cache.js';

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

/**
 * The limits, compiled where that has not been done yet.
 * @returns the reason as a string when there is no compiler.
 */
export function loadFloor(): Floor | string {
  const require = createRequire(import.meta.url);
  const source = fileURLToPath(new URL('native/floor.cc', import.meta.url));
  const hash = createHash('sha256').update(readFileSync(source)).update(FLAGS.join(' ')).digest('hex').slice(0, 12);
  const binary = join(cacheFolder(), `floor-${process.arch}-${hash}.node`);
  if (!existsSync(binary)) {
    const headers = join(dirname(require.resolve('node-api-headers/package.json')), 'include');
    const compiler = process.env['CXX'] ?? 'c++';
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
