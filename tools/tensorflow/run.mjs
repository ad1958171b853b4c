// Running another program: captured output, a time limit, a limit on standing still, no child left behind.
// Knows nothing of what it runs.

import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { delimiter, join } from 'node:path';

const TAIL_BYTES = 64 * 1024;
const running = new Set();

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    for (const child of running) killGroup(child);
    // exit, not the signal's default action: locks and drafts are removed on exit.
    process.exit(128 + osConstants.signals[signal]);
  });
}

/**
 * Runs a program to its end; never throws for what the program does.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {number} [options.limitS] seconds until it is ended.
 * @param {number} [options.stallS] seconds without growth of `progress()` until it is ended.
 * @param {(output: string) => number} [options.progress] a number that grows while work goes on, asked each second with
 *   the output so far.
 * @returns {Promise<{ok: boolean, code: number | null, output: string, stdout: string, ended: string}>} `ended` says
 *   why it was ended before its time; empty otherwise. `output`: the last 64 KB of both streams.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const { cwd, env = process.env } = options;
    // Its own process group, so that a limit also ends what it has started.
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    running.add(child);
    const seen = { stdout: '', output: '', ended: '' };
    child.stdout.on('data', (data) => {
      seen.stdout = keepTail(seen.stdout + data);
      seen.output = keepTail(seen.output + data);
    });
    child.stderr.on('data', (data) => {
      seen.output = keepTail(seen.output + data);
    });
    const stopWatching = watch(child, options, seen, (reason) => {
      seen.ended = reason;
    });
    const finish = (code) => {
      stopWatching();
      running.delete(child);
      resolve({ ok: code === 0 && seen.ended === '', code, ...seen });
    };
    child.on('error', (error) => {
      seen.output += `${error.message}\n`;
      finish(null);
    });
    child.on('close', finish);
  });
}

function watch(child, { limitS = Number.POSITIVE_INFINITY, stallS = Number.POSITIVE_INFINITY, progress }, seen, onEnd) {
  const started = performance.now();
  let best = -1;
  let moved = started;
  const timer = setInterval(() => {
    const now = performance.now();
    const value = progress?.(seen.output) ?? 0;
    if (value > best) {
      best = value;
      moved = now;
    }
    const stalled = progress !== undefined && now - moved > stallS * 1000;
    if (!stalled && now - started <= limitS * 1000) return;
    onEnd(stalled ? `nothing arrived for ${stallS} s` : `not finished after ${limitS} s`);
    clearInterval(timer);
    killGroup(child);
  }, 1000);
  return () => clearInterval(timer);
}

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}

function keepTail(text) {
  return text.length > TAIL_BYTES ? text.slice(-TAIL_BYTES) : text;
}

/** The last `lines` lines of a program's output, for an error message. */
export function tail(output, lines = 15) {
  return output.trimEnd().split('\n').slice(-lines).join('\n');
}

/** Path of the first of `names` that PATH holds (or that is a path to a program itself); undefined when none is there. */
export function findProgram(names, env = process.env) {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const name of names) {
    if (!name) continue;
    const candidates = name.includes('/') ? [name] : folders.map((folder) => join(folder, name));
    const found = candidates.find(isProgram);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
