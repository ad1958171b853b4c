// Formats the C++ and CUDA sources, or with --check says which are not formatted.
// Holds no style: that is .clang-format.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = ['native', 'test', 'bench'];
const SOURCE = /\.(cc|cu|h)$/;

const files = FOLDERS.flatMap((folder) =>
  readdirSync(folder, { recursive: true }).map((file) => join(folder, file)),
).filter((file) => SOURCE.test(file));
const mode = process.argv.includes('--check') ? ['--dry-run', '-Werror'] : ['-i'];
const { status } = spawnSync('npx', ['--no-install', 'clang-format', ...mode, ...files], { stdio: 'inherit' });
process.exit(status ?? 1);
