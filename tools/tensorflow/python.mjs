// Python's part: finding an interpreter with pip, fetching one wheel, taking files out of it.
// Does not know what the wheel is for.

import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BootstrapError } from './errors.mjs';
import { downloadMeter } from './log.mjs';
import { findProgram, run, tail } from './run.mjs';

const UNPACK = join(dirname(fileURLToPath(import.meta.url)), 'unpack.py');
const NETWORK =
  /Retrying|NewConnectionError|ConnectionError|ConnectTimeout|name resolution|timed out|ProxyError|SSLError|unreachable/i;

/** Thrown when pip's index answers, but has no such version for this machine. */
export class NoSuchWheel extends Error {}

/** A Python 3 whose pip works. `$PYTHON` is asked first. */
export async function requirePip() {
  const python = findProgram([process.env.PYTHON, 'python3', 'python']);
  if (python === undefined) {
    throw new BootstrapError(
      "Python 3 was not found in PATH; its pip fetches TensorFlow where tfjs-node's own installer cannot",
      'install it ("apt-get install python3-pip" on Debian), or set PYTHON to its path',
    );
  }
  const pip = await run(python, ['-m', 'pip', '--version'], { limitS: 60 });
  if (pip.ok) return python;
  throw new BootstrapError(
    `${python} has no pip; it fetches TensorFlow where tfjs-node's own installer cannot`,
    'install it ("apt-get install python3-pip" on Debian, or "python3 -m ensurepip"), or set PYTHON to a Python that has it',
  );
}

/**
 * Downloads one wheel, without its dependencies.
 * @param {object} wanted
 * @param {string} wanted.requirement such as "tensorflow-cpu==2.21.0".
 * @param {string} [wanted.pythonVersion] the Python it is for, such as "3.11"; by default the one that runs.
 * @param {readonly string[]} [wanted.platforms] the machines it is for, such as "manylinux2014_aarch64"; by default this one.
 * @param {string} wanted.folder an empty folder; pip's own temporary files go there too.
 * @returns {Promise<string>} path of the wheel.
 */
export async function downloadWheel(python, { requirement, pythonVersion, platforms = [], folder }) {
  const args = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--no-cache-dir', '--no-input'];
  args.push('--disable-pip-version-check', '--progress-bar=off', '--retries=2', '-d', folder);
  if (pythonVersion !== undefined) args.push('--python-version', pythonVersion);
  args.push(...platforms.map((name) => `--platform=${name}`));
  const meter = downloadMeter(requirement);
  const progress = () => {
    const bytes = largestBelow(folder);
    meter(bytes);
    return bytes;
  };
  const env = { ...process.env, TMPDIR: folder, PIP_DEFAULT_TIMEOUT: process.env.PIP_DEFAULT_TIMEOUT ?? '30' };
  const result = await run(python, [...args, requirement], { env, progress, stallS: 120, limitS: 3600 });
  if (!result.ok) throw explainPip(result, requirement);
  return join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.whl')),
  );
}

function explainPip(result, requirement) {
  const { output, ended } = result;
  if (/No space left|Errno 28/.test(output)) {
    return new BootstrapError(
      `the disk filled up while pip downloaded ${requirement}`,
      'free some space, or set TFJS_EMA_CACHE to a folder on a larger disk',
    );
  }
  if (ended !== '' || NETWORK.test(output)) {
    return new BootstrapError(
      `pip could not download ${requirement}: ${ended || 'no network'}\n${tail(output, 6)}`,
      'check the network, or point pip to an index that can be reached (PIP_INDEX_URL, or PIP_FIND_LINKS for a folder of wheels)',
    );
  }
  if (/No matching distribution/.test(output)) return new NoSuchWheel(tail(output, 1));
  return new BootstrapError(
    `pip could not download ${requirement}:\n${tail(output)}`,
    `try "python3 -m pip download --no-deps ${requirement}" by hand and mend what it names`,
  );
}

/** Size of the largest file: the wheel, which pip keeps twice for a moment. */
function largestBelow(folder) {
  try {
    const files = readdirSync(folder, { recursive: true }).map((name) => join(folder, name));
    return Math.max(0, ...files.map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0));
  } catch {
    // A folder vanished while it was listed: the next look sees the rest.
    return 0;
  }
}

/**
 * Takes members and headers out of a wheel; see unpack.py.
 * @param {{wheel: string, folder: string, members: readonly string[], headerPrefix: string, headers: readonly string[]}} what
 */
export async function unpackWheel(python, { wheel, folder, members, headerPrefix, headers }) {
  const args = [UNPACK, wheel, folder, ...members.flatMap((member) => ['--member', member])];
  const result = await run(python, [...args, '--headers', headerPrefix, ...headers], { limitS: 900 });
  if (result.ok) return;
  throw new BootstrapError(
    `could not unpack ${wheel}: ${result.ended}\n${tail(result.output, 6)}`,
    /No space left/.test(result.output)
      ? 'free some space, or set TFJS_EMA_CACHE to a folder on a larger disk'
      : 'run again: the download is repeated',
  );
}
