// WebGPU in a browser that draws its pages without a GPU: there tfjs reads zeros where it reads at once.

import { expect, it } from 'vitest';
import { WeightEma } from '../../../src/index.js';
import { rejectionOf, thrownBy } from '../../support/expect.js';
import { lineModel, tf } from '../../support/models.js';

it('averages are refused where whatever is saved of them would be zeros', async () => {
  const three = tf.add(tf.fill([1024], 1), tf.fill([1024], 2));
  expect((await three.clone().data())[0]).toBe(3);
  // What the refusal is for: where this fails, this browser reads, and the test needs another one.
  expect(tf.add(tf.fill([1024], 1), tf.fill([1024], 2)).dataSync()[0]).toBe(0);
  const model = lineModel();
  const { message } = thrownBy(() => new WeightEma(tf, { decays: 0.9 }).attach(model), 'ENGINE_UNAVAILABLE');
  expect(message).toContain("received zeros from tfjs's 'webgpu'");
  // Nor is anything saved where that comes later.
  await tf.setBackend('cpu');
  const ema = new WeightEma(tf, { decays: 0.9 }).attach(lineModel());
  await tf.setBackend('webgpu');
  for (const saving of [ema.checkpoint(), ema.saveModel(0.9, 'indexeddb://zeros')])
    await rejectionOf(saving, 'ENGINE_UNAVAILABLE');
});
