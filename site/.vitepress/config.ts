// How vitepress builds the site from the pages that site/stage.ts has put into .cache/site.
// Names no page: those that are there are listed.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';
import { browserField } from '../../tools/shared/browser-field.js';
import { anchorOf } from '../links.js';
import { sidebarsOf } from '../pages.js';

const folder = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const pages = folder('.cache/site');
const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env;

const nav = [
  { text: 'Guide', link: '/guide', page: 'guide.md' },
  { text: 'Live', link: '/live', page: 'live.md' },
  { text: 'API', link: '/api/', page: 'api/index.md' },
  { text: 'Benchmarks', link: '/bench/', page: 'bench/index.md' },
  { text: 'Changes', link: '/project/changelog', page: 'project/changelog.md' },
];

export default defineConfig({
  title: 'tfjs-ema',
  description: "Averages of a model's weights for TensorFlow.js on Node",
  lang: 'en',
  srcDir: pages,
  outDir: folder('out/site'),
  cacheDir: folder('.cache/vitepress'),
  // A browser would ask for an icon.
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  // The live page loads the package's sources, as a page takes them.
  vite: {
    plugins: [browserField()],
    resolve: { alias: { '@live': folder('site/live/page.ts'), 'tfjs-ema': folder('src/index.ts') } },
    // tfjs is larger than vite likes a file to be, and is loaded by that page alone.
    build: { chunkSizeWarningLimit: 3000 },
  },
  markdown: {
    anchor: { slugify: anchorOf },
    // GitHub does not read braces as attributes.
    attrs: { disable: true },
  },
  themeConfig: {
    nav: nav.filter(({ page }) => existsSync(`${pages}/${page}`)).map(({ text, link }) => ({ text, link })),
    sidebar: sidebarsOf(pages),
    outline: [2, 3],
    search: { provider: 'local' },
    // Known where a workflow builds the site.
    socialLinks: repository === undefined ? [] : [{ icon: 'github', link: `${server}/${repository}` }],
  },
});
