// One file made from Debian packages, in the cache: whole and of known content, or not there.
// Knows no data set.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory, openEntry, publish } from '../../tools/tensorflow/cache.mjs';
import { DataError } from './dataset.js';
import { unpackDebian } from './debian.js';
import type { Say } from './fashion-mnist-files.js';

/** A file, and how it comes out of packages. */
export interface PackageFile {
  /** What people call it. */
  readonly title: string;
  /** Its folder in the cache. */
  readonly name: string;
  readonly packages: readonly string[];
  /** Program that writes it to standard output, with its arguments. @param root where the packages are unpacked. */
  readonly command: (root: string) => readonly [program: string, ...args: string[]];
  /** SHA-256 of the file. */
  readonly sha256: string;
}

const CONTENT = 'content';
const LARGEST = 64 * 2 ** 20;

/**
 * The file's bytes, from the cache or from its packages.
 * @throws {@link DataError} it cannot be had, or is another than the known one.
 */
export async function packageFile(file: PackageFile, say: Say): Promise<Buffer> {
  const folder = join(cacheDirectory(), 'data', file.name);
  if (openEntry(folder) === undefined) {
    say(`${file.title}: fetching it from Debian's ${file.packages.join(' and ')} ...`);
    await publish(folder, async (draft) => {
      writeFileSync(join(draft, CONTENT), await make(file, draft));
      return {};
    });
  }
  const bytes = readFileSync(join(folder, CONTENT));
  if (createHash('sha256').update(bytes).digest('hex') === file.sha256) return bytes;
  throw new DataError(
    `${folder} does not hold the known ${file.title} (checksum). Remove the folder and run again: it is fetched anew.`,
  );
}

async function make({ title, packages, command }: PackageFile, draft: string): Promise<Buffer> {
  const root = join(draft, 'packages');
  try {
    await unpackDebian(packages, root);
    const [program, ...args] = command(root);
    const { stdout } = await promisify(execFile)(program, args, {
      encoding: 'buffer',
      maxBuffer: LARGEST,
      timeout: 60_000,
    });
    rmSync(root, { recursive: true });
    return stdout;
  } catch (error) {
    const reason = (error as Error).message.trim();
    throw new DataError(
      `${title} cannot be had: ${reason}. Fix: run on Debian or Ubuntu with its archive in reach ("apt-get download ${packages.join(' ')}"), ` +
        'with xz-utils installed, or leave its domain out with --domains.',
      { cause: error },
    );
  }
}
