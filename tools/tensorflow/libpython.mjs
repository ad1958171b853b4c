// A shared libpython for TensorFlow below 2.12, whose C API sits in a Python extension.
// Python itself is never started: the library is there so that the extension's symbols resolve.

import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheDirectory, openEntry, publish } from './cache.mjs';
import { BootstrapError } from './errors.mjs';
import { step } from './log.mjs';
import { findProgram, run } from './run.mjs';

// The wheel is for 3.9; a neighbour has every symbol that it loads at start, as seen with 3.11.
const VERSIONS = ['3.10', '3.11', '3.9'];
const DEBIAN = ['libpython3.11', 'libpython3.10', 'libpython3.9'];

/** Path of a libpython3.x.so.1.0: of this machine, else of Debian's package, unpacked into the cache (no root needed). */
export async function ensureLibpython() {
  const found = (await fromLoader()) ?? (await fromInterpreters()) ?? fromCache() ?? (await fromDebian());
  if (found !== undefined) return found;
  throw new BootstrapError(
    'TensorFlow below 2.12 needs a shared libpython (3.9, 3.10 or 3.11), and there is none on this machine',
    'install it ("apt-get install libpython3.11" on Debian 12, or the libpython3.x of your distribution)',
  );
}

async function fromLoader() {
  const ldconfig = findProgram(['ldconfig', '/sbin/ldconfig', '/usr/sbin/ldconfig']);
  if (ldconfig === undefined) return undefined;
  const { stdout } = await run(ldconfig, ['-p'], { limitS: 30 });
  const lines = stdout.split('\n').filter((line) => !/x32|i386/.test(line));
  for (const version of VERSIONS) {
    const line = lines.find((text) => text.trim().startsWith(`libpython${version}.so.1.0 `));
    const path = line?.split('=> ')[1]?.trim();
    if (path !== undefined && existsSync(path)) return path;
  }
  return undefined;
}

async function fromInterpreters() {
  const code = 'import sysconfig as s;print(s.get_config_var("LIBDIR"), s.get_config_var("INSTSONAME"), sep="/")';
  for (const version of VERSIONS) {
    const python = findProgram([`python${version}`]);
    if (python === undefined) continue;
    const path = (await run(python, ['-c', code], { limitS: 30 })).stdout.trim();
    if (basename(path) === `libpython${version}.so.1.0` && existsSync(path)) return path;
  }
  return undefined;
}

const entry = () => join(cacheDirectory(), 'libpython');

function fromCache() {
  const facts = openEntry(entry());
  return facts && join(entry(), facts.library);
}

async function fromDebian() {
  const apt = findProgram(['apt-get']);
  const dpkg = findProgram(['dpkg-deb']);
  if (apt === undefined || dpkg === undefined) return undefined;
  await step('libpython from Debian', () => publish(entry(), (draft) => unpackDebian(apt, dpkg, draft))).catch(
    (error) => {
      if (!(error instanceof NoPackage)) throw error;
    },
  );
  return fromCache();
}

class NoPackage extends Error {}

async function unpackDebian(apt, dpkg, draft) {
  const work = join(draft, 'work');
  for (const name of DEBIAN) {
    mkdirSync(work, { recursive: true });
    await run(apt, ['download', name], { cwd: work, limitS: 300 });
    const archive = readdirSync(work).find((file) => file.endsWith('.deb'));
    if (archive === undefined) continue;
    await run(dpkg, ['-x', join(work, archive), draft], { limitS: 120 });
    rmSync(work, { recursive: true });
    const library = readdirSync(draft, { recursive: true }).find((file) => /libpython3\.\d+\.so\.1\.0$/.test(file));
    if (library !== undefined) return { library };
  }
  throw new NoPackage();
}
