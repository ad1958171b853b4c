// What a run's result depends on beside its specification: the study's files that it runs, as a digest.
// Runs nothing.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Condition, type Course, isCourse } from '../runs/condition.js';
import { DATA, NETWORKS, PROBLEMS } from './catalog.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Digest of the files that train a condition: the runner, its data and its network, and what they import of study/ and tools/. A run of
 * other code is never taken for finished, and a new domain makes no old run unfinished.
 *
 * The library is not among them: what an average is, is held to the bit by its own tests, and the store notes the commit of each run.
 * @param root the project.
 */
export function codeOf(condition: Condition | Course, root = ROOT): string {
  const entries = isCourse(condition)
    ? ['study/runs/course.ts', PROBLEMS[condition.problem].file]
    : ['study/runs/train.ts', DATA[condition.data.name].file, NETWORKS[condition.network].file];
  const files = new Set<string>();
  for (const entry of entries) collect(join(root, entry), root, files);
  const hash = createHash('sha256');
  for (const file of [...files].sort()) hash.update(relative(root, file)).update('\0').update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

/** A file and what it imports, but for types. */
function collect(file: string, root: string, files: Set<string>): void {
  const place = relative(root, file);
  if (files.has(file) || !/^(study|tools\/shared)\//.test(place)) return;
  files.add(file);
  const text = readFileSync(file, 'utf8');
  for (const [, name = ''] of text.matchAll(/^(?:import|export) (?!type )[^;]*?from '(\.[^']+)\.js';/gm)) {
    collect(join(dirname(file), `${name}.ts`), root, files);
  }
}
