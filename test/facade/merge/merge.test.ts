// Weights as values put together: against float64, whatever they are called, without a tensor left behind.

import type { NamedTensorMap } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { mix, modelStock, slerp, type WeightValues } from '../../../src/merge.js';
import { thrownBy } from '../../support/expect.js';
import { denseModel, floats, randoms, setRandomWeights, tf, valuesOf, weightValues } from '../../support/models.js';
import { at, bits, maxDifference } from '../../support/oracle.js';

const SHAPES = { 'in/kernel': [4, 3], 'in/bias': [3], scale: [] } as const;
const held: NamedTensorMap[] = [];

afterEach(() => {
  tf.dispose(held.splice(0));
  tf.disposeVariables();
});

function own(named: NamedTensorMap): NamedTensorMap {
  held.push(named);
  return named;
}

/** Weights of these shapes. */
function weights(seed: number, names: readonly string[] = Object.keys(SHAPES)): NamedTensorMap {
  const shapes = Object.values(SHAPES);
  return own(
    Object.fromEntries(
      names.map((name, place) => {
        const shape = at(shapes, place);
        const size = shape.reduce((product: number, length) => product * length, 1);
        return [name, tf.tensor(floats(size, 10 * seed + place), [...shape])];
      }),
    ),
  );
}

/** Vectors in float64. */
const doubles = (named: NamedTensorMap) => Object.values(valuesOf(named)).map((values) => Array.from(values));
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * at(b, i), 0);
const size = (a: readonly number[]) => Math.sqrt(dot(a, a));
const minus = (a: readonly number[], b: readonly number[]) => a.map((x, i) => x - at(b, i));
const sumOf = (terms: readonly (readonly [number, readonly number[]])[]) =>
  at(terms, 0)[1].map((_, i) => terms.reduce((sum, [c, values]) => sum + c * at(values, i), 0));
const bitsOf = (named: NamedTensorMap) => Object.values(valuesOf(named)).map((values) => Array.from(bits(values)));

function expectNear(found: NamedTensorMap, expected: readonly (readonly number[])[], tolerance: number): void {
  expect(Object.keys(found)).toHaveLength(expected.length);
  doubles(own(found)).forEach((values, i) => {
    expect(maxDifference(values, at(expected, i))).toBeLessThan(tolerance);
  });
}

describe('mix', () => {
  it('is the linear combination in float64, for 300 random ones of one to six', () => {
    const next = randoms(5);
    for (let run = 0; run < 300; run += 1) {
      const terms = Array.from(
        { length: 1 + Math.floor(6 * next()) },
        (_, i) => [4 * next() - 2, weights(7 * run + i)] as const,
      );
      const vectors = terms.map(([, named]) => doubles(named));
      const expected = Object.keys(SHAPES).map((_, w) =>
        sumOf(terms.map(([c], k) => [c, at(at(vectors, k), w)] as const)),
      );
      // Each of the terms rounds a difference below 2, a product and a sum, of a size below that of all coefficients.
      const scale = terms.reduce((sum, [c]) => sum + Math.abs(c), 1);
      expectNear(mix(terms), expected, terms.length * 3 * scale * 2 ** -23);
      tf.dispose(held.splice(0));
    }
  });

  it('is exact where weights agree and coefficients add up to 1, and for a single one', () => {
    const a = weights(1);
    const same = own(tf.tidy(() => Object.fromEntries(Object.entries(a).map(([name, one]) => [name, one.clone()]))));
    for (const terms of [
      [
        [0.1, a],
        [0.2, same],
        [0.7, a],
      ],
      [
        [-1.3, a],
        [2.3, same],
      ],
      [[1, a]],
    ] as const)
      expect(bitsOf(own(mix(terms)))).toEqual(bitsOf(a));
    const difference = own(
      mix([
        [1, a],
        [-1, same],
      ]),
    );
    expect(
      doubles(difference)
        .flat()
        .every((value) => value === 0),
    ).toBe(true);
  });

  it('makes what use and saveModel take of averages and the weights of now', () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1, warmup: 'none' }).attach(model);
    setRandomWeights(model, 1);
    ema.update();
    const average = own(ema.read(0.5));
    const raw = weightValues(model).map((values) => Array.from(values));
    const expected = doubles(average).map((values, i) =>
      sumOf([
        [0.25, values],
        [0.75, at(raw, i)],
      ]),
    );
    const mixed = mix([
      [0.75, model.getWeights()],
      [0.25, average],
    ]);
    expect(Object.keys(mixed)).toEqual(Object.keys(average));
    expectNear(mixed, expected, 2 ** -21);
    ema.dispose();
  });

  it.each([
    [[], /^terms: expected a list of pairs such as \[\[0\.7, a\], \[0\.3, b\]\], received \[\]/],
    [[0.5], /^terms: expected a list of pairs/],
    [[[Number.NaN, {}]], /^terms\[0\]\[0\]: expected a finite number, received NaN/],
    [[[1, {}]], /^terms\[0\]\[1\]: expected tensors by weight name, or a list of them, received an object\. ema\.read/],
    [[[1, 'best']], /received 'best'/],
    [[[1, denseModel()]], /^terms\[0\]\[1\]: .*received a Sequential\. Of a model give getWeights\(\)\./],
  ])('refuses %#', (terms, message) => {
    expect(thrownBy(() => mix(terms as never), 'INVALID_ARGUMENT').message).toMatch(message);
  });
});

