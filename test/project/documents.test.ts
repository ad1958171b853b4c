// The documents that are made from data are what their data says; UPDATE_DOCS=1 writes them anew.
// What stands in the others is links.test.ts's and migration.test.ts's.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { resolveAverages } from '../../src/schedule/specs.js';
import { readable } from '../../study/findings/format.js';
import { evidencePage } from '../../study/report/evidence.js';
import { briefPage, type Feature, type Features, wholePage } from '../../tools/documents/features.js';

/** What the scripts of this repository, which have no types, give here. */
interface Fault {
  readonly row: string;
  readonly file: string;
  readonly find: string;
}
interface NamedTests {
  locate(root: string, named: string): { readonly file: string; readonly name: string };
  assigned(rows: readonly Feature[], faults: readonly Fault[]): readonly (Fault & { readonly named: string })[];
}

const at = (path: string) => new URL(`../../${path}`, import.meta.url);
const read = (path: string) => readFileSync(at(path), 'utf8');
const root = fileURLToPath(at('.'));
const load = async (path: string): Promise<unknown> => import(at(path).href);
const { assigned, locate } = (await load('tools/documents/named-tests.mjs')) as NamedTests;
const { faults } = (await load('test/native/faults/features.mjs')) as { readonly faults: readonly Fault[] };
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
        for (const { name } of measures) expect(page).toContain(readable(name).replaceAll('|', '\\|'));
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

  it('names tests that are there, each in one file', () => {
    for (const named of rows.flatMap(({ tests = [] }) => tests)) expect(() => locate(root, named)).not.toThrow();
  });

  // That the test catches the fault: tools/native/planted-faults.mjs --only features, part of `npm run test:long`.
  it('has for each test of what is ours a fault that it must catch, with a text that is there', () => {
    const names = rows.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
    const ours = rows.filter(({ yes = [] }) => yes.includes('tfjs-ema'));
    const wanted = ours.flatMap(({ name, tests = [] }) => tests.map((test) => `${name} | ${test}`));
    expect(assigned(rows, faults).map(({ row, named }) => `${row} | ${named}`)).toEqual(wanted);
    for (const { row, file, find } of faults) expect(read(file).split(find).length, `${row}: ${file}`).toBe(2);
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
