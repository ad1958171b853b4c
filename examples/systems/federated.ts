// Federated averaging: clients train on their own data, the server takes the mean of their weights by how much each has, and averages its
// own rounds. "Communication-Efficient Learning of Deep Networks from Decentralized Data", arXiv 1602.05629. Model soups are the same mean.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { mix } from 'tfjs-ema/merge';
import { network, spirals } from '../spirals.js';

const counts = [100, 200, 300];
const total = counts.reduce((sum, count) => sum + count, 0);
const clients = counts.map((count, index) => ({ ...spirals(count, 10 * index + 1, 0.2), model: network(index) }));
const test = spirals(2000, 50, 0.2);
const server = network(3);
const loss = (model: tf.LayersModel) =>
  tf.tidy(() => (model.evaluate(test.x, test.y) as tf.Scalar[])[0]?.dataSync()[0]);

const ema = new WeightEma(tf, { decays: 0.7, updateEvery: 1 }).attach(server);
for (let round = 0; round < 15; round += 1) {
  for (const { x, y, model } of clients) {
    model.setWeights(server.getWeights());
    await model.fit(x, y, { epochs: 3, shuffle: false, verbose: 0 });
  }
  const mean = mix(clients.map(({ model }, index) => [(counts[index] ?? 0) / total, model.getWeights()]));
  ema.putBack(mean);
  ema.update(); // a round is a step of the server
  tf.dispose(mean);
}
export const measured = {
  clients: clients.map(({ model }) => loss(model)),
  server: loss(server),
  average: ema.use(0.7, loss),
};
console.log(measured);
