// The benchmark's data and arithmetic: shapes against published figures, samples, contenders against the closed form.
// Times nothing.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { buildModel } from '../../bench/fit/models.js';
import { FIT_MODELS } from '../../bench/fit/trials.js';
import { describeGrowth, fitGrowth, predictUs } from '../../bench/growth/fit.js';
import { interleave, orderOf, type Runner, summarise } from '../../bench/shared/rounds.js';
import { runInProcess } from '../../bench/shared/run-in-process.js';
import { NETWORKS, networkByName, parametersOf } from '../../bench/shared/shapes.js';
import { resultsChart } from '../../bench/update/chart.js';
import { loadFloor } from '../../bench/update/floor.js';
import { insertTable, readmeTable } from '../../bench/update/readme-table.js';
import { formatRatio, formatTime, type RunFile, shareOfLimit } from '../../bench/update/report.js';
import { type Cell, NODE_CONTENDERS, type Result, takesPart } from '../../bench/update/trials.js';
import { toSvg } from '../../tools/shared/charts/render.js';
import { currentCommit } from '../../tools/shared/commit.js';

// What is compiled goes into a cache of its own: the home folder may not be writable.
const cache = mkdtempSync(join(tmpdir(), 'tfjs-ema-bench-'));
process.env['TFJS_EMA_CACHE'] = cache;
afterAll(() => rmSync(cache, { recursive: true }));

const hasCompiler = typeof loadFloor() !== 'string';

describe('shapes', () => {
  it.each(NETWORKS)('$name has the published number of weights and parameters', ({ shapes, published }) => {
    expect(shapes).toHaveLength(published.tensors);
    expect(parametersOf(shapes)).toBe(published.parameters);
  });

  it('an unknown name is answered with the known ones', () => {
    expect(() => networkByName('alexnet')).toThrow(/no shape 'alexnet'; there are tiny-20, small-cnn.*vgg-16/);
  });

  it.each(FIT_MODELS)('the model that is trained as $shape has these shapes', ({ shape }) => {
    const model = buildModel(shape);
    const sizes = (shapes: readonly (readonly (number | null)[])[]): string[] =>
      shapes.map((dims) => dims.join('x')).sort();
    expect(sizes(model.trainableWeights.map((weight) => weight.shape))).toEqual(sizes(networkByName(shape).shapes));
    model.dispose();
  });

  it('are exported as JSON for programs in other languages', () => {
    const script = fileURLToPath(new URL('../../bench/export-shapes.ts', import.meta.url));
    const text = execFileSync(process.execPath, ['--import', 'tsx', script], { encoding: 'utf8', maxBuffer: 2 ** 24 });
    const { networks } = JSON.parse(text) as { networks: { name: string; tensors: number; parameters: number }[] };
    expect(networks.find(({ name }) => name === 'resnet-50')).toMatchObject({ tensors: 161, parameters: 25_557_032 });
  });
});

describe('trials', () => {
  const large = { shape: 'gpt-2', tensors: 148, parameters: 124_439_808 };

  it('slow rivals sit out where one update takes half a second, js never does', () => {
    expect(takesPart('tf.movingAverage', { ...large, k: 1 })).toBe(true);
    expect(takesPart('tf.movingAverage', { ...large, k: 2 })).toBe(false);
    expect(takesPart('tidy', { shape: 'tiny-10000', tensors: 10_000, parameters: 160_000, k: 1 })).toBe(false);
    expect(takesPart('js', { ...large, k: 5 })).toBe(true);
  });

  it("Python's contenders take part in three shapes, with one average and with five", () => {
    const small = { shape: 'small-cnn', tensors: 20, parameters: 93_994 };
    expect([1, 2, 5].filter((k) => takesPart('torch-foreach-lerp', { ...small, k }))).toEqual([1, 5]);
    expect(takesPart('numpy', { ...large, k: 1 })).toBe(false);
  });

  it('a process that takes too long is ended, and the message says so', async () => {
    const late = runInProcess(
      new URL('../../bench/update/cell-process.ts', import.meta.url),
      {},
      { threads: 1, limitS: 0.01 },
    );
    await expect(late).rejects.toThrow(/cell-process.ts ended without a report \(not done after 0.01 s\)/);
  });
});

describe('rounds', () => {
  it('run every contender once a round, in an order that changes', async () => {
    const order: string[] = [];
    const runner = (name: string): Runner => ({
      name,
      time: (repeats) => {
        order.push(name);
        return 100_000 * repeats;
      },
    });
    const samples = await interleave([runner('a'), runner('b'), runner('c')], { rounds: 4, sampleUs: 1 });
    expect(order.slice(-12).join('')).toBe('abccbabcaacb');
    expect(samples.get('b')).toEqual([100_000, 100_000, 100_000, 100_000]);
  });

  it('repeat what is faster than the clock can tell, and count one run', async () => {
    const asked: number[] = [];
    const quick: Runner = {
      name: 'quick',
      time: (repeats) => {
        asked.push(repeats);
        return 2 * repeats;
      },
    };
    const samples = await interleave([quick], { rounds: 1, sampleUs: 1000 });
    expect(asked.at(-1)).toBe(500);
    expect(samples.get('quick')).toEqual([2]);
  });

  it('compare samples round by round', () => {
    // The second round is ten times slower for both: its ratio is not.
    expect(summarise([4, 40, 6], [2, 20, 2])).toEqual({ medianUs: 6, minUs: 4, ratio: 2 });
    expect(() => summarise([1], [1, 2])).toThrow(/as many samples/);
  });

  it('have no order to choose where nobody takes part', () => {
    expect(orderOf([], 3)).toEqual([]);
  });
});

