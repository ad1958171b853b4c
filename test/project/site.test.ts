// How documents become pages of the site: addresses, links, the sidebar, and the check of what was built.
// Builds no site: that is the stage `site` of tools/test-all.mjs.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { faultsOf } from '../../site/check.js';
import { anchorOf, withLinks } from '../../site/links.js';
import { documentsOf, pageOf, sidebarsOf } from '../../site/pages.js';
import { stage } from '../../site/stage.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-site-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

describe('the address of a file', () => {
  it.each([
    ['README.md', 'index.md'],
    ['CHANGELOG.md', 'project/changelog.md'],
    ['LICENSE', 'project/license.md'],
    ['docs/guide.md', 'guide.md'],
    ['bench/README.md', 'bench/index.md'],
    ['examples/fit.ts', 'examples/fit.md'],
  ])('of %s is %s', (path, page) => {
    expect(pageOf(path)).toBe(page);
  });

  it('is its own for each document of the repository', () => {
    const pages = documentsOf(root).map(pageOf);
    expect(pages).toEqual(
      expect.arrayContaining(['index.md', 'guide.md', 'bench/index.md', 'project/contributing.md']),
    );
    expect(new Set(pages).size).toBe(pages.length);
  });
});

describe('links', () => {
  const upper = (text: string) => withLinks(text, (path) => path.toUpperCase());

  it('of Markdown and HTML are changed, with their anchors kept', () => {
    expect(upper('[a](b.md#c), ![d](e.svg), [`f`](g.ts "h") <img src="i.svg" width="3">')).toBe(
      '[a](B.MD#c), ![d](E.SVG), [`f`](G.TS "h") <img src="I.SVG" width="3">',
    );
  });

  it('to other hosts, within the page and in code stay', () => {
    const text = '[a](https://b.c/d) [e](#f) [g](mailto:h@i)\n```ts\nx[j](k)\n```\n`[l](m)`';
    expect(upper(text)).toBe(text);
  });

  it('reach a heading by the name that GitHub gives it', () => {
    expect(anchorOf('Options of `emaCallback` and `WeightEma`'.replaceAll('`', ''))).toBe(
      'options-of-emacallback-and-weightema',
    );
    expect(anchorOf('2. CPU & GPU, "best"')).toBe('2-cpu--gpu-best');
  });
});

describe('the sidebar', () => {
  it('lists what is there by its first heading: known documents in their order, then the others', () => {
    write({
      'index.md': '# tfjs-ema',
      'design.md': '# Design',
      'guide.md': 'before\n# The `guide`',
      'another.md': '# Another',
      'untitled.md': 'no heading',
      'bench/results/index.md': '# Results',
      'bench/index.md': '# Benchmarks',
      'src/index.md': '# not listed',
    });
    const [documents, measurements, ...others] = sidebarsOf(folder)['/'] as readonly { items: readonly object[] }[];
    expect(documents?.items).toEqual([
      { text: 'tfjs-ema', link: '/' },
      { text: 'The guide', link: '/guide' },
      { text: 'Design', link: '/design' },
      { text: 'Another', link: '/another' },
      { text: 'untitled', link: '/untitled' },
    ]);
    expect(measurements?.items).toEqual([
      { text: 'Benchmarks', link: '/bench/' },
      { text: 'Results', link: '/bench/results/' },
    ]);
    expect(others).toEqual([]);
  });

  it("lists the API's pages by entry point and kind", () => {
    write({ 'api/index.md': '', 'api/x/index.md': '', 'api/x/type-aliases/A.md': '' });
    expect(sidebarsOf(folder)['/api/']).toEqual([
      {
        text: 'x',
        link: '/api/x/',
        collapsed: false,
        items: [{ text: 'type aliases', collapsed: true, items: [{ text: 'A', link: '/api/x/type-aliases/A' }] }],
      },
    ]);
  });
});

