// A report as pictures and files.
// Knows no chart and no format by itself.

import { checkNames, fieldOf, invalid } from '../base/argument.js';
import { builtin } from '../base/builtin.js';
import { EmaError, messageOf } from '../base/errors.js';
import { toJson } from '../base/json.js';
import { type ReportChart, reportCharts } from './charts.js';
import type { ReportData } from './data.js';
import { type RenderOptions, specToSvg, svgToPng, toPage } from './render.js';
import { reportTable } from './table.js';

const NAMES: readonly string[] = ['fontFiles'] satisfies readonly (keyof RenderOptions)[];

/** What {@link saveReport} wrote. */
export interface SavedReport {
  /** Paths of the files. */
  readonly files: readonly string[];
  /** Why some were left out, such as a package that is not installed; empty when none was. */
  readonly leftOut: string;
}

/**
 * The charts as vega-lite specifications, data included: for any tool that draws those. `metric-<name>` for each metric of the
 * epochs; `distance` and `signal-to-noise` where there are two diagnoses.
 * @throws `EmaError` INVALID_ARGUMENT — it is no report.
 */
export function chartsOf(report: ReportData): readonly ReportChart[] {
  if (!Array.isArray(fieldOf(report, 'epochs'))) throw invalid('report', 'what ema.report() gives', report);
  return reportCharts(report);
}

/**
 * A chart as SVG text. It needs the packages vega and vega-lite, which are not among our dependencies.
 * @param name of one of {@link chartsOf}.
 * @throws `EmaError` MISSING_PACKAGE — with what to install.
 * @throws `EmaError` INVALID_ARGUMENT — there is no such chart; the message lists them.
 */
export async function toSvg(report: ReportData, name: string): Promise<string> {
  return specToSvg(chartOf(report, name).spec);
}

/**
 * A chart as a PNG image. It needs the packages vega, vega-lite and @resvg/resvg-js, which are not among our dependencies.
 * @param name of one of {@link chartsOf}.
 * @param options fonts, for machines without any.
 * @throws `EmaError` as {@link toSvg}
 */
export async function toPng(report: ReportData, name: string, options: RenderOptions = {}): Promise<Uint8Array> {
  checkNames(options, NAMES);
  return svgToPng(await toSvg(report, name), options);
}

/**
 * All of it as one HTML file that loads nothing: table, charts, and the data as JSON.
 * @throws `EmaError` MISSING_PACKAGE — with what to install.
 */
export async function toHtml(report: ReportData): Promise<string> {
  return pageOf(report, await drawn(chartsOf(report)));
}

/**
 * Writes `report.json`, `report.txt` and every chart's specification into a folder; with vega and vega-lite installed also
 * `report.html` and the charts as SVG, with @resvg/resvg-js as PNG. Numbers that JSON does not have are texts in `report.json`: `'NaN'`, and
 * `'Infinity'` as half-life of what is not exponential.
 * @param folder made where it does not exist.
 * @param options fonts, for machines without any.
 * @throws `EmaError` INVALID_ARGUMENT — it is no report or no folder, or an option is wrong.
 * @throws `EmaError` CHECKPOINT — a file cannot be written; those before it are there.
 * @throws `EmaError` MISSING_PACKAGE — there are no files here, as in a browser.
 */
export async function saveReport(
  report: ReportData,
  folder: string,
  options: RenderOptions = {},
): Promise<SavedReport> {
  const fs = builtin('node:fs/promises');
  const { join, resolve } = builtin('node:path');
  checkNames(options, NAMES);
  if (typeof folder !== 'string' || folder === '') throw invalid('folder', "a folder such as 'report'", folder);
  const charts = chartsOf(report);
  const files: string[] = [];
  // The path of the call: drawing takes time, in which the program may go elsewhere.
  const place = resolve(folder);
  await fs.mkdir(place, { recursive: true }).catch((cause: unknown) => notWritten(folder, cause));
  const write = async (name: string, content: string | Uint8Array): Promise<void> => {
    const path = join(folder, name);
    await fs.writeFile(join(place, name), content).catch((cause: unknown) => notWritten(path, cause));
    files.push(path);
  };
  await write('report.json', `${toJson(report, 1)}\n`);
  await write('report.txt', `${reportTable(report)}\n`);
  for (const { name, spec } of charts) await write(`${name}.vl.json`, `${JSON.stringify(spec, undefined, 1)}\n`);
  try {
    const pictures = await drawn(charts);
    await write('report.html', pageOf(report, pictures));
    for (const [index, svg] of pictures.entries()) await write(`${charts[index]?.name}.svg`, svg);
    for (const [index, svg] of pictures.entries())
      await write(`${charts[index]?.name}.png`, await svgToPng(svg, options));
  } catch (error) {
    if (error instanceof EmaError && error.code === 'MISSING_PACKAGE') return { files, leftOut: error.message };
    throw error;
  }
  return { files, leftOut: '' };
}

async function drawn(charts: readonly ReportChart[]): Promise<readonly string[]> {
  const pictures: string[] = [];
  for (const { spec } of charts) pictures.push(await specToSvg(spec));
  return pictures;
}

function pageOf(report: ReportData, pictures: readonly string[]): string {
  return toPage({ data: report, table: reportTable(report), pictures });
}

function notWritten(path: string, cause: unknown): never {
  throw new EmaError('CHECKPOINT', `${path}: expected to write it, but: ${messageOf(cause)}. Save it elsewhere.`, {
    cause,
  });
}

function chartOf(report: ReportData, name: string): ReportChart {
  const charts = chartsOf(report);
  const found = charts.find((chart) => chart.name === name);
  if (found !== undefined) return found;
  const names = charts.map((chart) => `'${chart.name}'`).join(', ');
  const expected = names === '' ? 'a report with validations or diagnoses, which have charts' : `one of ${names}`;
  throw new EmaError('INVALID_ARGUMENT', `name: expected ${expected}, received '${name}'.`);
}
