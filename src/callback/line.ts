// One line for people at the end of an epoch, and the same figures as numbers for fit's History.
// Prints nothing.

import { type Named as Names, shortLabels } from '../schedule/specs.js';
import type { EpochValidation } from '../validation/judging.js';
import type { Metrics } from '../validation/selection.js';

/**
 * `epoch 3/10: ema 0.999 loss 0.274 acc 0.912, raw loss 0.311 acc 0.897`; without the average where none is best yet.
 * @param epochs of the run, where that is known.
 */
export function epochLine(validation: EpochValidation, names: Names, epochs: unknown): string {
  const { epoch, raw, averages, best } = validation;
  const label = best === undefined ? '' : shortLabels(names)[best];
  const average = best === undefined ? [] : [`ema ${label} ${figures(averages[best] ?? {})}`];
  return `${numberOf(epoch, epochs)}: ${[...average, `raw ${figures(raw)}`].join(', ')}`;
}

/** The line of an epoch in which nothing was measured. */
export function unmeasuredLine(epoch: number, epochs: unknown): string {
  return `${numberOf(epoch, epochs)}: nothing was measured; give fit validationData or validationSplit, or ema.callback a validate function`;
}

function numberOf(epoch: number, epochs: unknown): string {
  return `epoch ${epoch + 1}${typeof epochs === 'number' ? `/${epochs}` : ''}`;
}

/**
 * Numbers for History, one per name and epoch; tfjs breaks on anything else.
 * @param logs those of the epoch so far: where another callback's averages are among them, these get names of their own.
 */
export function toLogs({ raw, averages, best }: EpochValidation, { labels, decays }: Names, logs: Metrics): Metrics {
  const ema = freeName(logs);
  const found: Record<string, number> = {};
  const add = (prefix: string, metrics: Metrics): void => {
    for (const [name, value] of Object.entries(metrics)) found[`val_${prefix}_${name}`] = value;
  };
  add(ema.replace('ema', 'raw'), raw);
  averages.forEach((metrics, index) => {
    add(`${ema}_${labels[index]}`, metrics);
  });
  // A number an epoch, or History would lose its place: NaN where nothing is best.
  add(ema, best === undefined ? nothing(raw) : (averages[best] ?? {}));
  found[`${ema}_best_decay`] = best === undefined ? Number.NaN : (decays[best] ?? Number.NaN);
  return found;
}

/** `ema`; for the second callback in one fit `ema2`, and so on. */
function freeName(logs: Metrics): string {
  let count = 1;
  while (`ema${count === 1 ? '' : count}_best_decay` in logs) count += 1;
  return count === 1 ? 'ema' : `ema${count}`;
}

/** The same names, without numbers. */
function nothing(metrics: Metrics): Metrics {
  return Object.fromEntries(Object.keys(metrics).map((name) => [name, Number.NaN]));
}

function figures(metrics: Metrics): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${name} ${short(value)}`)
    .join(' ');
}

/** Three significant digits below 1, two decimal places above, as tfjs-node's progress bar writes numbers. */
function short(value: number): string {
  if (!Number.isFinite(value) || value === 0 || Math.abs(value) > 1) return value.toFixed(2);
  const places = 2 - Math.floor(Math.log10(Math.abs(value)));
  return places > 4 ? value.toExponential(2) : value.toFixed(places);
}
