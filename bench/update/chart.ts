// A run's results as a chart: how much longer each contender takes than native.
// Draws nothing itself: tools/shared/charts renders.

import type { TopLevelSpec } from 'vega-lite';
import { THEME } from '../../src/report/theme.js';
import { saveChart } from '../../tools/shared/charts/render.js';
import { machineLine } from '../shared/machine.js';
import type { RunFile } from './report.js';

/** Contenders that are no rivals: limits, and other ways to run native. */
const NOT_RIVALS: readonly string[] = ['native', 'memcpy', 'scale', 'plain-loop', 'separate-passes', 'compensated'];

const TICKS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** Bars from 1 to the ratio. */
const BARS = {
  width: 260,
  height: { step: 15 },
  layer: [
    {
      mark: 'bar',
      encoding: {
        y: { field: 'contender', type: 'nominal', sort: null, title: null },
        x: {
          field: 'ratio',
          type: 'quantitative',
          scale: { type: 'log', domainMin: 0.5, nice: false },
          axis: { values: TICKS, format: '~g' },
          title: 'times native',
        },
        x2: { datum: 1 },
        color: { field: 'contender', type: 'nominal', legend: null },
      },
    },
    { mark: { type: 'rule', color: '#333' }, encoding: { x: { datum: 1 } } },
  ],
} as const;

/** One row per shape, one group of bars per number of averages; logarithmic, because rivals are far apart. */
export function resultsChart({ machine, results }: RunFile): TopLevelSpec {
  const values = results
    .filter(({ contender }) => !NOT_RIVALS.includes(contender))
    .map(({ shape, k, threads, contender, ratio }) => {
      const trial = `K = ${k}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
      return { shape, contender, ratio, trial };
    });
  const shapes = [...new Set(values.map(({ shape }) => shape))];
  const trials = [...new Set(values.map(({ trial }) => trial))];
  const what = 'Right of the line at 1 is slower than native. Medians of paired rounds.';
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    config: THEME,
    title: {
      text: 'Time of one update of all averages, over the time of tfjs-ema (native)',
      subtitle: [what, ...machineLine(machine).split('; ')],
    },
    data: { values },
    facet: {
      row: { field: 'shape', sort: shapes, title: null, header: { labelAngle: 0, labelAlign: 'left' } },
      column: { field: 'trial', sort: trials, title: null },
    },
    spec: { ...BARS, layer: [...BARS.layer] },
  };
}

/** Writes `<path>.svg` and `<path>.png`. */
export async function saveResultsChart(run: RunFile, path: string): Promise<void> {
  await saveChart(resultsChart(run), path);
}
