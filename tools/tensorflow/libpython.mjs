// A shared libpython for TensorFlow below 2.12, whose C API sits in a Python extension.
// Python itself is never started: the library is there so that the extension's symbols resolve.

import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { cacheDirectory, openEntry, publish } from './cache.mjs';
import { BootstrapError } from './errors.mjs';
import { step } from './log.mjs';
import { findProgram, run, tail } from './run.mjs';

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

/** What Debian's libpython3.11 links beside the C library. */
const LINKED = { 'libz.so.1': 'zlib1g', 'libexpat.so.1': 'libexpat1' };

/**
 * The same for another processor than this one's, with the libraries that it links beside it: Debian's, unpacked into the cache.
 * @param {string} arch such as "arm64".
 * @returns {Promise<string>} its path.
 */
export async function ensureForeignLibpython(arch) {
  const folder = join(cacheDirectory(), `libpython-${arch}`);
  if (openEntry(folder) === undefined)
    await step(`libpython for ${arch} from Debian`, () => publish(folder, (draft) => unpackForeign(draft, arch)));
  return join(folder, openEntry(folder).library);
}

async function unpackForeign(draft, arch) {
  const work = join(draft, 'work');
  const [state, cache] = ['state', 'cache'].map((name) => join(work, name));
  for (const path of [join(state, 'lists', 'partial'), join(cache, 'archives', 'partial')])
    mkdirSync(path, { recursive: true });
  // Lists of its own: those of this machine are for its processor, and stay as they are.
  const places = [`Dir::State=${state}`, `Dir::Cache=${cache}`, 'Dir::State::status=/dev/null'];
  const options = [`APT::Architecture=${arch}`, `APT::Architectures::=${arch}`, ...places].flatMap((one) => [
    '-o',
    one,
  ]);
  const library = `${DEBIAN[0]}.so.1.0`;
  for (const command of [['update'], ['download', DEBIAN[0], ...Object.values(LINKED)]]) {
    const result = await run('apt-get', [...options, ...command], { cwd: work, limitS: 300 });
    if (!result.ok)
      throw new BootstrapError(
        `apt-get ${command[0]} for ${arch} failed: ${result.ended}\n${tail(result.output, 6)}`,
        `TensorFlow below 2.12 for ${arch} is tried on Debian only: name a newer one`,
      );
  }
  const root = join(work, 'root');
  for (const name of readdirSync(work).filter((file) => file.endsWith('.deb')))
    await run('dpkg-deb', ['-x', join(work, name), root], { limitS: 120 });
  const files = readdirSync(root, { recursive: true });
  for (const name of [library, ...Object.keys(LINKED)])
    copyFileSync(join(root, files.find((file) => basename(file) === name) ?? name), join(draft, name));
  rmSync(work, { recursive: true });
  return { library };
}
