// The whole path on a real GPU: tfjs-node on TensorFlow's CUDA build, held against the CPU kernel, bit for bit.
//   tsx test/native/gpu/tfjs.ts [--updates 100000] [--json FILE]      fails when TensorFlow shows no GPU, unless --cpu says that there is none
// The checks are in checks.ts. No timing to publish: bench/gpu and bench/fit.ts do that.

import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Group } from './checks.js';

const string = { type: 'string' } as const;
const { values: options } = parseArgs({
  options: { updates: string, json: string, group: string, cpu: { type: 'boolean' } },
});

interface Result {
  readonly name: string;
  readonly passed: boolean;
  readonly detail: string;
}

/** A group's checks in this process; each result goes to the parent at once. */
async function runHere(group: Group): Promise<void> {
  const { GROUPS } = await import('./checks.js');
  for (const [name, body] of GROUPS[group]) {
    try {
      const detail = await body(Number(options.updates ?? 100_000));
      process.send?.({ name, passed: true, detail });
    } catch (error) {
      process.send?.({ name, passed: false, detail: error instanceof Error ? error.message : String(error) });
    }
  }
  process.disconnect?.();
}

/** A group's checks in a process of its own, whose death is a check that failed. */
function runApart(group: Group): Promise<Result[]> {
  const results: Result[] = [];
  const add = (result: Result) => {
    results.push(result);
    const { name, passed, detail } = result;
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${name}${detail === '' ? '' : `: ${detail}`}`);
  };
  const child = fork(fileURLToPath(import.meta.url), ['--group', group, ...process.argv.slice(2)]);
  // Only runHere sends.
  child.on('message', (result) => add(result as Result));
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      const detail = `ended with ${signal ?? code}`;
      if (code !== 0) add({ name: `the process of the ${group} checks ends by itself`, passed: false, detail });
      resolve(results);
    });
  });
}

async function main(): Promise<void> {
  const results = [...(await runApart('element-wise')), ...(await runApart('fit'))];
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ results }, undefined, 1)}\n`);
  const passed = results.filter((result) => result.passed).length;
  console.log(`${passed} passed, ${results.length - passed} failed`);
  process.exitCode = passed === results.length ? 0 : 1;
}

await (options.group === undefined ? main() : runHere(options.group as Group));
