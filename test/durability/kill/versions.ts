// What the killed writers save: versions of one checkpoint and of one model, each told by every number in it.
// Needs no TensorFlow, and writes nothing.

import type { io } from '@tensorflow/tfjs';
import type { ModelShadows } from '../../../src/averages/shadows.js';
import { encodeCheckpoint } from '../../../src/disk/checkpoint.js';
import { type EmaOptions, resolveOptions } from '../../../src/options/options.js';

/** The averages in the checkpoint, and the one layer of the model. */
export const OPTIONS: EmaOptions = { decays: [0.9, 0.99], updateEvery: 1, engine: 'js', onWarning: () => undefined };
export const LAYER = { name: 'only', units: 128, inputShape: [128] } as const;

const WEIGHTS = [
  { name: `${LAYER.name}/kernel`, variable: { shape: [...LAYER.inputShape, LAYER.units] } },
  { name: `${LAYER.name}/bias`, variable: { shape: [LAYER.units] } },
];

function filled(version: number): Float32Array<ArrayBuffer>[] {
  return WEIGHTS.map(({ variable: { shape } }) =>
    new Float32Array(shape.reduce<number>((a, b) => a * b, 1)).fill(version),
  );
}

/** The pieces that `saveCheckpoint` writes after so many steps, all averages of this value. */
export function checkpointOf(version: number): readonly Uint8Array[] {
  // All that encoding asks of averages: an object of the class needs TensorFlow.
  const shadow = { weights: { averaged: WEIGHTS, live: [] }, values: () => filled(version) };
  return encodeCheckpoint({
    shadow: shadow as unknown as ModelShadows,
    options: resolveOptions(OPTIONS),
    standing: {
      steps: version,
      pending: 0,
      updates: version,
      intervals: [[1, version]],
      current: undefined,
      monitor: undefined,
    },
    bests: [],
  });
}

/** The artifacts that `saveModel` writes: those that tfjs made of the model, with weights of this value, which the metadata tells too. */
export function modelOf(recorded: io.ModelArtifacts, version: number): io.ModelArtifacts {
  const weightData = filled(version).map(({ buffer }) => buffer);
  return { ...recorded, weightData, userDefinedMetadata: { version } };
}
