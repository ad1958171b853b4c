// Runs in several processes where one of them fails: what becomes of the others.
// Trains nothing: the processes only say that they did.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import type { RunSpec } from '../../study/runs/condition.js';
import { CONDITIONS } from '../../study/runs/conditions.js';
import { trainAll } from '../../study/runs/pool.js';
import { RunStore } from '../../study/runs/store.js';

const folder = mkdtempSync(join(tmpdir(), 'study-pool-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Fails at seeds from 100 on, and ends at seed 999. */
const WORKER = `
process.on('message', ({ spec: { seed } }) => {
  if (seed === 999) process.exit(7);
  process.send(seed < 100 ? { kind: 'done', seconds: 1 } : { kind: 'failed', reason: 'it answers NaN' });
});
process.send({ kind: 'ready' });
`;
const worker = pathToFileURL(join(folder, 'worker.mjs'));
writeFileSync(worker, WORKER);

/** @returns the seeds that were stored, and the error. */
async function train(...seeds: number[]): Promise<{ readonly done: number[]; readonly error: string }> {
  const [condition] = CONDITIONS;
  const done: number[] = [];
  const specs = seeds.map((seed) => ({ condition, seed, engine: 'js', code: '' }) as RunSpec);
  const options = { store: new RunStore(folder), worker, workers: 2, threads: 1, onEpoch: () => undefined };
  const error = await trainAll(specs, { ...options, onDone: ({ seed }) => done.push(seed) }).then(
    () => '',
    (reason: Error) => reason.message,
  );
  return { done: done.sort((a, b) => a - b), error };
}

it('are all stored', async () => {
  expect(await train(1, 2, 3, 4)).toEqual({ done: [1, 2, 3, 4], error: '' });
});

it('are stored though one fails, which is told at the end', async () => {
  expect(await train(1, 100, 2, 3)).toEqual({ done: [1, 2, 3], error: 'a run failed: A, seed 100: it answers NaN' });
});

it('end at the third that fails: that is no fault of a run', async () => {
  const { done, error } = await train(100, 101, 102, ...Array.from({ length: 50 }, (_, seed) => seed));
  expect(error).toMatch(/^3 runs failed: A, seed 10\d: it answers NaN\nA, seed/);
  expect(done.length).toBeLessThan(50);
});

it('end with a process that ends', async () => {
  const { error } = await train(1, 999, 2);
  expect(error).toContain('a process of the study at A, seed 999: it ended with code 7');
});
