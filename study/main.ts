// `npm run study`: runs the study and writes its table, JSON, report and plots.
// Holds no training and no judgement.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UsageError } from '../tools/shared/option-checks.js';
import { formatDuration, Progress } from '../tools/shared/terminal.js';
import { DataError } from './data/index.js';
import { parseStudyOptions, USAGE } from './plan/options.js';
import { listRuns, runPart, runStudy, type Study } from './plan/study.js';
import { combineSections, describeStudy, type Section, type StudyDescription } from './report/description.js';
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
  const studies = await runStudy(options, progress);
  progress.clear();
  for (const { domain, findings } of studies) console.log(`\n${domain.title}\n${findingsTable(findings)}\n`);
  const command = ['npm run study --', ...argv].join(' ');
  const sections = studies.map((study) => describeStudy(study, command));
  const description = combineSections(sections);
  const files = await writeReport(studies, description, options.out);
  writeJson(join(options.out, 'study.json'), description);
  if (options.json !== undefined) writeJson(options.json, combineSections(sections, sectionsIn(options.json)));
  console.log(`${formatDuration(studies[0]?.seconds ?? 0)}; report: ${files.report}`);
  return exitCode(studies);
}

function writeJson(path: string, description: StudyDescription): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(description, null, 2)}\n`);
}

/** What a file holds of other domains stays. */
function sectionsIn(path: string): readonly Section[] {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as StudyDescription).sections : [];
}

function exitCode(studies: readonly Study[]): number {
  const broken = studies.flatMap(({ findings }) => findings).find(({ id, holds }) => id === 'F0' && holds === false);
  if (broken === undefined) return 0;
  console.error(`F0 does not hold: ${broken.words}`);
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
