// The cache outside node_modules: where it lies, entries that are whole or absent, space on its disk.
// Knows nothing of what the entries hold.

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { BootstrapError, explainFileError } from './errors.mjs';
import { megabytes } from './log.mjs';

const MANIFEST = 'manifest.json';

/** `$TFJS_EMA_CACHE`, else `$XDG_CACHE_HOME/tfjs-ema`, else `~/.cache/tfjs-ema`. */
export function cacheDirectory(env = process.env) {
  if (env.TFJS_EMA_CACHE) return resolve(env.TFJS_EMA_CACHE);
  return join(env.XDG_CACHE_HOME ? resolve(env.XDG_CACHE_HOME) : join(env.HOME || homedir(), '.cache'), 'tfjs-ema');
}

/**
 * Reads an entry of the cache.
 * @param {string} folder the entry.
 * @returns {object | undefined} the facts that {@link publish} stored; undefined when the entry is absent or any of its
 *   files is missing or of another size.
 */
export function openEntry(folder) {
  try {
    const { files, ...facts } = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'));
    for (const [name, size] of Object.entries(files)) {
      if (statSync(join(folder, name)).size !== size) return undefined;
    }
    return facts;
  } catch {
    return undefined;
  }
}

/**
 * Makes an entry: `build` fills a folder beside it, one rename puts it in place. Two processes may do so at once.
 * @param {string} folder the entry.
 * @param {(folder: string) => Promise<object>} build fills the folder and returns the facts to store.
 * @returns {Promise<object>} the facts.
 */
export async function publish(folder, build) {
  const draft = makeDraft(folder);
  const removeDraft = () => rmSync(draft, { recursive: true, force: true });
  process.once('exit', removeDraft);
  try {
    const facts = await build(draft);
    writeFileSync(join(draft, MANIFEST), `${JSON.stringify({ ...facts, files: sizesOf(draft) }, null, 2)}\n`);
    putInPlace(draft, folder);
    return facts;
  } catch (error) {
    throw explainFileError(error, dirname(folder));
  } finally {
    process.off('exit', removeDraft);
    removeDraft();
  }
}

function makeDraft(folder) {
  try {
    mkdirSync(dirname(folder), { recursive: true });
    removeAbandonedDrafts(dirname(folder));
    return mkdtempSync(`${folder}.draft-${process.pid}-`);
  } catch (error) {
    throw explainFileError(error, dirname(folder));
  }
}

function removeAbandonedDrafts(parent) {
  for (const name of readdirSync(parent)) {
    const pid = /\.draft-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}

function putInPlace(draft, folder) {
  try {
    renameSync(draft, folder);
  } catch (error) {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    // Another process was quicker: its entry is as good. A damaged one gives way.
    if (openEntry(folder) !== undefined) return;
    const damaged = mkdtempSync(`${folder}.draft-${process.pid}-`);
    renameSync(folder, join(damaged, basename(folder)));
    renameSync(draft, folder);
    rmSync(damaged, { recursive: true, force: true });
  }
}

function sizesOf(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sizes = files.map((entry) => {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    return [relative(folder, path), statSync(path).size];
  });
  return Object.fromEntries(sizes.sort());
}

/**
 * Throws unless the disk of `folder` has `bytes` free.
 * @param {typeof statfsSync} [statfs] how the disk is asked.
 */
export function requireSpace(folder, bytes, statfs = statfsSync) {
  mkdirForUse(folder);
  const { bavail, bsize } = statfs(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  throw new BootstrapError(
    `${megabytes(bytes)} of free disk space are needed in ${folder}, ${megabytes(free)} are there`,
    'free some space, or set TFJS_EMA_CACHE to a folder on a larger disk',
  );
}

/** Makes `folder` and proves that it can be written to. */
export function mkdirForUse(folder) {
  try {
    mkdirSync(folder, { recursive: true });
    rmSync(mkdtempSync(join(folder, `.draft-${process.pid}-`)), { recursive: true });
  } catch (error) {
    throw explainFileError(error, folder);
  }
}
