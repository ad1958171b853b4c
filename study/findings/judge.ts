// From runs to findings: by the rules of the images, or, in the other domains, by the file of criteria.
// Measures nothing itself and holds no claim.

import type { CourseResult } from '../runs/course.js';
import { criterionText, judgeByCriterion } from './by-criterion.js';
import type { CourseRule } from './course-rules.js';
import { type CriterionLine, commitOf } from './criteria-file.js';
import {
  type About,
  type Finding,
  findingOf,
  isFew,
  type Judgement,
  notEnough,
  notMeasured,
  type Rule,
  UNDECIDED,
} from './finding.js';
import { formatDifference, formatList } from './format.js';
import type { Measure } from './measure.js';
import { MissingData, unlessMissing } from './missing-data.js';
import type { StudyResults } from './study-results.js';

/** Judges one claim by its own criterion. */
export function judgeRule(rule: Rule, results: StudyResults): Finding {
  const { id, title, paper, criterion } = rule;
  const about = { id, title, paper, criterion, commit: commitOf(criterion) };
  const missing = missingFor(rule, results);
  if (missing.length > 0) return notMeasured(about, missing);
  return found(about, () => {
    const judgement = rule.judge(results);
    return judgement.measures.some((measure) => isFew(id, measure)) ? { ...judgement, ...UNDECIDED } : judgement;
  });
}

/** Judges one claim by a line of the file. */
export function judgeLine(rule: Rule, criterion: CriterionLine, results: StudyResults): Finding {
  const about = aboutOf(rule, criterion);
  const { condition } = criterion;
  const missing = missingFor(condition === undefined ? rule : { needs: [condition] }, results);
  if (missing.length > 0) return notMeasured(about, missing);
  return found(about, () => {
    const { measures, words } = rule.judge(results, condition);
    // The first measure that a criterion asks for stands for the finding.
    const isAsked = ({ name }: Measure): boolean => criterion.tests.some(({ measure }) => name.startsWith(measure));
    const lead = measures.find(isAsked) ?? measures[0];
    const others = measures.filter((measure) => measure !== lead);
    return { measures: [lead, ...others], words, ...judgeByCriterion(measures, criterion) };
  });
}

/** Judges one claim on a course by a line of the file. */
export function judgeCourse(rule: CourseRule, criterion: CriterionLine, courses: readonly CourseResult[]): Finding {
  const about = aboutOf(rule, criterion);
  const runs = courses.filter(({ conditionId }) => conditionId === criterion.condition);
  if (runs.length === 0) return notMeasured(about, [criterion.condition ?? '']);
  return found(about, () => {
    const measures = rule.measures(runs, courses);
    const words = `${formatList(measures.map(sentence))}.`;
    // What a run comes to is its end: it stands for the finding.
    const [last, ...others] = [...measures].reverse();
    if (last === undefined) throw new MissingData('no run measured it');
    return { measures: [last, ...others.reverse()], words, ...judgeByCriterion(measures, criterion) };
  });
}

/** A finding from its judgement, or from what that misses. */
function found(about: About, judge: () => Judgement): Finding {
  return unlessMissing(
    () => findingOf(about, judge()),
    (reason) => notEnough(about, reason),
  );
}

function sentence({ name, estimate, unit }: Measure): string {
  return `${formatDifference(estimate, unit)} ${name.slice(name.indexOf(' at ') + 1)}`;
}

function aboutOf({ id, title, paper }: Pick<Rule, 'id' | 'title' | 'paper'>, criterion: CriterionLine): About {
  const { condition, pilots, commit } = criterion;
  const where = condition === undefined ? {} : { condition };
  return { id, ...where, title, paper, criterion: criterionText(criterion), commit, pilots };
}

function missingFor({ needs }: Pick<Rule, 'needs'>, results: StudyResults): string[] {
  return needs.filter((either) => either.split(' or ').every((condition) => results.of(condition).length === 0));
}
