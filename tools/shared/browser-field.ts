// The field `browser` of package.json, for bundlers that are given the sources: which file stands in the place of which.
// Bundles nothing.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Files of src/ that a page loads in the place of others, by those others' paths. */
function replacedSources(): ReadonlyMap<string, string> {
  const { browser } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly browser: Readonly<Record<string, string>>;
  };
  const sourceOf = (built: string) => join(root, built.replace('dist', 'src').replace(/\.js$/, '.ts'));
  return new Map(Object.entries(browser).map(([from, to]) => [sourceOf(from), sourceOf(to)]));
}

/** A plugin of Vite: the sources as bundlers for browsers take the package. */
export function browserField(): {
  readonly name: string;
  readonly enforce: 'pre';
  resolveId(id: string, importer: string | undefined): string | undefined;
} {
  const sources = replacedSources();
  const resolveId = (id: string, importer: string | undefined) =>
    importer === undefined ? undefined : sources.get(join(dirname(importer), id.replace(/\.js$/, '.ts')));
  return { name: 'browser-field', enforce: 'pre', resolveId };
}
