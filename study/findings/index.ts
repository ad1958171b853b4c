// All findings of the study in their order, judged.
// Holds no claim; each group has its file.

import type { CourseResult } from '../runs/course.js';
import { beyondRules } from './beyond.js';
import { calibrationRules } from './calibration.js';
import { consistencyRules } from './consistency.js';
import { courseRules } from './course-rules.js';
import { readCriteria } from './criteria-file.js';
import { earlyRules } from './early.js';
import type { Finding, Rule } from './finding.js';
import { judgeCourse, judgeLine, judgeRule } from './judge.js';
import { learningRateRules } from './learning-rate.js';
import { noiseRules } from './noise.js';
import type { StudyResults } from './study-results.js';
import { transferRules } from './transfer.js';
import { updateRules } from './updates.js';
import { variantRules } from './variants.js';

export type { Verdict } from './criteria.js';
export type { Finding } from './finding.js';
export { StudyResults } from './study-results.js';

const GROUPS = [
  learningRateRules,
  earlyRules,
  noiseRules,
  calibrationRules,
  consistencyRules,
  transferRules,
  updateRules,
  variantRules,
];

/** Order of the paper's study: F0, F1, F2, F2', ... F18. */
export const ORDER: readonly string[] = [
  ...['F0', 'F1', 'F2', "F2'", 'F3', 'F4', 'F5', "F5'", 'F6', 'F7', 'F8', "F8'", 'F8s', 'F8n'],
  ...['F9', 'F10', 'F11', 'F12', 'F13', 'F14', 'F15', 'F16', 'F17', 'F18'],
  ...['F19', 'F20', 'F21', 'F22', 'P1', 'P2', 'P3', 'P4', 'P5', 'P6', 'X1', 'X2'],
];

/** The claims, in order. */
export const RULES: readonly Rule[] = GROUPS.flat().sort((a, b) => ORDER.indexOf(a.id) - ORDER.indexOf(b.id));

/** Seeds of the pilot from which the images' criteria come. */
const PILOTS = [1, 2, 3, 4, 5];

/** Judges claims of the images by their own criteria. */
export function judgeImages(results: StudyResults, rules: readonly Rule[] = RULES): Finding[] {
  return rules.map((rule) => judgeRule(rule, results, PILOTS));
}

/** Judges the claims of a preset, which no seed was looked at for. */
export function judgePreset(results: StudyResults, rules: readonly Rule[]): Finding[] {
  return rules.map((rule) => judgeRule(rule, results));
}

/** Judges a domain by its lines in the file of criteria, in the order of the findings. */
export function judgeDomain(domain: string, results: StudyResults, courses: readonly CourseResult[]): Finding[] {
  const lines = readCriteria().filter((line) => line.domain === domain);
  const all = [...RULES, ...beyondRules];
  const findings = lines.flatMap((line) => {
    const course = courseRules.find(({ id }) => id === line.finding);
    if (course !== undefined) return [judgeCourse(course, line, courses)];
    const rule = all.find(({ id }) => id === line.finding);
    return rule === undefined ? [] : [judgeLine(rule, line, results)];
  });
  return inOrder(findings);
}

/** In the order of the findings; those of one name as they come. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => ORDER.indexOf(a.id) - ORDER.indexOf(b.id));
}
