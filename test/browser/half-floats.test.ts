// Devices whose WebGL has half floats only.

import { describe, expect, inject, it } from 'vitest';
import { WeightEma } from '../../src/index.js';
import { lineModel, tf } from '../support/models.js';

describe.runIf(inject('backend') === 'webgl')('textures of half floats', () => {
  it('are warned of at attach, and those of float32 are not', async () => {
    const warningsOf = () => {
      const ema = new WeightEma(tf, { decays: 0.9, onWarning: () => undefined }).attach(lineModel());
      const { warnings } = ema;
      ema.dispose();
      return warnings.filter((warning) => warning.includes('floats of 16 bits'));
    };
    expect(warningsOf()).toEqual([]);
    const factory = tf.findBackendFactory('webgl');
    tf.removeBackend('webgl');
    // Both: the second was asked of the device before, and is remembered.
    tf.env().set('WEBGL_FORCE_F16_TEXTURES', true);
    tf.env().set('WEBGL_RENDER_FLOAT32_ENABLED', false);
    tf.registerBackend('webgl', factory);
    await tf.setBackend('webgl');
    expect(tf.add(tf.fill([1024], 1), tf.fill([1024], 2 ** -20)).dataSync()[0]).toBe(1);
    expect(warningsOf()).toHaveLength(1);
  });
});
