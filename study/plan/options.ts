// Options of the study: from the command line to checked values.
// Runs nothing.

import { availableParallelism } from 'node:os';
import type { ParseArgsConfig } from 'node:util';
import { ENGINES, integer, numbers, oneOf, path, readOptions, UsageError } from '../../tools/shared/option-checks.js';
import { STUDY_DATA } from '../data/study-data.js';
import { type PresetName, presets } from '../paper/presets.js';
import { trackId } from '../runs/tracks.js';
import { NETWORK_NAMES } from './catalog.js';
import { DOMAINS, type DomainId } from './domains.js';
import type { Part } from './parts.js';
import type { Plan } from './plan.js';

/** What the study is asked to do. */
export interface StudyOptions {
  readonly plan: Plan;
  readonly domains: readonly DomainId[];
  /** Processes, and threads of TensorFlow in each. */
  readonly workers: number;
  readonly threads: number;
  /** Folder for runs, report and plots. */
  readonly out: string;
  /** File for the findings. */
  readonly json: string | undefined;
  /** Trains anew what is finished already. */
  readonly fresh: boolean;
  /** A part of the runs, which is trained without judging; undefined for all. */
  readonly part: Part | undefined;
  /** Output folders of other processes, whose finished runs are taken over first. */
  readonly merge: readonly string[];
  /** Only says which runs there are. */
  readonly list: boolean;
  /** Judges what is finished, and trains nothing. */
  readonly finished: boolean;
  readonly help: boolean;
}

const OPTIONS = {
  quick: { type: 'boolean' },
  all: { type: 'boolean' },
  preset: { type: 'string' },
  domains: { type: 'string' },
  conditions: { type: 'string' },
  seeds: { type: 'string' },
  'all-seeds': { type: 'boolean' },
  data: { type: 'string' },
  'data-dir': { type: 'string' },
  network: { type: 'string' },
  epochs: { type: 'string' },
  noise: { type: 'string' },
  windows: { type: 'string' },
  decays: { type: 'string' },
  engine: { type: 'string' },
  workers: { type: 'string' },
  threads: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'string' },
  fresh: { type: 'boolean' },
  list: { type: 'boolean' },
  run: { type: 'string' },
  shard: { type: 'string' },
  merge: { type: 'string', multiple: true },
  finished: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

/** How the program is used. */
export const USAGE = `Reproduces the findings of "Exponential Moving Average of Weights in Deep Learning" (arXiv 2411.18704).

npm run study -- [options]

  --quick             one seed, few epochs, of the images: figures and pictures, no verdicts; under two minutes
  --all               every domain with every condition and seed: hours; how many is said before it starts
                      (with no option: a part of every domain, under 20 minutes on two cores)
  --domains LIST      all of these: ${DOMAINS.map(({ id }) => id).join(', ')}
  --seeds LIST        seeds, such as 101-105 or 1,2,3 (default 101 and on, as many as each condition needs)
  --all-seeds         every condition with all of them, instead of as many as it needs
  --conditions LIST   only these of ${conditionIds().join(', ')}
  --data NAME         ${STUDY_DATA.join(', ')} (default fashion-mnist)
  --data-dir DIR      folder of the CIFAR files in their binary format
  --network NAME      ${NETWORK_NAMES.join(', ')}
  --epochs N          epochs of every run
  --noise LIST        whole per cents of wrong labels (default 20,40,60)
  --windows LIST      averages, as windows in per cent of the run (default 0.64,1.28,2.56,5.12,10.23)
  --decays LIST       averages, as decays per step
  --preset NAME       the paper's own setting, for a machine with a GPU:
                      ${Object.keys(presets).join(', ')}
  --engine NAME       ${ENGINES.join(', ')} (default auto)
  --workers N         processes (default one per core; 1 with a preset)
  --threads N         threads of TensorFlow in each (default 1, which makes runs repeatable to the bit;
                      all cores with a preset)
  --out DIR           folder for runs, report and plots (default out/study)
  --json FILE         also write the findings there
  --fresh             train anew what is finished already
  --list              only the runs, a line each: name, seconds on an idle core, whether it is finished
  --run NAME          only that run, without a report
  --shard I/N         only every N-th run from the I-th on, without a report
  --merge DIR         take over the finished runs of another output folder first; may be given several times
  --finished          judge what is finished already, and train nothing
  -h, --help          show this

An interrupted study goes on where it was: finished runs are kept in the output folder.`;

/**
 * Reads the command line.
 * @param argv what follows the program's name.
 * @throws UsageError — an unknown option, a wrong value, or options that exclude each other.
 */
