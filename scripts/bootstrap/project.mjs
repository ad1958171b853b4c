// Where the project and its packages lie.
// Paths and versions only.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

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
