// One line for people at the end of an epoch, in the style of tfjs's progress lines.
// Prints nothing.

import type { Logs } from '@tensorflow/tfjs';

const OURS = /^(val_raw_|val_ema_|ema_best_decay$)/;
const OF_ONE_AVERAGE = /^val_ema_((width)?\d[\d.e+-]*|uniform)_/;

/**
 * What an epoch's validation found for the raw weights and the best average, as tfjs prints its own metrics:
 * `ema_best_decay=0.999 val_ema_acc=0.912 val_ema_loss=0.274 val_raw_acc=0.897 val_raw_loss=0.311`.
 *
 * tfjs-node prints its line before any callback of yours runs, so the averages are not in it. Every average by itself is in History
 * and in `ema.validations`.
 *
 * @param logs the logs of `onEpochEnd`, in a callback that stands after the averaging one.
 * @returns the line; empty where nothing was validated.
 * @example
 * ```ts
 * const print = new tf.CustomCallback({ onEpochEnd: (_, logs) => console.log(formatEpoch(logs)) });
 * await model.fit(x, y, { epochs: 10, callbacks: [ema, print] });
 * ```
 */
export function formatEpoch(logs: Logs | undefined): string {
  return Object.entries(logs ?? {})
    .filter(([name]) => OURS.test(name) && !OF_ONE_AVERAGE.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${name === 'ema_best_decay' ? value : short(value)}`)
    .join(' ');
}

/** Three significant digits below 1, two decimal places above, as tfjs-node's progress bar writes numbers. */
function short(value: number): string {
  if (!Number.isFinite(value) || value === 0 || Math.abs(value) > 1) return value.toFixed(2);
  const places = 2 - Math.floor(Math.log10(Math.abs(value)));
  return places > 4 ? value.toExponential(2) : value.toFixed(places);
}
