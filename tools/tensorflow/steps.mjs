// The steps of the bootstrap in their order, and how a failure is told.
// What a step does stands in its own module.

import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureAddon } from './addon.mjs';
import { BootstrapError } from './errors.mjs';
import { withLock } from './lock.mjs';
import { ensureNpmPackages } from './npm-packages.mjs';
import { wantsGpu } from './nvidia.mjs';
import { PROJECT } from './project.mjs';
import { ensureRuntime } from './runtime.mjs';

const STEPS = {
  deps: ensureNpmPackages,
  tensorflow: () => ensureRuntime({ gpu: wantsGpu() }),
  addon: () => (process.env.TFJS_EMA_SKIP_ADDON === '1' ? undefined : ensureAddon()),
};

/**
 * Runs the named steps, in order; npm packages always come first.
 * @param {readonly string[]} [names] empty: all.
 */
export async function bootstrap(names = []) {
  const unknown = names.find((name) => !(name in STEPS));
  if (unknown !== undefined) {
    const known = Object.keys(STEPS).join(', ');
    throw new BootstrapError(`there is no step "${unknown}"`, `name some of: ${known}; without a name all run`);
  }
  const wanted = Object.keys(STEPS).filter((name) => name === 'deps' || names.length === 0 || names.includes(name));
  // One checkout, one bootstrap at a time; not in the cache, which may be read-only once it is filled.
  const id = createHash('sha256').update(PROJECT).digest('hex').slice(0, 16);
  await withLock(join(tmpdir(), `tfjs-ema-${id}.lock`), 'bootstrap', async () => {
    for (const name of wanted) await STEPS[name]();
  });
}

/** Prints a failure and its fix; an unforeseen one with its stack. */
export function report(error) {
  const text =
    error instanceof BootstrapError ? `${error.message}\n  fix: ${error.fix}` : (error?.stack ?? String(error));
  process.stderr.write(`tfjs-ema: ${text}\n`);
}
