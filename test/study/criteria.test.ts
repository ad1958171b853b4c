// Criteria that were written down beforehand: what they ask, what passes them, and effects over domains.
// Real findings are judged in findings.test.ts.

import { describe, expect, it } from 'vitest';
import { criterionText, judgeByCriterion } from '../../study/findings/by-criterion.js';
import { chosenError, family, lowestError } from '../../study/findings/course-results.js';
import { courseTables } from '../../study/findings/course-table.js';
import { type CriterionTest, commitOf, readCriteria } from '../../study/findings/criteria-file.js';
import type { Finding } from '../../study/findings/finding.js';
import { judgeDomain, StudyResults } from '../../study/findings/index.js';
import { measureOf } from '../../study/findings/measure.js';
import { pooledFindings } from '../../study/findings/pooled.js';
import { pooledEffect } from '../../study/metrics/meta-analysis.js';
import { DOMAINS } from '../../study/plan/domains.js';
import type { CourseResult } from '../../study/runs/course.js';

const criterion = (...tests: CriterionTest[]) => ({ finding: 'F', domain: 'd', tests, pilots: [] });
const judged = (values: readonly number[], is: CriterionTest['is'], bound: number) =>
  judgeByCriterion([measureOf('gain at the end', 'pp', values)], criterion({ measure: 'gain', is, bound }));

const NONE = { holds: null, verdict: 'not enough data' };

describe('a criterion', () => {
  // Mean 2, 95 % interval 2 ± 4.303 / sqrt(3) = -0.48 to 4.48.
  const values = [1, 2, 3];
  it.each<[CriterionTest['is'], number, boolean, string]>([
    ['above', -0.5, true, 'reproduced'],
    ['above', -0.4, false, 'same direction'],
    ['above', 2.5, false, 'not reproduced'],
    ['below', 4.5, true, 'reproduced'],
    ['below', 4.4, false, 'same direction'],
    ['within', 4.5, true, 'reproduced'],
    ['within', 4.4, false, 'same direction'],
    ['within', 1.9, false, 'not reproduced'],
    ['every above', 0.9, true, 'reproduced'],
    ['every above', 1, false, 'same direction'],
    ['every below', 3.1, true, 'reproduced'],
    ['mean above', 1.9, true, 'reproduced'],
    ['mean below', 1.9, false, 'not reproduced'],
  ])('%s %d', (is, bound, holds, verdict) => {
    expect(judged(values, is, bound)).toMatchObject({ holds, verdict });
  });

  it.each<[CriterionTest['is'], number, boolean | undefined]>([
    ['above', -0.5, undefined],
    ['above', -0.4, false],
    ['above', 4.4, false],
    ['above', 4.5, true],
    ['below', -0.4, false],
    ['below', -0.5, true],
    ['within', 0.1, false],
    ['mean above', 2.1, false],
    ['mean above', 4.5, true],
    ['every above', 1, true],
  ])('%s %d that does not hold says how sure that is', (is, bound, surely) => {
    const missed = surely === undefined ? undefined : { surely, by: ['gain at the end'] };
    expect(judged(values, is, bound).missed).toEqual(missed);
  });

  it('is surely missed by an interval that lies beyond one of two bounds', () => {
    expect(judged([3, 3.01, 3.02], 'within', 2).missed?.surely).toBe(true);
    expect(judged([-3, -3.01, -3.02], 'within', 2).missed?.surely).toBe(true);
  });

  it('of several tests holds where all do', () => {
    const measures = [measureOf('a', 'pp', [1, 1.1, 1.2]), measureOf('b', 'pp', [-2, 1, -3])];
    const above = (measure: string) => ({ measure, is: 'above', bound: -2 }) as const;
    expect(judgeByCriterion(measures, criterion(above('a'))).holds).toBe(true);
    expect(judgeByCriterion(measures, criterion(above('a'), above('b'))).holds).toBe(false);
  });

  it('of a measure that is not there judges nothing', () => {
    const asked = criterion({ measure: 'a', is: 'above', bound: 0 }, { measure: 'x', is: 'above', bound: 0 });
    expect(judgeByCriterion([measureOf('a', 'pp', [1, 1.1, 1.2])], asked)).toEqual(NONE);
    // Nor does one of what is there fail a criterion that nothing else is known of.
    expect(judgeByCriterion([measureOf('a', 'pp', [-1, -1.1, -1.2])], asked)).toEqual(NONE);
  });

  it.each(['above', 'every above', 'mean above'] as const)('%s judges nothing by two seeds', (is) => {
    for (const values of [[1], [-1], [1, 1.01], [-1, -1.01]]) expect(judged(values, is, 0)).toEqual(NONE);
  });

  it('of two tests fails where one does, and the other has one seed only', () => {
    const measures = [measureOf('a', 'pp', [1]), measureOf('b', 'pp', [-1, -1.1, -1.2])];
    const above = (measure: string) => ({ measure, is: 'above', bound: 0 }) as const;
    expect(judgeByCriterion(measures, criterion(above('a'), above('b'))).holds).toBe(false);
    expect(judgeByCriterion(measures, criterion(above('a')))).toEqual(NONE);
  });

  it('of F0 sees one seed whose weights differ, and wants an interval for the rest', () => {
    const tests = [
      { measure: 'equal', is: 'every above', bound: 0.5 },
      { measure: 'gain', is: 'within', bound: 0.3 },
    ] as const;
    const outcome = (equal: number, gain: readonly number[]) =>
      judgeByCriterion([measureOf('equal', '', [equal]), measureOf('gain', 'pp', gain)], {
        ...criterion(...tests),
        finding: 'F0',
      }).holds;
    expect([outcome(1, [0, 0.01]), outcome(1, [0]), outcome(0, [0]), outcome(0, [0, 0.01])]).toEqual([
      true,
      null,
      false,
      false,
    ]);
  });

  it('says what was asked', () => {
    const tests = ['25 %', '50 %'].map((share) => ({ measure: `regret at ${share}`, is: 'below', bound: 3 }) as const);
    expect(criterionText(criterion(...tests))).toBe('regret at 25 %; regret at 50 %: interval below 3');
  });
});

