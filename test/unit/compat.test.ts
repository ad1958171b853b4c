// tfjs-ema/compat: what it restores, and what it leaves alone.
// That tfjs-node then works is shown by test/facade/cli/doctor.test.ts and tools/release/test-nodes.mjs.

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const COMPAT = fileURLToPath(new URL('../../src/compat.ts', import.meta.url));

/** Runs a script in a Node of its own: the module changes its whole process. */
function run(before: string): string {
  const script = `
    const { createRequire } = await import('node:module');
    const util = createRequire('/').call(undefined, 'node:util');
    ${before}
    await import(${JSON.stringify(COMPAT)});
    const { isNullOrUndefined } = util;
    console.log(JSON.stringify([undefined, null, 0, '', NaN, {}].map((value) => isNullOrUndefined(value))));`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', TSX, '--input-type=module', '-e', script],
    {
      encoding: 'utf8',
    },
  );
  expect(status, stderr).toBe(0);
  return stdout.trim();
}

it('gives util.isNullOrUndefined back where Node has removed it', () => {
  expect(run('delete util.isNullOrUndefined;')).toBe('[true,true,false,false,false,false]');
});

it('keeps the function of a Node that still has it', () => {
  expect(run("util.isNullOrUndefined = () => 'old';")).toBe('["old","old","old","old","old","old"]');
});
