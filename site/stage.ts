// The pages of the site, made of the repository's files: documents, the sources and data that they link to, the examples, the study.
// The API's pages are typedoc's (api.ts).

import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, posix } from 'node:path';
import { reportParts } from '../study/report/html.js';
import { withLinks } from './links.js';
import { documentsOf, pageOf } from './pages.js';

/** What a browser shows by itself, and is not shown as a page. */
const DATA = ['.svg', '.png', '.json', '.txt'];

/** Where files are taken from, and where pages are put. */
interface Folders {
  readonly root: string;
  readonly pages: string;
}

/**
 * Writes the pages.
 * @throws Error — a link to a file that is not there, or two files with the same address.
 */
export function stage({ root, pages }: Folders): void {
  const documents = documentsOf(root);
  const examples = readdirSync(join(root, 'examples')).filter((name) => extname(name) !== '');
  const sources = new Map<string, string>();
  const add = (path: string): string => {
    const page = pageOf(path);
    const other = sources.get(page);
    if (other !== undefined && other !== path) throw new Error(`${path} and ${other} would both be the page ${page}`);
    sources.set(page, path);
    return `/${page}`;
  };
  for (const path of [...documents, ...examples.map((name) => `examples/${name}`)]) add(path);

  const addressOf = (document: string, link: string): string => {
    const path = posix.join(posix.dirname(document), link).replace(/\/$/, '');
    if (!existsSync(join(root, path))) throw new Error(`${document} links to ${link}: no such file`);
    const isFolder = statSync(join(root, path)).isDirectory();
    const target = isFolder ? `${path}/README.md` : path;
    if (!DATA.includes(extname(target))) return add(target);
    write(pages, `public/${target}`, (to) => copyFileSync(join(root, target), to));
    return `/${target}`;
  };
  // What is linked joins the map while it is walked, and is reached in its turn.
  for (const [page, path] of sources) {
    const file = join(root, path);
    const text = existsSync(file) ? readFileSync(file, 'utf8') : listing(root, dirname(path));
    const isMarkdown = path.endsWith('.md');
    const content = isMarkdown ? withLinks(text, (link) => addressOf(path, link)) : sourcePage(path, text);
    write(pages, page, (to) => writeFileSync(to, content));
  }
  write(pages, 'live.md', (to) => copyFileSync(new URL('live/live.md', import.meta.url), to));
  write(pages, 'bench/study.md', (to) => writeFileSync(to, studyPage(join(root, 'bench/results/study.json'))));
}

function write(folder: string, path: string, put: (to: string) => void): void {
  const to = join(folder, path);
  mkdirSync(dirname(to), { recursive: true });
  put(to);
}

/** What a folder without a README has, as Markdown; its folders are named only, so that no link brings in a whole tree. */
function listing(root: string, folder: string): string {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  const lines = entries.map((entry) => (entry.isFile() ? `- [${entry.name}](${entry.name})` : `- \`${entry.name}/\``));
  return `# ${folder}\n${lines.join('\n')}\n`;
}

/** A source as a page. */
function sourcePage(path: string, text: string): string {
  const title = path.replace(/^examples\//, '').replace(/\.\w+$/, '');
  return `---\noutline: false\n---\n# ${title}\n\`${path}\`\n\n\`\`\`\`${extname(path).slice(1)}\n${text.trimEnd()}\n\`\`\`\`\n`;
}

/** The study's report from its data; its headings as Markdown, which the outline and the search know. */
function studyPage(json: string): string {
  const [, ...parts] = reportParts(JSON.parse(readFileSync(json, 'utf8')), {});
  const body = parts.join('\n').replace(/<h2>(.*?)<\/h2>/g, '\n## $1\n');
  // vitepress computes what is in braces.
  return `---\naside: false\n---\n# The study\n\n${body.replaceAll('{{', '&#123;&#123;')}\n`;
}
