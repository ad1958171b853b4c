// Options of the study: from the command line to checked values.
// Runs nothing.

import { availableParallelism } from 'node:os';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { EngineChoice } from '../src/index.js';
import { STUDY_DATA } from './data/study-data.js';
import { type LogitNetworkName, logitNetworks } from './networks/logit-networks.js';
import type { Plan } from './plan.js';
import { CONDITIONS } from './runs/conditions.js';
import { type PresetName, presets } from './runs/presets.js';

/** What the study is asked to do. */
export interface StudyOptions {
  readonly plan: Plan;
  /** Processes, and threads of TensorFlow in each. */
  readonly workers: number;
  readonly threads: number;
  /** Folder for runs, report and plots. */
  readonly out: string;
  /** File for the findings. */
  readonly json: string | undefined;
  /** Trains anew what is finished already. */
  readonly fresh: boolean;
  readonly help: boolean;
}

/** The command line is wrong; the message says how. */
export class StudyUsageError extends Error {
  override readonly name = 'StudyUsageError';
}

const ENGINES: readonly EngineChoice[] = ['auto', 'native', 'js'];
const DEFAULT_SEEDS = '101-105';

const OPTIONS = {
  quick: { type: 'boolean' },
  preset: { type: 'string' },
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
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

/** How the program is used. */
export const USAGE = `Reproduces the findings of "Exponential Moving Average of Weights in Deep Learning" (arXiv 2411.18704).

npm run study -- [options]

  --quick             one seed, few epochs, under two minutes
  --seeds LIST        seeds, such as 101-105 or 1,2,3 (default ${DEFAULT_SEEDS})
  --all-seeds         every condition with all of them, instead of its first 1, 3 or 5
  --conditions LIST   only these of ${CONDITIONS.map(({ id }) => id).join(', ')}
  --data NAME         ${STUDY_DATA.join(', ')} (default fashion-mnist)
  --data-dir DIR      folder of the CIFAR files in their binary format
  --network NAME      ${Object.keys(logitNetworks).join(', ')}
  --epochs N          epochs of every run
  --noise LIST        per cent of wrong labels (default 20,40,60)
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
  -h, --help          show this

An interrupted study goes on where it was: finished runs are kept in the output folder.`;

/**
 * Reads the command line.
 * @param argv what follows the program's name.
 * @throws StudyUsageError — an unknown option, a wrong value, or options that exclude each other.
 */
export function parseStudyOptions(argv: readonly string[]): StudyOptions {
  const values = parse(argv);
  if (values.windows !== undefined && values.decays !== undefined) {
    throw new StudyUsageError('--windows and --decays: give one of them.');
  }
  const preset = oneOf<PresetName>('--preset', values.preset, Object.keys(presets) as PresetName[]);
  const cores = availableParallelism();
  return {
    plan: {
      quick: values.quick === true,
      preset,
      conditions: conditionList(values.conditions),
      seeds: seedList(values.seeds ?? DEFAULT_SEEDS),
      allSeeds: values['all-seeds'] === true,
      data: oneOf('--data', values.data, STUDY_DATA),
      dataDirectory: values['data-dir'],
      network: oneOf('--network', values.network, Object.keys(logitNetworks) as LogitNetworkName[]),
      epochs: count('--epochs', values.epochs),
      noise: shares('--noise', values.noise),
      averages: averages(values),
      engine: oneOf('--engine', values.engine, ENGINES) ?? 'auto',
    },
    workers: count('--workers', values.workers) ?? (preset === undefined ? cores : 1),
    threads: count('--threads', values.threads) ?? (preset === undefined ? 1 : cores),
    out: values.out ?? 'out/study',
    json: values.json,
    fresh: values.fresh === true,
    help: values.help === true,
  };
}

type Values = ReturnType<typeof parse>;

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new StudyUsageError(error instanceof Error ? error.message : `${error}`, { cause: error });
  }
}

function averages({ windows, decays }: Values): Plan['averages'] {
  if (windows !== undefined) return { windows: shares('--windows', windows) ?? [] };
  if (decays === undefined) return undefined;
  return { decays: numbers('--decays', decays, 'decays from 0 to below 1', (value) => value >= 0 && value < 1) };
}

function conditionList(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  const known = ['paper', ...CONDITIONS.map(({ id }) => id)];
  const list = text.split(',').map((word) => word.trim());
  const unknown = list.find((word) => !known.includes(word) && !/^N\d+$/.test(word));
  if (unknown === undefined) return list;
  throw new StudyUsageError(`--conditions: expected some of ${known.join(', ')}, received '${unknown}'.`);
}

/** `101-105` or `1,2,3`. */
function seedList(text: string): number[] {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  if (first !== undefined && last !== undefined && Number(last) >= Number(first)) {
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index);
  }
  const seeds = numbers(
    '--seeds',
    text,
    'seeds such as 101-105 or 1,2,3',
    (value) => Number.isInteger(value) && value >= 0,
  );
  if (new Set(seeds).size === seeds.length) return seeds;
  throw new StudyUsageError(`--seeds: expected different seeds, received '${text}'.`);
}

/** Per cent as shares, each in (0, 1). */
function shares(name: string, text: string | undefined): number[] | undefined {
  if (text === undefined) return undefined;
  return numbers(name, text, 'per cents between 0 and 100', (value) => value > 0 && value < 100).map(
    (value) => value / 100,
  );
}

function numbers(name: string, text: string, expected: string, isValid: (value: number) => boolean): number[] {
  const words = text.split(',').map((word) => word.trim());
  const values = words.map(Number);
  if (words.every((word) => word !== '') && values.every(isValid)) return values;
  throw new StudyUsageError(`${name}: expected ${expected}, received '${text}'.`);
}

function count(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1) return value;
  throw new StudyUsageError(`${name}: expected an integer of at least 1, received '${text}'.`);
}

function oneOf<T extends string>(name: string, value: string | undefined, allowed: readonly T[]): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((word) => word === value);
  if (found !== undefined) return found;
  throw new StudyUsageError(`${name}: expected one of ${allowed.join(', ')}, received '${value}'.`);
}
