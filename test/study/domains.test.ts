// The domains beside the images: their data against other readers and makers, their problems against exact solutions, runs bit for bit.
// What they show is judged on real runs; criteria are tested in criteria.test.ts.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../study/data/dataset.js';
import { loadLetters } from '../../study/data/letters.js';
import { makeMnist1d, makeSignal, type SignalDraws } from '../../study/data/mnist1d.js';
import { readDataFrame } from '../../study/data/rda.js';
import { PROBLEMS } from '../../study/plan/catalog.js';
import { nextCharacter } from '../../study/problems/text.js';
import type { Course, ProblemName } from '../../study/runs/condition.js';
import { courseRate, families, runCourse } from '../../study/runs/course.js';
import { EQUATION_COURSES } from '../../study/runs/courses.js';
import { drawSamples } from '../../study/runs/samples.js';
import { seededRandom } from '../../tools/shared/random.js';
import { tf } from '../../tools/shared/tfjs.js';

describe("MNIST-1D's formula", () => {
  interface Recorded {
    readonly label: number;
    readonly draws: SignalDraws;
    readonly signal: readonly number[];
  }
  const path = new URL('../fixtures/mnist1d.json', import.meta.url);
  const recorded = JSON.parse(readFileSync(path, 'utf8')) as readonly Recorded[];

  it('makes what the Python package made of the same random numbers', () => {
    expect(recorded.map(({ label }) => label)).toEqual([0, 3, 7]);
    for (const { label, draws, signal } of recorded) {
      const ours = makeSignal(label, draws);
      // Both are float64 and sum in other orders.
      for (const [i, value] of signal.entries()) expect(Math.abs((ours[i] ?? Number.NaN) - value)).toBeLessThan(1e-14);
    }
  });

  it('fills the range of bytes without leaving it, evenly over the classes, the same each time', () => {
    const { train, test } = makeMnist1d();
    expect([
      Math.min(...train.images.subarray(0, 40_000)),
      Math.max(...train.images.subarray(0, 40_000)),
    ]).not.toContain(0);
    expect(test.images.every((byte) => byte > 0 && byte < 255)).toBe(true);
    expect([...Array(10).keys()].map((digit) => train.labels.filter((label) => label === digit).length)).toEqual(
      new Array(10).fill(500),
    );
    expect(Buffer.from(makeMnist1d().train.images).equals(Buffer.from(train.images))).toBe(true);
  });
});

describe("R's data files", () => {
  /** Integers in the file's byte order, and texts with their types and lengths before them. */
  const words = (...values: readonly number[]): Buffer => {
    const bytes = Buffer.alloc(4 * values.length);
    for (const [i, value] of values.entries()) bytes.writeInt32BE(value, 4 * i);
    return bytes;
  };
  const text = (value: string): Buffer => Buffer.concat([words(0x40009, value.length), Buffer.from(value)]);
  const symbol = (value: string): Buffer => Buffer.concat([words(1), text(value)]);
  const double = (value: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return bytes;
  };
  // pairs(tag frame: list(integer(1:2) with levels, real(0.5)) with names = c("a", "b"), row names by the symbol of names)
  const whole = Buffer.concat([
    Buffer.from('RDX2\nX\n'),
    words(2, 0x20a00, 0x20300),
    words(0x402),
    symbol('frame'),
    words(0x213, 2),
    ...[words(0x20d, 2, 1, 2), words(0x402), symbol('levels'), words(16, 2), text('x'), text('y'), words(254)],
    ...[words(14, 1), double(0.5)],
    ...[words(0x402), symbol('names'), words(16, 2), text('a'), text('b')],
    // A reference to the second symbol of the file, `levels`.
    ...[words(0x402), words((2 << 8) | 255), words(13, 1, 7), words(254)],
    words(254),
  ]);

  it('give the columns of a data frame', () => {
    expect(readDataFrame(whole, 'frame')).toEqual([
      { name: 'a', values: [1, 2] },
      { name: 'b', values: [0.5] },
    ]);
  });

  it.each<[string, Buffer, string]>([
    ['of another format', Buffer.from('RDX3\nX\n'), 'starts with RDX2'],
    ['that is cut off', whole.subarray(0, 90), 'is cut off'],
    ['with something else in it', Buffer.concat([whole.subarray(0, 19), words(3)]), 'type 3'],
  ])('%s are refused with what is wrong', (_, bytes, message) => {
    expect(() => readDataFrame(bytes, 'frame')).toThrow(DataError);
    expect(() => readDataFrame(bytes, 'frame')).toThrow(message);
  });

  it('without the data frame are refused', () => {
    expect(() => readDataFrame(whole, 'letters')).toThrow('no data frame of this name');
  });
});

