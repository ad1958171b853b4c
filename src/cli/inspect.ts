// The command `tfjs-ema inspect`: what a checkpoint or the folder of a run holds.
// Compares nothing, and needs no tfjs.

import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { halfLifeOf } from '../schedule/decay.js';
import { operands } from './operands.js';
import { NOT_AVERAGED, openSaved, type Saved } from './saved.js';
import { jsonOf, type Table, textOf } from './table.js';

/** One line for the list of commands. */
export const INSPECT_SUMMARY =
  'inspect FILE [--json]   what a checkpoint, or the folder of a run, holds: averages, steps, options, bests, sizes, digests';

/** One average of a file. */
export interface AverageFacts {
  readonly index: number;
  readonly label: string;
  /** Steps; null for another shape than an exponential one. */
  readonly halfLife: number | null;
  /** The step after which it began anew by itself; null where it began with the others. */
  readonly begun: number | null;
  readonly values: number;
  readonly bytes: number;
  /** Euclidean norm of all its values. */
  readonly norm: number;
  /** Of all its bytes, weight by weight in the order of the file. */
  readonly sha256: string;
}

/** What is told of a file, as `--json` prints it. */
export type SavedFacts = ReturnType<typeof factsIn>;

/**
 * Runs the command.
 * @param args what follows `inspect` on the command line.
 * @returns the exit code: 0.
 * @throws {@link EmaError} CHECKPOINT — damaged, or no checkpoint.
 */
export async function inspect(args: readonly string[]): Promise<number> {
  const json = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({ args: [...args], options: { json }, allowPositionals: true });
  const [path] = operands(positionals, ['FILE']);
  const facts = factsIn(await openSaved(path));
  const text = values.json ? jsonOf(facts) : textOf(tablesOf(facts), process.stdout.isTTY);
  process.stdout.write(text);
  return 0;
}

/** What a file holds, in plain figures. */
export function factsIn(saved: Saved) {
  const { path, bytes, content, run, settings, standing, bests, labels, weights } = saved;
  const { steps, updates, pending, intervals, current, monitor } = standing;
  const tensors = [...content.tensors].map(([name, { dtype, shape, data }]) => ({
    ...{ name, dtype, shape, bytes: data.byteLength },
    sha256: content.metadata.get(`sha256.${name}`) ?? '',
  }));
  return {
    path,
    kind: run === undefined ? 'checkpoint' : 'run',
    bytes,
    sha256: content.metadata.get('sha256') ?? '',
    ...{ steps, updates, pending, intervals },
    totalSteps: Number(content.metadata.get('length')) || null,
    epochs: run?.facts.epochs ?? null,
    optimizer: run?.facts.optimizer?.className ?? null,
    monitor: monitor ?? null,
    current: current === undefined ? null : (labels[current] ?? null),
    settings,
    averages: labels.map((label, index) => averageFacts(saved, { index, label })),
    bests: bests.map(({ record, tensors }) => ({
      ...record,
      ...{ label: labels[record.index] ?? '', hasWeights: tensors !== undefined },
    })),
    weights: Object.entries(weights).map(([name, text]) => ({
      ...{ name, shape: text.replace(NOT_AVERAGED, ''), averaged: !text.endsWith(NOT_AVERAGED) },
    })),
    tensors,
  };
}

function averageFacts(
  { content: { tensors }, options, begun }: Saved,
  { index, label }: Pick<AverageFacts, 'index' | 'label'>,
): AverageFacts {
  const prefixes = [`average.${index}/`, `average.${index}.low/`];
  const own = [...tensors].filter(([name]) => prefixes.some((prefix) => name.startsWith(prefix)));
  const high = own.filter(([name]) => name.startsWith(`average.${index}/`)).map(([, tensor]) => tensor);
  const hash = createHash('sha256');
  for (const [, { data }] of own) hash.update(data);
  let squares = 0;
  for (const { data } of high) for (const value of data) squares += value * value;
  const isExponential = options.profiles[index] === 'exponential';
  return {
    ...{ index, label, halfLife: isExponential ? halfLifeOf(options.decays[index] ?? 0) : null },
    begun: begun.get(index) ?? null,
    values: high.reduce((sum, { data }) => sum + data.length, 0),
    bytes: own.reduce((sum, [, { data }]) => sum + data.byteLength, 0),
    ...{ norm: Math.sqrt(squares), sha256: hash.digest('hex') },
  };
}

function tablesOf(facts: SavedFacts): readonly Table[] {
  const { settings, averages, bests, weights, tensors, intervals, ...single } = facts;
  const known = Object.entries(single).flatMap(([name, value]) => (value === null ? [] : [[name, value]]));
  return [
    { name: '', head: [], rows: known },
    {
      name: 'option',
      head: ['option', 'value'],
      rows: Object.entries(settings).map(([name, value]) => [name, JSON.stringify(value)]),
    },
    {
      name: 'average',
      head: ['average', 'name', 'half-life', 'values', 'bytes', 'norm', 'SHA-256', 'begun at'],
      rows: averages.map(({ index, label, halfLife, values, bytes, norm, sha256, begun }) => [
        ...[index, label, halfLife ?? '-', values, bytes, norm, sha256, begun ?? '-'],
      ]),
    },
    {
      name: 'best',
      head: ['best', 'value', 'epoch', 'average', 'weights'],
      rows: bests.map(({ metric, value, epoch, label, hasWeights }) => [
        ...[metric, value, epoch, label, hasWeights ? 'kept' : 'not kept'],
      ]),
    },
    {
      name: 'weight',
      head: ['weight', 'shape', 'averaged'],
      rows: weights.map(({ name, shape, averaged }) => [name, shape, averaged ? 'yes' : 'no']),
    },
  ];
}
