// EDM2's post-hoc averages: which length of memory is best is found after the run, from snapshots of two averages that were kept in its course.
// "Analyzing and Improving the Training Dynamics of Diffusion Models", arXiv 2312.02696: widths of 0.05 and 0.1.

import * as tf from '@tensorflow/tfjs-node';
import { type Provenance, WeightEma } from 'tfjs-ema';
import { mix } from 'tfjs-ema/merge';
import { synthesize } from 'tfjs-ema/search';
import { network, spirals } from '../spirals.js';

const { x, y } = spirals(500, 1, 0.2);
const validation = spirals(2000, 3, 0.2);
const model = network(3);
const loss = () => tf.tidy(() => (model.evaluate(validation.x, validation.y) as tf.Scalar[])[0]?.dataSync()[0] ?? NaN);
const [widths, snapshots] = [[0.05, 0.1, 0.2], 16];

// The third average is here to compare with: no snapshot of it is taken.
const ema = new WeightEma(tf, { decays: widths.map((relativeWidth) => ({ relativeWidth })), updateEvery: 1 }).attach(
  model,
);
const saved: (Pick<Provenance, 'steps' | 'index' | 'settings'> & { weights: tf.NamedTensorMap })[] = [];
for (let step = 1; step <= 480; step += 1) {
  const batch = tf.tidy(() => [x.slice((step * 32) % 448, 32), y.slice((step * 32) % 448, 32)] as const);
  await model.trainOnBatch(...batch);
  ema.update();
  if (step % (480 / snapshots) !== 0) continue;
  for (const index of [0, 1])
    saved.push({ steps: step, index, settings: ema.facts.settings, weights: ema.read({ index }) });
}

const made = [0.05, 0.07, 0.1, 0.14, 0.2, 0.25].map((relativeWidth) => {
  const { coefficients, bound } = synthesize(saved, { relativeWidth });
  const weights = mix(saved.map((one, place) => [coefficients[place] ?? 0, one.weights]));
  return { relativeWidth, bound, weights, loss: ema.use(weights, loss) };
});
const [tracked, untracked] = [ema.use({ relativeWidth: 0.1 }, loss), ema.use({ relativeWidth: 0.2 }, loss)];
const best = made.reduce((a, b) => (b.loss < a.loss ? b : a));
const wide = made.find(({ relativeWidth }) => relativeWidth === 0.2);
export const measured = { raw: loss(), tracked, untracked, wide: wide?.loss, bound: wide?.bound, best: best.loss };
console.log(measured, best.relativeWidth);
