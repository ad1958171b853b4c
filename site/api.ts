// The API's pages: typedoc's, as Markdown.
// Chooses no names: what the package exports is documented.

import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { Application, Comment } from 'typedoc';

/** The package's `exports`. */
type Exports = Readonly<Record<string, string | { readonly default: string }>>;

/** The sources of the entry points, each with the name by which it is imported. */
function entryPoints(packageName: string, exports: Exports): Map<string, string> {
  return new Map(
    Object.entries(exports).flatMap(([path, entry]) => {
      if (typeof entry === 'string') return [];
      const source = entry.default.replace('./dist/', 'src/').replace(/\.js$/, '.ts');
      return [[source, posix.join(packageName, path)]];
    }),
  );
}

/**
 * Writes the API's pages.
 * @throws Error — typedoc found a fault, such as a link to a name that is not there.
 */
export async function writeApi(root: string, pages: string): Promise<void> {
  const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const entries = entryPoints(name, exports);
  const options = {
    entryPoints: [...entries.keys()].map((path) => join(root, path)),
    tsconfig: join(root, 'tsconfig.build.json'),
    plugin: ['typedoc-plugin-markdown'],
    excludeExternals: true,
    name: 'API',
    readme: 'none',
    disableGit: true,
    disableSources: true,
    logLevel: 'Warn' as const,
    out: join(pages, 'api'),
    // Of the plugin.
    entryFileName: 'index',
    hidePageHeader: true,
    hideBreadcrumbs: true,
    useCodeBlocks: true,
    useHTMLEncodedBrackets: true,
    sanitizeComments: true,
    parametersFormat: 'table',
    indexFormat: 'table',
  };
  const app = await Application.bootstrapWithPlugins(options);
  const project = await app.convert();
  if (project !== undefined) {
    app.validate(project);
    // By the name of its import instead of that of its file, described by the line that its file opens with.
    for (const [source, imported] of entries) {
      const file = source.replace(/^src\/|(\/index)?\.ts$/g, '');
      const module = project.children?.find((child) => child.name === file);
      if (module === undefined) continue;
      module.name = imported;
      const opening = /^\/\/ (.+)/.exec(readFileSync(join(root, source), 'utf8'))?.[1] ?? '';
      module.comment ??= new Comment([{ kind: 'text', text: opening }]);
    }
    await app.generateOutputs(project);
  }
  if (app.logger.hasErrors() || app.logger.hasWarnings()) throw new Error('typedoc: see the faults above');
}
