// Weights as a value in the place of the name of an average: used, put back, saved, made a model of; whose they are, and which are refused.
// Putting them together: merge.test.ts.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LayersModel, NamedTensorMap } from '@tensorflow/tfjs';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type Provenance, WeightEma } from '../../../src/index.js';
import { mix } from '../../../src/merge.js';
import { thrownBy, weightBits } from '../../support/expect.js';
import { data, denseModel, setRandomWeights, tf, valuesOf, weightValues } from '../../support/models.js';
import { at, bits } from '../../support/oracle.js';

const folder = mkdtempSync(join(tmpdir(), 'given-'));

afterEach(() => {
  tf.disposeVariables();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const quiet = { onWarning: () => undefined };
const bitsOf = (named: NamedTensorMap) => Object.values(valuesOf(named)).map((values) => Array.from(bits(values)));
const taken = (named: NamedTensorMap) => {
  const found = bitsOf(named);
  tf.dispose(named);
  return found;
};

describe.each(['native', 'js'] as const)('weights of one’s own, engine %s', (engine) => {
  function setUp(options: object = {}) {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 4, warmup: 'none', engine, ...quiet, ...options });
    ema.attach(model);
    setRandomWeights(model, 1);
    ema.update();
    const average = ema.read(0.5);
    const mixed = mix([
      [1.5, average],
      [-0.5, model.getWeights()],
    ]);
    tf.dispose(average);
    return { model, ema, mixed, raw: weightBits(model) };
  }

  it('stand in the model for a while, and it has its own back to the bit; they stay the caller’s', () => {
    const { model, ema, mixed, raw } = setUp();
    const expected = bitsOf(mixed);
    const { numTensors } = tf.memory();
    const inside = ema.use(mixed, () => weightValues(model).map((values) => Array.from(bits(values))));
    expect(inside).toEqual(expected);
    expect(weightBits(model)).toEqual(raw);
    expect(bitsOf(mixed)).toEqual(expected);
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(taken(ema.read(mixed))).toEqual(expected);
    expect(tf.memory().numTensors).toBe(numTensors);
    expect([ema.steps, ema.updates]).toEqual([1, 0]);
    ema.dispose();
    tf.dispose(mixed);
  });

  it('come back also where an asynchronous function fails, and may be disposed meanwhile', async () => {
    const { model, ema, mixed, raw } = setUp();
    const failing = ema.use(mixed, async () => {
      tf.dispose(mixed);
      await Promise.resolve();
      throw new RangeError('mine');
    });
    await expect(failing).rejects.toThrow('mine');
    expect(weightBits(model)).toEqual(raw);
    ema.dispose();
  });

  it('need no step, and no start', async () => {
    const model = denseModel();
    const warnings: string[] = [];
    const onWarning = (message: string) => void warnings.push(message);
    const ema = new WeightEma(tf, { decays: 0.5, start: 100, engine, onWarning }).attach(model);
    const doubled = mix([[2, model.getWeights()]]);
    const expected = bitsOf(doubled);
    expect(ema.use(doubled, () => weightBits(model))).toEqual(expected);
    const twin = await ema.asModel(doubled);
    expect(
      weightBits(twin.model)
        .map((values) => `${values}`)
        .sort(),
    ).toEqual(expected.map((values) => `${values}`).sort());
    twin.dispose();
    ema.putBack(doubled);
    expect(weightBits(model)).toEqual(expected);
    expect(warnings).toEqual([]);
    ema.dispose();
    tf.dispose(doubled);
  });

  it('are the model’s for good by putBack, which counts pending steps in with the weights of before', () => {
    const { model, ema, mixed } = setUp();
    const expected = bitsOf(mixed);
    const before = taken(ema.read(0.5));
    ema.putBack(mixed);
    expect(weightBits(model)).toEqual(expected);
    expect(ema.updates).toBe(1);
    expect(taken(ema.read(0.5))).toEqual(before);
    ema.dispose();
    tf.dispose(mixed);
  });

  it('are saved as a plain model that says what it holds', async () => {
    const { model, ema, mixed, raw } = setUp();
    const expected = bitsOf(mixed);
    const path = join(folder, engine);
    await ema.saveModel(mixed, `file://${path}`);
    expect(weightBits(model)).toEqual(raw);
    const loaded: LayersModel = await tf.loadLayersModel(`file://${path}/model.json`);
    expect(weightBits(loaded)).toEqual(expected);
    const { tfjsEma } = loaded.getUserDefinedMetadata() as { tfjsEma: Provenance };
    expect(tfjsEma).toMatchObject({ which: 'weights', label: 'weights', steps: 1 });
    expect(Object.keys(tfjsEma)).not.toContain('index');
    ema.dispose();
    tf.dispose(mixed);
  });

  it('may be those of a copy of the model, by place, or tensors of variables by name', () => {
    const { model, ema, mixed } = setUp();
    const expected = bitsOf(mixed);
    const copy = Object.fromEntries(Object.values(mixed).map((tensor, place) => [`copy_${place}/w`, tensor]));
    expect(ema.use(copy, () => weightBits(model))).toEqual(expected);
    const named = ema.read(copy);
    expect(Object.keys(named)).toEqual(Object.keys(mixed));
    tf.dispose([named, mixed]);
    ema.dispose();
    const variables = { a: tf.variable(tf.tensor1d([1, 2])), b: tf.variable(tf.scalar(3)) };
    const own = new WeightEma(tf, { decays: 0.5, engine }).attach(variables);
    const given = { b: tf.scalar(7), a: tf.tensor1d([5, 6]) };
    expect(own.use(given, () => [...variables.a.dataSync(), ...variables.b.dataSync()])).toEqual([5, 6, 7]);
    expect([...variables.a.dataSync()]).toEqual([1, 2]);
    own.dispose();
    tf.dispose(given);
  });

  it('are refused where they are not the model’s, which stays as it is', () => {
    const { model, ema, mixed, raw } = setUp();
    const names = Object.keys(mixed);
    const refused = (weights: NamedTensorMap) =>
      thrownBy(() => ema.use(weights, () => expect.fail('was called')), 'INVALID_ARGUMENT').message;
    const { [at(names, 0)]: kernel, ...fewer } = mixed;
    expect(refused(fewer)).toMatch(
      /^which: expected the weights of the model, .*received '7 weights, of 8; only in the model: .*kernel/,
    );
    const turned = tf.zeros([8, 4]);
    expect(refused({ ...mixed, [at(names, 0)]: turned })).toMatch(
      /^which: expected weight '.*kernel' of float32 \[4, 8\] as in the model, received 'float32 \[8, 4\]'/,
    );
    kernel?.dispose();
    expect(refused(mixed)).toMatch(/^which: expected tensors that exist, received .*kernel.*was disposed/);
    // Neither an average nor weights.
    expect(refused({ a: 1 } as never)).toMatch(/^which: expected 'best'/);
    expect(refused({} as never)).toMatch(/^which: expected 'best'/);
    expect(weightBits(model)).toEqual(raw);
    ema.dispose();
    tf.dispose([mixed, turned]);
  });
});

describe('weights of one’s own', () => {
  it('are evaluated as the average that they were read from', () => {
    const { x, y } = data(32);
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.5, updateEvery: 1 }).attach(model);
    setRandomWeights(model, 3);
    ema.update();
    const weights = ema.read(0.5);
    const loss = (which: number | NamedTensorMap) =>
      tf.tidy(() => ema.use(which, (average) => [average.evaluate(x, y)].flat().map((one) => one.dataSync()[0])));
    expect(loss(weights)).toEqual(loss(0.5));
    ema.dispose();
    tf.dispose([weights, x, y]);
  });
});
