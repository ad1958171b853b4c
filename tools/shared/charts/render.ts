// Charts as files, drawn by the report's own renderer in the font that comes with the project.
// Knows no chart; writes only the files that it is told to.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { TopLevelSpec } from 'vega-lite';
import { specToSvg, svgToPng } from '../../../src/report/render.js';
import { FONT_FILES, measureWithOurFont } from './fonts.js';

/** The chart as SVG text. */
export function toSvg(spec: TopLevelSpec): Promise<string> {
  measureWithOurFont();
  return specToSvg({ ...spec });
}

/** Writes a chart as `<path>.svg` and `<path>.png`, making the folder, and returns both names. */
export async function saveChart(spec: TopLevelSpec, path: string): Promise<{ svg: string; png: string }> {
  const files = { svg: `${path}.svg`, png: `${path}.png` };
  const svg = await toSvg(spec);
  const png = await svgToPng(svg, { fontFiles: FONT_FILES });
  await mkdir(dirname(path), { recursive: true });
  await Promise.all([writeFile(files.svg, svg), writeFile(files.png, png)]);
  return files;
}
