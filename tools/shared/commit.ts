// The commit of the code that made a figure, for reports of the study and the benchmarks.
// Reads git and nothing else.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * A checkout's commit, `with changes` where files of it differ; undefined outside a checkout or without git.
 * @param cwd the checkout; this one unless given.
 */
export function currentCommit(cwd = fileURLToPath(new URL('../..', import.meta.url))): string | undefined {
  const git = (...args: string[]): string => spawnSync('git', args, { cwd, encoding: 'utf8' }).stdout?.trim() ?? '';
  const hash = git('rev-parse', '--short=10', 'HEAD');
  if (hash === '') return undefined;
  return git('status', '--porcelain', '--untracked-files=no') === '' ? hash : `${hash} with changes`;
}
