// How charts look: colours, fonts, sizes. The same in every chart of the study.
// Holds no data and no marks.

import { scheme } from 'vega';
import type { Config } from 'vega-lite';
import { FONT_FAMILY } from './fonts.js';

/** Colour of the raw weights in every chart. */
export const RAW_COLOUR = '#6b6b6b';

/** Viridis ends in a yellow that is hard to see on white: the ordered colours stop before it. */
const LAST_COLOUR = 0.82;

/**
 * Colours for things that have an order, such as decays: viridis, which people with any colour vision can tell apart and
 * which keeps its order in print.
 * @param count how many, at least 1; the first is the darkest.
 */
export function orderedColours(count: number): string[] {
  const colourAt = scheme('viridis') as unknown as (share: number) => string;
  return Array.from({ length: count }, (_, index) => colourAt(count === 1 ? 0 : (LAST_COLOUR * index) / (count - 1)));
}

/** The look of all charts, as a vega-lite config. */
export const theme: Config = {
  background: 'white',
  font: FONT_FAMILY,
  padding: 16,
  view: { stroke: null },
  title: { anchor: 'start', fontSize: 17, fontWeight: 600, subtitleFontSize: 12.5, subtitleColor: '#444', offset: 14 },
  axis: {
    labelFontSize: 12.5,
    titleFontSize: 13,
    titleFontWeight: 400,
    titlePadding: 12,
    gridColor: '#e6e6e6',
    tickColor: '#999',
    domainColor: '#999',
  },
  legend: { labelFontSize: 12.5, titleFontSize: 12.5, titleFontWeight: 400, labelLimit: 320, rowPadding: 4 },
};