export function parseStudyOptions(argv: readonly string[]): StudyOptions {
  const values = readOptions(argv, OPTIONS);
  if (values.windows !== undefined && values.decays !== undefined) {
    throw new UsageError('--windows and --decays: give one of them.');
  }
  const preset = oneOf<PresetName>('--preset', values.preset, Object.keys(presets) as PresetName[]);
  const cores = availableParallelism();
  return {
    plan: {
      quick: values.quick === true,
      part: isPart(values),
      preset,
      conditions: conditionList(values.conditions),
      seeds: values.seeds === undefined ? undefined : seedList(values.seeds),
      allSeeds: values['all-seeds'] === true,
      data: oneOf('--data', values.data, STUDY_DATA),
      dataDirectory: path('--data-dir', values['data-dir']),
      network: oneOf('--network', values.network, NETWORK_NAMES),
      epochs: integer('--epochs', values.epochs, { min: 1 }),
      noise: noise(values.noise),
      averages: averages(values.windows, values.decays),
      engine: oneOf('--engine', values.engine, ENGINES) ?? 'auto',
    },
    domains: domainList(values),
    workers: integer('--workers', values.workers, { min: 1 }) ?? (preset === undefined ? cores : 1),
    threads: integer('--threads', values.threads, { min: 1 }) ?? (preset === undefined ? 1 : cores),
    out: path('--out', values.out) ?? 'out/study',
    json: path('--json', values.json),
    fresh: values.fresh === true,
    part: part(values.run, values.shard),
    merge: (values.merge ?? []).map((folder) => path('--merge', folder) ?? ''),
    list: values.list === true,
    finished: values.finished === true,
    help: values.help === true,
  };
}

function averages(windows: string | undefined, decays: string | undefined): Plan['averages'] {
  if (windows !== undefined) return { windows: windowList(windows) };
  if (decays === undefined) return undefined;
  return {
    decays: numbers('--decays', decays, {
      expected: 'decays from 0 to below 1',
      isValid: (value) => value >= 0 && value < 1,
    }),
  };
}

function conditionList(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  const known = ['paper', ...conditionIds()];
  const list = text.split(',').map((word) => word.trim());
  const unknown = list.find((word) => !known.includes(word) && !/^N\d+$/.test(word));
  if (unknown === undefined) return list;
  throw new UsageError(`--conditions: expected some of ${known.join(', ')}, received '${unknown}'.`);
}

function conditionIds(): string[] {
  return [...new Set(DOMAINS.flatMap(({ conditions }) => conditions.map(({ id }) => id)))];
}

/** `3/8`: every eighth run from the third on. */
function part(run: string | undefined, shard: string | undefined): Part | undefined {
  if (run !== undefined && shard !== undefined) throw new UsageError('--run and --shard: give one of them.');
  if (run !== undefined) return { run };
  if (shard === undefined) return undefined;
  const [index, count] = (/^(\d+)\/(\d+)$/.exec(shard) ?? []).slice(1).map(Number);
  if (index !== undefined && count !== undefined && index >= 1 && index <= count) return { index, count };
  throw new UsageError(`--shard: expected I/N with I from 1 to N, such as 3/8, received '${shard}'.`);
}

/** What chooses or changes runs; without any of these, a part of every domain is run. */
const CHOOSING = [
  ...['quick', 'all', 'preset', 'domains', 'conditions', 'all-seeds'],
  ...['data', 'data-dir', 'network', 'epochs', 'noise', 'windows', 'decays'],
];

type Values = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

function isPart(values: Values): boolean {
  return CHOOSING.every((name) => values[name] === undefined);
}

/** All domains; the images alone where other options change what is run, which are theirs. */
function domainList(values: Values & { readonly domains?: string; readonly all?: boolean }): DomainId[] {
  const { domains: text, all } = values;
  if (text === undefined) return all || isPart(values) ? DOMAINS.map(({ id }) => id) : ['images'];
  const list = text.split(',').map((word) => word.trim());
  return list.map((word) => {
    const domain = DOMAINS.find(({ id }) => id === word);
    if (domain !== undefined) return domain.id;
    throw new UsageError(`--domains: expected some of ${DOMAINS.map(({ id }) => id).join(', ')}, received '${word}'.`);
  });
}

/** `101-105` or `1,2,3`. */
function seedList(text: string): number[] {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  if (first !== undefined && last !== undefined && Number(last) >= Number(first)) {
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index);
  }
  const isSeed = (value: number): boolean => Number.isInteger(value) && value >= 0;
  return numbers('--seeds', text, { expected: 'seeds such as 101-105 or 1,2,3', isValid: isSeed });
}

/** Whole per cents: conditions are named after them. */
function noise(text: string | undefined): number[] | undefined {
  if (text === undefined) return undefined;
  const isPercent = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= 99;
  return numbers('--noise', text, { expected: 'whole per cents from 1 to 99 such as 20,40', isValid: isPercent });
}

/** Windows as shares of the run; no two may have the same name. */
function windowList(text: string): number[] {
  const isPercent = (value: number): boolean => value > 0 && value < 100;
  const percents = numbers('--windows', text, { expected: 'per cents between 0 and 100', isValid: isPercent });
  const shares = percents.map((percent) => percent / 100);
  const ids = shares.map((share) => trackId('main', share));
  const second = ids.findIndex((id, index) => ids.indexOf(id) < index);
  if (second === -1) return shares;
  const [one, other] = [percents[ids.indexOf(ids[second] ?? '')], percents[second]];
  throw new UsageError(
    `--windows: expected per cents that differ when rounded to two digits after the point, received ${one} and ${other}: leave one out.`,
  );
}
