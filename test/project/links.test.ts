// What the Markdown of the project points to is there: files, headings, npm scripts, tests and tools by their path.
// Looks at no address outside of the project.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(root, path)));
const documents = files.filter((path) => path.endsWith('.md'));

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const scripts: Readonly<Record<string, string>> = JSON.parse(read('package.json')).scripts;
/** Blocks and spans of code hold no links. */
const withoutCode = (text: string) => text.replace(/```[\s\S]*?```/g, '').replace(/`[^`\n]*`/g, '`');
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

/** The names by which GitHub's pages reach the headings of a document. */
function anchorsOf(path: string): string[] {
  const headings = all(read(path).replace(/```[\s\S]*?```/g, ''), /^#{1,6} (.+)$/gm);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** What is wrong with one link of a document, or nothing. */
function faultOf(document: string, link: string): string | undefined {
  if (/^(https?|mailto):/.test(link)) return undefined;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? document : join(dirname(document), path);
  if (!existsSync(join(root, target))) return `${link}: no such file`;
  if (anchor === undefined || !target.endsWith('.md') || anchorsOf(target).includes(anchor)) return undefined;
  return `${link}: no such heading`;
}

const unknownScripts = (text: string) =>
  all(text, /npm run ([a-z][\w:]*)/g).filter((name) => !Object.hasOwn(scripts, name));

describe.each(documents)('%s', (document) => {
  const text = read(document);

  it('links to files and headings that are there', () => {
    const links = [...all(withoutCode(text), /\]\(([^)\s]+)[^)]*\)/g), ...all(text, /<img src="([^"]+)"/g)];
    expect(links.map((link) => faultOf(document, link)).filter((fault) => fault !== undefined)).toEqual([]);
  });

  it('names scripts, tests and tools that are there', () => {
    expect(unknownScripts(text)).toEqual([]);
    const paths = all(
      text,
      /(?<![\w/.-])((?:test|tools|src|native|study|bench)\/[\w./-]+\.(?:ts|mjs|sh|py|cc|cu|h))\b/g,
    );
    // The documents name sources of other libraries too.
    const ours = paths.filter((path) => !path.startsWith('src/') || existsSync(join(root, dirname(path))));
    expect(ours.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

describe('every file', () => {
  const programs = files.filter((path) => /\.(ts|mjs|cjs|sh|yml|cc|h|cu)$|^\.ci\/run$/.test(path));

  it('names npm scripts that are there', () => {
    const unknown = programs.flatMap((path) => unknownScripts(read(path)).map((name) => `${path}: npm run ${name}`));
    expect(unknown).toEqual([]);
  });
});
