// The study from its options to judged findings: plan, train what is not finished, judge.
// Writes no report; main.ts puts the parts together.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../tools/shared/option-checks.js';
import { formatBar, formatDuration, type Progress } from '../../tools/shared/terminal.js';
import type { LoadedData } from '../data/study-data.js';
import { type Finding, inOrder, judgeDomain, judgeImages, judgePreset, StudyResults } from '../findings/index.js';
import { paperRules } from '../paper/tables.js';
import { type Condition, isCourse, type RunSpec } from '../runs/condition.js';
import { stepsOf } from '../runs/learning-rate.js';
import { trainAll } from '../runs/pool.js';
import { Forecast, secondsOf, unitsOf } from '../runs/progress.js';
import { sampleCounts } from '../runs/samples.js';
import { RunStore, type StoredCourse, type StoredRun } from '../runs/store.js';
import { mainTracks, sameName } from '../runs/tracks.js';
import { loadStudyData, PROBLEM_DATA } from './catalog.js';
import { codeOf } from './code.js';
import { DOMAINS, type Domain } from './domains.js';
import type { StudyOptions } from './options.js';
import { listing, type Part, partOf } from './parts.js';
import { planRuns } from './plan.js';

const WORKER = new URL('worker.ts', import.meta.url);

/** A finished study of one domain. */
export interface Study {
  readonly domain: Domain;
  readonly runs: readonly (StoredRun | StoredCourse)[];
  readonly results: StudyResults;
  readonly findings: readonly Finding[];
  /** Wall time of this call; little where runs were finished before. */
  readonly seconds: number;
  /** Runs that were finished before this call. */
  readonly kept: number;
}

/** The runs of a domain. */
interface Planned {
  readonly domain: Domain;
  readonly specs: readonly RunSpec[];
}

/**
 * Runs the study; runs that are finished in the output folder are kept.
 * @throws DataError — the data cannot be had.
 * @throws UsageError — the options leave nothing to run.
 */
export async function runStudy(options: StudyOptions, progress: Progress): Promise<Study[]> {
  const begin = performance.now();
  const store = openStore(options, progress);
  const planned = planDomains(options, store);
  const { data, trained } = await trainMissing(allRuns(planned), { options, store, progress });
  const seconds = (performance.now() - begin) / 1000;
  return planned.map(({ domain, specs: own }) => {
    const runs = own.flatMap((spec) => store.read(spec) ?? []);
    const kept = own.filter((spec) => !trained.includes(spec)).length;
    return { ...judgeRuns({ domain, runs, data, options }), domain, runs, seconds, kept };
  });
}

/**
 * Trains a part of the study, and judges nothing: many processes on many machines may do so with one output folder.
 * @returns how many of all runs are finished now.
 * @throws as {@link runStudy}
 */
export async function runPart(options: StudyOptions, part: Part, progress: Progress): Promise<Progressed> {
  const store = openStore(options, progress);
  const specs = allRuns(planDomains(options, store));
  await trainMissing(partOf(specs, part), { options, store, progress });
  return { finished: specs.filter((spec) => store.has(spec)).length, all: specs.length };
}

/** The runs of the study as lines. */
export function listRuns(options: StudyOptions): string {
  const store = new RunStore(runsFolder(options.out));
  return listing(allRuns(planDomains(options, store)), store);
}

/** How far all of it is. */
export interface Progressed {
  readonly finished: number;
  readonly all: number;
}

/** First seeds first: a study that is stopped has something of everything. */
function allRuns(planned: readonly Planned[]): RunSpec[] {
  const specs = planned.flatMap((one) => one.specs).sort((a, b) => a.seed - b.seed);
  if (specs.length === 0) throw new UsageError('There is nothing to run: --conditions or --finished leaves none.');
  return specs;
}

