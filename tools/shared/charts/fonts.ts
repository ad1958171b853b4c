// The font of all charts, and how wide text is in it.
// Draws nothing.

import { createRequire } from 'node:module';
import { Resvg } from '@resvg/resvg-js';
import * as vega from 'vega';

/** The first font that charts ask for; it comes with the project, as a machine without a desktop often has none. */
const FONT_NAME = 'Open Sans';

const { resolve } = createRequire(import.meta.url);
const PACKAGE = '@expo-google-fonts/open-sans';

/** TrueType files of the font: regular and semi-bold. */
export const FONT_FILES: readonly string[] = [
  resolve(`${PACKAGE}/400Regular/OpenSans_400Regular.ttf`),
  resolve(`${PACKAGE}/600SemiBold/OpenSans_600SemiBold.ttf`),
];

/** No font but ours, so that a width is the same everywhere. */
const font = { fontFiles: [...FONT_FILES], loadSystemFonts: false, defaultFontFamily: FONT_NAME };

/** What vega knows of a text that it lays out. */
interface TextItem {
  readonly fontSize?: number;
  readonly fontWeight?: string | number;
}

// Without a canvas, vega takes 0.8 em per letter: legends are cut and margins half empty. This object is exported by vega
// but missing in its types (vega-scenegraph/src/util/text.js); `width` is the field that its own `canvas()` switch sets.
const { textMetrics } = vega as unknown as { textMetrics: { width: (item: TextItem, text: unknown) => number } };

/** Makes vega lay text out by its width in our font. */
export function measureWithOurFont(): void {
  textMetrics.width = ({ fontSize = 11, fontWeight = 400 }, text) =>
    textWidth(`${text ?? ''}`, fontSize, `${fontWeight}`);
}

const widths = new Map<string, number>();

/** Width of one line of text, in SVG units. */
export function textWidth(text: string, fontSize: number, fontWeight = '400'): number {
  const key = `${fontSize} ${fontWeight} ${text}`;
  const width = widths.get(key) ?? measure(text, fontSize, fontWeight);
  widths.set(key, width);
  return width;
}

function measure(text: string, fontSize: number, fontWeight: string): number {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const style = `font-family="${FONT_NAME}" font-size="${fontSize}" font-weight="${fontWeight}"`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text y="5" ${style}>${escaped}</text></svg>`;
  return new Resvg(svg, { font }).getBBox()?.width ?? 0;
}
