// The command `tfjs-ema diff`: where two checkpoints, or the folders of two runs, differ.
// Says not which is better, and needs no tfjs.

import { parseArgs } from 'node:util';
import { printable } from '../base/argument.js';
import { messageOf } from '../base/errors.js';
import { matchWeights } from '../disk/checkpoint-weights.js';
import type { StoredTensor } from '../disk/safetensors.js';
import { settingDifferences } from '../options/fingerprint.js';
import { operands } from './operands.js';
import { openSaved, type Saved } from './saved.js';
import { jsonOf, type Table, textOf } from './table.js';

/** One line for the list of commands. */
export const DIFF_SUMMARY =
  'diff A B [--json]   where two of them differ; exit code 0: nowhere, 1: somewhere, 2: one cannot be read';

/** A figure of two files, where they differ. */
interface Figure {
  readonly name: string;
  readonly a: unknown;
  readonly b: unknown;
}

/** Tensors of one kind in two files, such as those of an average, where they differ. */
interface Distance {
  readonly what: string;
  /** Values of A, and how many of them B has otherwise; null where only one of the files has such tensors, or of other sizes. */
  readonly values: number | null;
  readonly differing: number | null;
  /** Largest difference of two values. */
  readonly largest: number | null;
  /** Euclidean norm of the difference, as a share of A's norm. */
  readonly relative: number | null;
}

/** What `--json` prints. */
export interface Differences {
  readonly same: boolean;
  readonly figures: readonly Figure[];
  /** Of options and weights, as sentences. */
  readonly sentences: readonly string[];
  readonly distances: readonly Distance[];
}

/**
 * Runs the command.
 * @param args what follows `diff` on the command line.
 * @returns the exit code: 0 where the two are the same, 1 where they differ, 2 where one cannot be read.
 */
export async function diff(args: readonly string[]): Promise<number> {
  const json = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({ args: [...args], options: { json }, allowPositionals: true });
  const paths = operands(positionals, ['A', 'B']);
  let found: Differences;
  try {
    found = differencesOf(await openSaved(paths[0]), await openSaved(paths[1]));
  } catch (error) {
    process.stderr.write(`tfjs-ema diff: ${printable(messageOf(error))}\n`);
    return 2;
  }
  const isForPeople = process.stdout.isTTY;
  const text = found.same && isForPeople ? 'They are the same.\n' : textOf(tablesOf(found), isForPeople);
  process.stdout.write(values.json ? jsonOf(found) : text);
  return found.same ? 0 : 1;
}

/** Everything that two files hold differently, but for the order in which they hold it. */
export function differencesOf(a: Saved, b: Saved): Differences {
  const [one, other] = [figuresIn(a), figuresIn(b)];
  const figures = [...new Set([...one.keys(), ...other.keys()])]
    .map((name) => ({ name, a: one.get(name) ?? null, b: other.get(name) ?? null }))
    .filter((figure) => jsonOf(figure.a) !== jsonOf(figure.b));
  const { savedAs, differences } = matchWeights(a.weights, b.weights);
  const sentences = [...settingDifferences(a.settings, b.settings), ...differences];
  const [before, now] = [groupsIn(a, (name) => name), groupsIn(b, savedAs)];
  const distances = [...new Set([...before.keys(), ...now.keys()])]
    .map((what) => distanceOf(what, before.get(what), now.get(what)))
    .filter(({ differing }) => differing !== 0);
  const same = figures.length + sentences.length + distances.length === 0;
  return { same, figures, sentences, distances };
}

function figuresIn({ content, run, standing, bests, labels, begun }: Saved): ReadonlyMap<string, unknown> {
  const { steps, updates, pending, intervals, monitor, current, kept } = standing;
  return new Map<string, unknown>([
    ...Object.entries({ steps, updates, pending, intervals, monitor, kept }),
    ...labels.map((label, index) => [`begun ${label}`, begun.get(index)] as const),
    ['current', current === undefined ? undefined : labels[current]],
    ['totalSteps', content.metadata.get('length')],
    ['epochs', run?.facts.epochs],
    ['optimizer', run?.facts.optimizer?.className],
    ['optimizer figures', run?.facts.optimizer?.figures],
    ['weights of the model', run?.facts.digests.weights],
    ...bests.map(({ record }) => [`best ${record.metric}`, { ...record, label: labels[record.index] }] as const),
  ]);
}

/** Tensors by what they belong to, an average by its name; and in there by the weight. */
function groupsIn(
  { content, labels }: Saved,
  nameOf: (name: string) => string,
): ReadonlyMap<string, ReadonlyMap<string, StoredTensor>> {
  const groups = new Map<string, Map<string, StoredTensor>>();
  for (const [name, tensor] of content.tensors) {
    const slash = name.indexOf('/');
    const group = name.slice(0, slash).replace(/^average\.(\d+)/, (_, index) => `average ${labels[index] ?? index}`);
    const members = groups.get(group) ?? new Map<string, StoredTensor>();
    groups.set(group, members.set(nameOf(name.slice(slash + 1)), tensor));
  }
  return groups;
}

type Group = ReadonlyMap<string, StoredTensor> | undefined;

function distanceOf(what: string, a: Group, b: Group): Distance {
  const pairs = [...(a ?? [])].map(([name, tensor]) => [tensor.data, b?.get(name)?.data] as const);
  const isComparable = a?.size === b?.size && pairs.every(([one, other]) => one.length === other?.length);
  if (!isComparable) return { what, values: null, differing: null, largest: null, relative: null };
  let [values, differing, largest, squares, norm] = [0, 0, 0, 0, 0];
  for (const [one, other] of pairs) {
    values += one.length;
    for (let i = 0; i < one.length; i += 1) {
      const [from, to] = [one[i] ?? 0, other?.[i] ?? 0];
      norm += from * from;
      // NaN beside NaN is no difference, and 0 beside -0 is one.
      if (Object.is(from, to)) continue;
      differing += 1;
      largest = Math.max(largest, Math.abs(to - from));
      squares += (to - from) ** 2;
    }
  }
  return { what, values, differing, largest, relative: Math.sqrt(squares / norm) };
}

function tablesOf({ figures, sentences, distances }: Differences): readonly Table[] {
  const text = (value: unknown): string => (typeof value === 'string' ? value : jsonOf(value).replaceAll(/\n */g, ''));
  return [
    { name: 'figure', head: ['figure', 'A', 'B'], rows: figures.map(({ name, a, b }) => [name, text(a), text(b)]) },
    { name: 'option', head: ['options and weights'], rows: sentences.map((sentence) => [sentence]) },
    {
      name: 'values',
      head: ['values of', 'differing', 'of', 'largest difference', 'relative distance'],
      rows: distances.map(({ what, values, differing, largest, relative }) => [
        ...[what, differing ?? 'not the same tensors', values ?? '-', largest ?? '-', relative ?? '-'],
      ]),
    },
  ];
}
