// The choice of the engine: what was asked for, or what runs, and the reason. What engines do is in engine.contract.test.ts.

import type { Tensor } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { checkEngine, createShadows } from '../../../src/engine/choice.js';
import { thrownBy } from '../../support/expect.js';
import { tf } from '../../support/models.js';

afterEach(async () => {
  tf.disposeVariables();
  await tf.setBackend('tensorflow');
});

const shadowsOf = (weights: Tensor[]) => ({ weights, averages: 1, precision: 'fp32' as const });
const options = () => shadowsOf([tf.tensor1d([1, 2])]);
// The native op refuses integers when it makes its memory, as it would report any failure there.
const unfit = () => shadowsOf([tf.tensor1d([1, 2], 'int32')]);

describe('createShadows', () => {
  it('takes native where it runs, with auto and with native', () => {
    for (const choice of ['auto', 'native'] as const) {
      const { engine, reason, shadows } = createShadows(tf, choice, options());
      expect([engine, reason]).toEqual(['native', expect.stringMatching(/^our op runs in TensorFlow \d/)]);
      shadows.dispose();
    }
  });

  it('takes js when asked, and says that it was', () => {
    const { engine, reason, shadows } = createShadows(tf, 'js', options());
    expect([engine, reason]).toEqual(['js', "engine: 'js' was asked for"]);
    shadows.dispose();
  });

  it('falls back to js on another backend, and says which; native throws', async () => {
    await tf.setBackend('cpu');
    const { engine, reason, shadows } = createShadows(tf, 'auto', options());
    expect([engine, reason]).toEqual([
      'js',
      expect.stringMatching(/^no native engine: tfjs runs on the backend 'cpu'/),
    ]);
    shadows.dispose();
    for (const call of [() => createShadows(tf, 'native', options()), () => checkEngine(tf, 'native')]) {
      expect(thrownBy(call, 'ENGINE_UNAVAILABLE').message).toMatch(/backend 'cpu'.*Use engine: 'auto'/);
    }
  });

  it('falls back to js when the trial on the model fails, and keeps the failure; native throws with its cause', () => {
    const before = tf.memory().numTensors;
    const { engine, reason, shadows } = createShadows(tf, 'auto', unfit());
    expect([engine, reason]).toEqual(['js', expect.stringMatching(/, but a trial on this model failed: /)]);
    shadows.dispose();
    expect(reason).not.toContain('\n');
    const error = thrownBy(() => createShadows(tf, 'native', unfit()), 'ENGINE_UNAVAILABLE');
    expect(error.cause).toBeInstanceOf(Error);
    expect(tf.memory().numTensors - before).toBe(2); // the two lists of weights
  });
});

describe('checkEngine', () => {
  it('finds nothing to say where the engine runs, or may fall back', () => {
    for (const choice of ['auto', 'native', 'js'] as const) expect(() => checkEngine(tf, choice)).not.toThrow();
  });
});
