// What a page keeps: models by tfjs's own handlers, averages as a Blob; and what files are refused with.

import type { Tensor } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { visit } from '../../examples/browser.js';
import { sha256 } from '../../src/disk/digest.js';
import { WeightEma } from '../../src/index.js';
import { rejectionOf } from '../support/expect.js';
import { data, tf } from '../support/models.js';
import { at, bits } from '../support/oracle.js';

/** Names that stay: a later visit makes the same model. */
function network() {
  const layers = [
    tf.layers.dense({ name: 'hidden', units: 6, inputShape: [4], activation: 'relu' }),
    tf.layers.dense({ name: 'head', units: 3, activation: 'softmax' }),
  ];
  const model = tf.sequential({ name: 'kept', layers });
  model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' });
  return model;
}

async function trained(steps: number) {
  const model = network();
  const ema = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 2 }).attach(model);
  const train = async (count: number) => {
    for (let step = 0; step < count; step += 1) {
      const { x, y } = data(8, step);
      await model.trainOnBatch(x, y);
      ema.update();
      tf.dispose([x, y]);
    }
  };
  await train(steps);
  return { model, ema, train };
}

const bitsOf = (ema: WeightEma, decay: number) =>
  tf.tidy(() => Object.entries(ema.read(decay)).map(([name, value]) => [name, Array.from(bits(value.dataSync()))]));

describe('a model in IndexedDB', () => {
  it('is the average, with how it was made beside it', async () => {
    const { ema, model } = await trained(6);
    const { x } = data(5);
    await ema.saveModel(0.9, 'indexeddb://average');
    expect(Object.keys(await tf.io.listModels())).toContain('indexeddb://average');
    const loaded = await tf.loadLayersModel('indexeddb://average');
    const expected = ema.use(0.9, () => model.predict(x) as Tensor);
    expect(Array.from((loaded.predict(x) as Tensor).dataSync())).toEqual(Array.from(expected.dataSync()));
    expect(loaded.getUserDefinedMetadata()).toMatchObject({ tfjsEma: { which: 0.9, label: '0.9', steps: 6 } });
    await tf.io.removeModel('indexeddb://average');
    ema.dispose();
  });
});

describe('a checkpoint as a Blob', () => {
  it('lets averages go on to the same bits, pending steps included', async () => {
    const { ema, model, train } = await trained(5);
    const blob = await ema.checkpoint();
    const other = new WeightEma(tf, { decays: [0.5, 0.9], updateEvery: 2 }).attach(model);
    await other.loadCheckpoint(blob);
    expect([other.steps, other.updates]).toEqual([5, 2]);
    for (const decay of [0.5, 0.9]) expect(bitsOf(other, decay)).toEqual(bitsOf(ema, decay));
    await train(1);
    other.update();
    for (const decay of [0.5, 0.9]) expect(bitsOf(other, decay)).toEqual(bitsOf(ema, decay));
    for (const one of [ema, other]) one.dispose();
  });

  it('is refused where a byte of it changed, and nothing changes', async () => {
    const { ema } = await trained(3);
    const bytes = new Uint8Array(await (await ema.checkpoint()).arrayBuffer());
    bytes[bytes.length - 3] = at(bytes, bytes.length - 3) ^ 1;
    const before = bitsOf(ema, 0.9);
    const { message } = await rejectionOf(ema.loadCheckpoint(new Blob([bytes])), 'CHECKPOINT');
    expect(message).toContain('the bytes that were saved');
    expect(bitsOf(ema, 0.9)).toEqual(before);
    ema.dispose();
  });

  it("has digests as the browser's own", async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(10_000));
    const own = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    expect(sha256().update(bytes).digest('hex')).toBe(
      Array.from(own, (one) => one.toString(16).padStart(2, '0')).join(''),
    );
  });
});

describe('the example', () => {
  it('goes on from the visit before', async () => {
    indexedDB.deleteDatabase('my-runs');
    const { x, y } = data(40);
    expect(await visit(network(), x, y)).toBe(3);
    expect(await visit(network(), x, y)).toBe(6);
    const best = await tf.loadLayersModel('indexeddb://best');
    expect(best.getUserDefinedMetadata()).toMatchObject({ tfjsEma: { which: 'best' } });
  });
});

describe('a file', () => {
  it('is refused with what a page has in its place', async () => {
    const { ema } = await trained(1);
    for (const attempt of [
      ema.saveCheckpoint('ema'),
      ema.saveRun('run'),
      ema.saveModel(0.9, 'file://model'),
      ema.loadCheckpoint('ema'),
    ]) {
      const { message } = await rejectionOf(attempt, 'MISSING_PACKAGE');
      expect(message).toContain("saveModel takes 'indexeddb://name'");
      expect(message).toContain('checkpoint() gives a Blob');
    }
    ema.dispose();
  });
});
