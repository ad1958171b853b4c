// From a vega-lite specification to SVG, and from SVG to PNG.
// Knows no chart; writes only the files that it is told to.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { measureWithOurFont, resvgFont } from './fonts.js';

/** PNG pixels per SVG unit: sharp on dense screens. */
const PNG_ZOOM = 2;

/** The chart as SVG text. */
export async function toSvg(spec: TopLevelSpec): Promise<string> {
  measureWithOurFont();
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** SVG text of {@link toSvg} as PNG. */
export function toPng(svg: string): Buffer {
  return new Resvg(svg, { font: resvgFont, fitTo: { mode: 'zoom', value: PNG_ZOOM } }).render().asPng();
}

/** Writes a chart as `<path>.svg` and `<path>.png`, making the folder, and returns both names. */
export async function saveChart(spec: TopLevelSpec, path: string): Promise<{ svg: string; png: string }> {
  const files = { svg: `${path}.svg`, png: `${path}.png` };
  const svg = await toSvg(spec);
  await mkdir(dirname(path), { recursive: true });
  await Promise.all([writeFile(files.svg, svg), writeFile(files.png, toPng(svg))]);
  return files;
}
