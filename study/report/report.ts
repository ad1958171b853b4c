// The report of a study: plots as SVG and PNG, and one HTML page that holds everything.
// Puts parts together; each chart has its file.

import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { saveChart } from '../../tools/shared/charts/render.js';
import type { Study } from '../plan/study.js';
import type { StudyDescription } from './description.js';
import { type Figure, reportPage } from './html.js';
import { churnCharts, noiseCharts, reliabilityCharts } from './model-charts.js';
import { epochCharts, learningRateCharts, updateCharts } from './training-charts.js';

/** Where the report is. */
export interface ReportFiles {
  readonly report: string;
  /** SVG files; each has a PNG beside it. */
  readonly plots: readonly string[];
}

/**
 * Writes `report.html` and `plots/*` into a folder.
 * @param folder made when it is not there.
 */
export async function writeReport(
  { results }: Study,
  description: StudyDescription,
  folder: string,
): Promise<ReportFiles> {
  const charts = [
    ...epochCharts(results),
    ...noiseCharts(results),
    ...reliabilityCharts(results),
    ...churnCharts(results),
    ...learningRateCharts(results),
    ...updateCharts(results),
  ];
  mkdirSync(folder, { recursive: true });
  const figures: Figure[] = [];
  const plots: string[] = [];
  for (const { name, caption, spec } of charts) {
    const { svg } = await saveChart(spec, join(folder, 'plots', name));
    figures.push({ svg: await readFile(svg, 'utf8'), caption });
    plots.push(svg);
  }
  const report = join(folder, 'report.html');
  writeFileSync(report, reportPage(description, figures));
  return { report, plots };
}
