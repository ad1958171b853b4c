// Debian packages without root: downloaded and unpacked into a folder.
// Knows no data set.

import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DataError } from './dataset.js';

const execute = promisify(execFile);

/**
 * Downloads packages and unpacks them. Where the machine has no package lists yet, private ones are fetched.
 * @param folder made; what the packages hold lies in it as it would below `/`.
 * @throws {@link DataError} there is no apt-get, or it brought no file.
 */
export async function unpackDebian(packages: readonly string[], folder: string): Promise<void> {
  mkdirSync(join(folder, 'lists', 'partial'), { recursive: true });
  mkdirSync(join(folder, 'cache', 'archives', 'partial'), { recursive: true });
  const own = [`Dir::State::Lists=${folder}/lists`, `Dir::Cache=${folder}/cache`].flatMap((option) => ['-o', option]);
  try {
    await apt(folder, ['download', ...packages]);
  } catch (error) {
    if (isMissing(error)) throw new DataError('this machine has no apt-get');
    await apt(folder, [...own, 'update']);
    await apt(folder, [...own, 'download', ...packages]);
  }
  const archives = readdirSync(folder).filter((name) => name.endsWith('.deb'));
  if (archives.length < packages.length) throw new DataError(`apt-get download ${packages.join(' ')} brought no file`);
  for (const archive of archives) await execute('dpkg-deb', ['-x', join(folder, archive), folder], { timeout: 60_000 });
}

async function apt(folder: string, args: readonly string[]): Promise<void> {
  // A few seconds each where the archive answers; the limit is for where it does not.
  await execute('apt-get', ['-q', '-o', 'Acquire::Retries=1', ...args], { cwd: folder, timeout: 180_000 });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
