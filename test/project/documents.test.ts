// The documents that are made from data are what their data says; UPDATE_DOCS=1 writes them anew.
// What stands in the others is links.test.ts's and migration.test.ts's.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveAverages } from '../../src/schedule/specs.js';
import { evidencePage } from '../../study/report/evidence.js';
import { briefPage, type Features, wholePage } from '../../tools/documents/features.js';

const at = (path: string) => new URL(`../../${path}`, import.meta.url);
const read = (path: string) => readFileSync(at(path), 'utf8');
const features: Features = JSON.parse(read('docs/features.json'));
const UPDATE = 'UPDATE_DOCS=1 npx vitest run test/project/documents.test.ts';

describe('a document made from data is up to date', () => {
  it.each([
    ['docs/evidence.md', () => evidencePage(JSON.parse(read('bench/results/study.json')))],
    ['docs/features.md', () => briefPage(features)],
    ['docs/features-all.md', () => wholePage(features)],
  ])('%s', (path, make) => {
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(at(path), make());
    expect(existsSync(at(path)) ? read(path) : '', `run: ${UPDATE}`).toBe(make());
  });
});

describe('docs/evidence.md', () => {
  const study = JSON.parse(read('bench/results/study.json'));
  const changed = structuredClone(study);
  changed.sections[0].findings[1].measures[0].mean += 1;

  it('follows every figure', () => {
    expect(evidencePage(changed)).not.toBe(evidencePage(study));
  });

  it('is the only page with figures of the study: the guide says what to do', () => {
    expect(read('docs/guide.md')).not.toContain('±');
  });

  it('has every finding, with its verdict and every measure', () => {
    const page = read('docs/evidence.md');
    for (const { domain, findings } of study.sections) {
      for (const { id, condition, measures } of findings) {
        const place = condition ?? (domain.id === 'images' ? '' : domain.id);
        expect(page).toContain(`\n### ${`${id.replace("'", ' prime')} ${place}`.trim()}\n`);
        for (const { name } of measures) expect(page).toContain(name.replaceAll('|', '\\|'));
      }
    }
  });
});

describe('docs/guarantees.md', () => {
  const rows = [...read('docs/guarantees.md').matchAll(/^\| (.*) \| (.*) \|$/gm)]
    .map(([, promise = '', tests = '']) => ({ promise, tests }))
    .filter(({ promise }) => promise !== 'promise');

  it('names a test for each promise, and each is one that runs', () => {
    expect(rows.length).toBeGreaterThan(15);
    for (const { promise, tests } of rows) {
      const paths = [...tests.matchAll(/\]\(\.\.\/(test\/[^)]+\.test\.ts)\)/g)].map(([, path = '']) => path);
      expect(paths, promise).not.toEqual([]);
      for (const path of paths) expect(read(path), path).toMatch(/^\s*(it|test)(\.\w+)*[(<]/m);
    }
  });
});

describe('docs/features.json', () => {
  const rows = features.groups.flatMap(({ rows }) => rows);

  it('names libraries that have a column, and each of them once a row', () => {
    for (const { name, yes = [], inPart = {}, none = [] } of rows) {
      const named = [...yes, ...Object.keys(inPart), ...none];
      expect(
        named.filter((library) => !features.libraries.includes(library)),
        name,
      ).toEqual([]);
      expect(new Set(named).size, name).toBe(named.length);
    }
  });

  it('has a test for all that is ours', () => {
    const ours = rows.filter(({ yes = [], inPart = {} }) => yes.includes('tfjs-ema') || 'tfjs-ema' in inPart);
    expect(ours.filter(({ tests = [] }) => tests.length === 0).map(({ name }) => name)).toEqual([]);
  });

  it('names tests that are there', () => {
    const paths = readdirSync(at('test'), { recursive: true, encoding: 'utf8' }).filter((path) =>
      /\.test\.ts$/.test(path),
    );
    const missing = rows.flatMap(({ tests = [] }) =>
      tests.filter((test) => {
        const [file = '', ...name] = test.split(': ');
        const texts = paths.filter((path) => basename(path, '.test.ts') === file).map((path) => read(`test/${path}`));
        const names = [name.join(': '), name.join(': ').replaceAll("'", "\\'")];
        return !texts.some((text) => names.some((one) => text.includes(one)));
      }),
    );
    expect(missing).toEqual([]);
  });

  it('is brief where rows differ: some library has it, and some has not', () => {
    const brief = rows.filter((row) => row.brief !== undefined);
    expect(brief.length).toBeLessThanOrEqual(25);
    for (const { name, yes = [] } of brief) {
      expect(yes.length, name).toBeGreaterThan(0);
      expect(
        features.brief.some((library) => !yes.includes(library)),
        name,
      ).toBe(true);
    }
  });
});

describe('README.md', () => {
  it('is read in three minutes: a hundred lines', () => {
    expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(100);
  });
});

describe('docs/guide.md', () => {
  it("has the decays that 'auto' gives", () => {
    const rows = [...read('docs/guide.md').matchAll(/^\| ([\d,]+) \| [\d,. /]+ \| ([\d,. ]+) \|$/gm)];
    expect(rows.length).toBe(4);
    for (const [, steps = '', decays = ''] of rows) {
      const totalSteps = Number(steps.replaceAll(',', ''));
      expect(resolveAverages('auto', { totalSteps }).decays).toEqual(decays.split(', ').map(Number));
    }
  });
});
