// Options of the demo: from the command line to checked values.
// Runs nothing.

import type { ParseArgsConfig } from 'node:util';
import type { EngineChoice } from '../../src/index.js';
import { ENGINES, integer, oneOf, path, readOptions, UsageError } from '../../tools/shared/option-checks.js';
import type { DatasetChoice } from '../data/index.js';

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
  /** Folder for report, charts and model. */
  readonly out: string;
  /** File for the figures. */
  readonly json: string | undefined;
  readonly help: boolean;
}

const DATA: readonly DatasetChoice[] = ['auto', 'fashion-mnist', 'mnist'];

const OPTIONS = {
  quick: { type: 'boolean' },
  full: { type: 'boolean' },
  seed: { type: 'string' },
  epochs: { type: 'string' },
  data: { type: 'string' },
  engine: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

/** How the program is used. */
export const USAGE = `Trains a small network and compares its moving averages with its weights.

npm start -- [options]

  --quick         about a minute on two cores, on a part of the data; the default
  --full          all training images, some minutes
  --seed N        seed of split, order and initial weights (default 1)
  --epochs N      number of epochs, instead of the mode's own
  --data NAME     images to train on: ${DATA.join(', ')} (default auto)
  --engine NAME   who runs the updates: ${ENGINES.join(', ')} (default auto)
  --out DIR       folder for report, charts and model (default out)
  --json FILE     also write the figures as JSON
  -h, --help      show this`;

/**
 * Reads the command line.
 * @param argv what follows the program's name.
 * @throws UsageError — an unknown option, a missing or wrong value, or options that exclude each other.
 */
export function parseDemoOptions(argv: readonly string[]): DemoOptions {
  const values = readOptions(argv, OPTIONS);
  if (values.quick === true && values.full === true) throw new UsageError('--quick and --full: give one of them.');
  return {
    mode: values.full === true ? 'full' : 'quick',
    seed: integer('--seed', values.seed, { min: 0, max: 2 ** 31 - 1 }) ?? 1,
    epochs: integer('--epochs', values.epochs, { min: 1, max: 1000 }),
    data: oneOf('--data', values.data, DATA) ?? 'auto',
    engine: oneOf('--engine', values.engine, ENGINES) ?? 'auto',
    out: path('--out', values.out) ?? 'out',
    json: path('--json', values.json),
    help: values.help === true,
  };
}
