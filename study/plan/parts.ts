// Parts of a study, for machines that share it: a run by its name, or every n-th.
// Trains nothing.

import { UsageError } from '../../tools/shared/option-checks.js';
import type { RunSpec } from '../runs/condition.js';
import { secondsOf } from '../runs/progress.js';
import { type RunStore, runId } from '../runs/store.js';

/** Some of the runs: one by its name, or every `count`-th from the `index`-th on, counted from 1. */
export type Part = { readonly run: string } | { readonly index: number; readonly count: number };

/**
 * The runs of a part.
 * @throws UsageError — there is no run of that name.
 */
export function partOf(specs: readonly RunSpec[], part: Part): RunSpec[] {
  if (!('run' in part)) return specs.filter((_, place) => place % part.count === part.index - 1);
  const found = specs.filter((spec) => runId(spec) === part.run);
  if (found.length > 0) return found;
  throw new UsageError(
    `--run: there is no run '${part.run}'. --list names them; names change with the code, and with the other options.`,
  );
}

/** A line for each run, separated by tabs: its name, seconds on an idle core, and whether it is finished. */
export function listing(specs: readonly RunSpec[], store: RunStore): string {
  const line = (spec: RunSpec): string =>
    [runId(spec), secondsOf([spec]).toFixed(0), store.has(spec) ? 'finished' : 'missing'].join('\t');
  return specs.map((spec) => `${line(spec)}\n`).join('');
}
