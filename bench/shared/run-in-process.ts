// Starts the process of a cell and waits for its report.
// Knows nothing of what a cell measures.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

// Enough for an error and its stack.
const MOST_COMPLAINT = 4000;

/** How a process is run. */
export interface ProcessOptions {
  /** Threads that TensorFlow may use there. */
  readonly threads: number;
  /** The process is ended after so many seconds. */
  readonly limitS: number;
  /** Receives what the process says about how far it is. */
  readonly onProgress?: (text: string) => void;
}

/** What a process sends while it works; anything else is its report. */
export interface ProgressMessage {
  readonly progress: string;
}

function isProgress(message: unknown): message is ProgressMessage {
  return typeof message === 'object' && message !== null && 'progress' in message;
}

/** Node 23 took away what tfjs-node calls. */
const COMPAT = new URL('../../src/compat.ts', import.meta.url).href;

/**
 * Runs a program in a process of its own: sends it `task`, and returns what it sends back.
 * @throws Error when the process ends without a report, or is not done in time; with what it wrote to standard error.
 */
export function runInProcess<Report>(program: URL, task: object, options: ProcessOptions): Promise<Report> {
  const { threads, limitS, onProgress } = options;
  const child = fork(fileURLToPath(program), {
    execArgv: ['--import', 'tsx', '--import', COMPAT],
    silent: true,
    env: {
      ...process.env,
      TF_CPP_MIN_LOG_LEVEL: '2',
      TF_NUM_INTRAOP_THREADS: `${threads}`,
      TF_NUM_INTEROP_THREADS: `${threads}`,
    },
  });
  // TensorFlow greets on standard error: shown only when something went wrong.
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-MOST_COMPLAINT);
  });
  return new Promise((resolve, reject) => {
    const reports: Report[] = [];
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, 1000 * limitS);
    child.on('message', (message: Report | ProgressMessage) => {
      if (isProgress(message)) onProgress?.(message.progress);
      else reports.push(message);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const [report] = reports;
      const end = late ? `not done after ${limitS} s` : (signal ?? `code ${code}`);
      if (report !== undefined) resolve(report);
      else reject(new Error(`${program} ended without a report (${end}):\n${complaint}`));
    });
    child.send(task);
  });
}
