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
    tf.env().set('WEBGL_FORCE_F16_TEXTURES', true);
    tf.registerBackend('webgl', factory);
    await tf.setBackend('webgl');
    expect(tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED')).toBe(false);
    expect(warningsOf()).toHaveLength(1);
  });
});