describe('slerp', () => {
  /** By the angle from its cosine in float64. */
  const expectedOf = (a: NamedTensorMap, b: NamedTensorMap, t: number) => {
    const other = doubles(b);
    return doubles(a).map((from, i) => {
      const to = at(other, i);
      const angle = Math.acos(Math.min(1, Math.max(-1, dot(from, to) / (size(from) * size(to)))));
      const shares =
        angle < 1e-6 || angle > Math.PI - 1e-6
          ? [1 - t, t]
          : [(1 - t) * angle, t * angle].map((x) => Math.sin(x) / Math.sin(angle));
      return sumOf([
        [at(shares, 0), from],
        [at(shares, 1), to],
      ]);
    });
  };

  it('is the way on the sphere in float64, weight by weight, in 300 random cases', () => {
    const next = randoms(6);
    for (let run = 0; run < 300; run += 1) {
      const [a, b, t] = [weights(2 * run), weights(2 * run + 1), next()];
      const cosines = doubles(a).map(
        (from, i) => dot(from, at(doubles(b), i)) / (size(from) * size(at(doubles(b), i))),
      );
      // Rounding of the angle grows by 1 / sin(angle): at most 1 / sqrt(1 + cosine) for those that are not told apart from opposite.
      const worst = Math.min(...cosines.slice(0, 2).map((cosine) => 1 + cosine));
      expectNear(slerp(a, b, t), expectedOf(a, b, t), (64 * 2 ** -24) / Math.max(1e-3, worst));
      tf.dispose(held.splice(0));
    }
  });

  it('keeps the length of what is equally long, where a linear mix loses some', () => {
    const a = own({ w: tf.tensor1d([3, 0, 4]) });
    const b = own({ w: tf.tensor1d([0, 5, 0]) });
    const [half] = doubles(own(slerp(a, b, 0.5)));
    expect(size(half ?? [])).toBeCloseTo(5, 5);
    expect(
      size(
        at(
          doubles(
            own(
              mix([
                [0.5, a],
                [0.5, b],
              ]),
            ),
          ),
          0,
        ),
      ),
    ).toBeCloseTo(Math.sqrt(12.5), 5);
  });

  it('begins and ends at what it is given, to the bit', () => {
    const [a, b] = [weights(1), weights(2)];
    expect(bitsOf(own(slerp(a, b, 0)))).toEqual(bitsOf(a));
    expect(bitsOf(own(slerp(a, b, 1)))).toEqual(bitsOf(b));
    expect(bitsOf(own(slerp(a, a, 0.3)))).toEqual(bitsOf(a));
  });

  it('is linear where there is no angle, and where it says nothing: near, zero and opposite weights', () => {
    const a = own({ near: tf.tensor1d([1, 1]), zero: tf.zeros([2]), opposite: tf.tensor1d([1, -2]) });
    const b = own({ near: tf.tensor1d([1, 1 + 2 ** -20]), zero: tf.tensor1d([1, 2]), opposite: tf.tensor1d([-2, 4]) });
    expectNear(
      slerp(a, b, 0.25),
      [
        [1, 1 + 2 ** -22],
        [0.25, 0.5],
        [0.25, -0.5],
      ],
      2 ** -22,
    );
  });

  it.each([-0.1, 1.1, Number.NaN, '0.5'])('refuses %j as a share of the way', (t) => {
    const { message } = thrownBy(() => slerp(weights(1), weights(2), t as number), 'INVALID_ARGUMENT');
    expect(message).toMatch(/^t: expected a number from 0 to 1, received/);
  });
});

