// Reading `node_modules` folders: manifests, and every copy of tfjs.
// Resolves nothing: what an import finds is Node's business.

import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import type { PackageCopy } from './facts.js';

const TFJS = /^tfjs(-core|-layers|-node|-node-gpu)?$/;
// Nested deeper than any package manager nests tfjs; a bound against loops of links.
const MAX_DEPTH = 4;

/** The parts of a package.json that doctor reads. */
export interface Manifest {
  readonly name?: string;
  readonly version?: string;
}

/** A package's manifest; undefined when the folder has none that can be read. */
export function readManifest(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  } catch {
    // No package there, or a broken one: either way there is nothing to tell.
    return undefined;
  }
}

/** Every copy of a tfjs package in the `node_modules` of a folder and of the folders above it, each once. */
export function tfjsCopies(directory: string): PackageCopy[] {
  const found = new Map<string, PackageCopy>();
  for (let folder = directory; ; folder = dirname(folder)) {
    collect(join(folder, 'node_modules'), found, 0);
    if (folder === dirname(folder)) return [...found.values()];
  }
}

function collect(nodeModules: string, found: Map<string, PackageCopy>, depth: number): void {
  if (depth > MAX_DEPTH) return;
  for (const folder of packages(nodeModules)) {
    // A name as it is imported: Windows separates by something else.
    const name = folder.slice(nodeModules.length + 1).replaceAll(sep, '/');
    if (name.startsWith('@tensorflow/') && TFJS.test(name.slice('@tensorflow/'.length))) add(folder, name, found);
    collect(join(folder, 'node_modules'), found, depth + 1);
  }
  // pnpm keeps every package in here, under a name of its own.
  for (const name of list(join(nodeModules, '.pnpm')))
    collect(join(nodeModules, '.pnpm', name, 'node_modules'), found, depth + 1);
}

function add(folder: string, name: string, found: Map<string, PackageCopy>): void {
  const version = readManifest(folder)?.version;
  if (version === undefined) return;
  const path = realpathSync(folder);
  found.set(`${name} ${path}`, { name, version, path });
}

/** Folders of packages, links among them. */
function packages(nodeModules: string): string[] {
  const entries = list(nodeModules).filter((name) => !name.startsWith('.'));
  return entries.flatMap((name) =>
    name.startsWith('@')
      ? list(join(nodeModules, name)).map((inner) => join(nodeModules, name, inner))
      : [join(nodeModules, name)],
  );
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Most folders have no node_modules of their own.
    return [];
  }
}
