// From runs to findings: by the rules of the images, or, in the other domains, by the file of criteria.
// Measures nothing itself and holds no claim.

import type { CourseResult } from '../runs/course.js';
import { askedBy, criterionText } from './by-criterion.js';
import type { CourseRule } from './course-rules.js';
import { NOT_ENOUGH, outcomeOf } from './criteria.js';
import { type CriterionLine, commitOf } from './criteria-file.js';
import { type About, type Finding, findingOf, notEnough, notMeasured, type Rule } from './finding.js';
import { formatDifference, formatList } from './format.js';
import type { Measure } from './measure.js';
import { MissingData, unlessMissing } from './missing-data.js';
import type { StudyResults } from './study-results.js';

/**
 * Judges one claim by its own criterion.
 * @param pilots seeds that were looked at before it was written.
 */
export function judgeRule(rule: Rule, results: StudyResults, pilots?: readonly number[]): Finding {
  const { id, title, kind = 'effect', paper, criterion } = rule;
  const before = pilots === undefined ? {} : { pilots };
  const about = { id, title, kind, paper, criterion, commit: commitOf(criterion), ...before };
  const missing = missingFor(rule, results);
  if (missing.length > 0) return notMeasured(about, missing);
  return found(about, () => {
    const judgement = rule.judge(results);
    return findingOf(about, judgement, outcomeOf(judgement.asked, id));
  });
}

/** Judges one claim by a line of the file. */
export function judgeLine(rule: Rule, criterion: CriterionLine, results: StudyResults): Finding {
  const about = aboutOf(rule, criterion);
  const { condition } = criterion;
  const missing = missingFor(condition === undefined ? rule : { needs: [condition] }, results);
  if (missing.length > 0) return notMeasured(about, missing);
  return found(about, () => {
    const judgement = rule.judge(results, condition);
    const { measures } = judgement;
    // The first measure that a criterion asks for stands for the finding.
    const isAsked = ({ name }: Measure): boolean => criterion.tests.some(({ measure }) => name.startsWith(measure));
    const lead = measures.find(isAsked) ?? measures[0];
    const others = measures.filter((measure) => measure !== lead);
    return findingOf(about, { ...judgement, measures: [lead, ...others] }, outcomeBy(criterion, measures));
  });
}

/** Judges one claim on a course by a line of the file. */
export function judgeCourse(rule: CourseRule, criterion: CriterionLine, courses: readonly CourseResult[]): Finding {
  const isEqual = criterion.tests.every(({ is }) => is === 'within');
  const about = aboutOf(isEqual && rule.equal !== undefined ? { ...rule, ...rule.equal } : rule, criterion);
  const runs = courses.filter(({ conditionId }) => conditionId === criterion.condition);
  if (runs.length === 0) return notMeasured(about, [criterion.condition ?? '']);
  return found(about, () => {
    const measures = rule.measures(runs, courses);
    const words = `${formatList(measures.map(sentence))}.`;
    // What a run comes to is its end: it stands for the finding.
    const [last, ...others] = [...measures].reverse();
    if (last === undefined) throw new MissingData('no run measured it');
    const judgement = { measures: [last, ...others.reverse()] as const, asked: [], words };
    return findingOf(about, judgement, outcomeBy(criterion, measures));
  });
}

function outcomeBy(criterion: CriterionLine, measures: readonly Measure[]) {
  const asked = askedBy(criterion, measures);
  return asked === undefined ? NOT_ENOUGH : outcomeOf(asked, criterion.finding);
}

/** A finding, or what becomes of one that data are missing for. */
function found(about: About, judge: () => Finding): Finding {
  return unlessMissing(judge, (reason) => notEnough(about, reason));
}

function sentence({ name, estimate, unit }: Measure): string {
  return `${formatDifference(estimate, unit)} ${name.slice(name.indexOf(' at ') + 1)}`;
}

function aboutOf(rule: Pick<Rule, 'id' | 'title' | 'kind' | 'paper'>, criterion: CriterionLine): About {
  const { id, title, kind = 'effect', paper } = rule;
  const { condition, pilots, commit } = criterion;
  const where = condition === undefined ? {} : { condition };
  return { id, ...where, title, kind, paper, criterion: criterionText(criterion), commit, pilots };
}

function missingFor({ needs }: Pick<Rule, 'needs'>, results: StudyResults): string[] {
  return needs.filter((either) => either.split(' or ').every((condition) => results.of(condition).length === 0));
}
