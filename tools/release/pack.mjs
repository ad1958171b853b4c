// The package as it would be published: compiled and packed in a folder of its own, so that the checkout stays as it is.
// Judges nothing: that is pack-check.mjs and test/project/package.test.ts.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PROJECT } from '../tensorflow/project.mjs';
import { prebuildPath, TARGETS } from './targets.mjs';

const COPIED = ['package.json', 'src', 'binding.d.ts', 'README.md', 'LICENSE', 'CHANGELOG.md', 'prebuilds'];
const FOR_COMPILER = ['tsconfig.json', 'tsconfig.build.json'];

/** Compiles in the folder itself, so that the maps in dist/ point to the sources beside it. */
function compile(stage) {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  for (const name of FOR_COMPILER) cpSync(join(PROJECT, name), join(stage, name));
  symlinkSync(join(PROJECT, 'node_modules'), join(stage, 'node_modules'), 'junction');
  execFileSync(process.execPath, [tsc, '-p', join(stage, 'tsconfig.build.json')], { stdio: 'inherit' });
  for (const name of [...FOR_COMPILER, 'node_modules']) rmSync(join(stage, name));
}

/** Where no binaries were made, this machine's own build stands in for its target's. */
function standIn(folder) {
  const target = TARGETS.find(({ platform, arch }) => platform === process.platform && arch === process.arch);
  const built = join(PROJECT, 'build', 'Release', 'tfjs_ema.node');
  if (target === undefined || !existsSync(built)) return;
  const path = join(folder, 'prebuilds', prebuildPath(target));
  mkdirSync(dirname(path), { recursive: true });
  cpSync(built, path);
}

/** Whether the binaries of a release are there, and not only a stand-in. */
export function hasPrebuilds() {
  return existsSync(join(PROJECT, 'prebuilds', 'SHA256SUMS'));
}

/**
 * Makes the package in a folder.
 * @param {string} folder an empty folder; the package comes to lie in `package` below it, and the tarball beside that.
 * @returns {{tarball: string, packed: number, unpacked: number, files: {path: string, size: number}[]}}
 */
export function pack(folder) {
  const stage = join(folder, 'package');
  mkdirSync(stage, { recursive: true });
  for (const name of COPIED)
    if (existsSync(join(PROJECT, name))) cpSync(join(PROJECT, name), join(stage, name), { recursive: true });
  if (!hasPrebuilds()) standIn(stage);
  compile(stage);
  const out = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: stage,
    encoding: 'utf8',
  });
  // npm 11 gives a list, npm 12 an object by package name.
  const [{ filename, size, unpackedSize, files }] = Object.values(JSON.parse(out));
  return {
    tarball: join(folder, filename),
    packed: size,
    unpacked: unpackedSize,
    files: files.map(({ path, size: bytes }) => ({ path, size: bytes })),
  };
}
