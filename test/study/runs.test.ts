// The parts of a training run that need no training: schedules, splits, noise, batches, averages, plans, options, the store.
// Training itself is tested in study-preset.test.ts and study-process.test.ts.

import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PAPER_WINDOWS } from '../../src/schedule/decay.js';
import { codeOf } from '../../study/plan/code.js';
import { DOMAINS } from '../../study/plan/domains.js';
import { parseStudyOptions } from '../../study/plan/options.js';
import { planRuns } from '../../study/plan/plan.js';
import { trainingBatches, uploadBatches } from '../../study/runs/batches.js';
import { type Condition, type Course, isCourse, type RunSpec } from '../../study/runs/condition.js';
import { CONDITIONS, PAPER_DECAYS_PER_STEP } from '../../study/runs/conditions.js';
import { learningRateAt } from '../../study/runs/learning-rate.js';
import { Forecast, secondsOf } from '../../study/runs/progress.js';
import { drawSamples } from '../../study/runs/samples.js';
import { RunStore } from '../../study/runs/store.js';
import { Trackers } from '../../study/runs/trackers.js';
import { mainTracks, SPARSE, sameName, trackGroups } from '../../study/runs/tracks.js';
import type { RunOutput } from '../../study/runs/train.js';
import { UsageError } from '../../tools/shared/option-checks.js';
import { tf } from '../../tools/shared/tfjs.js';

/** A condition that must be there. */
function condition(id: string): Condition {
  const found = CONDITIONS.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no condition ${id}`);
  return found;
}

/** A condition or course of a domain that must be there. */
function conditionOf(domain: string, id: string): Condition | Course {
  const found = DOMAINS.find((one) => one.id === domain)?.conditions.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no condition ${id} in ${domain}`);
  return found;
}

/** 40 images of 2 x 3 x 1 whose first byte is their number. */
const images = {
  source: 'test',
  height: 2,
  width: 3,
  channels: 1,
  classes: 10,
  classNames: [],
  train: {
    count: 40,
    images: Uint8Array.from({ length: 240 }, (_, at) => (at % 6 === 0 ? at / 6 : 100 + (at % 6))),
    labels: Uint8Array.from({ length: 40 }, (_, index) => index % 10),
  },
  test: { count: 3, images: new Uint8Array(18), labels: Uint8Array.from([1, 2, 3]) },
};
const choice = { name: 'fashion-mnist', train: 20, validation: 8, noise: 0, shift: 0 } as const;
const loaded = { images, humanLabels: undefined };

describe('learning rate', () => {
  const steps = { perEpoch: 10, total: 100 };
  const at = (decay: 'cosine' | 'constant' | 'step', step: number): number =>
    learningRateAt({ peak: 0.4, warmupEpochs: 1, decay }, step, steps);

  it('grows linearly to its peak, then follows half a cosine to 0', () => {
    expect(at('cosine', 0)).toBeCloseTo(0.04, 12);
    expect(at('cosine', 9)).toBeCloseTo(0.4, 12);
    expect(at('cosine', 10)).toBeCloseTo(0.4, 12);
    expect(at('cosine', 55)).toBeCloseTo(0.2, 12);
    expect(at('cosine', 100)).toBeCloseTo(0, 12);
  });

  it('stays constant, or falls by 0.2 at 30, 60 and 80 %', () => {
    expect(at('constant', 99)).toBe(0.4);
    const falls = [29, 30, 60, 80].map((step) => at('step', step));
    expect(falls).toEqual([0.4, 0.4 * 0.2, 0.4 * 0.2 ** 2, 0.4 * 0.2 ** 3]);
  });
});

