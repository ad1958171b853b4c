// Twins: models with the weights of an average, of every kind of model; what refresh takes, what they share, what they leave.

import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { rejectionOf, thrownBy, weightBits } from '../../support/expect.js';
import {
  addCounter,
  data,
  denseModel,
  nestedModel,
  setRandomWeights,
  sharedModel,
  tf,
  twoOutputModel,
} from '../../support/models.js';

const quiet = { onWarning: () => undefined };
const options = { decays: 0.5, updateEvery: 1, warmup: 'none', ...quiet } as const;

/** A layer of a user's own: its output is its input times a weight. */
class Scale extends tf.layers.Layer {
  static className = 'TwinTestScale';
  #factor: { read(): Tensor } | undefined;
  override build(): void {
    this.#factor = this.addWeight('factor', [1], 'float32', tf.initializers.ones());
    this.built = true;
  }
  override call(inputs: Tensor | Tensor[]): Tensor {
    const [input] = [inputs].flat();
    return tf.tidy(() => tf.mul(input as Tensor, this.#factor?.read() ?? 1));
  }
}

function customModel(): LayersModel {
  return tf.sequential({ layers: [tf.layers.dense({ units: 3, inputShape: [4] }), new Scale({})] });
}

const byName = (model: LayersModel) =>
  Object.fromEntries(model.weights.map((weight) => [weight.originalName, Array.from(weight.read().dataSync())]));

const outputs = (model: LayersModel, x: Tensor) =>
  [model.predict(x)].flat().map((tensor) => Array.from(tensor.dataSync()));

afterEach(() => {
  tf.disposeVariables();
});

describe.each(['native', 'js'] as const)('asModel, engine %s', (engine) => {
  it.each([
    ['Sequential', denseModel],
    ['functional with a shared layer', sharedModel],
    ['nested', nestedModel],
    ['two-output', twoOutputModel],
    ['custom', customModel],
  ] as const)('predicts what the average predicts, for a %s model', async (kind, build) => {
    if (kind === 'custom') tf.serialization.registerClass(Scale);
    const { x } = data(8);
    const model = build();
    const ema = new WeightEma(tf, { ...options, engine }).attach(model);
    setRandomWeights(model, 1);
    ema.update();
    const before = tf.memory().numTensors;
    const twin = await ema.asModel(0.5);
    expect(tf.memory().numTensors - before).toBe(model.weights.length);
    const expected = ema.use(0.5, (m) => outputs(m, x));
    expect(outputs(twin.model, x)).toEqual(expected);
    expect(twin.model).toBeInstanceOf(tf.LayersModel);
    // Training goes on: the twin stands still until it is refreshed.
    const raw = weightBits(model);
    setRandomWeights(model, 2);
    ema.update();
    expect(outputs(twin.model, x)).toEqual(expected);
    expect(weightBits(model)).not.toEqual(raw);
    const inside = tf.memory().numTensors;
    const refreshed = outputs(twin.refresh(), x);
    expect(refreshed).not.toEqual(expected);
    expect(refreshed).toEqual(ema.use(0.5, (m) => outputs(m, x)));
    twin.refresh();
    // What predict returned, and nothing else: outputs() keeps them.
    const predictions = 2 * refreshed.length;
    expect(tf.memory().numTensors - inside).toBe(predictions);
    const left = tf.memory().numTensors;
    twin.dispose();
    twin.dispose();
    expect(left - tf.memory().numTensors).toBe(model.weights.length);
    ema.dispose();
  });

  it('shares nothing with the model: writes to either stay where they are', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { ...options, batchNorm: 'copy', engine }).attach(model);
    ema.update();
    const twin = await ema.asModel(0.5);
    const raw = weightBits(model);
    setRandomWeights(twin.model, 5);
    expect(weightBits(model)).toEqual(raw);
    const own = weightBits(twin.model);
    setRandomWeights(model, 6);
    expect(weightBits(twin.model)).toEqual(own);
    model.dispose();
    expect(weightBits(twin.model)).toEqual(own);
    twin.dispose();
    ema.dispose();
  });

  it.each([
    ['a Sequential', denseModel],
    ['a layer that is applied twice', sharedModel],
  ])('is released whole where its model was disposed before: %s', async (_, make) => {
    const model = make();
    const ema = new WeightEma(tf, options).attach(model);
    const before = tf.memory().numTensors;
    const twin = await ema.asModel(0.5);
    twin.model.dispose();
    twin.dispose();
    expect(tf.memory().numTensors).toBe(before);
    ema.dispose();
  });

  it("takes the model's own weights before the first step while another object's average stands in their place", async () => {
    const model = denseModel();
    const other = new WeightEma(tf, { ...options, engine }).attach(model);
    setRandomWeights(model, 1);
    other.update();
    const ema = new WeightEma(tf, { ...options, engine }).attach(model);
    setRandomWeights(model, 2);
    const own = byName(model);
    const twin = await other.use(0.5, () => ema.asModel(0.5));
    expect(byName(twin.model)).toEqual(own);
    setRandomWeights(twin.model, 3);
    other.use(0.5, () => twin.refresh());
    expect(byName(twin.model)).toEqual(own);
    model.dispose();
    thrownBy(() => twin.refresh(), 'WEIGHT_DISPOSED');
    twin.dispose();
    for (const one of [ema, other]) one.dispose();
  });

  it('keeps to the best average that there is by now, also after all began anew', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { ...options, engine }).attach(model);
    const twin = await ema.asModel('best');
    setRandomWeights(model, 1);
    ema.update();
    ema.record({ epoch: 0, averages: [{ loss: 1 }] });
    const best = ema.use('best', byName);
    ema.reset();
    setRandomWeights(model, 2);
    expect(byName(twin.refresh())).toEqual(best);
    twin.dispose();
    ema.dispose();
  });

  it("takes the model's own weights before the first step, and best averages of all epochs", async () => {
    const { x, y } = data(32);
    const model = denseModel();
    const ema = new WeightEma(tf, { ...options, decays: [0.5, 0.9], engine });
    ema.attach(model);
    setRandomWeights(model, 3);
    const twin = await ema.asModel({ index: 1 });
    expect(outputs(twin.model, x)).toEqual(outputs(model, x));
    expect(byName(twin.model)).toEqual(byName(model));
    await model.fit(x, y, {
      epochs: 3,
      batchSize: 8,
      verbose: 0,
      callbacks: [ema.callback({ validationData: [x, y] })],
    });
    for (const which of ['best', 'current', 'best-loss', { synthesized: 0.8 }] as const) {
      const other = await ema.asModel(which);
      expect(outputs(other.model, x)).toEqual(ema.use(which, (m) => outputs(m, x)));
      other.dispose();
    }
    twin.dispose();
    ema.dispose();
  });
});

