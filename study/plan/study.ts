// The study from its options to judged findings: plan, train what is not finished, judge.
// Writes no report; main.ts puts the parts together.

import { join } from 'node:path';
import { UsageError } from '../../tools/shared/option-checks.js';
import { formatBar, formatDuration, type Progress } from '../../tools/shared/terminal.js';
import type { LoadedData } from '../data/study-data.js';
import { type Finding, judgeAll, StudyResults } from '../findings/index.js';
import { paperRules } from '../paper/tables.js';
import type { Condition, RunSpec } from '../runs/condition.js';
import { stepsOf } from '../runs/learning-rate.js';
import { trainAll } from '../runs/pool.js';
import { Forecast } from '../runs/progress.js';
import { sampleCounts } from '../runs/samples.js';
import { codeDigest, RunStore, type StoredRun } from '../runs/store.js';
import { mainTracks, sameName } from '../runs/tracks.js';
import { loadStudyData } from './catalog.js';
import type { StudyOptions } from './options.js';
import { planRuns } from './plan.js';

const WORKER = new URL('worker.ts', import.meta.url);

/** A finished study. */
export interface Study {
  readonly runs: readonly StoredRun[];
  readonly results: StudyResults;
  readonly findings: readonly Finding[];
  /** Wall time of this call; little where runs were finished before. */
  readonly seconds: number;
  /** Runs that were finished before this call. */
  readonly kept: number;
}

/**
 * Runs the study; runs that are finished in the output folder are kept.
 * @throws DataError — the data cannot be had.
 * @throws UsageError — the options leave nothing to run.
 */
export async function runStudy(options: StudyOptions, progress: Progress): Promise<Study> {
  const begin = performance.now();
  const specs = planRuns(options.plan, codeDigest());
  if (specs.length === 0) throw new UsageError('There is nothing to run: --conditions leaves none.');
  // Before the processes are started, so that only one of them fetches.
  const data = await loadAll(specs, (line) => progress.log(line));
  for (const condition of new Set(specs.map((spec) => spec.condition))) checkTracks(condition, data);
  const store = new RunStore(join(options.out, 'runs'));
  store.removeDrafts();
  const missing = options.fresh ? specs : specs.filter((spec) => !store.has(spec));
  if (missing.length < specs.length)
    progress.log(`${specs.length - missing.length} of ${specs.length} runs were finished before.`);
  await train(missing, { options, store, progress });
  const runs = specs.flatMap((spec) => store.read(spec) ?? []);
  const labels = [...data].map(([name, { images }]) => [name, images.test.labels]);
  const results = new StudyResults(runs, Object.fromEntries(labels));
  const seconds = (performance.now() - begin) / 1000;
  const { preset } = options.plan;
  const findings = preset === undefined ? judgeAll(results) : judgeAll(results, paperRules(preset));
  return { runs, results, findings, seconds, kept: specs.length - missing.length };
}

async function loadAll(specs: readonly RunSpec[], say: (line: string) => void): Promise<Map<string, LoadedData>> {
  const loaded = new Map<string, LoadedData>();
  for (const { condition } of specs) {
    const { name, directory } = condition.data;
    if (!loaded.has(name)) loaded.set(name, await loadStudyData(name, directory, say));
  }
  return loaded;
}

/** Curves are kept by the names of their averages: two of one name would be one curve. */
function checkTracks({ id, data, recipe, averages }: Condition, loaded: ReadonlyMap<string, LoadedData>): void {
  const available = loaded.get(data.name)?.images.train.count ?? 0;
  const { total } = stepsOf(sampleCounts(available, data).train, recipe);
  const [one, other] = sameName(mainTracks(averages, total)) ?? [];
  if (one === undefined || other === undefined) return;
  const window = `${one.id.split('-')[1]} % of the ${total} steps of condition ${id}`;
  throw new UsageError(
    `--decays: expected windows that differ when rounded to 0.01 % of the run, received ${one.decay} and ${other.decay}, both ${window}: leave one out.`,
  );
}

interface Training {
  readonly options: StudyOptions;
  readonly store: RunStore;
  readonly progress: Progress;
}

async function train(specs: readonly RunSpec[], { options, store, progress }: Training): Promise<void> {
  if (specs.length === 0) return;
  const { workers, threads } = options;
  progress.log(`${specs.length} runs in ${Math.min(workers, specs.length)} processes of ${threads} threads:`);
  const forecast = new Forecast(specs);
  let finished = 0;
  const left = (): string => (forecast.left === undefined ? '' : `, ${formatDuration(forecast.left)} left`);
  await trainAll(specs, {
    store,
    worker: WORKER,
    workers,
    threads,
    onEpoch: (spec, epoch) => {
      forecast.update(spec, epoch);
      const now = `${spec.condition.id}, seed ${spec.seed}: epoch ${epoch} of ${spec.condition.recipe.epochs}`;
      progress.update(`${formatBar(forecast.share, 1)} ${finished} of ${specs.length} runs${left()}; ${now}`);
    },
    onDone: (spec, seconds) => {
      finished += 1;
      forecast.update(spec, spec.condition.recipe.epochs);
      const run = `${spec.condition.id.padEnd(3)} seed ${spec.seed}`;
      progress.log(`${`${finished}`.padStart(3)} of ${specs.length}  ${run}  ${formatDuration(seconds)}${left()}`);
    },
  });
}
