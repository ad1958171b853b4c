// The demo that `npm start` runs: options, recipe, batches, and a short run of the whole on real digits.
// The facade and the engines have their own tests.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawSplit, type ImageSet, toTensors, trainingBatches } from '../../study/demo/batches.js';
import type { DemoFigures } from '../../study/demo/figures.js';
import { parseDemoOptions, USAGE } from '../../study/demo/options.js';
import { recipeFor, tracksFor } from '../../study/demo/recipe.js';
import { conclusions, finding, resultTable } from '../../study/demo/report.js';
import { runDemo } from '../../study/demo/run.js';
import { standardise } from '../../study/runs/samples.js';
import { UsageError } from '../../tools/shared/option-checks.js';
import { seededRandom } from '../../tools/shared/random.js';
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

describe('recipe', () => {
  it('takes the number of epochs that is asked for', () => {
    expect(recipeFor({ mode: 'quick', epochs: 3 }).epochs).toBe(3);
    expect(recipeFor({ mode: 'full', epochs: undefined }).epochs).toBeGreaterThan(3);
  });

  it("tracks the paper's windows: 0.64 to 10.23 % of the run, each twice the one before", () => {
    const tracks = tracksFor(78_200);
    expect(tracks.map(({ window }) => Math.round(window))).toEqual([500, 1000, 2000, 4000, 8000]);
    expect(tracks.map(({ decay }) => decay)).toEqual([0.998, 0.999, 0.9995, 0.99975, 0.999875]);
  });

  it.each([1, 2, 10, 50, 300, 1_000_000])('has different valid decays for a run of %i steps', (steps) => {
    const decays = tracksFor(steps).map(({ decay }) => decay);
    expect(decays.length).toBeGreaterThan(0);
    expect(new Set(decays).size).toBe(decays.length);
    for (const decay of decays) expect(decay >= 0.5 && decay < 1).toBe(true);
  });
});