const machine: RunFile['machine'] = {
  cpu: 'a processor',
  cores: 2,
  memoryGb: 8,
  os: 'linux',
  versions: { node: '20' },
  kernel: 'avx2',
  commit: 'abc',
  date: '2026-01-01',
  load: 0,
};

function result(contender: Result['contender'], ratio: number): Result {
  return { shape: 'resnet-50', k: 1, contender, medianUs: 8000 * ratio, minUs: 7000, ratio, gbPerS: 1, threads: 2 };
}

const run: RunFile = {
  command: 'npm run bench',
  machine,
  rounds: 25,
  results: [result('native', 1), result('js', 6.184), result('scale', 0.6)],
};

describe('report', () => {
  it('gives the share of the limit as rates of bytes', () => {
    // Native moves 12 bytes in 1, the loop 8 in 0.6: 0.9 of its rate.
    expect(shareOfLimit(run.results, result('native', 1))).toBeCloseTo(0.9, 12);
    expect(shareOfLimit([], result('native', 1))).toBeUndefined();
  });

  it('writes times and ratios with the digits that mean something', () => {
    expect([19.44, 941, 8126, 53_170, 999_400, 1_250_000].map(formatTime)).toEqual([
      '19.4 us',
      '941 us',
      '8.13 ms',
      '53.2 ms',
      '999 ms',
      '1.25 s',
    ]);
    expect([0.784, 6.18, 67.11, 141.6].map(formatRatio)).toEqual(['0.78', '6.18', '67.1', '142']);
  });

  it("makes README's table from a run and puts it between the marks", () => {
    const table = readmeTable(run);
    expect(table).toContain('| ResNet-50, ImageNet | 25.6 M | 1 | **8.00 ms** | 6.18x |');
    expect(table).toContain('a processor, 2 cores');
    const text = 'a\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nb';
    expect(insertTable(text, 'new')).toBe('a\n<!-- bench:begin -->\nnew\n<!-- bench:end -->\nb');
    expect(() => insertTable('no marks', 'new')).toThrow(/bench:begin/);
  });

  it('draws rivals, not limits', async () => {
    const svg = await toSvg(resultsChart(run));
    expect(svg).toContain('contender: js');
    expect(svg).not.toContain('contender: scale');
  });
});

describe('the commit', () => {
  it('is named with its changes, and is none outside a checkout', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-commit-'));
    const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, stdio: 'pipe', encoding: 'utf8' });
    try {
      expect(currentCommit(folder)).toBeUndefined();
      git('init');
      writeFileSync(join(folder, 'file'), 'a');
      git('add', 'file');
      git('-c', 'user.name=a', '-c', 'user.email=a@b.c', '-c', 'commit.gpgsign=false', 'commit', '-m', 'a');
      const hash = git('rev-parse', '--short=10', 'HEAD').trim();
      expect(currentCommit(folder)).toBe(hash);
      writeFileSync(join(folder, 'file'), 'b');
      expect(currentCommit(folder)).toBe(`${hash} with changes`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('growth', () => {
  it('finds the constant and the rate again', () => {
    const points = [10, 1e5, 1e7, 1e8, 3e8, 1e9].map((bytes) => ({ k: 1, bytes, medianUs: 9 + bytes / 40 / 1e3 }));
    const growth = fitGrowth(points);
    expect(growth.constantUs).toBeCloseTo(9, 2);
    expect(growth.memoryGbPerS).toBeCloseTo(40, 3);
    expect(growth.cachedGbPerS).toBeCloseTo(40, 3);
    expect(growth.exponent).toBeCloseTo(1, 4);
    expect(predictUs(9, 40, 1e8)).toBeCloseTo(2509, 6);
    expect(describeGrowth(growth)).toBe('9.0 us per call + bytes / 40.0 GB/s from memory, 40 GB/s from caches');
  });

  it('refuses points that say nothing about the rate', () => {
    expect(() => fitGrowth([{ k: 1, bytes: 10, medianUs: 9 }])).toThrow(/two from/);
  });
});

describe('a cell', () => {
  const shapes = [[3, 5], [7], [64, 33]];
  const cell: Cell = { shape: 'test', shapes, k: 2, threads: 1, rounds: 2, contenders: NODE_CONTENDERS };

  it.runIf(hasCompiler)('measures every contender, each of which computes the average', async () => {
    const { measureCell } = await import('../../bench/update/cell.js');
    // It throws where a contender's average is not what its number of updates makes of it.
    const { results, skipped, versions } = await measureCell(cell);
    expect(skipped).toEqual([]);
    // The plain loop makes one average, this cell has two.
    const expected = NODE_CONTENDERS.filter((name) => name !== 'plain-loop');
    expect(results.map(({ contender }) => contender)).toEqual(expected);
    expect(results[0]).toMatchObject({ contender: 'native', ratio: 1, k: 2, threads: 1 });
    for (const { medianUs, minUs } of results) expect(medianUs).toBeGreaterThanOrEqual(minUs);
    expect(versions['tensorflow']).toMatch(/^2\./);
  });
});
