// README's table of speed, from a run's file: `tsx bench/update/readme-table.ts RESULTS.json [README.md]`.
// With a second argument it replaces what stands between the two marks in that file; measures nothing.

import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { machineLine } from '../shared/machine.js';
import { networkByName, parametersOf } from '../shared/shapes.js';
import { find, formatRatio, formatTime, type RunFile, readRun } from './report.js';
import type { ContenderName } from './trials.js';

const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

const COLUMNS: readonly { contender: ContenderName; title: string }[] = [
  { contender: 'js', title: 'JavaScript engine' },
  { contender: 'tf.movingAverage', title: '`tf.movingAverage`' },
  { contender: 'torch-foreach-lerp', title: 'torch `_foreach_lerp_`' },
  { contender: 'tf-train-ema', title: '`tf.train.ExponentialMovingAverage`' },
  { contender: 'keras-use-ema', title: 'Keras `use_ema`' },
  { contender: 'memcpy', title: 'memcpy of the weights' },
];

/** What README shows of a run: the rest is in its file. */
const SHAPES: readonly string[] = ['small-cnn', 'resnet-18', 'resnet-50', 'gpt-2'];
const AVERAGES: readonly number[] = [1, 5];

function millions(parameters: number): string {
  return `${(parameters / 1e6).toFixed(parameters < 1e6 ? 2 : 1)} M`;
}

/** README's choice of a run as a Markdown table: one row per shape, K and number of threads; contenders as their time over native's. */
export function readmeTable(run: RunFile): string {
  const { results, machine, rounds, command } = run;
  const natives = results.filter(
    ({ contender, shape, k }) => contender === 'native' && SHAPES.includes(shape) && AVERAGES.includes(k),
  );
  const present = COLUMNS.filter(({ contender }) => results.some((result) => result.contender === contender));
  const severalThreads = new Set(natives.map(({ threads }) => threads)).size > 1;
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const head = [
    'Model',
    'weights',
    'K',
    ...(severalThreads ? ['threads'] : []),
    'tfjs-ema',
    ...present.map(({ title }) => title),
  ];
  const rule = head.map((_, index) => (index === 0 ? '---' : '---:'));
  const rows = natives.map(({ shape, k, threads, medianUs }) => {
    const { title, shapes } = networkByName(shape);
    const ratios = present.map(({ contender }) => {
      const other = find(results, { shape, k, threads, contender });
      return other === undefined ? '' : `${formatRatio(other.ratio)}x`;
    });
    return [
      title,
      millions(parametersOf(shapes)),
      `${k}`,
      ...(severalThreads ? [`${threads}`] : []),
      `**${formatTime(medianUs)}**`,
      ...ratios,
    ];
  });
  const caption = `One update of K averages; the others as multiples of our time.\nMedians of ${rounds} interleaved rounds, \`${command}\`: ${machineLine(machine)}.`;
  return [row(head), row(rule), ...rows.map(row), '', caption].join('\n');
}

/**
 * Replaces what stands between the marks.
 * @throws Error when the marks are not there.
 */
export function insertTable(document: string, table: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`expected the lines ${BEGIN} and ${END}, in this order`);
  return `${document.slice(0, begin + BEGIN.length)}\n${table}\n${document.slice(end)}`;
}

function main([results, document]: readonly string[]): void {
  if (results === undefined) throw new Error('usage: tsx bench/update/readme-table.ts RESULTS.json [README.md]');
  const table = readmeTable(readRun(results));
  if (document === undefined) process.stdout.write(`${table}\n`);
  else writeFileSync(document, insertTable(readFileSync(document, 'utf8'), table));
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  main(process.argv.slice(2));
