// Criteria that were written down beforehand: what they ask, what passes them, and effects over domains.
// Real findings are judged in findings.test.ts.

import { describe, expect, it } from 'vitest';
import { askedBy, criterionText } from '../../study/findings/by-criterion.js';
import { chosenError, family, lowestError } from '../../study/findings/course-results.js';
import { courseTables } from '../../study/findings/course-table.js';
import { NOT_ENOUGH, outcomeOf, type Question } from '../../study/findings/criteria.js';
import { type Criterion, type CriterionTest, commitOf, readCriteria } from '../../study/findings/criteria-file.js';
import type { Finding } from '../../study/findings/finding.js';
import { judgeDomain, StudyResults } from '../../study/findings/index.js';
import { type Measure, measureOf } from '../../study/findings/measure.js';
import { pooledFindings } from '../../study/findings/pooled.js';
import { pooledEffect } from '../../study/metrics/meta-analysis.js';
import { DOMAINS } from '../../study/plan/domains.js';
import type { CourseResult } from '../../study/runs/course.js';

const criterion = (...tests: CriterionTest[]) => ({ finding: 'F', domain: 'd', tests, pilots: [] });
const judged = (values: readonly number[], is: Question, bound: number) =>
  outcomeOf([{ measure: measureOf('gain at the end', 'pp', values), is, bound }], 'F');

/** As a line of the file is judged. */
function judgeByCriterion(measures: readonly Measure[], line: Criterion) {
  const asked = askedBy(line, measures);
  return asked === undefined ? NOT_ENOUGH : outcomeOf(asked, line.finding);
}

const NONE = { holds: null, verdict: 'not enough data' };

describe('a criterion', () => {
  // Mean 2, 95 % interval 2 ± 4.303 / sqrt(3) = -0.48 to 4.48.
  const values = [1, 2, 3];
  it.each<[Question, number, boolean, string]>([
    ['above', -0.5, true, 'met'],
    ['above', -0.4, false, 'open'],
    ['above', 4.4, false, 'open'],
    ['above', 4.5, false, 'missed'],
    ['below', 4.5, true, 'met'],
    ['below', 4.4, false, 'open'],
    ['below', -0.4, false, 'open'],
    ['below', -0.5, false, 'missed'],
    ['within', 4.5, true, 'met'],
    ['within', 4.4, false, 'open'],
    ['within', 0.1, false, 'open'],
    ['every above', 0.9, true, 'met'],
    ['every above', 1, false, 'open'],
    ['every above', 2.1, false, 'missed'],
    ['every below', 3.1, true, 'met'],
    ['every below', 3, false, 'open'],
    ['every below', 2, false, 'missed'],
    ['mean above', 1.9, true, 'met'],
    ['mean above', 2.1, false, 'open'],
    ['mean above', 4.5, false, 'missed'],
    ['mean below', 1.9, false, 'open'],
    ['mean within', 2, true, 'met'],
    ['mean within', 1.9, false, 'open'],
    ['about 0', 0, true, 'met'],
  ])('%s %d', (is, bound, holds, verdict) => {
    expect(judged(values, is, bound)).toMatchObject({ holds, verdict });
  });

  it('that is not met says by which measures: those that lie surely elsewhere, else those too wide to tell', () => {
    const measures = [measureOf('a', 'pp', [1, 2, 3]), measureOf('b', 'pp', [-3, -3.01, -3.02])];
    const above = (measure: Measure) => ({ measure, is: 'above' as const, bound: 0 });
    expect(outcomeOf(measures.map(above), 'F')).toEqual({ holds: false, verdict: 'missed', failed: ['b'] });
    expect(outcomeOf(measures.slice(0, 1).map(above), 'F')).toEqual({ holds: false, verdict: 'open', failed: ['a'] });
    expect(outcomeOf([], 'F')).toEqual({ holds: null, verdict: 'reported' });
  });

  it('is surely missed by an interval that lies beyond one of two bounds', () => {
    for (const side of [1, -1]) {
      const values = [3, 3.01, 3.02].map((value) => side * value);
      expect(judged(values, 'within', 2).verdict).toBe('missed');
      expect(judged(values, 'mean within', 2).verdict).toBe('missed');
      // An interval without 0 is a fact.
      expect(judged(values, 'about 0', 2).verdict).toBe('missed');
    }
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

function measureAt(unit: Finding['unit'], mean: number, half: number): Finding['measures'][number] {
  return { name: unit, unit, mean, interval: [mean - half, mean + half], seeds: 5, values: [1, 2, 3, 4, 5] };
}

const finding = (id: string, unit: Finding['unit'], ours: number): Finding => ({
  ...{ id, title: id, kind: 'effect', paper: '', criterion: '', commit: null, verdict: 'met', holds: true, words: '' },
  ...{ ours, unit, interval: [ours - 1, ours + 1] },
  measures: [measureAt(unit, ours, 1)],
});

describe('an effect over studies', () => {
  it('is what statsmodels 0.15.0 gives: combine_effects(method_re="iterated", use_t=True)', () => {
    const errors = [0.1, 0.3, 0.2, 0.15];
    const effects = [0.35, 1.2, -0.1, 0.6].map((mean, i) => ({ mean, standardError: errors[i] ?? 0 }));
    const { mean, interval, between, heterogeneity, studies } = pooledEffect(effects);
    // It stops at a scatter that is 1e-5 from what chance gives.
    expect(mean).toBeCloseTo(0.4823060374496628, 6);
    expect(between).toBeCloseTo(0.47889744360174186, 5);
    expect(heterogeneity).toBeCloseTo(0.805048737815546, 12);
    expect(interval[0]).toBeCloseTo(-0.33959076, 5);
    expect(interval[1]).toBeCloseTo(1.30420283, 5);
    expect(studies).toBe(4);
  });

  it('counts places of equal data once, and is no surer of them', () => {
    const place = (domain: string, ours: number, half: number) => {
      const own: Finding = { ...finding('F1', 'pp', ours), measures: [measureAt('pp', ours, half)] };
      return { domain, finding: own };
    };
    const [one] = pooledFindings([
      place('images', 1, 1),
      place('images-60k', 3, 3),
      place('b', 2, 2),
      place('c', 2, 2),
    ]);
    const [same] = pooledFindings([place('a', 2, 2), place('b', 2, 2), place('c', 2, 2)]);
    expect(one).toMatchObject({ mean: same?.mean, interval: same?.interval, studies: 3 });
    expect(one?.places).toHaveLength(4);
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
