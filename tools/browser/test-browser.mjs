// The library in Chromium: tests on each backend that a page has, the example, and the live page of the site.
// Says so where there is no Chromium, and passes; `--require` then fails. Others than the system's: TFJS_EMA_CHROMIUM names one.
//
//   node tools/browser/test-browser.mjs [--require] [OPTION OF VITEST ...]     such as --project webgl

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { PROJECT } from '../tensorflow/project.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

/** The first Chromium in PATH, or the one that is named. */
function findChromium() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
  return process.env.TFJS_EMA_CHROMIUM ?? found;
}

const given = process.argv.slice(2);
const isRequired = given.includes('--require');
const chromium = findChromium();
if (chromium === undefined) {
  process.stdout.write(
    `${isRequired ? 'FAILED' : 'skipped'}: there is no Chromium in PATH (apt-get install chromium)\n`,
  );
  process.exitCode = isRequired ? 1 : 0;
} else {
  const version = spawnSync(chromium, ['--version'], { encoding: 'utf8' }).stdout.trim();
  process.stdout.write(`${version} (${chromium})\n`);
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  const config = join('test', 'browser', 'vitest.config.ts');
  const options = given.filter((option) => option !== '--require');
  const { status } = spawnSync(process.execPath, [vitest, 'run', '--config', config, ...options], {
    cwd: PROJECT,
    env: { ...process.env, TFJS_EMA_CHROMIUM: chromium },
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
}
