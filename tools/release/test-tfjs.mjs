// What this package takes from inside of tfjs, on other versions of it: plain tfjs from the npm registry, on its JavaScript backend.
// Keeps none of them: a third of a gigabyte each.
//
//   node tools/release/test-tfjs.mjs [VERSION ...]     default: those below

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from '../tensorflow/project.mjs';

/**
 * How fit validates is written in three ways, in 4.0, from 4.1 and from 4.10 on: each is here. Compared were the sources of all minor
 * versions up to 4.22: training.js, training_tensors.js, training_dataset.js, base_callbacks.js and models.js of tfjs-layers.
 */
const VERSIONS = ['4.0.0', '4.9.0', '4.10.0', '4.17.0', '4.22.0'];

/** What needs no tfjs-node. */
const TESTS = ['test/facade/tfjs/fit-data.test.ts'];

const work = mkdtempSync(join(tmpdir(), 'tfjs-ema-tfjs-'));
process.once('exit', () => rmSync(work, { recursive: true, force: true }));

function install(version) {
  const folder = mkdtempSync(join(work, `${version}-`));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true }));
  const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', ...options, `@tensorflow/tfjs@${version}`], { cwd: folder, stdio: ['ignore', 2, 2] });
  return { folder, entry: join(folder, 'node_modules', '@tensorflow', 'tfjs', 'dist', 'tf.node.js') };
}

let isGood = true;
for (const version of process.argv.length > 2 ? process.argv.slice(2) : VERSIONS) {
  const { folder, entry } = install(version);
  const env = { ...process.env, TFJS_EMA_TFJS: entry };
  const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'facade', ...TESTS], {
    cwd: PROJECT,
    env,
    stdio: 'inherit',
  });
  process.stdout.write(`${status === 0 ? 'ok' : 'FAILED'} tfjs ${version}\n`);
  isGood &&= status === 0;
  rmSync(folder, { recursive: true });
}
process.exitCode = isGood ? 0 : 1;
