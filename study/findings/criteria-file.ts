// The criteria that were written down before the confirming seeds were run: one a line, for one finding in one domain.
// Judges nothing; the commit that a line came with is read from git.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What a measure must be. Bounds are in the measure's unit. */
export interface CriterionTest {
  /** Name of the measure; of several names of equal beginning, all. */
  readonly measure: string;
  /**
   * `above`, `below`: the whole 95 % interval is. `within`: the whole interval is within ± the bound. `every above`, `every below`: each
   * seed is. `mean above`, `mean below`: the mean is.
   */
  readonly is: 'above' | 'below' | 'within' | 'every above' | 'every below' | 'mean above' | 'mean below';
  readonly bound: number;
}

/** A line of the file. */
export interface Criterion {
  readonly finding: string;
  readonly domain: string;
  /** The course that it is about, where a domain has several. */
  readonly condition?: string;
  /** All of them must hold. */
  readonly tests: readonly CriterionTest[];
  /** Seeds that were looked at before the line was written; they are not among those that judge. */
  readonly pilots: readonly number[];
}

const FILE = fileURLToPath(new URL('criteria.jsonl', import.meta.url));

/** All lines, with their text. */
export function readCriteria(): readonly (Criterion & { readonly line: string })[] {
  const lines = readFileSync(FILE, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => ({ ...(JSON.parse(line) as Criterion), line }));
}

/** The commit that first held this text in the study's findings; null outside of a clone. */
export function commitOf(text: string): string | null {
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  const args = ['log', '--format=%h', '--reverse', `-S${text}`, '--', '.'];
  const { stdout } = spawnSync('git', args, { cwd, encoding: 'utf8' });
  return stdout?.split('\n')[0] || null;
}
