// `npm run site`: the documentation as pages in out/site, from the same files that GitHub shows; fails on a link that leads nowhere.
// `-- --base /name/` builds it for an address below a host's root.

import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'vitepress';
import { writeApi } from './api.js';
import { faultsOf } from './check.js';
import { stage } from './stage.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = join(root, '.cache', 'site');
const out = join(root, 'out', 'site');
const { base } = parseArgs({ options: { base: { type: 'string', default: '/' } } }).values;

rmSync(pages, { recursive: true, force: true });
rmSync(out, { recursive: true, force: true });
stage({ root, pages });
await writeApi(root, pages);
await build(join(root, 'site'), { base });
const faults = faultsOf(out, base);
const count = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.html')).length;
console.log(faults.length === 0 ? `out/site: ${count} pages, every link leads somewhere` : faults.join('\n'));
process.exitCode = faults.length === 0 ? 0 : 1;
