// The Python contenders as seen from Node: their environments, made once, and a process for each that runs on command.
// Measures nothing: times come from the other side.

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../shared/cache.js';
import type { Runner } from '../shared/rounds.js';
import type { Cell, PYTHON_CONTENDERS } from './trials.js';

type PythonContender = (typeof PYTHON_CONTENDERS)[number];

/** What a Python process needs to know before it can prepare a contender. */
export interface PythonSetup {
  readonly cell: Cell;
  readonly decays: readonly number[];
  readonly values: { readonly start: number; readonly live: number };
}

interface Environment {
  readonly name: string;
  readonly packages: readonly string[];
  readonly contenders: readonly PythonContender[];
}

/** One process each: two frameworks in one process would share thread pools. */
const ENVIRONMENTS: readonly Environment[] = [
  {
    name: 'torch',
    packages: ['torch==2.13.0', 'numpy==2.4.6'],
    contenders: ['torch-foreach-lerp', 'torch-averaged-model'],
  },
  {
    name: 'tensorflow',
    packages: ['tensorflow-cpu==2.21.0', 'keras==3.15.1'],
    contenders: ['tf-train-ema', 'keras-use-ema'],
  },
  { name: 'numpy', packages: ['numpy==2.4.6'], contenders: ['numpy'] },
];

function runOrThrow(command: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`'${[command, ...args].join(' ')}' failed: ${error?.message ?? stderr}`);
}

/** The interpreter of an environment, which is made where it does not exist yet. */
function interpreterOf({ name, packages }: Environment): string {
  const hash = createHash('sha256').update(packages.join(' ')).digest('hex').slice(0, 8);
  const folder = join(cacheFolder(), `python-${name}-${hash}`);
  const interpreter = join(folder, 'bin', 'python');
  const complete = join(folder, 'complete');
  if (!existsSync(complete)) {
    process.stderr.write(`making a Python environment with ${packages.join(', ')} in ${folder} ...\n`);
    rmSync(folder, { recursive: true, force: true });
    runOrThrow(process.env['PYTHON'] ?? 'python3', ['-m', 'venv', folder]);
    runOrThrow(interpreter, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]);
    writeFileSync(complete, '');
  }
  return interpreter;
}

/** Makes the environments of some contenders, so that no cell has to. */
export function makeEnvironments(contenders: readonly PythonContender[]): void {
  for (const environment of ENVIRONMENTS) {
    if (environment.contenders.some((name) => contenders.includes(name))) interpreterOf(environment);
  }
}

type Reply = {
  readonly us?: number;
  readonly value?: number;
  readonly error?: string;
  readonly versions?: Readonly<Record<string, string>>;
};

/** A Python process that holds the contenders of one environment. */
export class PythonSide {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  #complaints = '';

  private constructor(environment: Environment, { cell, decays, values }: PythonSetup) {
    const script = fileURLToPath(new URL('python/contenders.py', import.meta.url));
    const threads = `${cell.threads}`;
    this.#process = spawn(interpreterOf(environment), ['-u', script], {
      env: { ...process.env, OMP_NUM_THREADS: threads },
    });
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-2000);
    });
    this.#reader = createInterface({ input: this.#process.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
    this.#process.stdin.write(
      `${JSON.stringify({ setup: { shapes: cell.shapes, threads: cell.threads, decays, values } })}\n`,
    );
  }

  /** Starts the processes of some contenders; `names` are those that a process holds. */
  static startAll(
    contenders: readonly PythonContender[],
    setup: PythonSetup,
  ): { side: PythonSide; names: PythonContender[] }[] {
    return ENVIRONMENTS.flatMap((environment) => {
      const names = environment.contenders.filter((name) => contenders.includes(name));
      return names.length === 0 ? [] : [{ side: new PythonSide(environment, setup), names }];
    });
  }

  /** Waits until the process is ready. @returns names and versions of its packages. */
  async ready(): Promise<Readonly<Record<string, string>>> {
    return (await this.#answer()).versions ?? {};
  }

  /**
   * Prepares a contender.
   * @returns how to run it, or the reason why it cannot take part.
   */
  async prepare(
    name: PythonContender,
  ): Promise<{ runner: Runner; updates(): number; first(): Promise<number> } | string> {
    const { error } = await this.#ask({ prepare: name });
    if (error !== undefined) return error;
    let updates = 0;
    const time = async (repeats: number): Promise<number> => {
      updates += repeats;
      return this.#number(await this.#ask({ run: name, repeats }), 'us');
    };
    const first = async (): Promise<number> => this.#number(await this.#ask({ first: name }), 'value');
    return { runner: { name, time }, updates: () => updates, first };
  }

  /** Ends the process. */
  stop(): void {
    this.#reader.close();
    this.#process.kill();
  }

  #number(reply: Reply, field: 'us' | 'value'): number {
    const value = reply[field];
    if (value === undefined) throw new Error(`a Python contender failed: ${reply.error ?? this.#complaints}`);
    return value;
  }

  async #ask(command: object): Promise<Reply> {
    this.#process.stdin.write(`${JSON.stringify(command)}\n`);
    return this.#answer();
  }

  async #answer(): Promise<Reply> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`a Python process ended: ${this.#complaints}`);
    // Written by python/contenders.py, whose answers have these fields.
    return JSON.parse(value) as Reply;
  }
}
