// A teacher of adapters only (reward incremental learning; LoRA): the large layer is frozen and shared, the average holds the two thin ones.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from 'tfjs-ema';
import { spirals } from '../spirals.js';

const { x, y } = spirals(500, 1);
const he = (seed: number) => tf.initializers.heNormal({ seed });
const input = tf.input({ shape: [2] });
const layer = (name: string, units: number, seed: number) =>
  tf.layers.dense({ name, units, useBias: false, kernelInitializer: he(seed) });
const base = tf.layers.dense({ name: 'base', units: 256, kernelInitializer: he(1), trainable: false });
const adapted = layer('adapter_up', 256, 3).apply(layer('adapter_down', 4, 2).apply(input)) as tf.SymbolicTensor;
const sum = tf.layers.add().apply([base.apply(input) as tf.SymbolicTensor, adapted]);
const relu = tf.layers.activation({ activation: 'relu' }).apply(sum);
const head = tf.layers.dense({
  name: 'head',
  units: 1,
  activation: 'sigmoid',
  kernelInitializer: he(4),
  trainable: false,
});
const student = tf.model({ inputs: input, outputs: head.apply(relu) as tf.SymbolicTensor });
student.compile({ optimizer: tf.train.adam(0.05), loss: 'binaryCrossentropy' });

const ema = new WeightEma(tf, { decays: 0.98, include: [/^adapter/], updateEvery: 1 }).attach(student);
const teacher = await ema.asModel(0.98);
for (let step = 0; step < 100; step += 1) {
  await student.trainOnBatch(x, y);
  ema.update();
}
const loss = (model: tf.LayersModel) =>
  tf.tidy(() => tf.losses.logLoss(y, model.predict(x) as tf.Tensor).dataSync()[0]);
export const measured = {
  bytes: ema.facts.bytes,
  weights: student.countParams(),
  student: loss(student),
  teacher: loss(teacher.refresh()),
};
console.log(measured);