describe('the file of criteria', () => {
  const lines = readCriteria();

  it('names findings, domains and courses that there are, each once', () => {
    const keys = lines.map(({ finding, domain, condition }) => [finding, domain, condition].join(' '));
    expect(new Set(keys).size).toBe(keys.length);
    for (const { domain, condition } of lines) {
      const found = DOMAINS.find(({ id }) => id === domain);
      expect(found, domain).toBeDefined();
      if (condition !== undefined) expect(found?.conditions.map(({ id }) => id)).toContain(condition);
    }
    // A line without its rule would be left out in silence.
    for (const { id } of DOMAINS) {
      const wanted = lines.filter(({ domain }) => domain === id);
      expect(judgeDomain(id, new StudyResults([], {}), [])).toHaveLength(wanted.length);
    }
  });

  it('has no seed among those that judge that was looked at before', () => {
    for (const { domain, pilots } of lines) {
      const seeds = DOMAINS.find(({ id }) => id === domain)?.seeds ?? [];
      expect(pilots.filter((seed) => seeds.includes(seed))).toEqual([]);
    }
  });

  it('gives each line the commit that it came with', () => {
    const commits = lines.map(({ commit }) => commit);
    for (const commit of commits) expect(commit).toMatch(/^[0-9a-f]{7}$/);
    // They came one domain after the other.
    expect(new Set(commits).size).toBeGreaterThan(2);
    expect(commitOf('no such line has ever stood there')).toBeNull();
  });
});

describe('errors of a course', () => {
  const run: CourseResult = {
    conditionId: 'x',
    seed: 1,
    steps: 4,
    engine: 'js',
    checks: [1, 2, 3, 4],
    errors: {
      raw: { validation: [9, 9, 9, 9], test: [9, 9, 9, 9] },
      'auto/a': { validation: [4, 1, 4, 4], test: [7, 6, 5, 4] },
      'auto/b': { validation: [3, 2, 2, 5], test: [6, 5, 3, 3] },
      'anytime/a': { validation: [1, 1, 1, 1], test: [8, 8, 8, 2] },
    },
    weightsDigest: '',
  };

  it('are those of the average that is best on the points that choose, at that moment', () => {
    expect([0.25, 0.5, 0.75, 1].map((share) => chosenError(run, family('auto'), share))).toEqual([6, 6, 3, 4]);
    expect(chosenError(run, family('auto', 'anytime'), 1)).toBe(2);
  });

  it('at their lowest are those of the best average on the points that judge', () => {
    expect([0.25, 0.5, 0.75, 1].map((share) => lowestError(run, share))).toEqual([6, 5, 3, 2]);
  });
});