describe('samples', () => {
  it('split without overlap, always in the same way', () => {
    const { train, validation, test } = drawSamples(loaded, choice);
    expect(train.indices.length).toBe(20);
    expect(validation.indices.length).toBe(8);
    expect(new Set([...train.indices, ...validation.indices]).size).toBe(28);
    expect([...test.real]).toEqual([1, 2, 3]);
    expect(drawSamples(loaded, choice).train.indices).toEqual(train.indices);
    expect([...train.real]).toEqual([...train.indices].map((index) => index % 10));
  });

  it('validate on a share of all when it is below 1, and train on the rest', () => {
    const { name, noise, shift } = choice;
    const { train, validation } = drawSamples(loaded, { name, noise, shift, validation: 0.2 });
    expect([train.indices.length, validation.indices.length]).toEqual([32, 8]);
  });

  it('get wrong labels, never by chance the right one, in about the share asked for', () => {
    const many = {
      ...images,
      train: { count: 20_000, images: new Uint8Array(120_000), labels: new Uint8Array(20_000) },
    };
    const { train } = drawSamples({ images: many, humanLabels: undefined }, { ...choice, train: 10_000, noise: 0.4 });
    const wrong = train.given.filter((label, index) => label !== train.real[index]);
    // Four standard errors of a share of 0.4 in 10,000.
    expect(Math.abs(wrong.length / 10_000 - 0.4)).toBeLessThan(0.02);
    expect(new Set(wrong).size).toBe(9);
  });

  it('get human labels for training only', () => {
    const humanLabels = new Uint8Array(40).fill(7);
    const { train, validation } = drawSamples({ images, humanLabels }, choice);
    expect(new Set(train.given)).toEqual(new Set([7]));
    expect(validation.given).toEqual(validation.real);
  });

  it('are standardised over the training images', async () => {
    const samples = drawSamples(loaded, choice);
    const upload = uploadBatches(tf, samples.train, samples, 7);
    expect(upload.batches.map(({ shape }) => shape[0])).toEqual([7, 7, 6]);
    const [mean, variance] = tf.tidy(() => {
      const moments = tf.moments(tf.concat([...upload.batches]));
      return [moments.mean.dataSync()[0], moments.variance.dataSync()[0]];
    });
    expect(mean).toBeCloseTo(0, 5);
    expect(variance).toBeCloseTo(1, 5);
    upload.dispose();
  });
});

/** All batches of the next epoch as arrays. */
async function epoch(batches: ReturnType<typeof trainingBatches>): Promise<{ xs: number[][]; ys: number[] }> {
  const xs: number[][] = [];
  const ys: number[] = [];
  await batches.forEachAsync((batch) => {
    for (const image of batch.xs.arraySync() as number[][][][]) xs.push(image.flat(2));
    ys.push(...tf.tidy(() => tf.argMax(batch.ys, 1).dataSync() as Int32Array));
    tf.dispose(batch);
  });
  return { xs, ys };
}

describe('training batches', () => {
  const samples = drawSamples(loaded, choice);
  const bytes = (values: readonly number[]): number[] =>
    values.map((value) => samples.levels[0]?.indexOf(Math.fround(value)) ?? -1);

  it('hold every image once an epoch, with its label, in an order that the seed fixes', async () => {
    const options = { batchSize: 8, shift: 0, seed: 5 };
    const batches = trainingBatches(tf, samples, options);
    const [first, second] = [await epoch(batches), await epoch(batches)];
    const order = ({ xs }: typeof first): number[] => xs.map((image) => bytes(image)[0] ?? -1);
    expect(order(first).sort((a, b) => a - b)).toEqual([...samples.train.indices].sort((a, b) => a - b));
    expect(first.ys).toEqual(order(first).map((index) => index % 10));
    expect(order(second)).not.toEqual(order(first));
    expect(await epoch(trainingBatches(tf, samples, options))).toEqual(first);
    expect(order(await epoch(trainingBatches(tf, samples, { ...options, seed: 6 })))).not.toEqual(order(first));
  });

  it('shift and mirror images, with black from outside', async () => {
    const { xs } = await epoch(trainingBatches(tf, samples, { batchSize: 8, shift: 1, seed: 5 }));
    // Image n is [n, 101, 102; 103, 104, 105]: every position of it, moved by up to 1 and mirrored.
    const variants = (n: number): string[] =>
      [-1, 0, 1].flatMap((right) =>
        [-1, 0, 1].flatMap((down) =>
          [false, true].map((mirrored) => {
            const original = [n, 101, 102, 103, 104, 105];
            return [0, 1, 2, 3, 4, 5]
              .map((at) => {
                const x = mirrored ? 2 - (at % 3) : at % 3;
                const [fromX, fromY] = [x - right, Math.floor(at / 3) - down];
                return fromX < 0 || fromX > 2 || fromY < 0 || fromY > 1 ? 0 : original[fromY * 3 + fromX];
              })
              .join();
          }),
        ),
      );
    const possible = new Set([...samples.train.indices].flatMap(variants));
    const seen = xs.map((image) => bytes(image).join());
    expect(seen.every((image) => possible.has(image))).toBe(true);
    expect(new Set(seen).size).toBeGreaterThan(15);
  });

  it('leave no tensors behind', async () => {
    const before = tf.memory().numTensors;
    await epoch(trainingBatches(tf, samples, { batchSize: 8, shift: 1, seed: 5 }));
    expect(tf.memory().numTensors).toBe(before);
  });
});

