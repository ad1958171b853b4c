// The demo that `npm start` runs: its options, and a short run of the whole on real digits.
// The facade and the engines have their own tests.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDemoOptions, USAGE } from '../../study/demo/options.js';
import { conclusions, type DemoFigures, runDemo } from '../../study/demo/run.js';
import { UsageError } from '../../tools/shared/option-checks.js';
import { Progress } from '../../tools/shared/terminal.js';
import { tf } from '../../tools/shared/tfjs.js';

/** Collects what a terminal would show. */
class Recorder extends Progress {
  readonly lines: string[] = [];
  override log(text = ''): void {
    this.lines.push(text);
  }
  override update(): void {}
}

describe('options', () => {
  it('are a quick run with the native engine where it can be, unless told otherwise', () => {
    expect(parseDemoOptions([])).toEqual({
      ...{ mode: 'quick', seed: 1, epochs: undefined, data: 'auto', engine: 'auto' },
      ...{ out: 'out', json: undefined, help: false },
    });
  });

  it('are all read', () => {
    const line = '--full --seed 7 --epochs=3 --data mnist --engine js --out here --json there.json';
    expect(parseDemoOptions(line.split(' '))).toEqual({
      ...{
        mode: 'full',
        seed: 7,
        epochs: 3,
        data: 'mnist',
        engine: 'js',
        out: 'here',
        json: 'there.json',
        help: false,
      },
    });
    expect(parseDemoOptions(['-h']).help).toBe(true);
  });

  it.each([
    [['--nope'], "There is no option '--nope'."],
    [['-x'], "There is no option '-x'."],
    [['word'], "Expected options only, received 'word'."],
    [['--quick', '--full'], '--quick and --full: give one of them.'],
    [['--seed', 'x'], "--seed: expected an integer from 0 to 2147483647, received 'x'."],
    [['--seed=-1'], "--seed: expected an integer from 0 to 2147483647, received '-1'."],
    [['--seed'], "--seed: expected an integer from 0 to 2147483647, received ''."],
    [['--epochs', '0'], "--epochs: expected an integer from 1 to 1000, received '0'."],
    [['--epochs', '1.5'], "--epochs: expected an integer from 1 to 1000, received '1.5'."],
    [['--quick=3'], "--quick: expected no value, received '3'."],
    [['--json'], '--json: expected a path.'],
    [['--json', '--full'], "--json: expected a value, received '--full'; if it is one, write --json=--full."],
    [['--out='], '--out: expected a path.'],
  ])('%j is refused: %s', (argv, message) => {
    expect(() => parseDemoOptions(argv)).toThrow(new UsageError(message));
  });

  it.each([['--data'], ['--engine']])('%s refuses a word that is not on its list, and shows the list', (name) => {
    expect(() => parseDemoOptions([name, 'zzz'])).toThrow(UsageError);
    expect(() => parseDemoOptions([name, 'zzz'])).toThrow(/auto/);
  });

  it('are all in the usage text', () => {
    for (const name of ['quick', 'full', 'seed', 'epochs', 'data', 'engine', 'out', 'json']) {
      expect(USAGE).toContain(`--${name}`);
    }
  });

  it('that are wrong end the program with the usage and exit code 2, before TensorFlow is loaded', () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', 'tsx', 'study/demo/main.ts', '--nope'],
      {
        encoding: 'utf8',
      },
    );
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain("There is no option '--nope'.");
    expect(stderr).toContain('--engine');
    expect(stderr).not.toContain('oneDNN');
  });
});

