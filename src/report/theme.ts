// How charts look: colours, fonts, sizes. The same in every chart of a report, of the study and of the benchmarks.
// Holds no data and no marks.

/** Colour of what is not averaged, or of everything together. */
export const PLAIN = '#6b6b6b';

/** What an SVG asks for: the font that PNGs can be drawn with anywhere, else what the reader's machine has of similar width. */
export const FONT_FAMILY = 'Open Sans, Helvetica, Arial, DejaVu Sans, sans-serif';

/** Viridis from its dark end to where its yellow is hard to see on white: it keeps its order for any colour vision and in print. */
const VIRIDIS: readonly (readonly [number, number, number])[] = [
  [68, 1, 84],
  [62, 74, 137],
  [38, 130, 142],
  [53, 183, 121],
  [109, 205, 89],
];

/** Colours for things that have an order; the first is the darkest. */
export function orderedColours(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const place = count === 1 ? 0 : ((VIRIDIS.length - 1) * index) / (count - 1);
    const from = VIRIDIS[Math.floor(place)] ?? [0, 0, 0];
    const to = VIRIDIS[Math.ceil(place)] ?? [0, 0, 0];
    const share = place - Math.floor(place);
    const channels = from.map((channel, c) => Math.round(channel + share * ((to[c] ?? 0) - channel)));
    return `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
  });
}

/** The look of all charts, as a vega-lite config. */
export const THEME = {
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
} as const;

/** The legend of lines: strokes, no title. */
export const LINE_LEGEND = { title: null, symbolType: 'stroke', symbolStrokeWidth: 3, symbolSize: 220 } as const;