const letters = await loadLetters().catch((error: unknown) => {
  if (error instanceof DataError) return undefined;
  throw error;
});

// Without Debian's archive they cannot be had.
describe.skipIf(letters === undefined)('the letters', () => {
  it("are those of UCI's file, whose first line is T,2,8,3,5,1,8,13,0,6,6,10,8,0,8,0,8", async () => {
    const { train, test, classNames } = letters ?? (await loadLetters());
    expect(classNames[train.labels[0] ?? 0]).toBe('T');
    expect([...train.images.subarray(0, 16)]).toEqual([2, 8, 3, 5, 1, 8, 13, 0, 6, 6, 10, 8, 0, 8, 0, 8]);
    expect([train.count, test.count, new Set(test.labels).size]).toEqual([16_000, 4_000, 26]);
    expect(train.images.every((value) => value <= 15)).toBe(true);
  });

  it('of some classes are only these, under numbers from 0; the test letters validate where that is asked for', async () => {
    const images = letters ?? (await loadLetters());
    const choice = { name: 'letters', train: 100, noise: 0, shift: 0 } as const;
    const some = drawSamples({ images, humanLabels: undefined }, { ...choice, validation: 50, classes: [13, 26] });
    expect(some.images.classes).toBe(13);
    const originals = new Set<string>();
    for (let i = 0; i < images.train.count; i += 1) {
      const label = images.train.labels[i] ?? 0;
      if (label >= 13) originals.add(`${label - 13}:${images.train.images.subarray(16 * i, 16 * i + 16).join()}`);
    }
    const { split, indices, real } = some.train;
    for (const [row, index] of indices.entries())
      expect(originals).toContain(`${real[row]}:${split.images.subarray(16 * index, 16 * index + 16).join()}`);
    const whole = drawSamples({ images, humanLabels: undefined }, { ...choice, validation: 'test' });
    expect(whole.validation).toBe(whole.test);
    expect(whole.train.indices).toHaveLength(100);
  });
});