describe('a short run on digits', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-demo-'));
  const options = parseDemoOptions([
    '--data',
    'mnist',
    '--epochs',
    '4',
    '--out',
    folder,
    '--json',
    join(folder, 'f.json'),
  ]);
  const recorder = new Recorder();
  let figures: DemoFigures;
  let tensorsLeft: number;

  beforeAll(async () => {
    const before = tf.memory().numTensors;
    figures = await runDemo(options, recorder);
    tensorsLeft = tf.memory().numTensors - before;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('writes its figures as JSON, the report of its averages among them', () => {
    const written: unknown = JSON.parse(readFileSync(join(folder, 'f.json'), 'utf8'));
    expect(written).toEqual(JSON.parse(JSON.stringify(figures)));
    const score = { loss: expect.any(Number), accuracy: expect.any(Number) };
    expect(written).toMatchObject({
      ...{ data: 'mnist', dataReason: 'asked for', mode: 'quick', seed: 1, epochs: 4 },
      images: { train: 6400, validation: 1600, test: 2000 },
      test: { raw: score, best: score, reloaded: score },
      report: { facts: { steps: 200, updates: 200 }, epochs: [0, 1, 2, 3].map((epoch) => ({ epoch })) },
    });
  });

  it("tracks the averages of 'auto': of the paper's windows, 0.64 to 10.23 % of the run, those of two steps and more", () => {
    const windows = figures.report.averages.map(({ decay }) => 1 / (1 - decay) / 200);
    // Decays have three digits of what is left of them.
    expect(windows.map((window) => window.toPrecision(2))).toEqual(['0.013', '0.026', '0.051', '0.10']);
    for (const { averages } of figures.report.epochs) expect(averages).toHaveLength(4);
  });

  it('learns: average and raw weights read nearly all digits', () => {
    expect(figures.test.raw.accuracy).toBeGreaterThan(0.9);
    expect(figures.test.best.accuracy).toBeGreaterThan(0.9);
  });

  it('finds the same numbers after saving and loading', () => {
    expect(figures.test.reloaded).toEqual(figures.test.best);
  });

  it('measures the share of the updates in the same run', () => {
    expect(figures.report.facts.seconds).toBeGreaterThan(0);
    expect(figures.report.facts.seconds).toBeLessThan(figures.fitSeconds);
    expect(figures.fitSeconds).toBeLessThan(figures.seconds);
  });

  it('leaves the report, its charts, and a model that needs nothing of this package', () => {
    const charts = ['metric-acc.svg', 'metric-acc.png', 'metric-loss.svg', 'metric-loss.png'];
    for (const name of [...charts, 'report.html', 'report.json', 'model/model.json', 'model/weights.bin']) {
      expect(existsSync(join(folder, name)), name).toBe(true);
    }
  });

  it('says what it does: data, a line per epoch, the table of the report, the test scores', () => {
    const text = recorder.lines.join('\n');
    expect(text).toContain('data: mnist');
    expect(text).toMatch(/^epoch 1\/4: ema 0\.\d+ loss \d+\.\d+ acc 0\.\d+, raw loss \d+\.\d+ acc 0\.\d+ {3}\d+ s$/m);
    expect(text).toContain(`${figures.report}`);
    for (const line of conclusions(figures)) expect(text).toContain(line);
    expect(text).not.toMatch(/NaN|undefined|\?/);
  });

  it('leaves no tensors behind but those that tfjs itself forgets', () => {
    // MomentumOptimizer.dispose of tfjs-core 4.22 keeps the scalar of its learning rate; two models were compiled.
    expect(tensorsLeft).toBe(2);
  });

  it('gives the same figures again for the same seed', async () => {
    const again = await runDemo({ ...options, json: undefined }, new Recorder());
    expect([again.test, again.report.epochs]).toEqual([figures.test, figures.report.epochs]);
  });

  it('is as good for a run that is too short for the windows of the paper', async () => {
    const { report, test } = await runDemo({ ...options, epochs: 1, json: undefined }, new Recorder());
    expect(report.averages.map(({ label }) => label)).toEqual(['0.609', '0.804']);
    expect(test.reloaded).toEqual(test.best);
  });

  it('says so when averaging does not win, and when the loaded model is another', () => {
    const { test } = figures;
    const told = (change: Partial<typeof test>) => conclusions({ ...figures, test: { ...test, ...change } }).join('\n');
    expect(told({ raw: { accuracy: 1, loss: 0 } })).toContain('averaging did not win in this run');
    expect(told({ raw: { accuracy: 0, loss: 9 } })).not.toContain('did not win');
    expect(told({ reloaded: { accuracy: 0.5, loss: 1 } })).toContain('OTHER numbers: 50.00 % accuracy');
  });
});
