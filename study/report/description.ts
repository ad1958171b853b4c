// A finished study as plain data, a section for each domain: what `--json` writes.
// Judges nothing and formats nothing.

import { currentCommit } from '../../tools/shared/commit.js';
import { type CourseTable, courseTables } from '../findings/course-table.js';
import type { Finding } from '../findings/index.js';
import { type PooledFinding, pooledFindings } from '../findings/pooled.js';
import type { Domain } from '../plan/domains.js';
import type { Study } from '../plan/study.js';
import type { Condition, Course } from '../runs/condition.js';
import type { RunResult } from '../runs/result.js';
import type { RunEnvironment } from '../runs/store.js';

/** Test accuracy in per cent and test loss of each model of one run; of a course, where its weights ended. */
export interface RunSummary {
  readonly condition: string;
  readonly seed: number;
  readonly engine: string | undefined;
  readonly steps: number;
  readonly models: Readonly<
    Record<
      string,
      { readonly track: string; readonly epoch: number; readonly testAccuracy: number; readonly testLoss: number }
    >
  >;
  readonly weightsDigest: string;
}

/** A domain's part of a study. All but `about` is the same in every repetition on the same machine. */
export interface Section {
  readonly domain: Pick<Domain, 'id' | 'title'>;
  readonly findings: readonly Finding[];
  readonly courses: readonly CourseTable[];
  readonly runs: readonly RunSummary[];
  readonly conditions: readonly (Condition | Course)[];
  readonly about: {
    readonly command: string;
    readonly date: string;
    readonly commit: string | null;
    /** Those at which the runs were made. */
    readonly runCommits: readonly string[];
    /** What the runs were made on; more than one where finished runs of another machine were kept. */
    readonly environments: readonly RunEnvironment[];
    readonly seconds: number;
    readonly runsKept: number;
    readonly runSeconds: Readonly<Record<string, number>>;
  };
}

/** A study as data. */
export interface StudyDescription {
  readonly sections: readonly Section[];
  /** Findings over domains. */
  readonly pooled: readonly PooledFinding[];
}

/**
 * Sections as a study; those of another study stay where these have none of their domain.
 * @param before what a file held.
 */
export function combineSections(sections: readonly Section[], before: readonly Section[] = []): StudyDescription {
  const isNew = ({ domain }: Section): boolean => sections.some((one) => one.domain.id === domain.id);
  const all = [...before.filter((section) => !isNew(section)), ...sections];
  all.sort((a, b) => ORDER.indexOf(a.domain.id) - ORDER.indexOf(b.domain.id));
  const placed = all.flatMap(({ domain, findings }) => findings.map((finding) => ({ domain: domain.id, finding })));
  return { sections: all, pooled: pooledFindings(placed) };
}

/** The images first: what other sections say less of is explained there. */
const ORDER: readonly string[] = ['images', 'images-60k', 'signals', 'letters', 'text', 'equations'];

/** Describes a study of a domain. */
export function describeStudy({ domain, runs, results, findings, seconds, kept }: Study, command: string): Section {
  const runSeconds = runs.map(({ spec, seconds }) => [`${spec.condition.id} ${spec.seed}`, seconds]);
  const courses = runs.flatMap(({ result }) => ('errors' in result ? [result] : []));
  const conditions = new Map(runs.map(({ spec: { condition } }) => [condition.id, condition]));
  return {
    domain: { id: domain.id, title: domain.title },
    findings,
    courses: courseTables(courses),
    runs: runs.map(({ result }) => summarise('errors' in result ? { ...result, models: {} } : result)),
    conditions: results.conditions.length > 0 ? results.conditions : [...conditions.values()],
    about: {
      command,
      date: new Date().toISOString(),
      commit: currentCommit() ?? null,
      runCommits: [...new Set(runs.flatMap(({ commit }) => commit ?? []))],
      environments: environmentsOf(runs),
      seconds,
      runsKept: kept,
      runSeconds: Object.fromEntries(runSeconds),
    },
  };
}

function summarise({
  conditionId,
  seed,
  engine,
  steps,
  models,
  weightsDigest,
}: Pick<RunResult, 'conditionId' | 'seed' | 'engine' | 'steps' | 'models' | 'weightsDigest'>): RunSummary {
  const judged = Object.entries(models).map(([id, model]) => {
    const { track, epoch, test } = model;
    return [id, { track, epoch, testAccuracy: 100 * test.accuracy, testLoss: test.negativeLogLikelihood }];
  });
  return { condition: conditionId, seed, engine, steps, models: Object.fromEntries(judged), weightsDigest };
}

function environmentsOf(runs: Study['runs']): RunEnvironment[] {
  return [...new Map(runs.map(({ environment }) => [JSON.stringify(environment), environment])).values()];
}
