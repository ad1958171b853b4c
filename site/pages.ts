// Which files of the repository are pages of the site, at which address, and in which order they are listed.
// Reads Markdown only; writes nothing.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DefaultTheme } from 'vitepress';

/** Folders whose Markdown is published, with all below them. Of the root only its own files are. */
const FOLDERS = ['docs', 'bench', 'study', 'examples'];

/** Documents in the order of reading; those that are not named here follow them. */
const ORDER = [
  'index',
  'live',
  'guide',
  'systems',
  'guarantees',
  'evidence',
  'features',
  'migration',
  'files',
  'environments',
  'troubleshooting',
  'how-it-works',
  'design',
];

/** The groups of the sidebar: folders of pages. */
const GROUPS: readonly (readonly [folder: string, title: string])[] = [
  ['', 'Documents'],
  ['bench', 'Measurements'],
  ['examples', 'Examples'],
  ['project', 'Project'],
];

/** The Markdown below a folder, by path from it, sorted. */
function markdownBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .sort();
}

/** The documents of a repository, by path from its root. */
export function documentsOf(root: string): string[] {
  const own = readdirSync(root).filter((path) => path.endsWith('.md'));
  return [...own, ...FOLDERS.flatMap((folder) => markdownBelow(join(root, folder)).map((path) => `${folder}/${path}`))];
}

/** Where the page of a file of the repository lies among the pages. A source is shown as a page without its ending. */
export function pageOf(path: string): string {
  if (path === 'README.md') return 'index.md';
  if (!path.includes('/')) return `project/${path.toLowerCase().replace(/\.\w+$/, '')}.md`;
  const page = path.replace(/^docs\//, '').replace(/(^|\/)README\.md$/, '$1index.md');
  return `${page.replace(/\.\w+$/, '')}.md`;
}

/** The first heading of a page; its name where it has none. */
function titleOf(folder: string, page: string): string {
  const heading = /^# (.+)$/m.exec(readFileSync(join(folder, page), 'utf8'))?.[1];
  return heading?.replaceAll('`', '') ?? nameOf(page);
}

const nameOf = (page: string) => page.replace(/(\/index)?\.md$/, '').replace(/^.*\//, '');
const linkOf = (page: string) => `/${page.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '')}`;

/** Known documents first, in their order; then a folder's own page, then the others by name. */
function byRank(one: string, other: string): number {
  const rank = (page: string) => {
    const place = ORDER.indexOf(page.replace(/\.md$/, ''));
    if (place >= 0) return place;
    return ORDER.length + (page.endsWith('index.md') ? 0 : 1);
  };
  return rank(one) - rank(other) || (one < other ? -1 : 1);
}

/** The pages of the API: those of an entry point by kind, folded. */
function apiItems(pages: readonly string[], folder = 'api'): DefaultTheme.SidebarItem[] {
  const below = pages.filter((page) => page.startsWith(`${folder}/`) && page !== `${folder}/index.md`);
  const names = [...new Set(below.map((page) => page.slice(folder.length + 1).split('/')[0] ?? ''))];
  return names.map((name) => {
    const path = `${folder}/${name}`;
    if (name.endsWith('.md')) return { text: nameOf(path), link: linkOf(path) };
    const index = below.includes(`${path}/index.md`) ? { link: linkOf(`${path}/index.md`) } : {};
    const isEntry = folder === 'api';
    const text = isEntry ? name : name.replaceAll('-', ' ');
    return { text, ...index, collapsed: !isEntry, items: apiItems(below, path) };
  });
}

/** The sidebars over a folder of pages: of the API, and of all else. What is there is listed, and nothing else. */
export function sidebarsOf(folder: string): DefaultTheme.SidebarMulti {
  const pages = markdownBelow(folder);
  const groups = GROUPS.flatMap(([group, title]) => {
    const own = pages.filter((page) => (group === '' ? dirname(page) === '.' : page.startsWith(`${group}/`)));
    const items = own.sort(byRank).map((page) => ({ text: titleOf(folder, page), link: linkOf(page) }));
    return items.length === 0 ? [] : [{ text: title, collapsed: false, items }];
  });
  return { '/api/': apiItems(pages), '/': groups };
}
