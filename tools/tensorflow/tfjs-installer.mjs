// tfjs-node's normal way: its own install script, which downloads TensorFlow and a binding from its makers' host.
// Tried with limits, since behind a firewall it may hang for ever; what it gets goes to the cache.

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { delimiter, join } from 'node:path';
import { cacheDirectory, openEntry, publish } from './cache.mjs';
import { downloadMeter, say, step } from './log.mjs';
import { loadedVersion } from './placement.mjs';
import { bindingPath, PROJECT, packageFolder, packageJson } from './project.mjs';
import { run, tail } from './run.mjs';

const PROBE_S = 8;
const STALL_S = 45;
const LIMIT_S = 900;

/** What an earlier successful install left in the cache. */
export function cachedInstall(packageName) {
  const folder = entryFolder(packageName);
  const facts = openEntry(folder);
  return facts && { folder, ...facts, binding: join(folder, facts.bindingName) };
}

/**
 * Runs the install script of the package, if its host answers.
 * @returns {Promise<{folder: string, version: string, binding: string} | undefined>} undefined when it did not work out:
 *   the reason has been printed, the package folder is as before.
 */
export async function tryInstaller(packageName) {
  const url = libraryUrl();
  const unreachable = usesProxy() ? '' : await probe(url);
  if (unreachable !== '') {
    say(`tfjs-node's own download cannot be reached (${new URL(url).host}: ${unreachable}); going over PyPI`);
    return undefined;
  }
  const manifest = join(packageFolder(packageName), 'package.json');
  const before = readFileSync(manifest);
  try {
    const { ok } = await step("tfjs-node's own installer", () => runInstaller(packageName));
    if (ok) return await keep(packageName);
    say("tfjs-node's own installer failed; going over PyPI");
  } catch (error) {
    say(`what tfjs-node's own installer brought does not work (${error.message}); going over PyPI`);
  } finally {
    // The script rewrites package.json while it runs; ended half-way it would leave it so.
    writeFileSync(manifest, before);
  }
  rmSync(join(packageFolder(packageName), 'deps'), { recursive: true, force: true });
  rmSync(bindingPath(packageName), { force: true });
  return undefined;
}

async function runInstaller(packageName) {
  const folder = packageFolder(packageName);
  const bins = [join(folder, 'node_modules', '.bin'), join(PROJECT, 'node_modules', '.bin')];
  const env = { ...process.env, PATH: [...bins, process.env.PATH ?? ''].join(delimiter) };
  const meter = downloadMeter('libtensorflow');
  const progress = (output) => {
    // After the download a compilation may follow, which shows no growth: from there only the whole limit counts.
    if (output.includes('Building TensorFlow')) return performance.now();
    const bytes = libraryBytes(join(folder, 'deps', 'lib'));
    meter(bytes);
    return bytes;
  };
  const script = packageJson(packageName).scripts.install;
  const limits = { progress, stallS: STALL_S, limitS: LIMIT_S };
  const result = await run('/bin/sh', ['-c', script], { cwd: folder, env, ...limits });
  const ok = result.ok && existsSync(bindingPath(packageName));
  const reason = ok ? '' : result.ended || tail(result.output, 1) || `exit code ${result.code}`;
  return { ok, reason, note: reason };
}

function libraryBytes(folder) {
  try {
    return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  } catch {
    return 0;
  }
}

/** Copies libraries, headers and binding into the cache, after proving that they load. */
async function keep(packageName) {
  const version = await loadedVersion(packageFolder(packageName));
  const deps = join(packageFolder(packageName), 'deps');
  const folder = entryFolder(packageName);
  await publish(folder, async (draft) => {
    mkdirSync(join(draft, 'include'), { recursive: true });
    cpSync(join(deps, 'lib'), join(draft, 'lib'), { recursive: true, verbatimSymlinks: true });
    if (existsSync(join(deps, 'include'))) cpSync(join(deps, 'include'), join(draft, 'include'), { recursive: true });
    cpSync(bindingPath(packageName), join(draft, 'tfjs_binding.node'));
    return { version, bindingName: 'tfjs_binding.node' };
  });
  return cachedInstall(packageName);
}

function entryFolder(packageName) {
  const { version } = packageJson(packageName);
  return join(cacheDirectory(), 'tensorflow', `${packageName.split('/')[1]}-${version}-installed-${process.arch}`);
}

/** The address that the install script will ask, by the same variables. */
function libraryUrl() {
  const { TFJS_NODE_CDN_STORAGE, CDN_STORAGE, TFJS_NODE_BASE_URI } = process.env;
  const storage = TFJS_NODE_CDN_STORAGE || CDN_STORAGE || 'https://storage.googleapis.com/';
  return TFJS_NODE_BASE_URI || `${storage}tensorflow/libtensorflow/`;
}

function usesProxy() {
  const names = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];
  return names.some((name) => (process.env[name] ?? '') !== '');
}

/** Empty when the host answers at all, whatever it answers; else why it does not. */
function probe(url) {
  return new Promise((resolve) => {
    const request = url.startsWith('https:') ? httpsRequest : httpRequest;
    const call = request(url, { method: 'HEAD' }, (response) => {
      response.resume();
      finish('');
    });
    const timer = setTimeout(() => finish(`no answer in ${PROBE_S} s`), PROBE_S * 1000);
    const finish = (reason) => {
      clearTimeout(timer);
      resolve(reason);
      call.destroy();
    };
    call.on('error', (error) => finish(error.code ?? error.message));
    call.end();
  });
}
