// A program in TypeScript as a user would write it, copied into an app's folder by test-install.mjs and compiled there, strictly.
// Not run: what it would do is in app-check.mjs.

import * as tf from '@tensorflow/tfjs';
import { EmaError, type EmaOptions, WeightEma, type Which } from 'tfjs-ema';
import { decayFromHalfLife, halfLifeOf } from 'tfjs-ema/decay';
import { type SavedReport, saveReport } from 'tfjs-ema/report';
import { searchDecay, synthesize } from 'tfjs-ema/search';
import { emaTensorBoard } from 'tfjs-ema/tensorboard';

const options: EmaOptions = { decays: [decayFromHalfLife(100), 'uniform', { halfLife: { epochs: 1 } }] };
const which: Which = 'best-loss';
// @ts-expect-error a misspelt option
new WeightEma(tf, { decay: 0.9 });

export async function train(model: tf.LayersModel, x: tf.Tensor, y: tf.Tensor): Promise<SavedReport> {
  const ema = new WeightEma(tf, options);
  await model.fit(x, y, { callbacks: [ema.callback({ validationData: [x, y], log: (line) => console.log(line) })] });
  // @ts-expect-error there is no such average
  ema.use('worst', () => 0);
  // @ts-expect-error plain tfjs has no writer
  emaTensorBoard(tf, ema, { logdir: 'logs' });
  const scores: tf.Scalar | tf.Scalar[] = ema.use(which, (average) => average.evaluate(x, y));
  const { decay } = await searchDecay(ema, { data: [x, y] });
  const { tensors, bound } = synthesize(ema, { halfLife: halfLifeOf(decay) });
  tf.dispose([tensors, scores]);
  if (bound > 1 && ema.validations.at(-1)?.best === undefined)
    throw new EmaError('INVALID_ARGUMENT', `${ema.report()}`);
  return saveReport(ema.report(), 'out');
}
