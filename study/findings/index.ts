// All findings of the study in their order, judged.
// Holds no claim; each group has its file.

import { calibrationRules } from './calibration.js';
import { consistencyRules } from './consistency.js';
import { earlyRules } from './early.js';
import { type Finding, judgeRule, type Rule } from './finding.js';
import { learningRateRules } from './learning-rate.js';
import { noiseRules } from './noise.js';
import type { StudyResults } from './study-results.js';
import { transferRules } from './transfer.js';
import { updateRules } from './updates.js';
import { variantRules } from './variants.js';

export type { Finding, Verdict } from './finding.js';
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
const ORDER = [
  ...['F0', 'F1', 'F2', "F2'", 'F3', 'F4', 'F5', "F5'", 'F6', 'F7', 'F8', "F8'", 'F8n'],
  ...['F9', 'F10', 'F11', 'F12', 'F13', 'F14', 'F15', 'F16', 'F17', 'F18'],
];

/** The claims, in order. */
export const RULES: readonly Rule[] = GROUPS.flat().sort((a, b) => ORDER.indexOf(a.id) - ORDER.indexOf(b.id));

/**
 * Judges claims.
 * @param rules which. @defaultValue all of the study
 */
export function judgeAll(results: StudyResults, rules: readonly Rule[] = RULES): Finding[] {
  return rules.map((rule) => judgeRule(rule, results));
}
