// The chart of a training run: a metric per epoch, raw weights against averages.
// A pure function from numbers to a vega-lite specification.

import type { TopLevelSpec } from 'vega-lite';
import { orderedColours, RAW_COLOUR, theme } from '../../tools/shared/charts/theme.js';

/** One average in an {@link EpochChart}. */
export interface AverageSeries {
  /** Decay per step; sorts the legend. */
  readonly decay: number;
  /** Its name in the legend. */
  readonly label: string;
  /** One value per epoch, beginning with epoch 1. */
  readonly values: readonly number[];
}

/** What {@link epochChart} draws. */
export interface EpochChart {
  /** The finding, as a sentence. */
  readonly title: string;
  /** Data, network and recipe, a line each. */
  readonly subtitle: readonly string[];
  /** Name and unit of the metric, such as `Validation accuracy (%)`. */
  readonly metric: string;
  /** Label of the horizontal axis. @defaultValue `'Epoch'` */
  readonly epochLabel?: string;
  /** One value of the raw weights per epoch, beginning with epoch 1. */
  readonly raw: readonly number[];
  /** The averages, in any order. */
  readonly averages: readonly AverageSeries[];
}

const RAW_LABEL = 'raw weights';

interface Point {
  readonly epoch: number;
  readonly series: string;
  readonly value: number;
}

/** A line per average, coloured and sorted by decay, over the raw weights in grey. */
export function epochChart({ title, subtitle, metric, epochLabel = 'Epoch', raw, averages }: EpochChart): TopLevelSpec {
  const sorted = [...averages].sort((a, b) => a.decay - b.decay);
  const domain = [RAW_LABEL, ...sorted.map(({ label }) => label)];
  const values = [...points(RAW_LABEL, raw), ...sorted.flatMap(({ label, values }) => points(label, values))];
  return {
    config: theme,
    title: { text: title, subtitle: [...subtitle] },
    width: 560,
    height: 340,
    data: { values },
    mark: { type: 'line', point: { size: 32 }, strokeWidth: 2.2 },
    encoding: {
      x: {
        field: 'epoch',
        type: 'quantitative',
        scale: { domain: [1, Math.max(2, raw.length)], nice: false },
        axis: { title: epochLabel, tickMinStep: 1, format: 'd', grid: false, offset: 6, labelFlush: false },
      },
      y: { field: 'value', type: 'quantitative', scale: { zero: false }, axis: { title: metric, tickCount: 7 } },
      color: {
        field: 'series',
        type: 'nominal',
        scale: { domain, range: [RAW_COLOUR, ...orderedColours(sorted.length)] },
        legend: { title: null, symbolType: 'stroke', symbolStrokeWidth: 3, symbolSize: 220 },
      },
    },
  };
}

function points(series: string, values: readonly number[]): Point[] {
  return values.map((value, index) => ({ epoch: index + 1, series, value }));
}