const NOTHING = { accuracy: 0, loss: 0 };

describe('averages of a run', () => {
  it("have the paper's windows as shares of its 78,200 steps", () => {
    const perStep = PAPER_DECAYS_PER_STEP.map((decay) => 1 / (1 - decay) / 78_200);
    // The paper's windows are 16 / (1 - decay per update); per step they are up to 1.6 % shorter.
    for (const [index, share] of PAPER_WINDOWS.entries()) expect((perStep[index] ?? 0) / share).toBeCloseTo(1, 1);
    const ids = mainTracks(condition('A').averages, 1880).map(({ id, window }) => [id, Math.round(window)]);
    expect(ids).toEqual([
      ['main-0.64', 12],
      ['main-1.28', 24],
      ['main-2.56', 48],
      ['main-5.12', 96],
      ['main-10.23', 192],
    ]);
  });

  it('of one name are found: the name rounds the window', () => {
    const tracks = mainTracks({ ...condition('A').averages, main: { decays: [0.9, 0.91, 0.99] } }, 62_600);
    expect(sameName(tracks)?.map(({ id, decay }) => [id, decay])).toEqual([
      ['main-0.02', 0.9],
      ['main-0.02', 0.91],
    ]);
    expect(sameName(mainTracks(condition('A').averages, 1880))).toBeUndefined();
  });

  it('come in three callbacks where variants are asked for, and in none without the callback', () => {
    const groups = trackGroups(condition('A').averages, 1880);
    expect(groups.map(({ options }) => [options.decays.length, options.updateEvery, options.warmup])).toEqual([
      [5, 1, 'paper'],
      [3, 1, 'none'],
      [2, 4, 'none'],
    ]);
    const [right, naive] = groups[2]?.tracks ?? [];
    expect([right?.id, naive?.id]).toEqual([SPARSE.right, SPARSE.naive]);
    // An update of four steps has decay ** 4: of the naive one this is the other's decay.
    expect((naive?.decay ?? 0) ** 4).toBeCloseTo(right?.decay ?? 1, 12);
    expect(trackGroups(condition('A0').averages, 1880)).toEqual([]);
  });

  it('and raw weights are kept where they are best, and the uniform one is the mean of the last quarter', async () => {
    const before = tf.memory().numTensors;
    const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1], useBias: false })] });
    const optimizer = tf.train.sgd(0.1);
    model.compile({ optimizer, loss: 'meanSquaredError' });
    const averages = { ...condition('K').averages, main: { decays: [0.2, 0.5] } };
    const trackers = new Trackers(tf, { averages, steps: { perEpoch: 2, total: 16 } }, 'auto');
    // Of the raw weights and of each average: accuracy and loss after each of eight epochs.
    const measured = [
      { accuracy: [0.1, 0.5, 0.5, 0.2, 0.2, 0.2, 0.2, 0.2], loss: [9, 8, 7, 6, 5, 4, 4, 5] },
      { accuracy: [0.1, 0.3, 0.6, 0.2, 0.2, 0.2, 0.2, 0.2], loss: [9, 3, 7, 6, 5, 4, 4, 5] },
      { accuracy: [0.1, 0.3, 0.6, 0.2, 0.2, 0.2, 0.7, 0.2], loss: [9, 3, 7, 6, 5, 2, 4, 5] },
    ];
    const weightOf = (): number => model.getWeights()[0]?.dataSync()[0] ?? Number.NaN;
    const seen: number[][] = [];
    const onEpochEnd = async (index: number): Promise<void> => {
      seen.push([weightOf(), ...trackers.main.map(({ use }) => use(weightOf))]);
      const [raw = NOTHING, ...main] = measured.map(({ accuracy, loss }) => ({
        accuracy: accuracy[index] ?? 0,
        loss: loss[index] ?? 0,
      }));
      trackers.keepBest(index + 1, { raw, main });
    };
    const [x, y] = [tf.tensor2d([[1], [2]]), tf.tensor2d([[3], [1]])];
    const callbacks = [...trackers.callbacks, new tf.CustomCallback({ onEpochEnd })];
    await model.fit(x, y, { epochs: 8, batchSize: 1, shuffle: false, verbose: 0, callbacks });
    const keptOf = (of: 'raw' | 'main', metric: 'acc' | 'loss') => {
      const { track, epoch, weights } = trackers.best(of, metric) ?? { track: '', epoch: 0, weights: [] };
      const [value] = weights[0]?.dataSync() ?? [];
      tf.dispose([...weights]);
      return { track, epoch, value };
    };
    const [fast, slow] = trackers.main.map(({ track }) => track.id);
    const at = (epoch: number, place: number) => ({ epoch, value: seen[epoch - 1]?.[place] });
    // Of equals the first epoch, and in it the shorter window.
    expect(keptOf('raw', 'acc')).toEqual({ track: 'raw', ...at(2, 0) });
    expect(keptOf('raw', 'loss')).toEqual({ track: 'raw', ...at(6, 0) });
    expect(keptOf('main', 'acc')).toEqual({ track: slow, ...at(7, 2) });
    expect(keptOf('main', 'loss')).toEqual({ track: slow, ...at(6, 2) });
    expect(fast).not.toBe(slow);
    const uniform = trackers.copyUniform() ?? [];
    expect(uniform[0]?.dataSync()[0]).toBe(Math.fround(((seen[6]?.[0] ?? 0) + (seen[7]?.[0] ?? 0)) / 2));
    const weights = [weightOf(), trackers.main[1]?.use(weightOf)];
    trackers.bootstrap();
    expect(weightOf()).toBe(weights[1]);
    expect(weights[1]).not.toBe(weights[0]);
    tf.dispose([x, y, ...uniform]);
    trackers.dispose();
    optimizer.dispose();
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('plan', () => {
  const all = (...argv: string[]): RunSpec[] => {
    const { plan, domains } = parseStudyOptions(argv);
    return DOMAINS.filter(({ id }) => domains.includes(id)).flatMap((domain) => planRuns(plan, domain, () => 'code'));
  };
  // Without courses, whose conditions have no recipe.
  const plan = (...argv: string[]) =>
    all(...argv).filter((spec): spec is RunSpec<Condition> => !isCourse(spec.condition));
  const counts = (specs: readonly RunSpec[]): Record<string, number> => {
    const ids = specs.map(({ condition }) => condition.id);
    return Object.fromEntries(ids.map((id) => [id, ids.filter((other) => other === id).length]));
  };

  it('has the conditions and seeds of the study', () => {
    const ten = ['A', 'N20', 'N40', 'N60', 'K', 'Cc', 'BN', 'BT', 'ST', 'NK', 'from-digits'];
    const expected = { ...Object.fromEntries(ten.map((id) => [id, 10])), A0: 1 };
    const images = plan('--domains', 'images');
    expect(counts(images)).toEqual(expected);
    expect(new Set(images.map(({ seed }) => seed))).toEqual(new Set(Array.from({ length: 10 }, (_, i) => 101 + i)));
  });

  it('without options has a part of every domain with three seeds, and with --all the whole', () => {
    const [part, whole] = [all(), all('--all')];
    expect(Math.max(...part.map(({ seed }) => seed))).toBe(103);
    expect(new Set(part.map(({ condition: { id } }) => id))).toContain('heat');
    expect(whole.length).toBeGreaterThan(3 * part.length);
    expect(secondsOf(part) / 2).toBeLessThan(20 * 60);
    // Seeds that criteria were written after do not judge.
    expect(Math.min(...whole.map(({ seed }) => seed))).toBeGreaterThan(100);
  });

  it('has transfer both ways: what trains there is for the probe here, and as much of it', () => {
    for (const domain of ['letters', 'signals']) {
      const [there, back] = ['T', `${domain}-back`].map(
        (id) => plan('--domains', domain, '--conditions', id)[0]?.condition,
      );
      expect(back?.data.classes).toEqual(there?.measures.probe?.classes);
      expect(back?.measures.probe?.classes).toEqual(there?.data.classes);
      expect(back?.measures.probe?.train).toBe(there?.measures.probe?.train);
      expect(back?.data.train).toBe(there?.data.train);
    }
    const [digits] = plan('--domains', 'images', '--conditions', 'from-digits');
    expect([digits?.condition.data.name, digits?.condition.measures.probe?.name]).toEqual(['mnist', 'fashion-mnist']);
  });

  it('takes every seed in every condition with --all-seeds', () => {
    expect(counts(plan('--all-seeds', '--seeds', '1-7', '--conditions', 'A,A0,BN'))).toEqual({ A: 7, A0: 7, BN: 7 });
  });

  it('is small with --quick', () => {
    expect(plan('--quick').map(({ condition }) => [condition.id, condition.recipe.epochs])).toEqual([
      ['A', 10],
      ['A0', 10],
      ['N40', 15],
    ]);
  });

  it('follows its options', () => {
    const [run, ...rest] = plan(
      '--conditions',
      'A',
      '--seeds',
      '7',
      '--epochs',
      '3',
      '--decays',
      '0.9,0.99',
      '--data',
      'mnist',
    );
    expect(rest).toEqual([]);
    expect(run?.condition.recipe.epochs).toBe(3);
    expect(run?.condition.averages.main).toEqual({ decays: [0.9, 0.99] });
    expect(run?.condition.data.name).toBe('mnist');
    expect(counts(plan('--noise', '10,30', '--conditions', 'N10,N30'))).toEqual({ N10: 3, N30: 3 });
  });

  it('has the noise that was asked for', () => {
    const noise = plan('--noise', '7,29', '--seeds', '1').map(({ condition }) => [condition.id, condition.data.noise]);
    expect(noise.filter(([, share]) => share === 0.07 || share === 0.29)).toEqual([
      ['N7', 0.07],
      ['N29', 0.29],
    ]);
  });

  it("has the paper's recipe with --preset", () => {
    const [run] = plan('--preset', 'paper-cifar100', '--data-dir', '/data');
    expect(run?.condition).toMatchObject({
      network: 'resnet-18',
      data: { name: 'cifar-100', directory: '/data', validation: 0.2 },
      recipe: { epochs: 200, batchSize: 128, weightDecay: 1e-4, learningRate: { warmupEpochs: 5, decay: 'cosine' } },
      averages: { updateEvery: 16 },
    });
  });
});

