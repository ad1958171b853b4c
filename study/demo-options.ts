// Options of the demo: from the command line to checked values.
// Runs nothing.

import { type ArgsDef, defineCommand, parseArgs, renderUsage } from 'citty';
import type { EngineChoice } from '../src/index.js';
import type { DatasetChoice } from './data/index.js';

/** What the demo is asked to do. */
export interface DemoOptions {
  /** `quick`: about a minute on two cores, on a part of the data; `full`: all of it. */
  readonly mode: 'quick' | 'full';
  /** Seed of split, order and initial weights. */
  readonly seed: number;
  /** Epochs; the mode's own number when left out. */
  readonly epochs: number | undefined;
  readonly data: DatasetChoice;
  readonly engine: EngineChoice;
  /** Folder for charts and model. */
  readonly out: string;
  /** File for the figures. */
  readonly json: string | undefined;
  readonly help: boolean;
}

/** The command line is wrong; the message says how. */
export class DemoUsageError extends Error {
  override readonly name = 'DemoUsageError';
}

const DATA: readonly DatasetChoice[] = ['auto', 'fashion-mnist', 'mnist'];
const ENGINES: readonly EngineChoice[] = ['auto', 'native', 'js'];

const ARGS = {
  quick: { type: 'boolean', description: 'About a minute on two cores, on a part of the data; the default' },
  full: { type: 'boolean', description: 'All training images, some minutes' },
  seed: { type: 'string', valueHint: 'N', description: 'Seed of split, order and initial weights', default: '1' },
  epochs: { type: 'string', valueHint: 'N', description: 'Number of epochs, instead of the mode’s own' },
  data: { type: 'enum', options: [...DATA], description: 'Images to train on', default: 'auto' },
  engine: { type: 'enum', options: [...ENGINES], description: 'Who runs the updates', default: 'auto' },
  out: { type: 'string', valueHint: 'DIR', description: 'Folder for charts and model', default: 'out' },
  json: { type: 'string', valueHint: 'FILE', description: 'Also write the figures as JSON' },
  help: { type: 'boolean', alias: 'h', description: 'Show this' },
} satisfies ArgsDef;

const COMMAND = defineCommand({
  meta: {
    name: 'npm start --',
    description: 'Train a small network and compare its moving averages with its weights.',
  },
  args: ARGS,
});

/**
 * Reads the command line.
 * @param argv what follows the program's name.
 * @throws DemoUsageError — an unknown option, a missing or wrong value, or options that exclude each other.
 */
export function parseDemoOptions(argv: readonly string[]): DemoOptions {
  const args = parse(argv);
  checkNames(args);
  if (args.quick === true && args.full === true) throw new DemoUsageError('--quick and --full: give one of them.');
  return {
    mode: args.full === true ? 'full' : 'quick',
    seed: integer('--seed', args.seed, 0, 2 ** 31 - 1) ?? 1,
    epochs: integer('--epochs', args.epochs, 1, 1000),
    data: oneOf('--data', args.data, DATA),
    engine: oneOf('--engine', args.engine, ENGINES),
    out: text('--out', args.out) ?? 'out',
    json: text('--json', args.json),
    help: args.help === true,
  };
}

/** The options, as text for a terminal. */
export function demoUsage(): Promise<string> {
  return renderUsage(COMMAND);
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs<typeof ARGS>([...argv], ARGS);
  } catch (error) {
    throw new DemoUsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** The parser lets unknown names pass. */
function checkNames(args: Readonly<Record<string, unknown>>): void {
  const known = Object.entries(ARGS).flatMap(([name, arg]) => ('alias' in arg ? [name, arg.alias] : [name]));
  const unknown = Object.keys(args).find((name) => name !== '_' && !known.includes(name));
  if (unknown !== undefined) {
    throw new DemoUsageError(`There is no option '${unknown.length === 1 ? '-' : '--'}${unknown}'.`);
  }
  const [word] = Array.isArray(args['_']) ? args['_'] : [];
  if (word !== undefined) throw new DemoUsageError(`Expected options only, received '${word}'.`);
}

function integer(name: string, value: unknown, min: number, max: number): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (typeof value === 'string' && value.trim() !== '' && Number.isInteger(number) && number >= min && number <= max) {
    return number;
  }
  throw new DemoUsageError(`${name}: expected an integer from ${min} to ${max}, received '${value}'.`);
}

function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((word) => word === value);
  if (found !== undefined) return found;
  throw new DemoUsageError(`${name}: expected ${allowed.join(', ')}, received '${value}'.`);
}

function text(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw new DemoUsageError(`${name}: expected a path.`);
}