describe('a table of courses', () => {
  const run = (seed: number, a: number, b: number): CourseResult => ({
    ...{ conditionId: 'x', seed, steps: 4, engine: 'js', checks: [1, 2, 3, 4], weightsDigest: '' },
    errors: Object.fromEntries(
      Object.entries({ raw: 9, 'auto/a': a, 'anytime/window0.1soFar': b, 'anytime/window0.2soFar': 8 }).map(
        ([name, error]) => {
          // The points that choose see seed 2 the other way round.
          const seen = seed === 2 ? 20 - error : error;
          return [name, { validation: Array(4).fill(seen), test: Array(4).fill(error) }];
        },
      ),
    ),
  });

  it("ends with the raw weights, the average of the lowest mean error, and what 'anytime' chose", () => {
    const [table] = courseTables([run(1, 5, 2), run(2, 1, 3)]);
    expect(table?.end.raw.mean).toBe(9);
    expect([table?.end.single.name, table?.end.single.mean]).toEqual(['anytime/window0.1soFar', 2.5]);
    expect(table?.end.anytime.mean).toBe((2 + 8) / 2);
    expect(table?.end.anytime.seeds).toBe(2);
  });
});

describe('an effect over studies', () => {
  it('is what statsmodels 0.15.0 gives: combine_effects(method_re="dl", use_t=True)', () => {
    const errors = [0.1, 0.3, 0.2, 0.15];
    const effects = [0.35, 1.2, -0.1, 0.6].map((mean, i) => ({ mean, standardError: errors[i] ?? 0 }));
    const { mean, interval, between, heterogeneity, studies } = pooledEffect(effects);
    expect(mean).toBeCloseTo(0.46448881618233717, 12);
    expect(between).toBeCloseTo(0.33546227491060554, 12);
    expect(heterogeneity).toBeCloseTo(0.805048737815546, 12);
    expect(interval[0]).toBeCloseTo(-0.32556044, 7);
    expect(interval[1]).toBeCloseTo(1.25453808, 7);
    expect(studies).toBe(4);
  });

  it('has no spread between studies where they differ less than by chance; its interval is then that of fixed effects', () => {
    const errors = [0.5, 0.4, 0.6];
    const { interval, between, heterogeneity } = pooledEffect(
      [1, 1.1, 0.9].map((mean, i) => ({ mean, standardError: errors[i] ?? 0 })),
    );
    expect([between, heterogeneity]).toEqual([0, 0]);
    expect(interval[0]).toBeCloseTo(0.78671861, 7);
    expect(interval[1]).toBeCloseTo(1.26658629, 7);
  });

  it('is taken of differences in one unit, in three places or more', () => {
    const finding = (id: string, unit: Finding['unit'], ours: number): Finding => ({
      ...{ id, title: id, paper: '', criterion: '', commit: null, verdict: 'reproduced', holds: true, words: '' },
      ...{ ours, unit, interval: [ours - 1, ours + 1] },
      measures: [{ name: unit, unit, mean: ours, interval: [ours - 1, ours + 1], seeds: 5, values: [1, 2, 3, 4, 5] }],
    });
    const placed = [
      { domain: 'a', finding: finding('F1', 'pp', 1) },
      { domain: 'b', finding: finding('F1', 'pp', 3) },
      { domain: 'c', finding: finding('F1', 'pp', 2) },
      { domain: 'a', finding: finding('F2', 'pp', 1) },
      { domain: 'b', finding: finding('F2', 'pp', 1) },
      { domain: 'a', finding: finding('F7', 'share', 1) },
      { domain: 'b', finding: finding('F7', 'share', 1) },
      { domain: 'c', finding: finding('F7', 'share', 1) },
      { domain: 'a', finding: finding('F8', 'pp', 1) },
      { domain: 'b', finding: finding('F8', 'nats', 1) },
      { domain: 'c', finding: finding('F8', 'pp', 1) },
    ];
    const [one, ...others] = pooledFindings(placed);
    expect([one?.id, one?.mean, one?.places.map(({ place }) => place)]).toEqual(['F1', 2, ['a', 'b', 'c']]);
    expect(others).toEqual([]);
  });
});