describe('options', () => {
  const wrong: [string, string[], string][] = [
    ['an unknown option', ['--qick'], "There is no option '--qick'."],
    ['an option without its value', ['--out'], '--out: expected a path.'],
    ['seeds that are none', ['--seeds', 'a'], "received 'a'"],
    ['a seed twice', ['--seeds', '1,1'], "each once, received '1,1'"],
    ['a data set that is none', ['--data', 'cifar'], "received 'cifar'"],
    ['a network that is none', ['--network', 'resnet'], "received 'resnet'"],
    ['no epochs', ['--epochs', '0'], 'at least 1'],
    ['noise of all', ['--noise', '100'], '--noise: expected whole per cents from 1 to 99 such as 20,40'],
    ['noise below a per cent', ['--noise', '0.4'], '--noise: expected whole per cents'],
    ['noise of half a per cent', ['--noise', '20,12.5'], "received '20,12.5'"],
    ['a noise twice', ['--noise', '20,20.0'], "each once, received '20,20.0'"],
    ['a decay of 1', ['--decays', '1'], 'below 1'],
    ['a decay twice', ['--decays', '0.9,0.90'], "each once, received '0.9,0.90'"],
    ['a window of all', ['--windows', '100'], '--windows: expected per cents between 0 and 100'],
    ['windows of one name', ['--windows', '1,2.561,2.562'], 'received 2.561 and 2.562: leave one out'],
    ['windows and decays', ['--windows', '1', '--decays', '0.9'], 'one of them'],
    ['a condition that is none', ['--conditions', 'Z'], "received 'Z'"],
    ['a preset that is none', ['--preset', 'paper'], 'paper-cifar100'],
  ];
  it.each(wrong)('%s: the error says so', (_, argv, message) => {
    expect(() => parseStudyOptions(argv)).toThrow(UsageError);
    expect(() => parseStudyOptions(argv)).toThrow(message);
  });

  it('share the cores among processes of one thread, or give them all to a preset', () => {
    expect(parseStudyOptions([]).threads).toBe(1);
    expect(parseStudyOptions(['--preset', 'paper-cifar10']).workers).toBe(1);
    expect(parseStudyOptions(['--workers', '3', '--threads', '2'])).toMatchObject({ workers: 3, threads: 2 });
  });
});

