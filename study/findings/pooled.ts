// Findings over domains: the effect that each measured, put together.
// Judges nothing.

import { mean } from 'simple-statistics';
import { studentQuantile } from '../metrics/intervals.js';
import { type Effect, type PooledEffect, pooledEffect } from '../metrics/meta-analysis.js';
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
const POOLED: readonly Unit[] = ['pp', 'nats', 'ratio'];

/** Two kinds of data, or seeds, leave one degree of freedom: an interval twelve times as wide as its error says nothing. */
const FEWEST = 3;

/** The findings that several kinds of data measured in one way, with intervals, in the order in which they come. */
export function pooledFindings(all: readonly PlacedFinding[]): PooledFinding[] {
  // Of one name may be two claims: an effect, and that there is none where none is expected.
  const claims = new Map(all.map(({ finding: { id, title } }) => [`${id} ${title}`, { id, title }]));
  return [...claims.values()].flatMap(({ id, title }) => {
    // A claim that is about nothing somewhere has no effect there.
    const isHere = ({ verdict, ...finding }: Finding): boolean =>
      verdict !== 'does not apply' && finding.id === id && finding.title === title;
    const here = all.filter(({ finding }) => isHere(finding));
    const [first] = here.flatMap(({ finding }) => finding.measures[0] ?? []);
    if (first === undefined || !POOLED.includes(first.unit)) return [];
    const effects = here.flatMap((one) => effectOf(one, first.name));
    const independent = bySource(effects);
    if (independent.length < FEWEST) return [];
    const places = effects.map(({ place, mean, interval }) => ({ place, mean, interval }));
    return [{ id, title, unit: first.unit, places, ...pooledEffect(independent) }];
  });
}

/** Domains whose runs share data, seeds and first weights with those of another. */
const SAME_DATA: Readonly<Record<string, string>> = { 'images-60k': 'images' };

/** Places that share their data as one effect, no surer than they are on average: what they share shows in all of them. */
function bySource(effects: readonly (Effect & { readonly source: string })[]): Effect[] {
  const sources = [...new Set(effects.map(({ source }) => source))];
  return sources.map((source) => {
    const here = effects.filter((effect) => effect.source === source);
    return {
      mean: mean(here.map((effect) => effect.mean)),
      standardError: mean(here.map((effect) => effect.standardError)),
    };
  });
}

function effectOf({ domain, finding }: PlacedFinding, name: string) {
  const measure = finding.measures.find((one) => one.name === name);
  if (measure === undefined || measure.interval === null) return [];
  const { interval, seeds } = measure;
  const standardError = (interval[1] - interval[0]) / 2 / studentQuantile(0.975, seeds - 1);
  // The spread of two seeds gives no weight that means something, and no spread gives none at all.
  const place = finding.condition ?? domain;
  const source = domain === 'text' ? domain : (finding.condition ?? SAME_DATA[domain] ?? domain);
  return seeds >= FEWEST && standardError > 0 ? [{ place, source, mean: measure.mean, interval, standardError }] : [];
}
