// Runs that a finding misses: nothing throws, and nothing is claimed of what was not compared.
// Every finding of every domain, on made-up runs; verdicts on whole data are tested in findings.test.ts.

import { describe, expect, it } from 'vitest';
import { type Finding, judgeDomain, judgeImages, judgePreset, StudyResults } from '../../study/findings/index.js';
import { MissingData, unlessMissing } from '../../study/findings/missing-data.js';
import { presets } from '../../study/paper/presets.js';
import { paperRules } from '../../study/paper/tables.js';
import { DOMAINS, type Domain } from '../../study/plan/domains.js';
import { parseStudyOptions } from '../../study/plan/options.js';
import { planRuns } from '../../study/plan/plan.js';
import { chartsOf } from '../../study/report/report.js';
import { type Condition, type Course, isCourse } from '../../study/runs/condition.js';
import { type CourseResult, families } from '../../study/runs/course.js';
import type { ModelId, ModelResult, RunResult } from '../../study/runs/result.js';
import type { StoredCourse, StoredRun } from '../../study/runs/store.js';
import { PLAIN_WINDOWS, SPARSE, trackId } from '../../study/runs/tracks.js';

const MODELS: readonly ModelId[] = [
  ...(['sgdLast', 'sgdAccuracy', 'sgdLoss', 'emaLast', 'emaAccuracy', 'emaLoss'] as const),
  ...(['emaAccuracyRecomputed', 'emaLossRecomputed', 'uniform'] as const),
];
const PLAIN = PLAIN_WINDOWS.map((share) => trackId('plain', share));
const TRACKS = [
  'raw',
  'main-1',
  'main-10',
  ...PLAIN,
  ...PLAIN.map((id) => `${id}-recomputed`),
  ...Object.values(SPARSE),
];
const LABELS = [0, 1];

/** What is left out of runs: all that a run may lack. */
type Lack = 'models' | 'curves' | 'probe' | 'memorisation' | 'logits';

function classified(condition: Condition, seed: number, lack?: Lack): StoredRun {
  const test = { accuracy: 0.8, negativeLogLikelihood: 1, brier: 0.3, ece15: 0.1, ece100: 0.1 };
  const model = (id: ModelId): ModelResult => {
    const scores = { ...test, accuracy: 0.8 + MODELS.indexOf(id) / 100 + seed / 1e4 };
    const validation = { accuracy: scores.accuracy, loss: 1 };
    return { track: 'raw', epoch: 2, validation, test: scores, temperature: 1, scaled: scores, reliability: [] };
  };
  const line = [
    { clean: 0.8, noisy: 0 },
    { clean: 1, noisy: 0.5 },
  ];
  const values = [0.5, 0.7, 0.8, 0.7 + seed / 1e4];
  const result: RunResult = {
    ...{ conditionId: condition.id, seed, steps: 100, stepsPerEpoch: 10, engine: 'js', weightsDigest: `${seed}` },
    curves: Object.fromEntries(TRACKS.map((id) => [id, { accuracy: values, loss: values }])),
    windows: { 'main-1': 1, 'main-10': 10 },
    memorisation: { raw: line, 'main-10': line },
    models: Object.fromEntries(MODELS.map((id) => [id, model(id)])),
    probe: { random: 0.5, sgdLast: 0.8, sgdLoss: 0.8, emaLoss: 0.8 + seed / 1e4 },
  };
  const logits = new Float32Array([seed % 3, 1, 0, 1]);
  return {
    spec: { condition, seed, engine: 'js', code: '' },
    result: lack === undefined || lack === 'logits' ? result : { ...result, [lack]: {} },
    logits: lack === 'logits' ? {} : { sgdLast: logits, sgdLoss: logits, emaLoss: logits },
    ...NOTES,
  };
}

const NOTES = { seconds: 1, environment: { tensorflow: '', node: '', machine: '' }, commit: null };

function followed(condition: Course, seed: number, lacksErrors: boolean): StoredCourse {
  const labels: Readonly<Record<string, string>> = { single: '0.999', power: 'width0.1', anytime: 'window0.1soFar' };
  const names = ['raw', ...Object.keys(families(10)).map((family) => `${family}/${labels[family] ?? 'a'}`)];
  const errors = Object.fromEntries(names.map((name, i) => [name, { validation: [i], test: [1 + i + seed / 1e3] }]));
  const about = { conditionId: condition.id, seed, steps: 4, engine: 'js', checks: [4], weightsDigest: '' };
  const checks = [1, 2, 3, 4];
  const whole = Object.fromEntries(
    Object.entries(errors).map(([name, { validation, test }]) => [
      name,
      { validation: checks.map(() => validation[0] ?? 0), test: checks.map(() => test[0] ?? 0) },
    ]),
  );
  const result: CourseResult = { ...about, checks, errors: lacksErrors ? {} : whole };
  return { spec: { condition, seed, engine: 'js', code: '' }, result, logits: {}, ...NOTES };
}

