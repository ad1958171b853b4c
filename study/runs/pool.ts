// Runs in parallel: one process per core, each training one run after the other.
// Trains nothing itself; what a process does is in the program that it is given.

import { type ChildProcess, fork } from 'node:child_process';
import type { RunSpec } from './condition.js';
import type { FromWorker, ToWorker } from './messages.js';
import type { RunStore } from './store.js';

/** How runs are spread over processes, and who hears of them. */
export interface PoolOptions {
  readonly store: RunStore;
  /** The program of a process; it answers with the messages of messages.ts. */
  readonly worker: URL;
  /** Processes, at least 1. */
  readonly workers: number;
  /** Threads that TensorFlow uses in each process; 1 makes runs repeatable to the bit. */
  readonly threads: number;
  /** An epoch was trained. */
  readonly onEpoch: (spec: RunSpec, epoch: number) => void;
  /** A run is finished and stored. */
  readonly onDone: (spec: RunSpec, seconds: number) => void;
}

/** A network may answer NaN, which says nothing of other runs; a full disk fails all of them. */
const MOST_FAILURES = 3;

/**
 * Trains all runs and stores their results.
 * @throws Error — runs failed, with their reasons: after all others are stored, or, from the third on, at once. A process ended: at once.
 */
export async function trainAll(specs: readonly RunSpec[], options: PoolOptions): Promise<void> {
  const queue = [...specs];
  const failures: string[] = [];
  const children: ChildProcess[] = [];
  const work = Array.from({ length: Math.min(options.workers, specs.length) }, () => {
    const child = startWorker(options);
    children.push(child);
    return serve(child, { queue, failures }, options);
  });
  try {
    await Promise.all(work);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
  if (failures.length > 0) throw failed(failures);
}

function failed(failures: readonly string[]): Error {
  return new Error(`${failures.length === 1 ? 'a run' : `${failures.length} runs`} failed: ${failures.join('\n')}`);
}

function startWorker({ worker, threads }: PoolOptions): ChildProcess {
  // TensorFlow reads these once, when it is loaded.
  const limits = { TF_NUM_INTRAOP_THREADS: `${threads}`, TF_NUM_INTEROP_THREADS: '1', OMP_NUM_THREADS: `${threads}` };
  return fork(worker, [], { env: { ...process.env, ...limits }, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
}

/** What all processes work on. */
interface Work {
  readonly queue: RunSpec[];
  readonly failures: string[];
}

/** Feeds one process until the queue is empty. */
function serve(child: ChildProcess, { queue, failures }: Work, { store, onEpoch, onDone }: PoolOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let spec: RunSpec | undefined;
    let lastWords = '';
    child.stderr?.on('data', (text: Buffer) => {
      lastWords = `${lastWords}${text}`.slice(-4000);
    });
    const name = (): string => (spec === undefined ? 'the first run' : `${spec.condition.id}, seed ${spec.seed}`);
    const next = (): void => {
      spec = queue.shift();
      if (spec === undefined) resolve();
      else child.send({ spec, folder: store.folder } satisfies ToWorker);
    };
    const end = (reason: string): void =>
      reject(new Error(`a process of the study at ${name()}: ${reason}\n${lastWords}`));
    child.on('message', (message: FromWorker) => {
      if (message.kind === 'epoch') spec !== undefined && onEpoch(spec, message.epoch);
      else {
        if (message.kind === 'failed') failures.push(`${name()}: ${message.reason}`);
        if (message.kind === 'done' && spec !== undefined) onDone(spec, message.seconds);
        if (failures.length < MOST_FAILURES) next();
        else reject(failed(failures));
      }
    });
    child.on('error', (error) => end(error.message));
    child.on('exit', (code, signal) => end(`it ended with ${signal ?? `code ${code}`}`));
  });
}
