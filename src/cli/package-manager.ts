// Which package manager an app uses, and whether its settings keep install scripts from running.
// Runs no package manager.

import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { PackageManager, TfjsName } from './facts.js';

// What each leaves behind, surest first: the state of what is installed, then lock files.
const TRACES: readonly (readonly [file: string, manager: PackageManager])[] = [
  ['node_modules/.modules.yaml', 'pnpm'],
  ['node_modules/.yarn-state.yml', 'yarn'],
  ['node_modules/.yarn-integrity', 'yarn-classic'],
  ['node_modules/.package-lock.json', 'npm'],
  ['pnpm-lock.yaml', 'pnpm'],
  ['.yarnrc.yml', 'yarn'],
  ['yarn.lock', 'yarn-classic'],
  ['package-lock.json', 'npm'],
];

/** The package manager that has installed the packages of a folder; npm when nothing tells. */
export function packageManager(directory: string): PackageManager {
  for (const folder of upwards(directory)) {
    const trace = TRACES.find(([file]) => existsSync(join(folder, file)));
    if (trace !== undefined) return trace[1];
  }
  return 'npm';
}

/**
 * The setting that keeps the install script of a package from running.
 * @returns where it stands and what it says; undefined when none was found.
 */
export function scriptsBlockedBy(directory: string, manager: PackageManager, name: TfjsName): string | undefined {
  const { npm_config_ignore_scripts: fromEnvironment } = process.env;
  if (fromEnvironment === 'true') return 'the environment: npm_config_ignore_scripts=true';
  const folders = upwards(directory);
  switch (manager) {
    case 'npm':
      return inNpmrc(folders);
    case 'pnpm':
      return inPnpmState(folders, name) ?? inNpmrc(folders);
    case 'yarn':
      return setting(folders, '.yarnrc.yml', /^enableScripts:\s*false/m);
    case 'yarn-classic':
      return setting([...folders, homedir()], '.yarnrc', /^ignore-scripts true/m) ?? inNpmrc(folders);
    default:
      return manager satisfies never;
  }
}

function inNpmrc(folders: readonly string[]): string | undefined {
  return setting([...folders, homedir()], '.npmrc', /^\s*ignore-scripts\s*=\s*true/m);
}

function inPnpmState(folders: readonly string[], name: TfjsName): string | undefined {
  // pnpm 10 and later name here what they did not build.
  const state = folders.map((folder) => join(folder, 'node_modules', '.modules.yaml')).find((file) => existsSync(file));
  if (state === undefined) return undefined;
  const [, ignored = ''] = readFileSync(state, 'utf8').split(/"?ignoredBuilds"?:/);
  return ignored.includes(name) ? 'pnpm, which runs the scripts of approved packages only' : undefined;
}

function setting(folders: readonly string[], file: string, pattern: RegExp): string | undefined {
  for (const path of folders.map((folder) => join(folder, file))) {
    const found = existsSync(path) ? pattern.exec(readFileSync(path, 'utf8')) : null;
    if (found !== null) return `${path}: ${found[0].trim()}`;
  }
  return undefined;
}

/** A folder and all folders above it. */
function upwards(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [directory, ...upwards(parent)];
}
