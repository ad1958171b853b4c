// `npm run bench`: which cells to measure, one process each, and where the results go.
// The measuring is in cell.ts, the trials in trials.ts.

import { parseArgs } from 'node:util';
import { Progress } from '../study/terminal.js';
import { saveResultsChart } from './chart.js';
import { describeMachine } from './machine.js';
import { makeEnvironments } from './python.js';
import { formatRun, type RunFile, writeRun } from './report.js';
import { runInProcess } from './run-in-process.js';
import { networkByName } from './shapes.js';
import {
  type Cell,
  type CellReport,
  type ContenderName,
  DEFAULT_AVERAGES,
  DEFAULT_ROUNDS,
  DEFAULT_SHAPES,
  defaultThreads,
  NODE_CONTENDERS,
  PYTHON_CONTENDERS,
  QUICK,
  type Result,
} from './trials.js';

const HELP = `npm run bench -- [options]

  --quick               small-cnn and resnet-50 against the JavaScript engine; under a minute
  --shapes a,b          ${DEFAULT_SHAPES.join(', ')}, mlp, resnet-18-cifar
  --averages 1,2,5      numbers of averages K
  --threads 1,2         threads that each side may use; default: all cores, at most 8
  --contenders a,b      ${NODE_CONTENDERS.join(', ')}
  --python              also ${PYTHON_CONTENDERS.join(', ')};
                        makes their Python environments in the cache folder
  --rounds ${DEFAULT_ROUNDS}           interleaved rounds
  --json FILE           writes the results
  --chart NAME          writes NAME.svg and NAME.png
`;

interface Options {
  readonly shapes: readonly string[];
  readonly averages: readonly number[];
  readonly threads: readonly number[];
  readonly contenders: readonly ContenderName[];
  readonly rounds: number;
  readonly json: string | undefined;
  readonly chart: string | undefined;
}

function listOf(text: string | undefined): string[] | undefined {
  return text?.split(',').map((part) => part.trim());
}

function wholeNumbers(option: string, parts: readonly string[]): number[] {
  return parts.map((part) => {
    const value = Number(part);
    if (!Number.isInteger(value) || value < 1)
      throw new Error(`--${option}: expected whole numbers of at least 1, received '${part}'`);
    return value;
  });
}

function contendersOf(names: readonly string[]): ContenderName[] {
  const known: readonly string[] = [...NODE_CONTENDERS, ...PYTHON_CONTENDERS];
  const isKnown = (name: string): name is ContenderName => known.includes(name);
  return ['native', ...names.filter((name) => name !== 'native')].map((name) => {
    if (!isKnown(name)) throw new Error(`--contenders: expected some of ${known.join(', ')}, received '${name}'`);
    return name;
  });
}

/** @returns undefined when only help was asked for. */
function optionsFrom(args: readonly string[], cores: number): Options | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: flag,
      help: flag,
      python: flag,
      shapes: text,
      averages: text,
      threads: text,
      contenders: text,
      rounds: text,
      json: text,
      chart: text,
    },
  });
  if (values.help) return undefined;
  const defaults: readonly string[] = values.quick ? QUICK.contenders : NODE_CONTENDERS;
  const contenders = contendersOf(listOf(values.contenders) ?? defaults);
  const python = values.python ? PYTHON_CONTENDERS.filter((name) => !contenders.includes(name)) : [];
  const [rounds = DEFAULT_ROUNDS] = wholeNumbers('rounds', listOf(values.rounds) ?? []);
  return {
    shapes: listOf(values.shapes) ?? (values.quick ? QUICK.shapes : DEFAULT_SHAPES),
    averages: wholeNumbers(
      'averages',
      listOf(values.averages) ?? (values.quick ? QUICK.averages : DEFAULT_AVERAGES).map(String),
    ),
    threads: wholeNumbers('threads', listOf(values.threads) ?? [`${defaultThreads(cores)}`]),
    contenders: [...contenders, ...python],
    rounds,
    json: values.json,
    chart: values.chart,
  };
}

function cellsOf({ shapes, averages, threads, rounds, contenders }: Options): Cell[] {
  return shapes.flatMap((shape) => {
    const network = networkByName(shape);
    return averages.flatMap((k) =>
      threads.map((count) => ({ shape, shapes: network.shapes, k, threads: count, rounds, contenders })),
    );
  });
}

async function measure(
  cells: readonly Cell[],
  progress: Progress,
): Promise<{ results: Result[]; versions: Record<string, string> }> {
  const results: Result[] = [];
  const versions: Record<string, string> = {};
  for (const [index, cell] of cells.entries()) {
    progress.update(`${index + 1} of ${cells.length}: ${cell.shape}, K = ${cell.k}, ${cell.threads} threads`);
    const report = await runInProcess<CellReport>('cell-process.ts', cell, cell.threads);
    results.push(...report.results);
    Object.assign(versions, report.versions);
    for (const { contender, reason } of report.skipped)
      progress.log(`${cell.shape}, K = ${cell.k}: without ${contender}: ${reason}`);
  }
  progress.clear();
  return { results, versions };
}

async function main(): Promise<void> {
  const machine = describeMachine();
  const options = optionsFrom(process.argv.slice(2), machine.cores);
  const progress = new Progress();
  if (options === undefined) return progress.log(HELP);
  makeEnvironments(PYTHON_CONTENDERS.filter((name) => options.contenders.includes(name)));
  const { results, versions } = await measure(cellsOf(options), progress);
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ');
  const run: RunFile = {
    command,
    machine: { ...machine, versions: { ...machine.versions, ...versions } },
    rounds: options.rounds,
    results,
  };
  progress.log(formatRun(run));
  if (options.json !== undefined) writeRun(options.json, run);
  if (options.chart !== undefined) await saveResultsChart(run, options.chart);
}

await main();
