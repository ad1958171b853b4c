// `npx tsx bench/fit.ts`: what the averages cost a training step, by model, engine, K and T.
// The training is in fit-cell.ts.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { formatTable, Progress } from '../tools/shared/terminal.js';
import { FIT_MODELS, type FitModel, type FitReport, type FitResult, type FitTask } from './fit/trials.js';
import { describeMachine, machineLine } from './shared/machine.js';
import { runInProcess } from './shared/run-in-process.js';
import { formatTime } from './update/report.js';
import { DEFAULT_ROUNDS, defaultThreads } from './update/trials.js';

/** A model that takes longer has failed, in seconds. */
const MODEL_LIMIT_S = 1800;

const HELP = `npx tsx bench/fit.ts [options]

  --models a,b     ${FIT_MODELS.map(({ shape }) => shape).join(', ')}
  --rounds ${DEFAULT_ROUNDS}       interleaved rounds
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

function modelsByName(names: string | undefined): readonly FitModel[] {
  if (names === undefined) return FIT_MODELS;
  return names.split(',').map((name) => {
    const found = FIT_MODELS.find(({ shape }) => shape === name.trim());
    if (found === undefined) {
      throw new Error(
        `--models: expected some of ${FIT_MODELS.map(({ shape }) => shape).join(', ')}, received '${name}'`,
      );
    }
    return found;
  });
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { models: text, rounds: text, json: text, help: { type: 'boolean' } } });
  const progress = new Progress();
  if (values.help === true) return progress.log(HELP);
  const rounds = Number(values.rounds ?? DEFAULT_ROUNDS);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds: expected a whole number of at least 1, received '${values.rounds}'`);
  const before = describeMachine();
  const results: FitResult[] = [];
  const versions: Record<string, string> = {};
  for (const model of modelsByName(values.models)) {
    progress.update(model.shape);
    const task: FitTask = { model, rounds };
    const report = await runInProcess<FitReport>(new URL('./fit/process.ts', import.meta.url), task, {
      threads: defaultThreads(before.cores),
      limitS: MODEL_LIMIT_S,
      onProgress: (text) => progress.update(`${model.shape}: ${text}`),
    });
    results.push(...report.results);
    Object.assign(versions, report.versions);
  }
  const machine = { ...before, versions: { ...before.versions, ...versions } };
  progress.log(`${machineLine(machine)}\n\n${format(results)}\n`);
  progress.log(
    `medians of ${rounds} interleaved rounds of model.fit with SGD; 'share of step': time inside our hooks over the whole.`,
  );
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ machine, rounds, results }, null, 2)}\n`);
}

await main();
