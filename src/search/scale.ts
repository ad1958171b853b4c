// What a search goes along: decays per step, or relative widths where no two decays are tracked.
// Pure numbers: measures nothing.

import { invalid } from '../base/argument.js';
import { halfLifeOf } from '../schedule/decay.js';
import { exponentOf, type Profile, widthFromExponent } from '../schedule/profile.js';
import { labelsOf } from '../schedule/specs.js';
import type { SynthesizedWhich } from '../schedule/which.js';

/** The tracked averages. */
export interface TrackedShapes {
  /** Per step, in the order of the averages; 1 for those that are not exponential. */
  readonly decays: readonly number[];
  readonly profiles: readonly Profile[];
}

/** A place on a scale: a decay or a width, the larger the longer the memory. */
export interface Place {
  readonly at: number;
  /** Of the average that is tracked there. */
  readonly index?: number;
}

/** Averages of one kind in the order of their memory. */
export interface Scale {
  /** Two or more places that differ. */
  readonly tracked: readonly Required<Place>[];
  /** Places strictly between two, evenly spaced in the logarithm of their memory. */
  readonly between: (low: number, high: number, count: number) => readonly Place[];
  /** The average at a place. */
  readonly wantedAt: (at: number) => SynthesizedWhich['synthesized'];
  /** Its decay per step and half-life in steps: 1 and infinite where it is not exponential. */
  readonly decayAt: (at: number) => { readonly decay: number; readonly halfLife: number };
}

/**
 * The scale that the tracked averages span.
 * @throws `EmaError` INVALID_ARGUMENT — fewer than two different ones of a kind are tracked.
 */
export function scaleOf({ decays, profiles }: TrackedShapes): Scale {
  // Decay 1 never moves, and stands for averages that are not exponential.
  const moving = decays.flatMap((at, index) => (at < 1 ? [{ at, index }] : []));
  if (differ(moving)) return { tracked: moving, between: decaysBetween, wantedAt: (at) => at, decayAt: exponential };
  const parts = profiles.flatMap((profile, index) => {
    const exponent = exponentOf(profile);
    return exponent === undefined ? [] : [{ at: widthFromExponent(exponent), index }];
  });
  if (differ(parts))
    return { tracked: parts, between: widthsBetween, wantedAt: (at) => ({ relativeWidth: at }), decayAt: shaped };
  throw invalid(
    'decays',
    'at least two tracked decays, or widths, to search between',
    labelsOf({ decays, profiles }),
    'Track more in the next run.',
  );
}

function differ(places: readonly Place[]): boolean {
  return new Set(places.map(({ at }) => at)).size >= 2;
}

/** In the logarithm of the window `1 / (1 - decay)`. */
function decaysBetween(low: number, high: number, count: number): readonly Place[] {
  const [from, to] = [Math.log1p(-low), Math.log1p(-high)];
  return spread(count, (part) => -Math.expm1(from + (to - from) * part), [low, high]);
}

function widthsBetween(low: number, high: number, count: number): readonly Place[] {
  return spread(count, (part) => low * (high / low) ** part, [low, high]);
}

function spread(
  count: number,
  atPart: (part: number) => number,
  [low, high]: readonly [number, number],
): readonly Place[] {
  return Array.from({ length: count }, (_, index) => {
    return { at: Math.min(high, Math.max(low, atPart((index + 1) / (count + 1)))) };
  });
}

function exponential(decay: number): ReturnType<Scale['decayAt']> {
  return { decay, halfLife: halfLifeOf(decay) };
}

function shaped(): ReturnType<Scale['decayAt']> {
  return { decay: 1, halfLife: Number.POSITIVE_INFINITY };
}