describe('batches', () => {
  const COUNT = 25;
  /** Image i has the grey levels 10 i and 10 i + 1, and label i. */
  const set: ImageSet = {
    images: Uint8Array.from({ length: 2 * COUNT }, (_, at) => 10 * Math.floor(at / 2) + (at % 2)),
    labels: Uint8Array.from({ length: COUNT }, (_, index) => index),
    ...{ count: COUNT, height: 1, width: 2, channels: 1 },
  };
  const everything = Uint32Array.from({ length: COUNT }, (_, index) => index);
  const asIs = [Float32Array.from({ length: 256 }, (_, level) => level)];

  async function labelsOf(batches: ReturnType<typeof trainingBatches>): Promise<number[][]> {
    const labels: number[][] = [];
    await batches.forEachAsync((batch) => {
      const { xs, ys } = batch as unknown as { xs: ReturnType<typeof tf.tensor>; ys: ReturnType<typeof tf.tensor> };
      labels.push([...ys.dataSync()]);
      expect([...xs.dataSync()]).toEqual([...ys.dataSync()].flatMap((label) => [10 * label, 10 * label + 1]));
      tf.dispose([xs, ys]);
    });
    return labels;
  }

  const batchesFor = (seed: number) =>
    trainingBatches(tf, set, { indices: everything.slice(), levels: asIs, batchSize: 10, random: seededRandom(seed) });

  it('show each image once per epoch with its own label, the last batch being smaller', async () => {
    const batches = await labelsOf(batchesFor(1));
    expect(batches.map((labels) => labels.length)).toEqual([10, 10, 5]);
    expect(batches.flat().sort((a, b) => a - b)).toEqual([...set.labels]);
  });

  it('have another order in each epoch, and the same for the same seed', async () => {
    const [first, second] = [batchesFor(1), batchesFor(1)];
    const orders = [await labelsOf(first), await labelsOf(first)];
    expect(orders[0]).not.toEqual(orders[1]);
    expect([await labelsOf(second), await labelsOf(second)]).toEqual(orders);
    expect(await labelsOf(batchesFor(2))).not.toEqual(orders[0]);
  });

  it('keep no tensors', async () => {
    const before = tf.memory().numTensors;
    await labelsOf(batchesFor(1));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('are split so that no image both trains and validates', () => {
    const { train, validation } = drawSplit(100, { train: 70, validation: 15 }, seededRandom(3));
    expect([train.length, validation.length]).toEqual([70, 15]);
    expect(new Set([...train, ...validation]).size).toBe(85);
    expect(drawSplit(100, { train: 70, validation: 15 }, seededRandom(3))).toEqual({ train, validation });
  });

  it('keep a fifth for validation where there are fewer images than wanted', () => {
    const { train, validation } = drawSplit(100, { train: 1000, validation: 1000 }, seededRandom(3));
    expect([train.length, validation.length]).toEqual([80, 20]);
  });

  it('are standardised over the training images only', () => {
    const indices = Uint32Array.from([2, 5, 9]);
    const [x, y] = toTensors(tf, set, { indices, levels: standardise(set, { split: set, indices }) });
    const { mean, variance } = tf.moments(x);
    expect(mean.dataSync()[0]).toBeCloseTo(0, 5);
    expect(variance.dataSync()[0]).toBeCloseTo(1, 5);
    expect([...y.dataSync()]).toEqual([2, 5, 9]);
    tf.dispose([x, y, mean, variance]);
  });
});

describe('a short run on digits', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-demo-'));
  const options = parseDemoOptions([
    '--data',
    'mnist',
    '--epochs',
    '2',
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

  it('writes its figures as JSON', () => {
    const written: unknown = JSON.parse(readFileSync(join(folder, 'f.json'), 'utf8'));
    expect(written).toEqual(JSON.parse(JSON.stringify(figures)));
    const average = { decay: expect.any(Number), valAccuracy: expect.any(Number), valLoss: expect.any(Number) };
    expect(written).toMatchObject({
      engine: expect.stringMatching(/^(native|js)$/),
      engineReason: expect.any(String),
      data: 'mnist',
      raw: { valAccuracy: expect.any(Number), valLoss: expect.any(Number) },
      averages: figures.averages.map(() => average),
      updateShare: expect.any(Number),
      seconds: expect.any(Number),
    });
  });

  it('learns: averages and raw weights read nearly all digits', () => {
    expect(figures.raw.testAccuracy).toBeGreaterThan(0.9);
    for (const { testAccuracy } of figures.averages) expect(testAccuracy).toBeGreaterThan(0.9);
  });

  it('finds the same numbers after saving and loading', () => {
    expect(figures.reloaded.identical).toBe(true);
    expect(figures.bestDecay).toBe([...figures.averages].sort((a, b) => a.valLoss - b.valLoss)[0]?.decay);
  });

  it('measures the share of the updates in the same run', () => {
    expect(figures.updateShare).toBe(figures.updateSeconds / figures.stepSeconds);
    expect(figures.updateSeconds).toBeGreaterThan(0);
    expect(figures.stepSeconds + figures.updateSeconds).toBeLessThan(figures.seconds);
  });

  it('leaves charts and a model that needs nothing of this package', () => {
    for (const name of [
      'accuracy.svg',
      'accuracy.png',
      'loss.svg',
      'loss.png',
      'model/model.json',
      'model/weights.bin',
    ]) {
      expect(existsSync(join(folder, name)), name).toBe(true);
    }
  });

  it('says what it does: data, a line per epoch, the table, the finding', () => {
    const text = recorder.lines.join('\n');
    expect(text).toContain('data: mnist');
    expect(text).toMatch(/epoch 1\/2 +training loss \d\.\d{4} +validation accuracy: raw \d+\.\d\d %/);
    expect(text).toContain(resultTable(figures));
    expect(text).toContain(conclusions(figures)[0]);
    expect(text).not.toMatch(/NaN|undefined|\?/);
  });

  it('leaves no tensors behind but those that tfjs itself forgets', () => {
    // MomentumOptimizer.dispose of tfjs-core 4.22 keeps the scalar of its learning rate; two models were compiled.
    expect(tensorsLeft).toBe(2);
  });

  it('gives the same figures again for the same seed', async () => {
    const again = await runDemo({ ...options, json: undefined }, new Recorder());
    expect([again.raw, again.averages]).toEqual([figures.raw, figures.averages]);
  });

  it('says so when averaging does not win', () => {
    const lost = { ...figures, raw: { ...figures.raw, valAccuracy: 1, valLoss: 0 } };
    expect(finding(lost)).toMatch(/^Averaging did not win/);
    const won = { ...figures, raw: { ...figures.raw, valAccuracy: 0, valLoss: 9 } };
    expect(finding(won)).toMatch(/^The best average ends/);
  });
});
