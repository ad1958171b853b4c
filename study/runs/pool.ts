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

/**
 * Trains all runs and stores their results.
 * @throws Error — a run failed; the other processes are ended, finished runs stay in the store.
 */
export async function trainAll(specs: readonly RunSpec[], options: PoolOptions): Promise<void> {
  const queue = [...specs];
  const children: ChildProcess[] = [];
  const work = Array.from({ length: Math.min(options.workers, specs.length) }, () => {
    const child = startWorker(options);
    children.push(child);
    return serve(child, queue, options);
  });
  try {
    await Promise.all(work);
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

function startWorker({ worker, threads }: PoolOptions): ChildProcess {
  // TensorFlow reads these once, when it is loaded.
  const limits = { TF_NUM_INTRAOP_THREADS: `${threads}`, TF_NUM_INTEROP_THREADS: '1', OMP_NUM_THREADS: `${threads}` };
  return fork(worker, [], { env: { ...process.env, ...limits }, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
}

/** Feeds one process until the queue is empty. */
function serve(child: ChildProcess, queue: RunSpec[], { store, onEpoch, onDone }: PoolOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let spec: RunSpec | undefined;
    let lastWords = '';
    child.stderr?.on('data', (text: Buffer) => {
      lastWords = `${lastWords}${text}`.slice(-4000);
    });
    const next = (): void => {
      spec = queue.shift();
      if (spec === undefined) resolve();
      else child.send({ spec, folder: store.folder } satisfies ToWorker);
    };
    const fail = (reason: string): void => {
      const name = spec === undefined ? 'before its first run' : `in ${spec.condition.id}, seed ${spec.seed}`;
      reject(new Error(`a process of the study failed ${name}: ${reason}\n${lastWords}`));
    };
    child.on('message', (message: FromWorker) => {
      if (message.kind === 'failed') fail(message.reason);
      else if (message.kind === 'epoch') spec !== undefined && onEpoch(spec, message.epoch);
      else {
        if (message.kind === 'done' && spec !== undefined) onDone(spec, message.seconds);
        next();
      }
    });
    child.on('error', (error) => fail(error.message));
    child.on('exit', (code, signal) => fail(`it ended with ${signal ?? `code ${code}`}`));
  });
}
