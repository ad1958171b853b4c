// Which chunk size and which threshold for helper threads native/cpu/ema_cpu.cc should have: `npx tsx bench/update/chunk.ts`.
// Builds the kernel once for each chunk size and prints a Markdown table; the timing is in native/chunk.cc.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Progress } from '../../tools/shared/terminal.js';
import { findCompiler } from '../../tools/tensorflow/binding.mjs';
import { describeMachine, machineLine } from '../shared/machine.js';
import { formatTime } from './report.js';

const NATIVE = fileURLToPath(new URL('../../native', import.meta.url));
const BENCH = fileURLToPath(new URL('native', import.meta.url));
const CHUNKS = [8192, 32_768, 131_072, 524_288] as const;
/** Floats moved by an update: weights times averages. */
const FLOATS = [2.5e5, 5e5, 1e6, 2e6, 4e6, 8e6, 32e6] as const;
const AVERAGES = [1, 5] as const;
const WEIGHTS = 20;
const FLAGS = ['-std=c++17', '-O3', '-DNDEBUG', '-ffp-contract=off', '-pthread', `-I${NATIVE}`];

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`'${[command, ...args].join(' ')}' failed: ${error?.message ?? stderr}`);
  return stdout;
}

/** @throws Error when the source has no such constant: then this program is out of date. */
function withConstant(source: string, name: string, value: number): string {
  const pattern = new RegExp(`(constexpr int64_t ${name} = )[0-9']+;`);
  if (!pattern.test(source)) throw new Error(`native/cpu/ema_cpu.cc: expected a constant ${name}`);
  return source.replace(pattern, `$1${value};`);
}

/** Builds the kernel with a chunk size, with helpers at every size. */
function buildVariant(folder: string, compiler: string, chunk: number): string {
  const source = join(folder, `ema_cpu_${chunk}.cc`);
  const text = readFileSync(join(NATIVE, 'cpu', 'ema_cpu.cc'), 'utf8');
  writeFileSync(source, withConstant(withConstant(text, 'kChunk', chunk), 'kThreadedFloats', 0));
  const flags = [...FLAGS, '-fPIC', '-fvisibility=hidden'];
  const avx2 = join(folder, `avx2_${chunk}.o`);
  if (process.arch === 'x64')
    run(compiler, [...flags, '-mavx2', '-mfma', '-c', join(NATIVE, 'cpu', 'ema_cpu_avx2.cc'), '-o', avx2]);
  const library = join(folder, `chunk_${chunk}.so`);
  const parts = ['ema_cpu_baseline.cc', 'thread_pool.cc'].map((name) => join(NATIVE, 'cpu', name));
  const objects = process.arch === 'x64' ? [avx2] : [];
  run(compiler, [...flags, '-shared', source, ...parts, join(BENCH, 'chunk_variant.cc'), ...objects, '-o', library]);
  return library;
}

function rowOf(k: number, floats: number, line: string): string {
  const numbers = line.trim().split(' ').map(Number);
  const [alone = Number.NaN] = numbers;
  const ratios = numbers.slice(CHUNKS.length + 2).map((ratio) => ratio.toFixed(2));
  return `| ${[`${k}`, `${floats / 1e6} M`, formatTime(alone), ...ratios].join(' | ')} |`;
}

function main(): void {
  const { values } = parseArgs({
    options: { threads: { type: 'string', default: '2' }, rounds: { type: 'string', default: '25' } },
  });
  const compiler = findCompiler();
  if (compiler === undefined) throw new Error('no C++ compiler was found: install g++, or set CXX to the path of one');
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-chunk-'));
  const progress = new Progress();
  try {
    const libraries = CHUNKS.map((chunk) => buildVariant(folder, compiler, chunk));
    const program = join(folder, 'chunk');
    run(compiler, [...FLAGS, join(BENCH, 'chunk.cc'), '-ldl', '-o', program]);
    progress.log(`${machineLine(describeMachine())}\n`);
    const heads = CHUNKS.map((chunk) => `${values.threads} threads, ${chunk} floats`);
    progress.log(`| K | floats moved | 1 thread | ${heads.join(' | ')} |\n|${' ---: |'.repeat(CHUNKS.length + 3)}`);
    for (const k of AVERAGES) {
      for (const floats of FLOATS) {
        const sizes = [k, WEIGHTS, Math.round(floats / k)].map(String);
        progress.log(rowOf(k, floats, run(program, [values.rounds, values.threads, ...sizes, ...libraries])));
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

main();
