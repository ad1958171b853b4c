// Whether every link of the built site leads somewhere, to its anchor too, and whether a page loads something from elsewhere.
// Looks at no other host.

import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** What is wrong with the links of a folder of HTML that is served at `base`. */
export function faultsOf(folder: string, base = '/'): string[] {
  const files = new Set(readdirSync(folder, { recursive: true, encoding: 'utf8' }));
  const read = (path: string) => readFileSync(join(folder, path), 'utf8');
  const pages = new Map([...files].filter((path) => path.endsWith('.html')).map((path) => [path, read(path)]));
  const anchors = new Map(
    [...pages].map(([path, html]) => [
      path,
      new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => decode(id))),
    ]),
  );

  const faultOf = (page: string, link: string): string | undefined => {
    const [path = '', anchor] = link.split('#');
    if (path.startsWith('/') && !path.startsWith(base)) return `not below ${base}`;
    const target = path === '' ? page : posix.join(path.startsWith('/') ? '' : posix.dirname(page), within(path, base));
    const file = /(^|\/)$|^\.$/.test(target) ? posix.join(target, 'index.html') : target;
    if (!files.has(file)) return 'no such file';
    const isThere = anchor === undefined || anchor === '' || (anchors.get(file)?.has(anchor) ?? true);
    return isThere ? undefined : 'no such anchor';
  };
  return [...pages].flatMap(([page, html]) => [
    ...linksOf(html).flatMap((link) => {
      const fault = faultOf(page, link);
      return fault === undefined ? [] : [`${page}: ${link}: ${fault}`];
    }),
    ...loadedFromElsewhere(html).map((address) => `${page}: loads ${address}`),
  ]);
}

const within = (path: string, base: string) => (path.startsWith('/') ? path.slice(base.length) : path);

/** A link as a browser reads it out of an attribute. */
function decode(text = ''): string {
  return decodeURIComponent(
    text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => {
      return { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }[name] ?? '';
    }),
  );
}

/** The links of a page within the site, each once. */
function linksOf(html: string): string[] {
  const all = [...html.matchAll(/\s(?:href|src)="([^"]*)"/g)].map(([, link]) => decode(link));
  return [...new Set(all)].filter((link) => !/^([a-z]+:|\/\/)/i.test(link)).map((link) => link.replace(/\?[^#]*/, ''));
}

/** What a page asks other hosts for by itself: links that a reader follows are not among it. */
function loadedFromElsewhere(html: string): string[] {
  const loading = /<(?:img|script|iframe|source|link)\b[^>]*\s(?:src|href)="((?:https?:)?\/\/[^"]*)"/g;
  return [...html.matchAll(loading)].map(([, address = '']) => address);
}
