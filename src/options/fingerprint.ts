// What the averages of a run depend on, as plain data: where two runs differ, and to say later how an average was made.
// Stores nothing.

import { shorten } from '../base/argument.js';
import type { ResolvedOptions } from './options.js';

/** Options by name, as JSON keeps them. */
export type Settings = Readonly<Record<string, unknown>>;

/**
 * Options on which no average depends: units that are in the resolved figures too, who computes, who is told, who looks, how it is shown; which weights
 * are averaged is compared weight by weight. Every other
 * option is in the fingerprint without further ado, so that none is forgotten.
 */
const WITHOUT_EFFECT: readonly string[] = [
  'engine',
  'constraints',
  'diagnoseEvery',
  'exclude',
  'include',
  'nonFinite',
  'onWarning',
  'specs',
  'run',
] satisfies readonly (keyof ResolvedOptions)[];

/** Characters of an option's value that a message shows: those of some layer decays. */
const SHOWN = 1000;
/** Ticks at which a warm-up's function is asked, which depends on the tick alone: two that agree there are taken for the same. */
const TICKS: readonly number[] = [0, 1, 2, 10, 100, 1000, 10_000];
/** What stands for a decay's function: it may depend on data, so that nobody but its schedule asks it, and two are not told apart. */
const UNASKED = { values: 'not asked' };

/** The options on which averages depend; equal ones have equal JSON. */
export function settingsOf(options: ResolvedOptions): Settings {
  return Object.fromEntries(
    Object.entries(options)
      .filter(([name, value]) => !WITHOUT_EFFECT.includes(name) && value !== undefined)
      .map(([name, value]: readonly [string, unknown]) => [name, plain(value)]),
  );
}

/** Two settings that differ, as sentences; those of a saved run first. */
export function settingDifferences(saved: Settings, own: Settings): string[] {
  return [...new Set([...Object.keys(saved), ...Object.keys(own)])]
    .filter((name) => JSON.stringify(memberOf(saved, name)) !== JSON.stringify(memberOf(own, name)))
    .map(
      (name) => `option ${shorten(name)} was ${text(memberOf(saved, name))}, now it is ${text(memberOf(own, name))}`,
    );
}

/** A function has no JSON: a warm-up's is known by its values, and a decay's is not asked. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one: unknown) => (typeof one === 'function' ? UNASKED : one));
  if (typeof value !== 'function') return value;
  return { valuesAt: TICKS, values: TICKS.map((tick) => valueAt(value, tick)) };
}

function valueAt(value: object, tick: number): unknown {
  try {
    return Reflect.apply(Object(value), undefined, [tick]);
  } catch {
    return null;
  }
}

/** A file may name what every object inherits. */
function memberOf(settings: Settings, name: string): unknown {
  return Object.hasOwn(settings, name) ? settings[name] : undefined;
}

function text(value: unknown): string {
  return value === undefined ? 'not there' : shorten(JSON.stringify(value), SHOWN);
}
