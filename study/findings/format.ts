// Numbers of findings as people read them.
// Computes nothing.

import type { Estimate } from '../metrics/intervals.js';
import type { Unit } from './measure.js';

const DIGITS: Readonly<Record<Unit, number>> = { pp: 2, '%': 1, nats: 3, epochs: 1, share: 2, '': 3 };

/** A level with its unit: `87.2 %`, `−0.05 pp`. */
export function formatLevel(value: number, unit: Unit): string {
  return `${digitsOf(value, unit)}${suffix(unit)}`;
}

/** A difference with its margin and unit: `+0.47 ± 0.15 pp`; without the margin where there is no interval. */
export function formatDifference({ mean, interval }: Estimate, unit: Unit): string {
  return `${signed(mean, unit)}${margin(interval, unit)}${suffix(unit)}`;
}

/** A level with its margin and unit: `10.4 ± 0.9 %`. */
export function formatMean({ mean, interval }: Estimate, unit: Unit): string {
  return `${digitsOf(mean, unit)}${margin(interval, unit)}${suffix(unit)}`;
}

/** A list as a sentence has it: `a, b and c`. */
export function formatList(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

function margin(interval: Estimate['interval'], unit: Unit): string {
  return interval === undefined ? '' : ` ± ${((interval[1] - interval[0]) / 2).toFixed(DIGITS[unit])}`;
}

function signed(value: number, unit: Unit): string {
  const text = digitsOf(value, unit);
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

/** Rounded, with a true minus sign, and zero without any. */
function digitsOf(value: number, unit: Unit): string {
  const text = Math.abs(value).toFixed(DIGITS[unit]);
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

function suffix(unit: Unit): string {
  return unit === '' || unit === 'share' ? '' : ` ${unit}`;
}
