// The study as a program: killed half-way and started again, with other numbers of processes, its results are the same.
// Three runs of two epochs on the digits that come with npm.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const root = mkdtempSync(join(tmpdir(), 'study-process-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const MAIN = fileURLToPath(new URL('../../study/main.ts', import.meta.url));
const OPTIONS = ['--conditions', 'A,A0,ST', '--epochs', '2', '--seeds', '1', '--data', 'mnist'];

interface Finished {
  readonly code: number | null;
  /** Standard output. */
  readonly output: string;
  /** Standard error, on which libraries say things too. */
  readonly errors: string;
}

function start(
  out: string,
  options: readonly string[],
  common: readonly string[] = OPTIONS,
): { child: ChildProcess; finished: Promise<Finished> } {
  const argv = ['--import', 'tsx', MAIN, ...common, '--out', out, ...options];
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, errors] = ['', ''];
  child.stdout?.on('data', (text: Buffer) => (output += text));
  child.stderr?.on('data', (text: Buffer) => (errors += text));
  const finished = new Promise<Finished>((resolve) => child.on('close', (code) => resolve({ code, output, errors })));
  return { child, finished };
}

function storedRuns(out: string): string[] {
  const folder = join(out, 'runs');
  return existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith('.')) : [];
}

/** All that must be the same in every repetition: findings, runs and the kept files, byte by byte. */
function results(out: string): unknown {
  const { sections } = JSON.parse(readFileSync(join(out, 'study.json'), 'utf8')) as {
    sections: Record<string, unknown>[];
  };
  const found = sections.map(({ findings, runs }) => ({ findings, runs }));
  const logits = storedRuns(out).flatMap((run) => {
    const folder = join(out, 'runs', run);
    const files = readdirSync(folder).filter((name) => name.endsWith('.f32'));
    return files.map((name) => [run, name, readFileSync(join(folder, name)).toString('base64')]);
  });
  return { found, logits };
}

