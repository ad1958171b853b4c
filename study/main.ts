// `npm run study`: runs the study and writes its table, JSON, report and plots.
// Holds no training and no judgement.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UsageError } from '../tools/shared/option-checks.js';
import { formatDuration, Progress } from '../tools/shared/terminal.js';
import { DataError } from './data/index.js';
import { parseStudyOptions, USAGE } from './plan/options.js';
import { listRuns, runPart, runStudy, type Study } from './plan/study.js';
import { describeStudy } from './report/description.js';
import { writeReport } from './report/report.js';
import { findingsTable } from './report/table.js';

/** What main returns where the promise that averaging leaves training alone is broken (F0). */
const BROKEN = 1;
const USAGE_ERROR = 2;

async function main(argv: readonly string[]): Promise<number> {
  const options = parseStudyOptions(argv);
  if (options.help) {
    console.log(USAGE);
    return 0;
  }
  if (options.list) {
    process.stdout.write(listRuns(options));
    return 0;
  }
  const progress = new Progress();
  if (options.part !== undefined) {
    const { finished, all } = await runPart(options, options.part, progress);
    progress.clear();
    console.log(
      `${finished} of ${all} runs are finished; the same without --run and --shard trains the rest and reports.`,
    );
    return 0;
  }
  const [study] = await runStudy(options, progress);
  if (study === undefined) return 0;
  progress.clear();
  console.log(`\n${findingsTable(study.findings)}\n`);
  const description = describeStudy(study, ['npm run study --', ...argv].join(' '));
  const files = await writeReport(study, description, options.out);
  const json = `${JSON.stringify(description, null, 2)}\n`;
  for (const path of [join(options.out, 'study.json'), ...(options.json === undefined ? [] : [options.json])]) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, json);
  }
  console.log(`${formatDuration(study.seconds)}; report: ${files.report}`);
  return exitCode(study);
}

function exitCode({ findings }: Study): number {
  const outside = findings.find(({ id }) => id === 'F0');
  if (outside?.holds !== false) return 0;
  console.error(`F0 does not hold: ${outside.words}`);
  return BROKEN;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    if (error instanceof UsageError || error instanceof DataError) console.error(error.message);
    else console.error(error);
    process.exitCode = error instanceof UsageError ? USAGE_ERROR : BROKEN;
  },
);
