// `npm run bench -- --teacher`: what averages cost whom needs them at every step, as a teacher or combined.
// The measuring is in teacher/cell.ts.

import { writeFileSync } from 'node:fs';
import { formatTable, Progress } from '../tools/shared/terminal.js';
import { describeMachine, machineLine } from './shared/machine.js';
import { runInProcess } from './shared/run-in-process.js';
import type { TeacherResult, TeacherTask } from './teacher/trials.js';
import { formatTime } from './update/report.js';

const LIMIT_S = 600;
const SHAPES = ['small-cnn', 'resnet-18-cifar'] as const;

function tableOf(results: readonly TeacherResult[]): string {
  const columns = [
    { title: '', align: 'left' as const },
    { title: 'median' },
    { title: 'times' },
    { title: 'quartiles' },
  ];
  const rows = results.map(({ name, medianUs, ratio: [low, median, high], of }) => [
    name,
    formatTime(medianUs),
    `${median.toFixed(2)} x ${of}`,
    `${low.toFixed(2)} to ${high.toFixed(2)}`,
  ]);
  return formatTable(columns, rows);
}

/** Measures both models, and writes what it found to the terminal and, with `json`, to a file. */
export async function benchTeacher({
  json,
  ...options
}: Omit<TeacherTask, 'shape'> & { readonly json: string | undefined }): Promise<void> {
  const progress = new Progress();
  const found: Record<string, readonly TeacherResult[]> = {};
  for (const shape of SHAPES) {
    progress.update(`${shape} ...`);
    const task: TeacherTask = { shape, ...options };
    const program = new URL('./teacher/process.ts', import.meta.url);
    const results = await runInProcess<readonly TeacherResult[]>(program, task, {
      threads: options.threads,
      limitS: LIMIT_S,
    });
    found[shape] = results;
    progress.clear();
    progress.log(`${shape}, ${options.threads} threads, ${options.clock} time\n${tableOf(results)}\n`);
  }
  const machine = describeMachine();
  progress.log(machineLine(machine));
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ machine, ...options, results: found }, null, 2)}\n`);
}
