// The demo from data to files: load, train, test, save, report.
// Holds the order of the steps; the training is in training.ts, table and charts are those of `ema.report()`.

import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { EmaReport } from '../../src/index.js';
import { saveReport } from '../../src/report.js';
import { FONT_FILES, measureWithOurFont } from '../../tools/shared/charts/fonts.js';
import { formatDuration, Progress } from '../../tools/shared/terminal.js';
import { type Tf, tf } from '../../tools/shared/tfjs.js';
import { loadDataset } from '../data/index.js';
import { toTensors } from '../runs/batches.js';
import type { DemoOptions } from './options.js';
import { compile, type DemoRun, evaluate, percent, RECIPE, release, type Score, train } from './training.js';

/** What `--json` writes. */
export interface DemoFigures {
  readonly data: string;
  readonly dataReason: string;
  readonly mode: DemoOptions['mode'];
  readonly seed: number;
  readonly epochs: number;
  readonly images: { readonly train: number; readonly validation: number; readonly test: number };
  readonly learningRate: number;
  readonly momentum: number;
  /** On images that neither trained nor chose anything. */
  readonly test: TestScores;
  /** Of `fitDataset`, and of the whole program. */
  readonly fitSeconds: number;
  readonly seconds: number;
  readonly report: EmaReport;
}

/** The raw weights, the best average, and the same average saved and loaded again as any program would. */
export interface TestScores {
  readonly raw: Score;
  readonly best: Score;
  readonly reloaded: Score;
}

/**
 * Runs the demo, and writes what it finds to standard output and to the files that the options name.
 * @throws DataError, EmaError — the data or the engine that was asked for cannot be had.
 */
export async function runDemo(options: DemoOptions, progress = new Progress()): Promise<DemoFigures> {
  const begin = performance.now();
  const seconds = (): number => (performance.now() - begin) / 1000;
  const { dataset, reason } = await loadDataset(options.data, (line) => progress.log(line));
  progress.log(`data: ${dataset.name}; ${reason}`);
  const run = await train(tf, dataset, options, progress);
  try {
    const test = await testScores(tf, run, join(options.out, 'model'));
    const { train: trained, validation, test: tested } = run.samples;
    const count = { train: trained.indices.length, validation: validation.indices.length, test: tested.indices.length };
    const about = { data: dataset.name, dataReason: reason, mode: options.mode, seed: options.seed };
    const { learningRate, momentum } = RECIPE;
    const figures = {
      ...{ ...about, epochs: run.epochs, images: count, learningRate, momentum, test },
      ...{ fitSeconds: run.seconds, seconds: seconds(), report: run.ema.report() },
    };
    for (const line of ['', `${figures.report}`, '', ...conclusions(figures), '']) progress.log(line);
    progress.log(`Written: ${(await writeFiles(figures, options)).join(', ')}`);
    progress.log(`Done in ${formatDuration(seconds())}.`);
    return figures;
  } finally {
    run.dispose();
  }
}

async function testScores(tf: Tf, { samples, model, ema }: DemoRun, folder: string): Promise<TestScores> {
  const images = toTensors(tf, samples.test, samples);
  // tfjs takes what follows `file://` as a path as it stands, without URL escapes.
  const url = `file://${resolve(folder)}`;
  await mkdir(folder, { recursive: true });
  await ema.saveModel('best', url);
  const loaded = compile(tf, await tf.loadLayersModel(`${url}/model.json`));
  try {
    return {
      raw: evaluate(tf, model, images),
      best: await ema.use('best', (averaged) => evaluate(tf, averaged, images)),
      reloaded: evaluate(tf, loaded, images),
    };
  } finally {
    release(loaded);
    tf.dispose(images);
  }
}

/** What the figures mean, in sentences that are true of them whichever way they fell. */
export function conclusions({ test, images, fitSeconds, report }: DemoFigures): string[] {
  const { raw, best, reloaded } = test;
  const words = ({ accuracy, loss }: Score): string => `${percent(accuracy)} accuracy, loss ${loss.toFixed(4)}`;
  const isBetter = best.accuracy >= raw.accuracy && best.loss < raw.loss;
  const isSame = reloaded.accuracy === best.accuracy && reloaded.loss === best.loss;
  return [
    `On ${images.test.toLocaleString('en-US')} test images, which neither trained nor chose anything:`,
    `  raw weights   ${words(raw)}`,
    `  best average  ${words(best)}${isBetter ? '' : ': averaging did not win in this run'}`,
    `  saved as a plain tfjs model and loaded again, it gives ${isSame ? 'the same numbers' : `OTHER numbers: ${words(reloaded)}`}`,
    `Updates took ${percent(report.facts.seconds / fitSeconds)} of the time of training and validation.`,
    'The learning rate stays constant, which keeps the raw weights noisy; decayed to zero, it would leave averages less to gain.',
  ];
}

/** Writes report and figures; the model is there already. */
async function writeFiles(figures: DemoFigures, { out, json }: DemoOptions): Promise<string[]> {
  measureWithOurFont();
  const { files } = await saveReport(figures.report, out, { fontFiles: FONT_FILES });
  const written = [join(out, 'model', 'model.json'), ...files];
  if (json === undefined) return written;
  await mkdir(dirname(json), { recursive: true });
  await writeFile(json, `${JSON.stringify(figures, undefined, 2)}\n`);
  return [...written, json];
}
