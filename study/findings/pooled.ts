// Findings over domains: the effect that each measured, put together.
// Judges nothing.

import { studentQuantile } from '../metrics/intervals.js';
import { type PooledEffect, pooledEffect } from '../metrics/meta-analysis.js';
import type { Finding } from './finding.js';
import type { Unit } from './measure.js';

/** A finding in one domain, as a study's file holds it. */
export interface PlacedFinding {
  readonly domain: string;
  readonly finding: Finding;
}

/** One finding over domains. */
export interface PooledFinding extends PooledEffect {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  /** Domains, or courses of them, with their effects. */
  readonly places: readonly {
    readonly place: string;
    readonly mean: number;
    readonly interval: readonly [number, number];
  }[];
}

/** Differences only: levels and epochs of other data are of another scale. */
const POOLED: readonly Unit[] = ['pp', 'nats', '%'];

/** Two places, or seeds, leave one degree of freedom: an interval twelve times as wide as its error says nothing. */
const FEWEST = 3;

/** The findings that several places measured in one way, with intervals, in the order in which they come. */
export function pooledFindings(all: readonly PlacedFinding[]): PooledFinding[] {
  const ids = [...new Set(all.map(({ finding }) => finding.id))];
  return ids.flatMap((id) => {
    const here = all.filter(({ finding }) => finding.id === id);
    const [first] = here.flatMap(({ finding }) => finding.measures[0] ?? []);
    if (first === undefined || !POOLED.includes(first.unit)) return [];
    const effects = here.flatMap((one) => effectOf(one, first.name));
    if (effects.length < FEWEST) return [];
    const places = effects.map(({ place, mean, interval }) => ({ place, mean, interval }));
    const title = here[0]?.finding.title ?? '';
    return [{ id, title, unit: first.unit, places, ...pooledEffect(effects) }];
  });
}

function effectOf({ domain, finding }: PlacedFinding, name: string) {
  const measure = finding.measures.find((one) => one.name === name);
  if (measure === undefined || measure.interval === null) return [];
  const { mean, interval, values, seeds = values.length } = measure;
  const standardError = (interval[1] - interval[0]) / 2 / studentQuantile(0.975, seeds - 1);
  // The spread of two seeds gives no weight that means something, and no spread gives none at all.
  return seeds >= FEWEST && standardError > 0
    ? [{ place: finding.condition ?? domain, mean, interval, standardError }]
    : [];
}
