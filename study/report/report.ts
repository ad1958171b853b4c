// The report of a study: plots as SVG and PNG, and one HTML page that holds everything.
// Puts parts together; each chart has its file.

import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { saveChart } from '../../tools/shared/charts/render.js';
import { unlessMissing } from '../findings/missing-data.js';
import type { Study } from '../plan/study.js';
import type { StoredCourse } from '../runs/store.js';
import { batchNormCharts } from './batch-norm-chart.js';
import type { Chart } from './chart.js';
import { courseCharts } from './course-charts.js';
import type { StudyDescription } from './description.js';
import { effectCharts } from './effect-chart.js';
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
  studies: readonly Study[],
  description: StudyDescription,
  folder: string,
): Promise<ReportFiles> {
  mkdirSync(folder, { recursive: true });
  const figures: Record<string, Figure[]> = {};
  const plots: string[] = [];
  const draw = async (domain: string, { name, caption, spec }: Chart): Promise<void> => {
    const prefix = domain === '' || domain === 'images' ? '' : `${domain}-`;
    const { svg } = await saveChart(spec, join(folder, 'plots', `${prefix}${name}`));
    figures[domain] = [...(figures[domain] ?? []), { svg: await readFile(svg, 'utf8'), caption }];
    plots.push(svg);
  };
  for (const chart of effectCharts(description.pooled)) await draw('', chart);
  for (const study of studies) for (const chart of chartsOf(study)) await draw(study.domain.id, chart);
  const report = join(folder, 'report.html');
  writeFileSync(report, reportPage(description, figures));
  return { report, plots };
}

/** The charts of a study, without those that miss data. */
export function chartsOf({ results, runs }: Study): Chart[] {
  const groups = [
    epochCharts,
    noiseCharts,
    reliabilityCharts,
    churnCharts,
    learningRateCharts,
    updateCharts,
    batchNormCharts,
  ];
  return [
    // What cannot be drawn is left out, as what cannot be judged is.
    ...groups.flatMap((charts) =>
      unlessMissing(
        () => charts(results),
        () => [],
      ),
    ),
    ...courseCharts(runs.filter((run): run is StoredCourse => 'errors' in run.result)),
  ];
}
