// A small model with averages in mid-run, and everything about both that a failure must leave alone.
// Injects no failures and holds no expectations.

import type { Callback, LayersModel, Sequential, Tensor } from '@tensorflow/tfjs';
import type { Attached } from '../../../src/ema/attached.js';
import { type EmaOptions, WeightEma } from '../../../src/index.js';
import { isSwapped } from '../../../src/model/swap.js';
import { batchNormLayers } from '../../../src/tfjs/backend.js';
import type { BestAverages } from '../../../src/validation/bests.js';
import { floats, setRandomWeights, tf, weightValues } from '../../support/models.js';
import { bits } from '../../support/oracle.js';
import { attachedTo, currentOf, lastBests } from './inside.js';

/** Engine and options of a stage. */
export type StageOptions = EmaOptions & { readonly engine: 'native' | 'js' };

/** A model, its averages, data for it. */
export interface Stage {
  readonly model: Sequential;
  readonly callback: Callback;
  readonly ema: WeightEma;
  readonly x: Tensor;
  readonly y: Tensor;
  readonly bests: BestAverages;
  readonly isCompensated: boolean;
  /** Tensors that were there before the averages. */
  readonly tensorsBefore: number;
}

/**
 * Makes a stage: the same weights and data every time.
 * @param steps optimizer steps that the averages have seen; 0 leaves them unattached.
 */
export function makeStage(options: StageOptions, steps: number): Stage {
  const model = makeModel();
  setRandomWeights(model, 1);
  const [x, y] = [2, 3].map((seed) => tf.tensor2d(floats(12, seed), [6, 2]));
  if (x === undefined || y === undefined) throw new Error('no data');
  const tensorsBefore = tf.memory().numTensors;
  const ema = new WeightEma(tf, { onWarning: () => undefined, ...options });
  const callback = ema.callback({ validationData: [x, y], batchSize: 4 });
  const bests = lastBests();
  callback.setParams({});
  callback.setModel(model);
  if (steps > 0) ema.attach(model);
  for (let step = 0; step < steps; step += 1) {
    setRandomWeights(model, 10 + step);
    ema.update();
  }
  upload([x, y, ...model.weights.map((weight) => weight.read())]);
  const isCompensated = options.precision === 'compensated';
  return { model, callback, ema, x, y, bests, isCompensated, tensorsBefore };
}

/** Hands values to TensorFlow, which otherwise their first op does: so a method makes the same calls each time. */
export function upload(tensors: readonly Tensor[]): void {
  tf.tidy(() => {
    for (const tensor of tensors) tensor.neg();
  });
}

/** BatchNorm and a dense layer, whose names are the same every time. */
function makeModel(): Sequential {
  const layers = [
    tf.layers.batchNormalization({ name: 'norm', inputShape: [2] }),
    tf.layers.dense({ name: 'out', units: 2, useBias: false }),
  ];
  const model = tf.sequential({ layers });
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', metrics: ['accuracy'] });
  return model;
}

/** Releases a stage. */
export function clear({ model, ema, x, y }: Stage): void {
  ema.dispose();
  model.dispose();
  tf.dispose([x, y]);
}

/** The weights of a model, to the bit. */
export function weightsOf({ model }: { readonly model: LayersModel }): string {
  return JSON.stringify(weightValues(model).map(hex));
}

/** Whether an average stands in the model's place, and whether BatchNorm is as its layer was made. */
export function standingOf({ model, ema }: Stage): unknown {
  const layers = batchNormLayers(model);
  return {
    isSwapped: ema.engine !== undefined && isSwappedIn(attachedTo(model)),
    momentum: layers.map(({ momentum }) => momentum),
    replaced: layers.map((layer) => Object.hasOwn(layer, 'call')),
    overwritten: Object.keys(ema.overwritten),
  };
}

function isSwappedIn({ scope, shadows }: Attached): boolean {
  return scope.isOpen || isSwapped(shadows.weights.averaged);
}

/** Averages to the bit, without counting pending steps in, and the counters that belong to them. */
export function averagesOf({ ema, model, bests: kept, isCompensated }: Stage): string {
  if (ema.engine === undefined) return 'none';
  const { progress, shadows } = attachedTo(model);
  const { steps, pending, updates, intervals } = progress;
  const parts = isCompensated ? (['high', 'low'] as const) : (['high'] as const);
  const rows = parts.flatMap((part) => ema.decays.map((_, k) => shadows.values(k, part)));
  const { monitor } = kept;
  const bests = kept.held.map(({ record, tensors }) => ({
    record,
    tensors: Object.values(tensors ?? {}).map(valuesOf),
  }));
  const values = rows.map((row) => row.map(hex));
  // A step whose update failed is counted, and pending.
  const measured = { current: currentOf(ema), validations: ema.validations, monitor, bests };
  return JSON.stringify({ held: steps - pending, updates, intervals, ...measured, values });
}

function valuesOf(tensor: Tensor): string {
  return hex(Float32Array.from(tensor.dataSync()));
}

function hex(values: Float32Array): string {
  return Array.from(bits(values), (word) => word.toString(16)).join(' ');
}
