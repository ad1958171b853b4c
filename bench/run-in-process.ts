// Starts the process of a cell and waits for its report.
// Knows nothing of what a cell measures.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

// Enough for an error and its stack.
const MOST_COMPLAINT = 4000;

/**
 * Runs a program of this folder in a process of its own: sends it `task`, and returns what it sends back.
 * @param threads how many threads TensorFlow may use there.
 * @throws Error when the process ends without a report; with what it wrote to standard error.
 */
export function runInProcess<Report>(program: string, task: object, threads: number): Promise<Report> {
  const child = fork(fileURLToPath(new URL(program, import.meta.url)), {
    execArgv: ['--import', 'tsx'],
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
    child.once('message', (message: Report) => reports.push(message));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      const [report] = reports;
      if (report !== undefined) resolve(report);
      else reject(new Error(`${program} ended without a report (${signal ?? `code ${code}`}):\n${complaint}`));
    });
    child.send(task);
  });
}