describe('a problem', () => {
  const NAMES: readonly ProblemName[] = ['heat', 'black-scholes', 'poisson', 'polynomial'];
  it.each(NAMES)('%s is solved: its error falls far below its first one', async (name) => {
    const course = EQUATION_COURSES.find((one) => one.problem === name) as Course;
    const condition = { ...course, steps: 240, rate: { ...course.rate, peak: name === 'polynomial' ? 0.1 : 0.01 } };
    const spec = { condition, seed: 1, engine: 'auto', code: '' } as const;
    const before = tf.memory().numTensors;
    const { errors, checks } = await runCourse(tf, { spec, problem: PROBLEMS[name].value, onCheck: () => {} });
    expect(checks.at(-1)).toBe(240);
    const [first = 0] = errors['raw']?.test ?? [];
    const last = errors['raw']?.test.at(-1) ?? Number.NaN;
    expect(last).toBeLessThan(first / 2);
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each(['heat', 'black-scholes'] as const)(
    '%s has for its solution what its random targets are on average',
    async (name) => {
      const batchSize = 40_000;
      const [a, b] = name === 'heat' ? [40, 50] : [3, 6];
      const [errors, losses]: [number[], number[]] = [[], []];
      for (const value of [a, b]) {
        // A session of its own for each: so that both draw the same batch.
        const { weights, loss, error, dispose } = await PROBLEMS[name].value.start(tf, { seed: 3, batchSize });
        // A network that says the same number everywhere: its error tells the mean of the solution, its loss that of the targets.
        for (const [key, weight] of Object.entries(weights))
          if (key.endsWith('kernel')) weight.assign(tf.zerosLike(weight));
        weights['layer3/bias']?.assign(tf.tensor1d([value]));
        errors.push(((await error('test')) / 100) ** 2 - 1);
        losses.push(tf.tidy(() => loss().dataSync()[0] ?? Number.NaN));
        dispose();
      }
      const [errorA = 0, errorB = 0] = errors;
      const [lossA = 0, lossB = 0] = losses;
      const solution = (errorA * b * b - errorB * a * a) / (2 * (errorA * b - errorB * a));
      const target = (b * b - a * a - (lossB - lossA)) / (2 * (b - a));
      const deviation = Math.sqrt(lossA - (target - a) ** 2);
      expect(Math.abs(target - solution)).toBeLessThan((4 * deviation) / Math.sqrt(batchSize));
      expect(Math.abs(solution)).toBeGreaterThan((80 * deviation) / Math.sqrt(batchSize));
    },
  );
});

describe('a course', () => {
  const course = EQUATION_COURSES.find(({ id }) => id === 'polynomial') as Course;
  const condition = { ...course, steps: 60 };
  const run = (seed: number) => {
    const spec = { condition, seed, engine: 'auto', code: '' } as const;
    return runCourse(tf, { spec, problem: PROBLEMS.polynomial.value, onCheck: () => {} });
  };

  it('is the same to the bit for the same seed, and another for another', async () => {
    const [first, again, other] = [await run(1), await run(1), await run(2)];
    expect(again).toEqual(first);
    expect(other.weightsDigest).not.toBe(first.weightsDigest);
  });

  it('has the errors of the raw weights and of every average of every family at twelve moments', async () => {
    const { errors } = await run(1);
    const names = Object.keys(errors);
    for (const family of Object.keys(families(60)))
      expect(names.some((name) => name.startsWith(`${family}/`))).toBe(true);
    for (const { validation, test } of Object.values(errors))
      expect([validation.length, test.length]).toEqual([12, 12]);
    // An average of everything is behind weights that still fall.
    expect(errors['uniform/uniform']?.test.at(-1)).toBeGreaterThan(errors['raw']?.test.at(-1) ?? 0);
  });

  it.each([
    ['constant', [0.5, 1, 1, 1, 1]],
    [
      'cosine',
      [
        0.5,
        1,
        (1 + Math.cos(Math.PI * (8 / 18))) / 2,
        (1 + Math.cos(Math.PI * (14 / 18))) / 2,
        (1 + Math.cos(Math.PI * (17 / 18))) / 2,
      ],
    ],
    ['cooldown', [0.5, 1, 1, 1, 0.25]],
  ] as const)('with a %s rate has it at its steps', (decay, wanted) => {
    const rates = [0, 1, 10, 16, 19].map((step) =>
      courseRate({ rate: { peak: 1, warmup: 0.1, decay }, steps: 20 }, step),
    );
    for (const [i, rate] of rates.entries()) expect(rate).toBeCloseTo(wanted[i] ?? Number.NaN, 12);
  });
});

describe('the next character of a text', () => {
  it('is learnt where what went before foretells it', async () => {
    const alphabet = 'abcdefgh';
    const problem = nextCharacter('an alphabet', async () => alphabet.repeat(600));
    const session = await problem.start(tf, { seed: 1, batchSize: 8 });
    const first = await session.error('test');
    // Uniform guesses cost ln 8; weights that are not trained are near it.
    expect(Math.abs(first - Math.log(8))).toBeLessThan(1);
    const optimizer = tf.train.adam(0.01);
    for (let step = 0; step < 60; step += 1)
      optimizer.minimize(session.loss, false, Object.values(session.weights))?.dispose();
    expect(await session.error('validation')).toBeLessThan(0.3);
    optimizer.dispose();
    session.dispose();
  });

  it('is not learnt where nothing foretells it: no place sees what comes after it', async () => {
    const random = seededRandom(4);
    const text = Array.from({ length: 6000 }, () => 'abcd'[Math.floor(4 * random())]).join('');
    const session = await nextCharacter('noise', async () => text).start(tf, { seed: 1, batchSize: 8 });
    const optimizer = tf.train.adam(0.01);
    for (let step = 0; step < 150; step += 1)
      optimizer.minimize(session.loss, false, Object.values(session.weights))?.dispose();
    // A mask that lets one place ahead through would bring this to 0.
    expect(await session.error('test')).toBeGreaterThan(0.97 * Math.log(4));
    optimizer.dispose();
    session.dispose();
  });
});