describe('a twin', () => {
  it.each([
    ['Sequential', denseModel],
    ['nested', nestedModel],
  ] as const)(
    'is no part of training: an optimizer without a list of variables leaves it alone, %s',
    async (_, build) => {
      const { x, y } = data(16);
      const trained = async (withTeacher: boolean) => {
        const student = build();
        const ema = new WeightEma(tf, options).attach(student);
        const twin = withTeacher ? await ema.asModel(0.5) : undefined;
        const optimizer = tf.train.momentum(0.1, 0.9);
        for (let step = 0; step < 4; step += 1) {
          const before = twin === undefined ? [] : weightBits(twin.refresh());
          if (step === 2) twin?.model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
          optimizer.minimize(() => {
            // For the student a constant; for the teacher it would be a gradient, if it could be trained.
            const teacher = twin?.model.predict(x) as Tensor | undefined;
            const loss = tf.losses.softmaxCrossEntropy(y, student.apply(x, { training: true }) as Tensor);
            return loss.add(teacher === undefined ? 0 : teacher.square().mean()) as ReturnType<typeof tf.scalar>;
          });
          if (twin !== undefined) expect(weightBits(twin.model)).toEqual(before);
          ema.update();
        }
        twin?.dispose();
        ema.dispose();
        return weightBits(student);
      };
      expect(await trained(true)).toEqual(await trained(false));
    },
  );

  it('says what cannot be made again from its config', async () => {
    class Unregistered extends Scale {
      static override className = 'TwinTestUnregistered';
    }
    const model = tf.sequential({ layers: [tf.layers.dense({ units: 3, inputShape: [4] }), new Unregistered({})] });
    const ema = new WeightEma(tf, options).attach(model);
    const before = tf.memory().numTensors;
    expect((await rejectionOf(ema.asModel(0.5), 'INVALID_ARGUMENT')).message).toMatch(/registerClass/);
    const counted = denseModel();
    addCounter(counted);
    const other = new WeightEma(tf, options).attach(counted);
    other.update();
    const held = tf.memory().numTensors;
    expect((await rejectionOf(other.asModel(0.5), 'INVALID_ARGUMENT')).message).toMatch(/8 weights, and the model 9/);
    expect(tf.memory().numTensors).toBe(held);
    expect(held).toBeGreaterThan(before);
    for (const each of [ema, other]) each.dispose();
  });

  it('refuses to refresh after it or its averages were disposed, and refreshes inside of any use()', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { ...options, updateEvery: 2 }).attach(model);
    ema.update();
    const twin = await ema.asModel(0.5);
    await rejectionOf(ema.asModel(0.123), 'INVALID_ARGUMENT');
    const other = new WeightEma(tf, options).attach(model);
    setRandomWeights(model, 5);
    other.update();
    // A pending step of one object, while an average of another stands in the model: its own weights count.
    const refreshed = () => weightBits(twin.refresh());
    const outside = refreshed();
    expect(other.use(0.5, refreshed)).toEqual(outside);
    expect(ema.use(0.5, refreshed)).toEqual(outside);
    ema.dispose();
    thrownBy(() => twin.refresh(), 'DISPOSED');
    expect(outputs(twin.model, data(2).x)).toHaveLength(1);
    twin.dispose();
    thrownBy(() => twin.refresh(), 'DISPOSED');
    other.dispose();
  });
});
