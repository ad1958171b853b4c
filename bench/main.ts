// `npm run bench`: which cells to measure, one process each, and where the results go.
// The measuring is in cell.ts, the trials in trials.ts.

import { parseArgs } from 'node:util';
import { formatDuration, Progress } from '../tools/shared/terminal.js';
import { describeMachine } from './shared/machine.js';
import { runInProcess } from './shared/run-in-process.js';
import { networkByName, parametersOf } from './shared/shapes.js';
import { benchTeacher } from './teacher.js';
import { saveResultsChart } from './update/chart.js';
import { makeEnvironments } from './update/python.js';
import { formatCell, formatRun, type RunFile, writeRun } from './update/report.js';
import {
  CELL_LIMIT_S,
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
  takesPart,
} from './update/trials.js';

const HELP = `npm run bench -- [options]

  --quick               small-cnn and resnet-50 against the JavaScript engine; under a minute
  --shapes a,b          ${DEFAULT_SHAPES.join(', ')}, mlp, resnet-18-cifar
  --averages 1,2,5      numbers of averages K
  --threads 1,2         threads that each side may use; default: all cores, at most 8
  --contenders a,b      ${NODE_CONTENDERS.join(', ')}
  --python              also ${PYTHON_CONTENDERS.join(', ')};
                        makes their Python environments in the cache folder
                        Without --contenders, slow ones sit out where they would take minutes (takesPart in trials.ts)
  --teacher             reads, combinations and a teacher's step instead; with --cpu by the processor's time, for a busy machine
  --rounds ${DEFAULT_ROUNDS}           interleaved rounds
  --json FILE           writes the results
  --chart NAME          writes NAME.svg and NAME.png
`;

interface Options {
  readonly shapes: readonly string[];
  readonly averages: readonly number[];
  readonly threads: readonly number[];
  readonly contenders: readonly ContenderName[];
  /** The user has named the contenders: all of them take part everywhere. */
  readonly named: boolean;
  readonly rounds: number;
  readonly teacher: boolean;
  readonly cpu: boolean;
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
      teacher: flag,
      cpu: flag,
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
    named: values.contenders !== undefined,
    rounds,
    teacher: values.teacher,
    cpu: values.cpu,
    json: values.json,
    chart: values.chart,
  };
}

function cellsOf({ shapes, averages, threads, rounds, contenders, named }: Options): Cell[] {
  return shapes.flatMap((shape) => {
    const network = networkByName(shape);
    const size = { tensors: network.shapes.length, parameters: parametersOf(network.shapes) };
    return averages.flatMap((k) => {
      const present = contenders.filter((name) => named || takesPart(name, { shape, k, ...size }));
      return threads.map((count) => ({
        shape,
        shapes: network.shapes,
        k,
        threads: count,
        rounds,
        contenders: present,
      }));
    });
  });
}

interface Measured {
  readonly results: Result[];
  readonly versions: Record<string, string>;
  /** Cells that gave no results, with the reason. */
  readonly failures: string[];
}

/** Measures cell after cell, and writes a line for each as soon as it is done. A cell that fails does not end the run. */
async function measure(cells: readonly Cell[], progress: Progress): Promise<Measured> {
  const measured: Measured = { results: [], versions: {}, failures: [] };
  const start = performance.now();
  for (const [index, cell] of cells.entries()) {
    const name = `${cell.shape}, K = ${cell.k}, ${cell.threads} ${cell.threads === 1 ? 'thread' : 'threads'}`;
    const place = (): string =>
      `[${index + 1}/${cells.length}, ${formatDuration((performance.now() - start) / 1000)}] ${name}`;
    const onProgress = (text: string): void => progress.update(`${place()}: ${text}`);
    onProgress('starting');
    try {
      const options = { threads: cell.threads, limitS: CELL_LIMIT_S, onProgress };
      const report = await runInProcess<CellReport>(
        new URL('./update/cell-process.ts', import.meta.url),
        cell,
        options,
      );
      measured.results.push(...report.results);
      Object.assign(measured.versions, report.versions);
      progress.log(`${place()}: ${formatCell(report.results)}`);
      for (const { contender, reason } of report.skipped) progress.log(`  without ${contender}: ${reason}`);
    } catch (error) {
      measured.failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      progress.log(`${place()}: failed`);
    }
  }
  progress.clear();
  return measured;
}

async function main(): Promise<void> {
  const machine = describeMachine();
  const options = optionsFrom(process.argv.slice(2), machine.cores);
  const progress = new Progress();
  if (options === undefined) return progress.log(HELP);
  if (options.teacher) {
    const { rounds, json, cpu } = options;
    const [threads = 1] = options.threads;
    return benchTeacher({ rounds, json, threads, clock: cpu ? 'cpu' : 'wall' });
  }
  makeEnvironments(PYTHON_CONTENDERS.filter((name) => options.contenders.includes(name)));
  const { results, versions, failures } = await measure(cellsOf(options), progress);
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ');
  const run: RunFile = {
    command,
    machine: { ...machine, versions: { ...machine.versions, ...versions } },
    rounds: options.rounds,
    results,
  };
  progress.log(`\n${formatRun(run)}`);
  if (options.json !== undefined) writeRun(options.json, run);
  if (options.chart !== undefined) await saveResultsChart(run, options.chart);
  if (failures.length > 0) throw new Error(`${failures.length} cells failed:\n${failures.join('\n')}`);
}

await main();
