// Numbers of findings as people read them.
// Computes nothing.

import type { Estimate } from '../metrics/intervals.js';
import type { Unit } from './measure.js';

const DIGITS: Readonly<Record<Unit, number>> = { pp: 2, '%': 1, nats: 3, epochs: 1, ratio: 1, share: 2, '': 3 };

/** A level with its unit: `87.2 %`, `−0.05 pp`. */
export function formatLevel(value: number, unit: Unit): string {
  if (unit === 'ratio') return `${perCent(value)} %`;
  return `${digitsOf(value, unit)}${suffix(unit)}`;
}

/** A difference with its margin and unit: `+0.47 ± 0.15 pp`; without the margin where there is no interval. */
export function formatDifference({ mean, interval }: Pick<Estimate, 'mean' | 'interval'>, unit: Unit): string {
  if (unit === 'ratio') return ratio(mean, interval);
  return `${signed(mean, unit)}${margin(interval, unit)}${suffix(unit)}`;
}

/** A level with its margin and unit: `10.4 ± 0.9 %`. */
export function formatMean({ mean, interval }: Pick<Estimate, 'mean' | 'interval'>, unit: Unit): string {
  return `${digitsOf(mean, unit)}${margin(interval, unit)}${suffix(unit)}`;
}

/** A ratio of errors as what it is in per cent, with its limits: they are not as far on both sides. */
function ratio(mean: number, interval: Estimate['interval']): string {
  return `${perCent(mean)} %${interval === undefined ? '' : ` [${perCent(interval[0])}, ${perCent(interval[1])}]`}`;
}

/** How much one error is above another, of `100 ln(one / other)`. */
function perCent(value: number): string {
  const share = 100 * (Math.exp(value / 100) - 1);
  return Math.abs(share) < 10 ? signed(share, 'ratio') : `${share < 0 ? '−' : '+'}${Math.abs(share).toFixed(0)}`;
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

const NAMES: Readonly<Record<string, string>> = {
  emaLast: 'EMA at the end',
  emaLoss: 'EMA (loss)',
  emaAccuracy: 'EMA (acc)',
  sgdLast: 'SGD at the end',
  sgdLoss: 'SGD (loss)',
  sgdAccuracy: 'SGD (acc)',
  jensenShannon: 'JS divergence',
  'sparse-right': 'decay ** 4',
  'sparse-naive': 'the plain decay',
};

/** A measure's name, or a criterion, as people read it: criteria of the file name measures as the code does. */
export function readable(name: string): string {
  return name.replace(/\b(?:emaL|emaA|sgdL|sgdA|jensenS|sparse-)[A-Za-z]+/g, (word) => NAMES[word] ?? word);
}
