// The fuzzer as a process of its own: it may neither crash, nor run out of a small heap, nor fall silent.
// Judges no file.

import { spawn } from 'node:child_process';

/** How it ended: what it said last, and its errors. */
export interface Fuzzed {
  readonly code: number | null;
  readonly last: string;
  readonly errors: string;
}

/** Megabytes of objects; bytes of files stand beside them. */
const HEAP = 128;
/** Some batches take a second or two, at low priority on a busy machine a minute: after this a file was not read to its end. */
const SILENCE_MS = 600_000;
const REPORT_MS = 60_000;

/**
 * Runs it to its end.
 * @param argv the program and its arguments.
 * @param report receives its figures once a minute.
 */
export function fuzzed(argv: readonly string[], report: (line: string) => void): Promise<Fuzzed> {
  const child = spawn(process.execPath, [`--max-old-space-size=${HEAP}`, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [last, errors, reported] = ['', '', performance.now()];
  const kill = () => child.kill('SIGKILL');
  let silence = setTimeout(kill, SILENCE_MS);
  child.stdout.on('data', (text: Buffer) => {
    clearTimeout(silence);
    silence = setTimeout(kill, SILENCE_MS);
    last = text.toString().trim().split('\n').at(-1) ?? '';
    if (performance.now() - reported < REPORT_MS) return;
    reported = performance.now();
    report(last);
  });
  child.stderr.on('data', (text: Buffer) => {
    errors = `${errors}${text.toString()}`.slice(0, 20_000);
  });
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearTimeout(silence);
      resolve({ code, last, errors });
    });
  });
}