describe('modelStock', () => {
  it('goes from the base towards the mean by the mean cosine of all pairs, in float64, in 200 random cases', () => {
    const next = randoms(7);
    for (let run = 0; run < 200; run += 1) {
      const base = weights(10 * run);
      const count = 2 + Math.floor(3 * next());
      // All somewhat in one direction, as fine-tuned models are.
      const drift = weights(10 * run + 9);
      const tuned = Array.from({ length: count }, (_, i) =>
        own(
          mix([
            [1, base],
            [1, weights(10 * run + 1 + i)],
            [0.8, drift],
          ]),
        ),
      );
      const all = tuned.map(doubles);
      const expected = doubles(base).map((start, w) => {
        const differences = all.map((one) => minus(at(one, w), start));
        const cosines = differences.flatMap((a, i) =>
          differences.slice(i + 1).map((b) => dot(a, b) / (size(a) * size(b))),
        );
        const cosine = Math.max(0, cosines.reduce((sum, one) => sum + one, 0) / cosines.length);
        const share = (count * cosine) / (1 + (count - 1) * cosine);
        return sumOf([[1, start], ...differences.map((difference) => [share / count, difference] as const)]);
      });
      // The cosine is off by a few roundings of units, the share by as much times the count.
      expectNear(modelStock(base, tuned), expected, 64 * 2 ** -24);
      tf.dispose(held.splice(0));
    }
  });

  it('is the base where models went apart, or nowhere, and their mean where they went the same way', () => {
    const base = own({ w: tf.tensor1d([1, 1]), frozen: tf.tensor1d([5]) });
    const to = (values: number[]) => own({ w: tf.tensor1d(values), frozen: tf.tensor1d([5]) });
    expectNear(modelStock(base, [to([2, 1]), to([1, 2])]), [[1, 1], [5]], 2 ** -20);
    expectNear(modelStock(base, [to([2, 1]), to([0, 1])]), [[1, 1], [5]], 2 ** -20);
    expectNear(modelStock(base, [to([2, 1]), to([4, 1])]), [[3, 1], [5]], 2 ** -20);
    // One of three did not move: its pairs have no angle.
    const share = 3 / 3 / (1 + 2 / 3);
    expectNear(modelStock(base, [to([2, 1]), to([4, 1]), to([1, 1])]), [[1 + (share * 4) / 3, 1], [5]], 2 ** -20);
  });

  it('needs two models', () => {
    const { message } = thrownBy(() => modelStock(weights(1), [weights(2)]), 'INVALID_ARGUMENT');
    expect(message).toMatch(/^tuned: expected a list of the weights of at least two models/);
  });
});

