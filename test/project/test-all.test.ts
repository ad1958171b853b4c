// The stages of `npm run test:all`: how they are chosen, run, counted and told, and that CI runs each.
// Runs none of them.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';

interface Stage {
  readonly name: string;
  readonly command: readonly string[];
  readonly isTests?: boolean;
}
interface Count {
  readonly passed: number;
  readonly failures: readonly string[];
}
interface Result {
  readonly name: string;
  readonly code: number;
  readonly seconds: number;
  readonly tests?: Count;
}
interface Stages {
  count(report: object): Count;
  runLanes(lanes: readonly (readonly Stage[])[], folder: string): Promise<Result[]>;
  summary(results: readonly Result[], seconds: number): { lines: string[]; ok: boolean };
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = join(root, 'tools/test-all.mjs');
// The scripts are plain JavaScript: what they export is stated above.
const { count, runLanes, summary } = (await import(join(root, 'tools/shared/stages.mjs'))) as Stages;
const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-stages-'));
afterAll(() => rmSync(folder, { recursive: true }));

const testAll = (...args: string[]) => spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
const list = (...args: string[]) =>
  testAll(...args, '--list')
    .stdout.trim()
    .split('\n')
    .map((line) => /^(\S+) +(.*)$/.exec(line)?.slice(1) as [name: string, command: string]);

const report = {
  numPassedTests: 2,
  testResults: [
    { name: `${root}a.test.ts`, status: 'passed', assertionResults: [{ status: 'passed', fullName: 'one' }] },
    {
      ...{ name: `${root}b.test.ts`, status: 'failed' },
      assertionResults: [
        { status: 'passed', fullName: 'two' },
        { status: 'failed', fullName: 'three' },
        { status: 'skipped', fullName: 'four' },
      ],
    },
    { name: `${root}c.test.ts`, status: 'failed', assertionResults: [] },
    { name: `${root}d.test.ts`, status: 'failed', assertionResults: [{ status: 'skipped', fullName: 'five' }] },
  ],
};

describe('a report of vitest', () => {
  it('is counted test by test; a file that did not load is one that failed', () => {
    expect(count(report)).toEqual({
      passed: 2,
      failures: ['b.test.ts: three', 'c.test.ts did not load', 'd.test.ts did not load'],
    });
  });
});

/** What the stages printed, and their results. */
async function run(lanes: readonly (readonly Stage[])[]) {
  const print = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const results = await runLanes(lanes, folder);
  const text = print.mock.calls.map(([chunk]) => String(chunk)).join('');
  print.mockRestore();
  return { results, text };
}

const node = (code: string): string[] => [process.execPath, '-e', code];

describe('stages', () => {
  it('run although one before them failed or was killed, and say so', async () => {
    const { results, text } = await run([
      [
        { name: 'first', command: node('console.log("said"); process.exit(3)') },
        { name: 'killed', command: node('process.kill(process.pid, "SIGKILL")') },
        { name: 'absent', command: [join(folder, 'no-such-program')] },
        { name: 'last', command: node('') },
      ],
    ]);
    expect(results.map(({ name, code }) => [name, code !== 0])).toEqual([
      ['first', true],
      ['killed', true],
      ['absent', true],
      ['last', false],
    ]);
    expect(text).toMatch(/^== first: .*\nsaid\n== first: FAILED \(exit code 3\) in \d+ s\n/);
    expect(text).toMatch(/== last: passed in \d+ s\n$/);
  });

  it('of two lanes keep their output together', async () => {
    const talk = node(
      'let i = 0; const t = setInterval(() => { console.log("line"); if (++i === 5) clearInterval(t); }, 5)',
    );
    const { text } = await run([[{ name: 'one', command: talk }], [{ name: 'two', command: talk }]]);
    for (const name of ['one', 'two'])
      expect(text).toMatch(new RegExp(`== ${name}: .*\n(line\n){5}== ${name}: passed`));
  });

  it('that are runs of vitest give the counts of its report; without one no test ran', async () => {
    const text = JSON.stringify(report);
    writeFileSync(join(folder, 'report.json'), text);
    const copy = node(
      `const out = process.argv.find((arg) => arg.startsWith('--outputFile.json=')).split('=')[1];
       require('node:fs').copyFileSync(${JSON.stringify(join(folder, 'report.json'))}, out);`,
    );
    // After the double dash options are the program's.
    const { results } = await run([
      [
        { name: 'tests', command: [...copy, '--'], isTests: true },
        { name: 'none', command: [...node(''), '--'], isTests: true },
      ],
    ]);
    expect(results.map(({ tests }) => tests)).toEqual([count(report), { passed: 0, failures: [] }]);
  });
});

describe('the end', () => {
  const tests = (passed: number, failures: readonly string[] = []) => ({ tests: { passed, failures } });
  const result = (name: string, code: number, more: Partial<Result> = {}) => ({ name, code, seconds: 7, ...more });

  it('names failed tests and stages, and its last line is the sum of tests', () => {
    const results = [result('tests', 1, tests(10, ['a: b'])), result('checks', 2), result('more', 0, tests(5))];
    const { lines, ok } = summary(results, 30);
    expect(lines).toEqual([
      'failed test (tests): a: b',
      '    7 s  tests: FAILED (exit code 1)',
      '    7 s  checks: FAILED (exit code 2)',
      '    7 s  more',
      '   30 s  in all',
      '15 passed, 1 failed',
    ]);
    expect(ok).toBe(false);
  });

  it('is good only where every stage passed, every test passed, and each run of vitest had some', () => {
    expect(summary([result('tests', 0, tests(3)), result('checks', 0)], 1).ok).toBe(true);
    expect(summary([result('tests', 0, tests(3)), result('checks', 1)], 1).ok).toBe(false);
    expect(summary([result('tests', 0, tests(3, ['x']))], 1).ok).toBe(false);
    const { lines, ok } = summary([result('tests', 0, tests(0))], 1);
    expect([lines.at(-1), ok]).toEqual(['0 passed, 0 failed', false]);
    expect(lines[0]).toContain('FAILED (ran no test)');
  });
});

describe('npm run test:all', () => {
  it('begins with npm test itself, and takes or leaves the stages that are named', () => {
    expect(list()[0]).toEqual(['tests', 'npm test --']);
    expect(list('--only', 'sbom,tests').map(([name]) => name)).toEqual(['tests', 'sbom']);
    const skipped = list('--skip', 'tests,study').map(([name]) => name);
    expect(skipped).toEqual(
      list()
        .map(([name]) => name)
        .filter((name) => name !== 'tests' && name !== 'study'),
    );
    const { status, stderr } = testAll('--only', 'test');
    expect(status).toBe(1);
    expect(stderr).toMatch(/there is no stage 'test': name some of tests, durability/);
  });

  it('runs every project of vitest, and what runs in a browser', () => {
    const commands = list().map(([, command]) => command);
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const inBrowser = (command: string): boolean => command.includes('tools/browser/test-browser.mjs');
    const text = [scripts.test, ...commands.filter((command) => !inBrowser(command))].join(' ');
    const projects = [...text.matchAll(/--project (\S+)/g)].map(([, name]) => name);
    const entries = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' });
    const folders = entries.filter((path) => path.endsWith('.test.ts')).map((path) => path.split('/')[0]);
    // Its projects are those of its own configuration.
    const browser = commands.some(inBrowser) ? ['browser'] : [];
    expect([...new Set(projects), ...browser].sort()).toEqual([...new Set(folders)].sort());
  });

  it('is in CI, stage by stage: in a list of stages, or by its command', () => {
    const workflow = readFileSync(join(root, '.github/workflows/ci.yml'), 'utf8');
    const lists = [...workflow.matchAll(/--only ([\w.,-]+)|stages: (.*)/g)].flatMap(([, only = '', stages = '']) =>
      `${only},${stages}`.split(/[^\w.-]+/),
    );
    const isThere = ([name, command]: [string, string]): boolean => {
      const tool = /tools\/release\/[\w-]+\.mjs|(?<=npm run )check/
        .exec(command)?.[0]
        .replace(/^check$/, 'tools/check.mjs');
      return lists.includes(name) || (tool !== undefined && workflow.includes(`run: node ${tool}`));
    };
    expect(list().filter((stage) => !isThere(stage))).toEqual([]);
  });
});