/** The runs of a domain: `seedsOf` gives each condition its seeds, by its place. */
function runsOf(domain: Domain, seedsOf: (place: number) => readonly number[], lack?: Lack) {
  return domain.conditions.flatMap((condition, place) =>
    seedsOf(place).map((seed) =>
      isCourse(condition)
        ? followed(condition, seed, lack !== undefined)
        : classified(condition, seed, condition.averages.main === 'none' ? 'models' : lack),
    ),
  );
}

function judge(domain: Domain, runs: ReturnType<typeof runsOf>): readonly Finding[] {
  const classifiers = runs.filter((run): run is StoredRun => !('errors' in run.result));
  const names = classifiers.map(({ spec }) => [spec.condition.data.name, LABELS]);
  const results = new StudyResults(classifiers, Object.fromEntries(names));
  const courses = runs.flatMap(({ result }) => ('errors' in result ? [result] : []));
  const study = { domain, runs, results, findings: [], seconds: 0, kept: 0 };
  expect(() => chartsOf(study)).not.toThrow();
  const own = judgeDomain(domain.id, results, courses);
  return domain.id === 'images' ? [...judgeImages(results), ...own] : own;
}

/** `F3 letters: met` of what is claimed. */
function claims(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ holds }) => holds !== null)
    .map(({ id, condition = '', verdict }) => `${id} ${condition}: ${verdict}`);
}

const LACKS: readonly Lack[] = ['models', 'curves', 'probe', 'memorisation', 'logits'];

describe.each(DOMAINS)('findings of $id', (domain) => {
  const shared = [101, 102, 103];

  it('are judged where all runs are there', () => {
    const findings = judge(
      domain,
      runsOf(domain, () => shared),
    );
    expect(findings.filter(({ ours }) => ours === null).map(({ id, words }) => `${id} ${words}`)).toEqual([]);
    expect(findings.filter(({ verdict }) => verdict === 'not enough data')).toEqual([]);
  });

  it('have some verdict in the part that is run where nothing is asked for', () => {
    const { plan } = parseStudyOptions([]);
    const specs = planRuns(plan, domain, () => '');
    const runs = runsOf(domain, (place) => {
      const { id } = domain.conditions[place] ?? { id: '' };
      return specs.filter(({ condition }) => condition.id === id).map(({ seed }) => seed);
    });
    expect(judge(domain, runs).some(({ holds }) => holds !== null)).toBe(true);
  });

  it('that compare conditions claim nothing where these share no seed', () => {
    const findings = judge(
      domain,
      runsOf(domain, (place) => shared.map((seed) => seed + 100 * place)),
    );
    const pairs = ['F0', 'F3', 'F15', 'F19', 'F20', 'X1', 'X2'];
    const here = findings.filter(({ id }) => pairs.includes(id));
    expect(claims(here)).toEqual([]);
    for (const { words } of here) expect(words).toMatch(/^Not enough data: conditions? .* no seed in common\.$/);
  });

  it('claim nothing by one seed, but that weights differ', () => {
    const findings = judge(
      domain,
      runsOf(domain, () => [101]),
    );
    expect(claims(findings.filter(({ id }) => id !== 'F0'))).toEqual([]);
  });

  it.each(LACKS)('claim nothing by runs without %s', (lack) => {
    const whole = new Map(
      judge(
        domain,
        runsOf(domain, () => shared),
      ).map((one) => [`${one.id} ${one.condition}`, one]),
    );
    for (const finding of judge(
      domain,
      runsOf(domain, () => shared, lack),
    )) {
      if (finding.ours === null) expect(claims([finding])).toEqual([]);
      // What does not read it is as it was.
      else expect(finding).toEqual(whole.get(`${finding.id} ${finding.condition}`));
    }
  });

  it('claim nothing where only one condition was run', () => {
    for (const place of domain.conditions.keys())
      expect(() =>
        judge(
          domain,
          runsOf(domain, (other) => (other === place ? shared : [])),
        ),
      ).not.toThrow();
    expect(claims(judge(domain, []))).toEqual([]);
  });
});

describe("findings of the paper's settings", () => {
  it.each(Object.keys(presets) as (keyof typeof presets)[])(
    '%s: claim nothing by one run, or by runs without models',
    (name) => {
      const judged = (runs: readonly StoredRun[]) =>
        judgePreset(new StudyResults(runs, { [presets[name].data.name]: LABELS }), paperRules(name));
      expect(claims(judged([classified(presets[name], 1)]))).toEqual([]);
      // Churn is read from logits alone.
      expect(
        claims(judged([1, 2, 3].map((seed) => classified(presets[name], seed, 'models')))).map((claim) =>
          claim.slice(0, 2),
        ),
      ).toEqual(['P4']);
      expect(claims(judged([1, 2, 3].map((seed) => classified(presets[name], seed)))).length).toBeGreaterThan(4);
    },
  );
});

describe('missing data', () => {
  it('are no other error', () => {
    const fail = (error: Error) => () => {
      throw error;
    };
    expect(unlessMissing<string>(fail(new MissingData('no runs')), (reason) => reason)).toBe('no runs');
    expect(() => unlessMissing(fail(new RangeError('a fault')), () => 0)).toThrow('a fault');
  });
});
