// Turns native/cuda/ema_kernel.cu into the PTX text that the addon carries, and checks that the two belong together.
// Knows nothing of what the kernels do. Run without CUDA: Debian's clang-14 is enough (`apt-get install clang-14`).
//
//   node tools/native/ptx.mjs            compile and write native/cuda/ptx/ema_kernel.ptx
//   node tools/native/ptx.mjs --check    that text belongs to today's sources (and, where clang-14 is, is the same to the byte)
//   node tools/native/ptx.mjs --ptxas    assemble it with each ptxas found (PATH, or PTXAS=/a/ptxas:/b/ptxas); print registers and spills
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from '../tensorflow/project.mjs';

const native = join(PROJECT, 'native');
const place = 'native/cuda/ptx/ema_kernel.ptx';
const cure = 'run `node tools/native/ptx.mjs`';
const output = join(PROJECT, place);
const source = 'cuda/ema_kernel.cu';

// One compiler version, so that everybody gets the same bytes. PTX 6.0 for sm_50 is what a CUDA 9 driver reads; every newer one does too.
const compiler = 'clang-14';
const flags = [
  ...['-x', 'cuda', '--cuda-device-only', '--cuda-gpu-arch=sm_50'],
  ...['--cuda-path=/nonexistent', '-nocudainc', '-nocudalib'],
  ...['-std=c++17', '-O3', '-ffp-contract=off', '-Wall', '-Wextra', '-Werror', '-S'],
  ...['-Xclang', '-target-feature', '-Xclang', '+ptx60'],
];
const architectures = [50, 60, 70, 75, 80, 86, 89, 90, 100, 120].map((n) => `sm_${n}`);

/** Calls a program; null when it is not installed. */
function call(program, args, options = {}) {
  const result = spawnSync(program, args, { encoding: 'utf8', ...options });
  if (result.error?.code === 'ENOENT') return null;
  if (result.error) throw result.error;
  return result;
}

/** The source and what it includes from native/, in a fixed order. */
function sourceFiles() {
  const found = [];
  const visit = (file) => {
    if (found.includes(file)) return;
    found.push(file);
    const text = readFileSync(join(native, file), 'utf8');
    for (const [, included] of text.matchAll(/^#include "([^"]+)"/gm)) visit(included);
  };
  visit(source);
  return found.sort();
}

/** Digest of the sources and flags; comments and layout do not count. */
function sourceHash() {
  const hash = createHash('sha256').update(`${compiler} ${flags.join(' ')}\n`);
  for (const file of sourceFiles()) {
    const text = readFileSync(join(native, file), 'utf8').replace(/\/\/.*$/gm, '');
    hash.update(`${file}\n${text.replace(/\\\n/g, ' ').replace(/\s+/g, ' ').trim()}\n`);
  }
  return hash.digest('hex');
}

/** PTX without comments and indentation; null when the compiler is not installed. */
function compile() {
  const work = mkdtempSync(join(tmpdir(), 'ema-ptx-'));
  try {
    const file = join(work, 'kernel.ptx');
    const result = call(compiler, [...flags, '-I.', source, '-o', file], { cwd: native });
    if (result === null) return null;
    if (result.status !== 0) throw new Error(`${compiler} failed:\n${result.stderr}`);
    const lines = readFileSync(file, 'utf8')
      .replace(/\/\/.*$/gm, '')
      .split('\n');
    return `${lines
      .map((line) => line.trim())
      .filter(Boolean)
      .join('\n')}\n`;
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** The file: the PTX below a line that says what it was made of. The build leaves that line out (native/cuda/ptx/embed.cmake). */
function render(ptx, hash) {
  return `// ${compiler}, PTX 6.0, sm_50, of sources with sha256 ${hash}: made by tools/native/ptx.mjs, do not edit.\n${ptx}`;
}

function write() {
  const ptx = compile();
  if (ptx === null) {
    throw new Error(`${compiler} is not installed; on Debian: apt-get install ${compiler}`);
  }
  writeFileSync(output, render(ptx, sourceHash()));
  console.log(`wrote ${place}: ${ptx.length} bytes of PTX`);
}

function check() {
  const text = readFileSync(output, 'utf8');
  const hash = sourceHash();
  if (!text.split('\n', 1)[0].includes(hash)) throw new Error(`${place} was made from other sources; ${cure}`);
  const ptx = compile();
  if (ptx === null) {
    console.log(`PTX belongs to its sources (hash; ${compiler} is not here to compile it again)`);
    return;
  }
  if (render(ptx, hash) !== text) throw new Error(`${compiler} gives other PTX than ${place} holds; ${cure}`);
  console.log(`PTX belongs to its sources (hash and ${compiler}, same bytes)`);
}

/** One line per kernel from the report of `ptxas -v`. */
function parseReport(text) {
  const rows = [];
  let row;
  for (const line of text.split('\n')) {
    const name = /Compiling entry function '(\w+)'/.exec(line)?.[1];
    if (name) {
      row = { name, registers: 0, spills: 0 };
      rows.push(row);
    }
    const spills = /(\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line);
    if (row && spills) row.spills = Number(spills[1]) + Number(spills[2]);
    const registers = /Used (\d+) registers/.exec(line)?.[1];
    if (row && registers) row.registers = Number(registers);
  }
  return rows;
}

function assembleWith(program, file) {
  const version = call(program, ['--version']);
  if (version === null) {
    console.log(`${program}: not installed`);
    return;
  }
  console.log(`${program}: ${/release [\d.]+/.exec(version.stdout)?.[0]}`);
  for (const architecture of architectures) {
    const result = call(program, ['-v', `-arch=${architecture}`, file, '-o', '/dev/null']);
    const report = result.stdout + result.stderr;
    if (/is not defined for option 'gpu-name'|Value .* is not defined/.test(report)) {
      console.log(`  ${architecture.padEnd(7)} not known to this ptxas`);
      continue;
    }
    if (result.status !== 0) throw new Error(`${program} -arch=${architecture}:\n${report}`);
    const rows = parseReport(report);
    const cells = rows.map(
      (r) => `${r.name.replace('ema_', '')} ${r.registers}${r.spills ? `(spills ${r.spills} B)` : ''}`,
    );
    console.log(`  ${architecture.padEnd(7)} registers: ${cells.join(', ')}`);
  }
}

function assemble() {
  for (const program of (process.env.PTXAS ?? 'ptxas').split(':')) assembleWith(program, output);
}

const modes = { '': write, '--check': check, '--ptxas': assemble };
const mode = modes[process.argv[2] ?? ''];
try {
  if (mode === undefined) throw new Error(`unknown option ${process.argv[2]}; --check or --ptxas`);
  mode();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
