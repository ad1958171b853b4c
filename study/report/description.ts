// A finished study as plain data: what `--json` writes.
// Judges nothing and formats nothing.

import { currentCommit } from '../../tools/shared/commit.js';
import type { Finding } from '../findings/index.js';
import type { Study } from '../plan/study.js';
import type { RunResult } from '../runs/result.js';
import type { RunEnvironment } from '../runs/store.js';

/** Test accuracy in per cent and test loss of each model of one run. */
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

/** A study as data. All but `about` is the same in every repetition on the same machine. */
export interface StudyDescription {
  readonly findings: readonly Finding[];
  readonly runs: readonly RunSummary[];
  readonly conditions: Study['results']['conditions'];
  readonly about: {
    readonly command: string;
    readonly date: string;
    readonly commit: string | null;
    /** What the runs were made on; more than one where finished runs of another machine were kept. */
    readonly environments: readonly RunEnvironment[];
    readonly seconds: number;
    readonly runsKept: number;
    readonly runSeconds: Readonly<Record<string, number>>;
  };
}

/** Describes a study. */
export function describeStudy(study: Study, command: string): StudyDescription {
  const runSeconds = study.runs.map(({ spec, seconds }) => [`${spec.condition.id} ${spec.seed}`, seconds]);
  return {
    findings: study.findings,
    runs: study.runs.flatMap(({ result }) => ('errors' in result ? [] : [summarise(result)])),
    conditions: study.results.conditions,
    about: {
      command,
      date: new Date().toISOString(),
      commit: currentCommit() ?? null,
      environments: environmentsOf(study.runs),
      seconds: study.seconds,
      runsKept: study.kept,
      runSeconds: Object.fromEntries(runSeconds),
    },
  };
}

function summarise({ conditionId, seed, engine, steps, models, weightsDigest }: RunResult): RunSummary {
  const judged = Object.entries(models).map(([id, model]) => {
    const { track, epoch, test } = model;
    return [id, { track, epoch, testAccuracy: 100 * test.accuracy, testLoss: test.negativeLogLikelihood }];
  });
  return { condition: conditionId, seed, engine, steps, models: Object.fromEntries(judged), weightsDigest };
}

function environmentsOf(runs: Study['runs']): RunEnvironment[] {
  return [...new Map(runs.map(({ environment }) => [JSON.stringify(environment), environment])).values()];
}
