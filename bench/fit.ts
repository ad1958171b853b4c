// `npm run bench:fit`: what the averages cost a training step, by model, engine, K and T.
// The training is in fit-cell.ts.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { formatTable, Progress } from '../study/terminal.js';
import { FIT_MODELS } from './fit-models.js';
import type { FitReport, FitResult, FitTask } from './fit-trials.js';
import { describeMachine, machineLine } from './machine.js';
import { formatTime } from './report.js';
import { runInProcess } from './run-in-process.js';

const HELP = `npm run bench:fit -- [options]

  --models a,b     ${FIT_MODELS.map(({ shape }) => shape).join(', ')}
  --rounds 5       interleaved rounds
  --json FILE      writes the results
`;

function format(results: readonly FitResult[]): string {
  const columns = [
    { title: 'model', align: 'left' as const },
    { title: 'batch' },
    { title: 'contender', align: 'left' as const },
    { title: 'step' },
    { title: 'in our hooks' },
    { title: 'share of step' },
    { title: 'step / none' },
  ];
  const rows = results.map(({ shape, batchSize, contender, stepMs, hookUs, share, ratio }) => [
    shape,
    `${batchSize}`,
    contender,
    formatTime(1000 * stepMs),
    formatTime(hookUs),
    `${(100 * share).toFixed(3)} %`,
    ratio.toFixed(3),
  ]);
  return formatTable(columns, rows);
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { models: text, rounds: text, json: text, help: { type: 'boolean' } } });
  const progress = new Progress();
  if (values.help === true) return progress.log(HELP);
  const rounds = Number(values.rounds ?? 5);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds: expected a whole number of at least 1, received '${values.rounds}'`);
  const machine = describeMachine();
  const results: FitResult[] = [];
  for (const shape of values.models?.split(',') ?? FIT_MODELS.map((model) => model.shape)) {
    progress.update(shape);
    const task: FitTask = { shape, rounds };
    const report = await runInProcess<FitReport>('fit-process.ts', task, machine.cores);
    results.push(...report.results);
  }
  progress.log(`${machineLine(machine)}\n\n${format(results)}\n`);
  progress.log(
    `medians of ${rounds} interleaved rounds of model.fit with SGD; 'share of step': time inside our hooks over the whole.`,
  );
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ machine, rounds, results }, null, 2)}\n`);
}

await main();
