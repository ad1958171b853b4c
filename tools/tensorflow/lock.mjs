// A lock file, so that two bootstraps at once do not do the same work twice.
// Correctness never rests on it: everything that is shared is put in place by one rename.

import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { explainFileError } from './errors.mjs';
import { say } from './log.mjs';

// A holder on another machine (a cache on a network disk) cannot be asked; a lock this old is taken for left behind.
const FOREIGN_STALE_MS = 60 * 60 * 1000;

/**
 * Runs `work` while holding the lock file `path`; waits for another process that holds it.
 * @param {string} path
 * @param {string} what the work, for the line that says what is waited for.
 * @param {() => Promise<T>} work
 * @template T
 */
export async function withLock(path, what, work) {
  await acquire(path, what);
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

async function acquire(path, what) {
  let told = false;
  for (;;) {
    if (tryCreate(path)) return;
    const holder = readHolder(path);
    if (holder === undefined) continue;
    if (isGone(holder, path)) {
      takeAway(path, holder);
      continue;
    }
    if (!told) say(`${what}: waiting for process ${holder.pid}, which is at it already`);
    told = true;
    await sleep(200);
  }
}

function tryCreate(path) {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST' && isFile(path)) return false;
    throw explainFileError(error, dirname(path));
  }
}

function isFile(path) {
  try {
    return statSync(path).isFile();
  } catch (error) {
    return error.code === 'ENOENT';
  }
}

function readHolder(path) {
  try {
    const text = readFileSync(path, 'utf8');
    // Empty: created this instant, or its writer died in between; its age decides.
    return { text, ...(text === '' ? { pid: 0, host: '' } : JSON.parse(text)) };
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    if (error instanceof SyntaxError) return { text: undefined, pid: 0, host: '' };
    throw error;
  }
}

function isGone(holder, path) {
  if (holder.host === hostname() && holder.pid > 0) {
    try {
      process.kill(holder.pid, 0);
      return false;
    } catch (error) {
      return error.code === 'ESRCH';
    }
  }
  const limit = holder.pid === 0 ? 5000 : FOREIGN_STALE_MS;
  return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > limit;
}

function takeAway(path, holder) {
  const aside = `${path}.left-by-${holder.pid}-${process.pid}`;
  try {
    renameSync(path, aside);
    // Another waiter may have been quicker and hold the lock by now: give it back.
    if (holder.text !== undefined && readFileSync(aside, 'utf8') !== holder.text) linkSync(aside, path);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  }
  rmSync(aside, { force: true });
}
