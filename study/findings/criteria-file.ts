// The criteria that were written down before the confirming seeds were run: one a line, for one finding in one domain.
// Judges nothing; the commit that a line came with is read from git.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Question } from './criteria.js';

/** What a measure must be. Bounds are in the measure's unit. */
export interface CriterionTest {
  /** Name of the measure; of several names of equal beginning, all. */
  readonly measure: string;
  readonly is: Question;
  readonly bound: number;
}

/** A line of the file. */
export interface Criterion {
  readonly finding: string;
  readonly domain: string;
  /** The course or condition that it is about, where a domain has several. */
  readonly condition?: string;
  /** All of them must hold. */
  readonly tests: readonly CriterionTest[];
  /** Seeds that were looked at before the line was written; they are not among those that judge. */
  readonly pilots: readonly number[];
}

const FILE = fileURLToPath(new URL('criteria.jsonl', import.meta.url));

/** A criterion and the commit that its line came with; null where it is in none. */
export type CriterionLine = Criterion & { readonly commit: string | null };

/** All lines. */
export function readCriteria(): readonly CriterionLine[] {
  const blamed = git('blame', '--line-porcelain', '--', FILE);
  const commits = new Map<string, string | null>();
  let commit: string | null = null;
  for (const line of blamed.split('\n')) {
    const [, hash] = /^([0-9a-f]{40}) /.exec(line) ?? [];
    // Changes that are not committed are under a hash of zeros.
    if (hash !== undefined) commit = /^0+$/.test(hash) ? null : hash.slice(0, 7);
    if (line.startsWith('\t')) commits.set(line.slice(1), commit);
  }
  const lines = readFileSync(FILE, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => ({ ...(JSON.parse(line) as Criterion), commit: commits.get(line) ?? null }));
}

/** The commit that first held this text in the study's findings; null outside of a clone. */
export function commitOf(text: string): string | null {
  const known = firstCommits.get(text);
  if (known !== undefined) return known;
  const commit = git('log', '--format=%h', '--reverse', `-S${text}`, '--', '.').split('\n')[0] || null;
  firstCommits.set(text, commit);
  return commit;
}

/** Git goes through the whole history for each. */
const firstCommits = new Map<string, string | null>();

function git(...args: readonly string[]): string {
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  return spawnSync('git', args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 }).stdout ?? '';
}
