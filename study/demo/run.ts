// The demo from data to files: load, train, test, save, report.
// Holds the order of the steps; each step has its own demo-*.ts.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { saveChart } from '../../tools/shared/charts/render.js';
import { formatDuration, Progress } from '../../tools/shared/terminal.js';
import { tf } from '../../tools/shared/tfjs.js';
import { type ImageDataset, loadDataset } from '../data/index.js';
import { toTensors } from './batches.js';
import { type DemoFigures, figuresOf, type RunContext } from './figures.js';
import type { DemoOptions } from './options.js';
import { conclusions, describeRun, resultTable, runCharts } from './report.js';
import { saveAndReload } from './saved.js';
import { type DemoRun, evaluate, type Score, train } from './training.js';

/**
 * Runs the demo, and writes what it finds to standard output and to the files that the options name.
 * @throws DataError, EmaError — the data or the engine that was asked for cannot be had.
 */
export async function runDemo(options: DemoOptions, progress = new Progress()): Promise<DemoFigures> {
  const begin = performance.now();
  const seconds = (): number => (performance.now() - begin) / 1000;
  const { dataset, reason } = await loadDataset(options.data, (line) => progress.log(line));
  progress.log(`data: ${dataset.name}; ${reason}`);
  const run = await train(tf, { ...dataset, ...dataset.train }, options, progress);
  try {
    const test = await testScores(run, dataset);
    const reloaded = await saveAndReload(tf, run, join(options.out, 'model'));
    const data = { name: dataset.name, reason };
    const context: RunContext = { data, mode: options.mode, seed: options.seed, test, reloaded, seconds: seconds() };
    const figures = figuresOf(run, context);
    for (const line of ['', ...describeRun(figures), '', resultTable(figures), '', ...conclusions(figures), '']) {
      progress.log(line);
    }
    const files = await writeFiles(run, figures, options);
    progress.log(`Written: ${files.join(', ')}`);
    progress.log(`Done in ${formatDuration(seconds())}.`);
    return figures;
  } finally {
    run.dispose();
  }
}

/** Scores on images that neither trained nor chose anything. */
async function testScores(run: DemoRun, { test, ...shape }: ImageDataset): Promise<RunContext['test']> {
  const indices = Uint32Array.from({ length: test.count }, (_, index) => index);
  const tensors = toTensors(tf, { ...shape, ...test }, { indices, levels: run.levels });
  const averages: Score[] = [];
  try {
    for (let index = 0; index < run.averages.length; index += 1) {
      averages.push(await run.ema.use({ index }, (model) => evaluate(tf, model, tensors)));
    }
    return { raw: evaluate(tf, run.model, tensors), averages };
  } finally {
    tf.dispose(tensors);
  }
}

/** Writes charts and figures; the model is there already. */
async function writeFiles(run: DemoRun, figures: DemoFigures, { out, json }: DemoOptions): Promise<string[]> {
  const files = [join(out, 'model', 'model.json')];
  for (const [name, spec] of Object.entries(runCharts(run, figures))) {
    const { svg, png } = await saveChart(spec, join(out, name));
    files.push(svg, png);
  }
  if (json === undefined) return files;
  await mkdir(dirname(json), { recursive: true });
  await writeFile(json, `${JSON.stringify(figures, undefined, 2)}\n`);
  return [...files, json];
}
