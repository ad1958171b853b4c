// Conditions for transfer in the directions that the domains' own conditions do not have.
// Data only.

import type { Condition } from './condition.js';
import { CONDITIONS } from './conditions.js';

/**
 * Condition T the other way round: its linear probe's classes train, and its own are for the probe.
 * @param name of the domain, in whose condition's name it stands.
 */
export function backwards(name: string, conditions: readonly Condition[]): Condition[] {
  return conditions.flatMap((condition) => {
    const { data, measures } = condition;
    if (condition.id !== 'T' || data.classes === undefined || measures.probe?.classes === undefined) return [];
    return [
      {
        ...condition,
        id: `${name}-back`,
        title: 'as T the other way round: its last classes train, its first are for the linear probe',
        data: { ...data, classes: measures.probe.classes },
        measures: { ...measures, probe: { ...measures.probe, classes: data.classes } },
      },
    ];
  });
}

/** From digits to fashion: A's probe the other way round, in half as many epochs. */
export const FROM_DIGITS: readonly Condition[] = CONDITIONS.filter(({ id }) => id === 'A').map((condition) => ({
  ...condition,
  id: 'from-digits',
  title: 'as A on digits, half as long; fashion images are for the linear probe',
  data: { ...condition.data, name: 'mnist' as const },
  recipe: { ...condition.recipe, epochs: 20 },
  averages: { ...condition.averages, variants: false },
  measures: { ...condition.measures, probe: { ...condition.data, train: 3000, validation: 0 } },
  seeds: 10,
}));
