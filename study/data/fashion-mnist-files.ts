// Gets the four files of Fashion-MNIST into the cache: from Debian's package (no root needed), or from the data set's site.
// Does not look inside them.

import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from '../../tools/tensorflow/cache.mjs';
import { DataError } from './dataset.js';
import { unpackDebian } from './debian.js';

/** Takes one progress line. */
export type Say = (line: string) => void;

/** Names of the files. */
export const FILES = [
  'train-images-idx3-ubyte.gz',
  'train-labels-idx1-ubyte.gz',
  't10k-images-idx3-ubyte.gz',
  't10k-labels-idx1-ubyte.gz',
] as const;

const SITE = 'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/';
const PACKAGE = 'dataset-fashion-mnist';
const IN_PACKAGE = 'usr/share/datasets/fashion-mnist';

/**
 * A folder with the four files; `$TFJS_EMA_FASHION_MNIST_SITE` names a mirror of the site.
 * @throws {@link DataError} naming each way that was tried, and why it failed.
 */
export async function obtainFiles(say: Say): Promise<{ folder: string; source: string }> {
  const folder = join(cacheDirectory(), 'data', 'fashion-mnist');
  if (isComplete(folder)) return { folder, source: `cache (${folder})` };
  if (isComplete(`/${IN_PACKAGE}`)) return { folder: `/${IN_PACKAGE}`, source: `Debian's package, installed` };
  const failures: string[] = [];
  const site = process.env['TFJS_EMA_FASHION_MNIST_SITE'] ?? SITE;
  const ways = [
    { source: `Debian's package ${PACKAGE}`, fetchInto: fetchFromDebian },
    { source: `its own site (${site})`, fetchInto: (draft: string) => fetchFromSite(draft, site) },
  ];
  for (const { source, fetchInto } of ways) {
    say(`Fashion-MNIST: fetching it from ${source} (31 MB) ...`);
    try {
      await fillCache(folder, fetchInto);
      return { folder, source };
    } catch (error) {
      failures.push(`${source}: ${(error as Error).message.trim()}`);
    }
  }
  throw new DataError(
    `Fashion-MNIST cannot be had:\n  ${failures.join('\n  ')}\n` +
      `Way out: on Debian or Ubuntu "apt-get install ${PACKAGE}", or put its four files ` +
      `(${FILES.join(', ')}) from ${site} into ${folder}.`,
  );
}

function isComplete(folder: string): boolean {
  return FILES.every((name) => existsSync(join(folder, name)));
}

/** Fills a folder beside the final one and renames it, so that a half-fetched data set is never taken for whole. */
async function fillCache(folder: string, fetchInto: (draft: string) => Promise<void>): Promise<void> {
  mkdirSync(join(folder, '..'), { recursive: true });
  const draft = mkdtempSync(`${folder}.draft-${process.pid}-`);
  try {
    await fetchInto(draft);
    if (!isComplete(draft)) throw new DataError(`it lacks some of ${FILES.join(', ')}`);
    // What is there by now is incomplete, or just as good from a second process.
    if (!isComplete(folder)) {
      rmSync(folder, { recursive: true, force: true });
      renameSync(draft, folder);
    }
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/**
 * Downloads Debian's package and takes the files out of it.
 * @param draft an empty folder.
 */
export async function fetchFromDebian(draft: string): Promise<void> {
  const work = join(draft, 'work');
  await unpackDebian([PACKAGE], work);
  for (const name of FILES) {
    const unpacked = join(work, IN_PACKAGE, name);
    if (existsSync(unpacked)) renameSync(unpacked, join(draft, name));
  }
  rmSync(work, { recursive: true });
}

/**
 * Downloads the four files over HTTP.
 * @param draft an empty folder.
 * @param site address of the folder that holds them, with a slash at its end.
 */
export async function fetchFromSite(draft: string, site: string): Promise<void> {
  for (const name of FILES) {
    let response: Response;
    try {
      response = await fetch(new URL(name, site), { signal: AbortSignal.timeout(300_000) });
      if (!response.ok) throw new DataError(`${name}: the site answers ${response.status} ${response.statusText}`);
      await writeFile(join(draft, name), new Uint8Array(await response.arrayBuffer()));
    } catch (error) {
      if (error instanceof DataError) throw error;
      const { message, cause } = error as Error;
      throw new DataError(`${name}: ${message}${cause instanceof Error ? ` (${cause.message})` : ''}`, {
        cause: error,
      });
    }
  }
}
