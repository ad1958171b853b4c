// `npx tsx bench/growth.ts`: how the cost of an update grows with the bytes it moves, from 1e5 to 1e9.
// The measuring is in cell.ts, the fit in growth-fit.ts.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { saveChart } from '../tools/shared/charts/render.js';
import { formatTable, Progress } from '../tools/shared/terminal.js';
import { growthChart } from './growth/chart.js';
import { BEYOND_CACHE, describeGrowth, fitGrowth, type Growth, type GrowthPoint, predictUs } from './growth/fit.js';
import { describeMachine, machineLine } from './shared/machine.js';
import { runInProcess } from './shared/run-in-process.js';
import { formatTime } from './update/report.js';
import {
  bytesPerParameter,
  CELL_LIMIT_S,
  type Cell,
  type CellReport,
  DEFAULT_ROUNDS,
  defaultThreads,
} from './update/trials.js';

const HELP = `npx tsx bench/growth.ts [options]

  --most 1e9       bytes of the largest update
  --rounds ${DEFAULT_ROUNDS}      rounds per size
  --json FILE      writes the points and the fit
  --chart NAME     writes NAME.svg and NAME.png
`;

/** The same number of weights at every size: what grows is only their length. */
const WEIGHTS = 20;
const AVERAGES = [1, 5] as const;
const LEAST_BYTES = 1e5;
/** The fit needs two sizes beyond the caches. */
const LEAST_MOST = 4e8;
/** Sizes per power of ten. */
const PER_DECADE = 2;

interface Run {
  readonly points: readonly GrowthPoint[];
  readonly versions: Readonly<Record<string, string>>;
}

function sizesUpTo(most: number): number[] {
  const count = Math.round(PER_DECADE * Math.log10(most / LEAST_BYTES)) + 1;
  return Array.from({ length: count }, (_, i) => LEAST_BYTES * 10 ** (i / PER_DECADE));
}

function cellOf(shapes: Cell['shapes'], k: number, { rounds, threads }: { rounds: number; threads: number }): Cell {
  return { shape: 'growth', shapes, k, threads, rounds, contenders: ['native'] };
}

async function measure(cell: Cell): Promise<{ medianUs: number; versions: CellReport['versions'] }> {
  const { results, versions } = await runInProcess<CellReport>(
    new URL('./update/cell-process.ts', import.meta.url),
    cell,
    {
      threads: cell.threads,
      limitS: CELL_LIMIT_S,
    },
  );
  const [native] = results;
  if (native === undefined) throw new Error('the native engine did not take part: is the addon built?');
  return { medianUs: native.medianUs, versions };
}

function weightsOfLength(length: number): number[][] {
  return Array.from({ length: WEIGHTS }, () => [length]);
}

async function measureAll(
  most: number,
  options: { rounds: number; threads: number },
  progress: Progress,
): Promise<Run> {
  const points: GrowthPoint[] = [];
  const versions: Record<string, string> = {};
  for (const k of AVERAGES) {
    for (const size of [0, ...sizesUpTo(most)]) {
      // Size 0 stands for weights of one element: what a call costs without work.
      const length = Math.max(1, Math.round(size / bytesPerParameter(k) / WEIGHTS));
      progress.update(`K = ${k}, ${size.toExponential(1)} bytes`);
      const measured = await measure(cellOf(weightsOfLength(length), k, options));
      points.push({ k, bytes: WEIGHTS * length * bytesPerParameter(k), medianUs: measured.medianUs });
      Object.assign(versions, measured.versions);
    }
  }
  progress.clear();
  return { points, versions };
}

function format(points: readonly GrowthPoint[], growth: Growth): string {
  const columns = [
    { title: 'K' },
    { title: 'bytes' },
    { title: 'time' },
    { title: 'GB/s' },
    { title: 'time / memory line' },
  ];
  const rows = points.map((point) => [
    `${point.k}`,
    point.bytes.toExponential(2),
    formatTime(point.medianUs),
    (point.bytes / point.medianUs / 1e3).toFixed(1),
    (point.medianUs / predictUs(growth.constantUs, growth.memoryGbPerS, point.bytes)).toFixed(2),
  ]);
  const power = `from ${BEYOND_CACHE.toExponential(0)} bytes on, time grows as bytes to the power of ${growth.exponent.toFixed(3)}`;
  return `${formatTable(columns, rows)}\n\n${describeGrowth(growth)};\n${power}`;
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { most: text, rounds: text, json: text, chart: text, help: { type: 'boolean' } },
  });
  const progress = new Progress();
  if (values.help === true) return progress.log(HELP);
  const most = Number(values.most ?? 1e9);
  const rounds = Number(values.rounds ?? DEFAULT_ROUNDS);
  if (!(most >= LEAST_MOST && most <= 1e10))
    throw new Error(`--most: expected bytes from 4e8 to 1e10, received '${values.most}'`);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds: expected a whole number of at least 1, received '${values.rounds}'`);
  const before = describeMachine();
  const { points, versions } = await measureAll(most, { rounds, threads: defaultThreads(before.cores) }, progress);
  const machine = { ...before, versions: { ...before.versions, ...versions } };
  const growth = fitGrowth(points);
  progress.log(`${machineLine(machine)}\n\n${format(points, growth)}`);
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ machine, rounds, growth, points }, null, 2)}\n`);
  if (values.chart !== undefined) await saveChart(growthChart(points, growth, machine), values.chart);
}

await main();
