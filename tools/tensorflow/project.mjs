// Where the project and its packages lie.
// Paths and versions only; imports nothing that must be installed.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * The files at and below a path, in a fixed order.
 * @param {string} folder
 * @param {string} [entry] path below `folder`; all of it unless given.
 * @returns {string[]} paths from `folder`; `entry` itself when it is a file, none when it is not there.
 */
export function filesBelow(folder, entry = '.') {
  const path = join(folder, entry);
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [entry];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => relative(folder, join(file.parentPath ?? file.path, file.name)))
    .sort();
}

/** Folder of an installed package. */
export function packageFolder(name) {
  return join(PROJECT, 'node_modules', ...name.split('/'));
}

/** Parsed package.json of an installed package. */
export function packageJson(name) {
  return JSON.parse(readFileSync(join(packageFolder(name), 'package.json'), 'utf8'));
}

/** Path of tfjs-node's compiled binding, as tfjs-node itself computes it. */
export function bindingPath(packageName) {
  const { binary } = packageJson(packageName);
  const level = Math.max(...binary.napi_versions.filter((version) => version <= Number(process.versions.napi)));
  const folder = binary.module_path.replace('{napi_build_version}', String(level));
  return join(packageFolder(packageName), folder, `${binary.module_name}.node`);
}