describe('the pages', () => {
  const study = readFileSync(join(root, 'bench/results/study.json'), 'utf8');
  const pages = () => join(folder, 'pages');
  const page = (path: string) => readFileSync(join(pages(), path), 'utf8');
  const staged = (files: Readonly<Record<string, string>>) => {
    write({ 'examples/fit.ts': 'fit();\n', 'bench/results/study.json': study, ...files });
    stage({ root: folder, pages: pages() });
  };

  it('link to pages, and to copies of data; sources that are linked are pages too', () => {
    staged({
      'README.md': '[guide](docs/guide.md#a), [bench](bench), [license](LICENSE)',
      'docs/guide.md': '[home](../README.md) [fit](../examples/fit.ts) [op](../native/op.cc) ![chart](chart.svg)',
      'docs/chart.svg': '<svg/>',
      'native/op.cc': 'int main() {}\n',
      'bench/README.md': '[study](results/study.json)',
      LICENSE: 'the license',
    });
    expect(page('index.md')).toBe('[guide](/guide.md#a), [bench](/bench/index.md), [license](/project/license.md)');
    expect(page('guide.md')).toBe(
      '[home](/index.md) [fit](/examples/fit.md) [op](/native/op.md) ![chart](/docs/chart.svg)',
    );
    expect(page('native/op.md')).toContain('````cc\nint main() {}\n````');
    expect(page('examples/fit.md')).toMatch(/^# fit\n/m);
    expect(existsSync(join(pages(), 'public/docs/chart.svg'))).toBe(true);
    expect(existsSync(join(pages(), 'public/bench/results/study.json'))).toBe(true);
  });

  it("hold the study's findings", () => {
    staged({ 'README.md': '' });
    expect(page('bench/study.md')).toMatch(/^## Findings/m);
    const { sections } = JSON.parse(study);
    for (const { title } of sections.flatMap(({ findings }: { findings: { title: string }[] }) => findings))
      expect(page('bench/study.md')).toContain(title.split(/["<&]/)[0]);
  });

  it('of a folder that is linked and has no README list what is in it', () => {
    staged({ 'README.md': '[native](native/)', 'native/op.cc': 'op', 'native/cpu/ema.cc': 'ema' });
    expect(page('index.md')).toBe('[native](/native/index.md)');
    expect(page('native/index.md')).toBe('# native\n- `cpu/`\n- [op.cc](/native/op.md)\n');
    expect(existsSync(join(pages(), 'native/cpu/ema.md'))).toBe(false);
  });

  it('are not made where a document links to what is not there', () => {
    expect(() => staged({ 'README.md': '[a](gone.md)' })).toThrow('README.md links to gone.md: no such file');
  });

  it('are not made where two files would have one address', () => {
    expect(() => staged({ 'README.md': '', 'examples/a.ts': '', 'examples/a.py': '' })).toThrow(
      'would both be the page examples/a.md',
    );
  });
});

describe('the check of the built site', () => {
  it('finds a link, an anchor and a file that are not there, and what would be loaded from elsewhere', () => {
    write({
      'index.html': `<h1 id="top">x</h1> <a href="#top">1</a> <a href="/a/b.html#there">2</a> <a href="/a/">3</a>
        <a href="https://elsewhere.test/">4</a> <img src="/c.svg"> <a href="#gone">5</a> <a href="/a/b.html#gone">6</a>
        <a href="/gone.html">7</a> <img src="/gone.svg"> <link href="https://elsewhere.test/font.css" rel="stylesheet">`,
      'a/index.html': '<a href="b.html">8</a> <a href="../">9</a> <a href="gone.html?x=1">10</a>',
      'a/b.html': '<h2 id="there">y</h2> <a href="./">11</a>',
      'c.svg': '',
    });
    expect(faultsOf(folder).sort()).toEqual([
      'a/index.html: gone.html: no such file',
      'index.html: #gone: no such anchor',
      'index.html: /a/b.html#gone: no such anchor',
      'index.html: /gone.html: no such file',
      'index.html: /gone.svg: no such file',
      'index.html: loads https://elsewhere.test/font.css',
    ]);
  });

  it('knows the address that the site is built for', () => {
    write({ 'index.html': '<a href="/x/a.html">1</a> <a href="/a.html">2</a>', 'a.html': '<a href="/x/">3</a>' });
    expect(faultsOf(folder, '/x/')).toEqual(['index.html: /a.html: not below /x/']);
  });
});