describe('npm run study', () => {
  it('killed half-way and run again has the results of an uninterrupted study, bit for bit', async () => {
    const [interrupted, whole] = [join(root, 'interrupted'), join(root, 'whole')];
    const first = start(interrupted, ['--workers', '1']);
    while (storedRuns(interrupted).length === 0 && first.child.exitCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    first.child.kill('SIGKILL');
    await first.finished;
    expect(storedRuns(interrupted).length).toBeLessThan(3);
    const second = await start(interrupted, ['--workers', '1']).finished;
    expect(second.output).toMatch(/[12] of 3 runs were finished before/);
    const uninterrupted = await start(whole, ['--workers', '2']).finished;
    expect([second.code, uninterrupted.code]).toEqual([0, 0]);
    expect(results(interrupted)).toEqual(results(whole));
  });

  it('in parts by several processes at once, one killed, in folders put together: bit for bit the same', async () => {
    const [shared, other, whole] = [join(root, 'shared'), join(root, 'other'), join(root, 'whole')];
    const [first, second] = ['1/3', '2/3'].map((shard) => start(shared, ['--shard', shard, '--workers', '1']));
    const killed = start(other, ['--shard', '3/3', '--workers', '1']);
    await Promise.all([first?.finished, second?.finished]);
    killed.child.kill('SIGKILL');
    await killed.finished;
    const listed = (await start(other, ['--list']).finished).output.trimEnd().split('\n');
    const names = listed.map((line) => line.split('\t')[0] ?? '');
    const name = names.find((one) => !storedRuns(shared).includes(one)) ?? '';
    expect(listed).toHaveLength(3);
    expect(storedRuns(shared).sort()).toEqual(names.filter((one) => one !== name).sort());
    const alone = await start(other, ['--run', name, '--workers', '1']).finished;
    expect(alone.output).toContain('1 of 3 runs are finished');
    const { code, output } = await start(shared, ['--merge', other]).finished;
    expect([code, output]).toEqual([0, expect.stringContaining(`1 runs taken over from ${other}`)]);
    expect(output).toContain('3 of 3 runs were finished before');
    expect(results(shared)).toEqual(results(whole));
  });

  it('writes a report that holds its plots, and the findings where they are wanted', async () => {
    const [out, json] = [join(root, 'whole'), join(root, 'study.json')];
    const { code } = await start(out, ['--json', json]).finished;
    expect(code).toBe(0);
    const { sections } = JSON.parse(readFileSync(json, 'utf8')) as {
      sections: { findings: { id: string; holds: boolean | null }[] }[];
    };
    const findings = sections.flatMap((section) => section.findings);
    expect(findings.map(({ id }) => id)).toHaveLength(24);
    expect(findings.find(({ id }) => id === 'F0')?.holds).toBe(true);
    const page = readFileSync(join(out, 'report.html'), 'utf8');
    expect(page.match(/<svg /g)?.length).toBeGreaterThan(3);
    expect(page).not.toMatch(/(src|href)="(?!https:\/\/arxiv)/);
    expect(readdirSync(join(out, 'plots'))).toContain('validation-accuracy.png');
  });

  it('with --finished judges what is there and trains nothing, and keeps what a file holds of other domains', async () => {
    const [out, json] = [join(root, 'whole'), join(root, 'study.json')];
    const before = JSON.parse(readFileSync(json, 'utf8')) as { sections: { domain: { id: string } }[] };
    const other = { ...before.sections[0], domain: { id: 'letters', title: 'letters' } };
    writeFileSync(json, JSON.stringify({ sections: [other] }));
    const { code, output } = await start(out, ['--seeds', '1,2', '--finished', '--json', json]).finished;
    expect(code).toBe(0);
    expect(output).toContain('3 of 3 runs were finished before.');
    expect(storedRuns(out)).toHaveLength(3);
    const { sections } = JSON.parse(readFileSync(json, 'utf8')) as typeof before;
    expect(sections.map(({ domain }) => domain.id)).toEqual(['images', 'letters']);
  });

  it('with a wrong option ends with code 2 and one line', async () => {
    const { code, errors } = await start(join(root, 'none'), ['--epochs', 'x']).finished;
    expect(code).toBe(2);
    expect(errors).toMatch(/^--epochs: expected an integer of at least 1, received 'x'\.$/m);
  });

  it('with decays that would share a curve says so before it trains', async () => {
    const { code, errors } = await start(join(root, 'none'), ['--decays', '0.5,0.501']).finished;
    expect(code).toBe(2);
    expect(errors).toMatch(
      /^--decays: .*received 0.5 and 0.501, both 2.13 % of the 94 steps of condition A: leave one out.$/m,
    );
  });

  it.each([
    [['--run', 'A-seed-9'], "--run: there is no run 'A-seed-9'. --list names them"],
    [['--shard', '0/3'], "--shard: expected I/N with I from 1 to N, such as 3/8, received '0/3'."],
    [['--shard', '1/2', '--run', 'A'], '--run and --shard: give one of them.'],
    [['--merge', '/nowhere', '--shard', '1/1'], "--merge: expected an output folder of a study, received '/nowhere'"],
  ])('%j: says what is wrong', async (options, message) => {
    const { code, errors } = await start(join(root, 'none'), options).finished;
    expect(code).toBe(2);
    expect(errors).toContain(message);
  });

  it('with options that leave nothing says so', async () => {
    const { code, errors } = await start(join(root, 'none'), ['--preset', 'paper-cifar10']).finished;
    expect(code).toBe(2);
    expect(errors).toContain('nothing to run');
  });

  it('without a data set that cannot be fetched says what to do', async () => {
    const { code, errors } = await start(join(root, 'none'), ['--preset', 'paper-cifar10'], []).finished;
    expect(code).toBe(1);
    expect(errors).toContain('cifar-10 cannot be fetched: name the folder with its binary files with --data-dir.');
  });
});