/** With what other folders have. */
function openStore({ out, merge }: StudyOptions, progress: Progress): RunStore {
  const store = new RunStore(runsFolder(out));
  for (const folder of merge) {
    const runs = runsFolder(folder);
    if (!existsSync(runs))
      throw new UsageError(`--merge: expected an output folder of a study, received '${folder}', which has no runs.`);
    progress.log(`${store.takeFrom(runs)} runs taken over from ${folder}.`);
  }
  return store;
}

const runsFolder = (out: string): string => join(out, 'runs');

/** @returns the data, which judging needs too, and the runs that were trained now. */
async function trainMissing(
  specs: readonly RunSpec[],
  { options, store, progress }: Training,
): Promise<{ readonly data: ReadonlyMap<string, LoadedData>; readonly trained: readonly RunSpec[] }> {
  // Before the processes are started, so that only one of them fetches.
  const data = await loadAll(specs, (line) => progress.log(line));
  const conditions = new Set(specs.map(({ condition }) => condition));
  for (const condition of conditions) if (!isCourse(condition)) checkTracks(condition, data);
  store.removeDrafts();
  if (options.fresh) for (const spec of specs) store.remove(spec);
  const missing = specs.filter((spec) => !store.has(spec));
  if (missing.length < specs.length)
    progress.log(`${specs.length - missing.length} of ${specs.length} runs were finished before.`);
  await train(missing, { options, store, progress });
  return { data, trained: missing };
}

/** The domains with something to run, in their order. */
function planDomains({ plan, domains, finished }: StudyOptions, store: RunStore): Planned[] {
  const isWanted = (spec: RunSpec): boolean => !finished || store.has(spec);
  return DOMAINS.filter(({ id }) => domains.includes(id))
    .map((domain) => ({ domain, specs: planRuns(plan, domain, codeOf).filter(isWanted) }))
    .filter(({ specs }) => specs.length > 0);
}

function judgeRuns({
  domain,
  runs,
  data,
  options,
}: Pick<Study, 'domain' | 'runs'> & {
  readonly data: ReadonlyMap<string, LoadedData>;
  readonly options: StudyOptions;
}): Pick<Study, 'results' | 'findings'> {
  const labels = [...data].map(([name, { images }]) => [name, images.test.labels]);
  const classifiers = runs.filter((run): run is StoredRun => !isCourse(run.spec.condition));
  const results = new StudyResults(classifiers, Object.fromEntries(labels));
  const courses = runs.flatMap(({ result }) => ('errors' in result ? [result] : []));
  const { preset } = options.plan;
  if (preset !== undefined) return { results, findings: judgePreset(results, paperRules(preset)) };
  const byLine = judgeDomain(domain.id, results, courses);
  // The images' own criteria are older than the file.
  const findings = domain.id === 'images' ? inOrder([...judgeImages(results), ...byLine]) : byLine;
  return { results, findings };
}

async function loadAll(specs: readonly RunSpec[], say: (line: string) => void): Promise<Map<string, LoadedData>> {
  const loaded = new Map<string, LoadedData>();
  for (const { condition } of specs) {
    if (isCourse(condition)) {
      await PROBLEM_DATA[condition.problem]?.(say);
      continue;
    }
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
  const processes = Math.min(workers, specs.length);
  const about = formatDuration(secondsOf(specs) / processes);
  progress.log(`${specs.length} runs in ${processes} processes of ${threads} threads, about ${about} on idle cores:`);
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
      const now = `${spec.condition.id}, seed ${spec.seed}: ${epoch} of ${unitsOf(spec)}`;
      progress.update(`${formatBar(forecast.share, 1)} ${finished} of ${specs.length} runs${left()}; ${now}`);
    },
    onDone: (spec, seconds) => {
      finished += 1;
      forecast.update(spec, unitsOf(spec));
      const run = `${spec.condition.id.padEnd(3)} seed ${spec.seed}`;
      progress.log(`${`${finished}`.padStart(3)} of ${specs.length}  ${run}  ${formatDuration(seconds)}${left()}`);
    },
  });
}