describe('weights that are merged', () => {
  const a = ['dense_1/kernel', 'dense_1/bias', 'scale_1'];

  it('are the same by name in any order, and a copy of other names or a list by place, named after the first with names', () => {
    const [first, second] = [weights(1), weights(2)];
    const turned = Object.fromEntries(Object.entries(second).reverse());
    const copy = Object.fromEntries(Object.entries(second).map(([, tensor], place) => [at(a, place), tensor]));
    const expected = bitsOf(
      own(
        mix([
          [0.5, first],
          [0.5, second],
        ]),
      ),
    );
    for (const other of [turned, copy, Object.values(second)]) {
      const mixed = own(
        mix([
          [0.5, first],
          [0.5, other],
        ]),
      );
      expect(Object.keys(mixed)).toEqual(Object.keys(first));
      expect(bitsOf(mixed)).toEqual(expected);
    }
    expect(
      Object.keys(
        own(
          mix([
            [0.5, Object.values(first)],
            [0.5, copy],
          ]),
        ),
      ),
    ).toEqual(a);
    expect(Object.keys(own(mix([[1, Object.values(first)]])))).toEqual(['0', '1', '2']);
  });

  it('are refused where they are not the same', () => {
    const first = weights(1);
    const refused = (other: WeightValues) =>
      thrownBy(
        () =>
          mix([
            [0.5, first],
            [0.5, other],
          ]),
        'INVALID_ARGUMENT',
      ).message;
    const { scale: _, ...fewer } = weights(2);
    expect(refused(fewer)).toMatch(
      /^terms\[1\]\[1\]: expected the weights of terms\[0\]\[1\], by name or a copy's by place, received '2 weights, of 3; only in terms\[0\]\[1\]: .*scale.*; only in terms\[1\]\[1\]: none/,
    );
    // By place, what one name means would be another weight.
    expect(refused(weights(2, ['in/bias', 'in/kernel', 'other']))).toMatch(/only in terms\[1\]\[1\]: .*other/);
    const other = own({ ...weights(2), 'in/kernel': tf.zeros([3, 4]) });
    expect(refused(other)).toMatch(
      /expected weight 'in\/kernel' of float32 \[4, 3\] as in terms\[0\]\[1\], received 'float32 \[3, 4\]'/,
    );
    const gone = weights(3);
    tf.dispose(gone['scale'] ?? []);
    expect(refused(gone)).toMatch(
      /^terms\[1\]\[1\]: expected tensors that exist, received .*scale.*which was disposed/,
    );
  });

  it('give what is no float as the first has it', () => {
    const of = (count: number) => own({ w: tf.tensor1d([count]), count: tf.tensor1d([count], 'int32') });
    const mixed = own(
      mix([
        [0.5, of(4)],
        [0.5, of(8)],
      ]),
    );
    expect(doubles(mixed)).toEqual([[6], [4]]);
    expect(mixed['count']?.dtype).toBe('int32');
  });

  it('leave no tensor but the result behind, nor after a failure, and what was given stays as it was', () => {
    const [base, b, c] = [weights(1), weights(2), weights(3)];
    const before = [base, b, c].map(bitsOf);
    const { numTensors } = tf.memory();
    const merges = [
      () =>
        mix([
          [0.2, base],
          [0.3, b],
          [0.4, c],
        ]),
      () => slerp(base, b, 0.3),
      () => modelStock(base, [b, c]),
    ];
    for (const merge of merges) {
      const result = merge();
      expect(tf.memory().numTensors).toBe(numTensors + Object.keys(SHAPES).length);
      tf.dispose(result);
      expect(tf.memory().numTensors).toBe(numTensors);
      // At each operation that runs, once.
      for (let fails = 1; ; fails += 1) {
        let count = 0;
        const kernels = vi.spyOn(tf.engine(), 'runKernel').mockImplementation(function (this: unknown, ...args) {
          count += 1;
          if (count === fails) throw new Error('out of memory');
          return original.apply(this as never, args as never) as never;
        });
        let done: NamedTensorMap | undefined;
        try {
          done = merge();
        } catch (error) {
          expect(`${error}`).toMatch(/out of memory/);
        } finally {
          kernels.mockRestore();
        }
        if (done !== undefined) tf.dispose(done);
        expect(tf.memory().numTensors, `failure ${fails}`).toBe(numTensors);
        if (done !== undefined) {
          expect(fails).toBeGreaterThan(8);
          break;
        }
        expect(fails).toBeLessThan(200);
      }
    }
    expect([base, b, c].map(bitsOf)).toEqual(before);
  });
});

const original = tf.engine().runKernel;
