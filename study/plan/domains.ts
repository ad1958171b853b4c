// The domains of the study: what data, which conditions and courses, with which seeds.
// Data only; criteria are in ../findings/criteria.jsonl.

import type { Condition, Course } from '../runs/condition.js';
import { CONDITIONS } from '../runs/conditions.js';
import { EQUATION_COURSES } from '../runs/courses.js';

/** Names of domains. */
export type DomainId = 'images' | 'equations';

/** One kind of problem that practitioners have. */
export interface Domain {
  readonly id: DomainId;
  /** One line, in words. */
  readonly title: string;
  readonly conditions: readonly (Condition | Course)[];
  /** Those that confirm; a condition takes as many of the first as it needs. Pilots had others, below 100. */
  readonly seeds: readonly number[];
}

/** Seeds from 101 on. */
const confirming = (count: number): number[] => Array.from({ length: count }, (_, index) => 101 + index);

/** All domains, those first that tell most for their time. */
export const DOMAINS: readonly Domain[] = [
  {
    id: 'equations',
    title: "equations with exact solutions, after PADAM's",
    conditions: EQUATION_COURSES,
    seeds: confirming(10),
  },
  {
    id: 'images',
    title: 'fashion-mnist, 6,000 images, small convolutional networks',
    conditions: CONDITIONS,
    seeds: confirming(5),
  },
];
