// From a chart's specification to SVG, PNG and HTML, with packages that are used where they are installed and only then loaded.
// Knows no chart; writes no files.

import type { TopLevelSpec } from 'vega-lite';
import { codeOf, EmaError } from '../base/errors.js';
import { toJson } from '../base/json.js';
import type { ChartSpec } from './charts.js';
import type { ReportData } from './data.js';
import { escapeHtml, htmlPage } from './html.js';

/** How charts become pictures. */
export interface RenderOptions {
  /** TrueType files for PNG, where the machine has no fonts. @defaultValue the fonts of the machine */
  readonly fontFiles?: readonly string[];
}

/** PNG pixels per SVG unit: sharp on dense screens. */
const PNG_ZOOM = 2;

/** A package of the machine where the program runs: named at run time, so that no bundler looks for it. */
function installed<T>(name: string): Promise<T> {
  return import(/* webpackIgnore: true */ name);
}

/**
 * Loads packages that may be missing.
 * @param packages their names, for the message.
 * @throws `EmaError` MISSING_PACKAGE — one is not installed.
 */
export async function optional<T>(packages: readonly string[], load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if (!/^(ERR_)?MODULE_NOT_FOUND$/.test(codeOf(cause))) throw cause;
    const names = packages.join(' and ');
    throw new EmaError(
      'MISSING_PACKAGE',
      `report: expected ${names} to be installed, which draw its charts: npm install --save-dev ${packages.join(' ')}. ` +
        'The table and chartsOf() work without.',
      { cause },
    );
  }
}

/**
 * A specification as SVG text.
 * @throws `EmaError` MISSING_PACKAGE
 */
export async function specToSvg(spec: ChartSpec): Promise<string> {
  const load = () =>
    Promise.all([installed<typeof import('vega')>('vega'), installed<typeof import('vega-lite')>('vega-lite')]);
  const [vega, vegaLite] = await optional(['vega', 'vega-lite'], load);
  if (!isSpec(spec)) throw new EmaError('INVALID_ARGUMENT', 'spec: expected a vega-lite specification.');
  const view = new vega.View(vega.parse(vegaLite.compile(spec).spec), { renderer: 'none' });
  const restore = measureByLetters(vega);
  try {
    return await view.toSVG();
  } finally {
    restore();
    view.finalize();
  }
}

/**
 * SVG text as a PNG image.
 * @throws `EmaError` MISSING_PACKAGE
 */
export async function svgToPng(svg: string, { fontFiles }: RenderOptions = {}): Promise<Uint8Array> {
  const { Resvg } = await optional(['@resvg/resvg-js'], () =>
    installed<typeof import('@resvg/resvg-js')>('@resvg/resvg-js'),
  );
  const font = fontFiles === undefined ? {} : { fontFiles: [...fontFiles], loadSystemFonts: false };
  return new Resvg(svg, { font, fitTo: { mode: 'zoom', value: PNG_ZOOM } }).render().asPng();
}

/** One page that loads nothing. */
export function toPage({
  data,
  table,
  pictures,
}: {
  readonly data: ReportData;
  readonly table: string;
  readonly pictures: readonly string[];
}): string {
  const title = `Averages of ${data.facts.steps} steps`;
  // In a script nothing is escaped, so that nothing may end it.
  const json = toJson(data).replaceAll('<', '\\u003c');
  const body = [
    `<h1>${title}</h1>`,
    ...pictures.map((svg) => `<figure>${svg}</figure>`),
    `<pre>${escapeHtml(table)}</pre>`,
    `<script type="application/json" id="report">${json}</script>`,
  ];
  return htmlPage({ title, body });
}

/** Ours are: the types of charts.ts do not name vega-lite because few users have it. */
function isSpec(spec: object): spec is TopLevelSpec {
  return 'layer' in spec || 'mark' in spec || 'facet' in spec || 'vconcat' in spec;
}

/** Widths of letters in a common sans-serif font, in em. */
const NARROW = /[ijlIft.,:;|!'()[\]\-/ ]/;
const WIDE = /[mwMW%@−]/;

/**
 * Without a canvas vega takes 0.8 em for each letter, which leaves half of a legend's width empty. While a chart is drawn, letters are
 * measured by kind; a canvas measures better, and is left alone.
 * @returns what puts vega's own measure back.
 */
function measureByLetters(vega: object): () => void {
  const metrics: unknown = Reflect.get(vega, 'textMetrics');
  const isKnown = typeof metrics === 'object' && metrics !== null && 'width' in metrics && 'estimateWidth' in metrics;
  if (!isKnown || metrics.width !== metrics.estimateWidth) return () => undefined;
  const own = metrics.width;
  metrics.width = (item: { readonly fontSize?: number }, text: unknown): number =>
    [...`${text ?? ''}`].reduce((sum, letter) => sum + widthOf(letter), 0) * (item.fontSize ?? 11);
  return () => {
    metrics.width = own;
  };
}

function widthOf(letter: string): number {
  if (NARROW.test(letter)) return 0.3;
  return WIDE.test(letter) ? 0.85 : 0.57;
}
