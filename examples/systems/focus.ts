// FOCUS: an optimizer that is drawn to the average of its own weights, bias corrected: w -= rate * (sign(momentum) + pull * sign(w - average)).
// Shadows are read in every step. "FOCUS: First Order Concentrated Updating Scheme", arXiv 2501.12243.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { network, spirals } from '../spirals.js';

const { x, y } = spirals(500, 1);
const model = network(3);
const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
const momentum = variables.map((variable) => tf.variable(tf.zerosLike(variable)));
const loss = () => tf.losses.logLoss(y, model.apply(x, { training: true }) as tf.Tensor) as tf.Scalar;
const before = loss().dataSync()[0];

const ema = new WeightEma(tf, { decays: 0.9, updateEvery: 1, warmup: 'zero-debias' }).attach(model);
for (let step = 0; step < 200; step += 1) {
  tf.tidy(() => {
    const { grads } = tf.variableGrads(loss, variables);
    const averages = Object.values(ema.read(0.9));
    variables.forEach((variable, place) => {
      const [gradient, average, moved] = [grads[variable.name], averages[place], momentum[place]];
      if (gradient === undefined || average === undefined || moved === undefined) throw new Error('no such weight');
      moved.assign(moved.mul(0.9).add(gradient.mul(0.1)));
      variable.assign(variable.sub(moved.sign().add(variable.sub(average).sign().mul(0.3)).mul(0.003)));
    });
  });
  ema.update();
}
export const measured = { before, after: loss().dataSync()[0] };
console.log(measured);
