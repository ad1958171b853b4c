// The package against publint and Are The Types Wrong; `node tools/release/pack-check.mjs`.
// What is in it and how large it is: test/project/package.test.ts.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from '../tensorflow/project.mjs';
import { pack } from './pack.mjs';

const bin = join(PROJECT, 'node_modules', '.bin');
const CHECKS = [
  ['publint', ['run'], ['--strict', '--level', 'suggestion']],
  // The package is ESM only by design: Node 20.19 and later can also require() it.
  ['attw', [], ['--profile', 'esm-only', '--no-emoji']],
];

const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-pack-'));
try {
  const { tarball, packed, unpacked, files } = pack(folder);
  process.stdout.write(`${files.length} files, ${packed} bytes packed, ${unpacked} unpacked\n`);
  for (const [name, command, options] of CHECKS) {
    const { status } = spawnSync(join(bin, name), [...command, tarball, ...options], { stdio: 'inherit', cwd: folder });
    if (status !== 0) throw new Error(`${name} found faults`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