describe('store', () => {
  const root = mkdtempSync(join(tmpdir(), 'study-store-'));
  afterAll(() => rmSync(root, { recursive: true }));
  const spec: RunSpec<Condition> = { condition: condition('A'), seed: 1, engine: 'auto', code: 'x' };
  const result = { conditionId: 'A', seed: 1, weightsDigest: 'd' } as RunOutput['result'];
  const notes = { seconds: 2, environment: { tensorflow: 't', node: 'n', machine: 'm' }, commit: null };

  it('gives back what was kept, to the bit, and nothing of another run or other code', () => {
    const store = new RunStore(join(root, 'a'));
    const values = Float32Array.from([0.1, -0, Number.NaN]);
    store.write(spec, { result, logits: { emaLoss: values } }, notes);
    const run = store.read(spec);
    expect(run?.result).toEqual(result);
    expect(new Uint8Array(run?.logits.emaLoss?.buffer ?? new ArrayBuffer(0))).toEqual(new Uint8Array(values.buffer));
    expect(store.read({ ...spec, seed: 2 })).toBeUndefined();
    expect(store.has({ ...spec, code: 'y' })).toBe(false);
  });

  it('takes no run of other code for its own, and every run for its own that other domains are added beside', () => {
    const project = join(root, 'project');
    for (const path of ['study', 'tools/shared'])
      cpSync(join(import.meta.dirname, '..', '..', path), join(project, path), { recursive: true });
    const letters = conditionOf('letters', 'A');
    const heat = conditionOf('equations', 'heat');
    const digests = () => [letters, heat].map((one) => codeOf(one, project));
    const before = digests();
    expect(before).toEqual([letters, heat].map((one) => codeOf(one)));
    const changes = [
      'study/data/rda.ts',
      'study/runs/recorder.ts',
      'study/problems/perceptron.ts',
      'tools/shared/random.ts',
    ];
    const changed = changes.map((file) => {
      appendFileSync(join(project, file), '\n// changed');
      return digests();
    });
    const differs = changed.map(([first, second], index) => {
      const [a, b] = index === 0 ? before : (changed[index - 1] ?? []);
      return [first !== a, second !== b];
    });
    expect(differs).toEqual([
      [true, false],
      [true, false],
      [false, true],
      [true, true],
    ]);
    appendFileSync(join(project, 'study/data/bible.ts'), '\n// changed');
    expect(digests()).toEqual(changed.at(-1));
  });

  it('is the same place for a run whatever its condition is called, and however many seeds it is given', () => {
    const store = new RunStore(join(root, 'c'));
    store.write(spec, { result, logits: {} }, notes);
    expect(store.has({ ...spec, condition: { ...spec.condition, title: 'other', seeds: 99 } })).toBe(true);
  });

  it('removes what a killed process left and no draft of one that lives, and takes no draft for a run', () => {
    const store = new RunStore(join(root, 'b'));
    store.write(spec, { result, logits: {} }, notes);
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const drafts = [`.draft-${pid}-x@${hostname()}`, `.draft-${process.pid}-x@${hostname()}`, '.draft-1-x@elsewhere'];
    for (const draft of drafts) mkdirSync(join(store.folder, draft));
    const old = mkdtempSync(join(store.folder, '.draft-1-x@elsewhere-'));
    utimesSync(old, 1, 1);
    store.removeDrafts();
    expect(readdirSync(store.folder).filter((name) => name.startsWith('.'))).toEqual(drafts.slice(1).sort());
    expect(store.has(spec)).toBe(true);
  });

  it('keeps the first of two processes that finish one run, and whole runs of another folder', () => {
    const [here, there] = ['here', 'there'].map((name) => new RunStore(join(root, name))) as [RunStore, RunStore];
    here.write(spec, { result, logits: {} }, notes);
    here.write(spec, { result, logits: {} }, { ...notes, seconds: 9 });
    expect(here.read(spec)?.seconds).toBe(2);
    there.write(spec, { result, logits: {} }, { ...notes, seconds: 9 });
    const next = { ...spec, seed: 2 };
    there.write(next, { result, logits: {} }, notes);
    mkdirSync(join(there.folder, 'A-seed-3-torn'));
    expect(here.takeFrom(there.folder)).toBe(1);
    expect([here.read(spec)?.seconds, here.has(next), readdirSync(here.folder)]).toEqual([
      2,
      true,
      expect.toSatisfy((names) => names.length === 2),
    ]);
  });
});

describe('forecast', () => {
  it('takes the time left from the work done', () => {
    let now = 0;
    const specs = [1, 2].map((seed): RunSpec => ({ condition: condition('N40'), seed, engine: 'auto', code: '' }));
    const forecast = new Forecast(specs, () => now);
    expect(forecast.left).toBeUndefined();
    now = 30;
    forecast.update(specs[0] as RunSpec, 30);
    expect(forecast.share).toBe(0.5);
    expect(forecast.left).toBe(30);
  });
});
