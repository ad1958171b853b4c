// The courses of the study, as fixed before its seeds were run.
// Data only: what they show is judged in ../findings.

import type { Course } from './condition.js';

/** PADAM's problems: Adam at a constant rate, as there; steps and rate fit a study of minutes. */
const EQUATION = {
  steps: 6000,
  batchSize: 256,
  optimizer: 'adam',
  rate: { peak: 0.003, warmup: 0, decay: 'constant' },
  seeds: 12,
} as const satisfies Partial<Course>;

/** Partial differential equations and a regression, all with exact solutions. */
export const EQUATION_COURSES: readonly Course[] = [
  { ...EQUATION, id: 'heat', title: 'heat equation, Adam, constant rate', problem: 'heat' },
  { ...EQUATION, id: 'black-scholes', title: 'Black-Scholes equation, Adam, constant rate', problem: 'black-scholes' },
  {
    ...EQUATION,
    id: 'poisson',
    title: 'Poisson equation, Adam, constant rate',
    problem: 'poisson',
    steps: 3000,
    rate: { ...EQUATION.rate, peak: 0.01 },
  },
  {
    ...EQUATION,
    id: 'polynomial',
    title: 'polynomial regression, Adam, constant rate',
    problem: 'polynomial',
    rate: { ...EQUATION.rate, peak: 0.01 },
  },
];

/** Adam with a short warm-up, as Transformers have it. */
const TEXT = {
  problem: 'text',
  steps: 1500,
  batchSize: 32,
  optimizer: 'adam',
  seeds: 5,
} as const satisfies Partial<Course>;

/** The same run with three schedules: what averaging replaces. */
export const TEXT_COURSES: readonly Course[] = (['constant', 'cosine', 'cooldown'] as const).map((decay) => ({
  ...TEXT,
  id: `text-${decay}`,
  title: `next character, ${decay} rate${decay === 'cooldown' ? ' over the last fifth' : ''}`,
  rate: { peak: 0.003, warmup: 0.05, decay },
}));
