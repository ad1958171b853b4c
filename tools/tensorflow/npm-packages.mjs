// Step "npm packages": node_modules as package-lock.json wants it, without install scripts.
// No TensorFlow, no building.

import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BootstrapError } from './errors.mjs';
import { step } from './log.mjs';
import { PROJECT } from './project.mjs';
import { findProgram, run, tail } from './run.mjs';

const NETWORK = /E(NOTFOUND|CONNREFUSED|CONNRESET|TIMEDOUT|AI_AGAIN|HOSTUNREACH|NETUNREACH)|network|socket hang up/;

/** Runs `npm ci --ignore-scripts` when node_modules is missing or does not fit package-lock.json. */
export async function ensureNpmPackages(project = PROJECT) {
  if (packagesFit(project)) return;
  await step('npm packages (npm ci)', () => installPackages(['ci', '--ignore-scripts'], project));
}

/** Runs npm with `args`, no audit, no funding notes; throws a BootstrapError when it fails. */
export async function installPackages(args, project = PROJECT) {
  const [program, ...first] = npmCommand();
  const env = {
    npm_config_fetch_retries: '1',
    npm_config_fetch_retry_mintimeout: '2000',
    npm_config_fetch_timeout: '60000',
    ...process.env,
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
  };
  const result = await run(program, [...first, ...args], { cwd: project, env, limitS: 1800 });
  if (result.ok) return { note: /added \d+ packages/.exec(result.output)?.[0] };
  const why = result.ended || `exit code ${result.code}`;
  throw new BootstrapError(
    `npm ${args.join(' ')} failed (${why}):\n${tail(result.output)}`,
    NETWORK.test(result.output)
      ? 'npm could not reach its registry: check the network or set npm\'s "registry" and "proxy" options, then run again'
      : `run "npm ${args.join(' ')}" in ${project} by hand and mend what it names`,
  );
}

/**
 * Whether the installed packages are those of the lock file, version by version: npm keeps its own record of what it
 * installed, and writes it last. Optional packages of other platforms may be absent.
 */
export function packagesFit(project) {
  const wanted = readPackages(join(project, 'package-lock.json'));
  const installed = readPackages(join(project, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version && (found.integrity ?? '') === (entry.integrity ?? found.integrity ?? '');
  });
}

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

function npmCommand() {
  const script = process.env.npm_execpath;
  if (script && basename(script) === 'npm-cli.js') return [process.execPath, script];
  const npm = findProgram(['npm']);
  if (npm !== undefined) return [npm];
  throw new BootstrapError('npm was not found in PATH', 'install npm (it comes with Node.js) or add it to PATH');
}
