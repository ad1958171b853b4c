// The live page as it is published: it trains in Chromium, and its averages move.
// Built anew where it is older than what it is made of.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumArgs } from '../chromium.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const site = join(root, 'out', 'site');
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

const server = createServer(({ url = '/' }, response) => {
  const path = join(site, decodeURIComponent(new URL(url, 'http://localhost').pathname));
  const file = existsSync(path) && statSync(path).isFile() ? path : `${path}.html`;
  response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
  if (!existsSync(file)) response.statusCode = 404;
  response.end(existsSync(file) ? readFileSync(file) : '');
});
let browser: Browser;
let address: string;

function isBuilt(): boolean {
  const page = join(site, 'live.html');
  if (!existsSync(page)) return false;
  const sources = ['src', 'site'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(root, folder, path)),
  );
  return sources.every((path) => statSync(path).mtimeMs < statSync(page).mtimeMs);
}

beforeAll(async () => {
  if (!isBuilt()) execFileSync('npm', ['run', 'site'], { cwd: root, stdio: 'inherit' });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  address = `http://localhost:${(server.address() as AddressInfo).port}/live`;
  const executablePath = process.env['TFJS_EMA_CHROMIUM'];
  browser = await chromium.launch({ args: chromiumArgs(), ...(executablePath && { executablePath }) });
});

afterAll(async () => {
  await browser?.close();
  server.close();
});

/** Points of each line of the first chart. */
const points = (page: Page): Promise<string[][]> =>
  page.$$eval('#live-page figure:first-child polyline', (lines) =>
    lines.map((line) => (line.getAttribute('points') ?? '').split(' ').filter(Boolean)),
  );

describe.each(['webgl', 'cpu'])('the live page on %s', (backend) => {
  it('draws raw weights and averages after each epoch, which differ and move, and saves the best', async () => {
    const page = await browser.newPage({ acceptDownloads: true });
    const faults: string[] = [];
    page.on('pageerror', ({ message }) => faults.push(message));
    page.on('request', (request) => {
      if (!/^(http:\/\/localhost:|data:|blob:)/.test(request.url())) faults.push(`asked for ${request.url()}`);
    });
    await page.goto(address);
    await page.selectOption('#live-page select', backend);
    await page.click('#live-page button.primary');
    await page.waitForFunction(() => document.querySelectorAll('#live-page figure:first-child polyline').length === 3);
    await page.waitForFunction(
      () => (document.querySelector('#live-page polyline')?.getAttribute('points') ?? '').split(' ').length >= 3,
      undefined,
      { timeout: 300_000 },
    );
    expect(await page.textContent('#live-page .said')).toMatch(
      new RegExp(`^Epoch \\d+ of 20 on ${backend}: \\d+ steps a second`),
    );
    await page.click('#live-page button.primary');
    const saving = page.locator('#live-page button', { hasText: 'Save the best average' });
    await saving.waitFor({ timeout: 300_000 });
    const lines = await points(page);
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(new Set(line.map((point) => point.split(',')[1])).size).toBeGreaterThanOrEqual(2);
    expect(new Set(lines.map((line) => line.join())).size).toBe(3);
    const [download] = await Promise.all([page.waitForEvent('download'), saving.click()]);
    expect(download.suggestedFilename()).toBe('best-average.json');
    const { userDefinedMetadata } = JSON.parse(readFileSync(await download.path(), 'utf8'));
    expect(userDefinedMetadata.tfjsEma).toMatchObject({ which: 'best', best: { metric: 'loss' } });
    expect(faults).toEqual([]);
    await page.close();
  });
});
