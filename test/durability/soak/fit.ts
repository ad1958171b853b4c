// A program that trains by model.fit with five averages, one epoch of many batches, and watches memory meanwhile.
// Its arguments: the batches, the samples, and `without` for the same training without averages. Run it with --expose-gc.

import * as tf from '@tensorflow/tfjs-node';
import { WeightEma } from '../../../src/index.js';
import { floats, lineModel } from '../../support/models.js';
import { report, type Sample, sample } from './watch.js';

const [batches = '', samples = '', kind = 'with'] = process.argv.slice(2);
const count = Number(batches);
const taken: Sample[] = [];

/** Not a CustomCallback, which reads the loss back after each batch. */
class Watch extends tf.Callback {
  #batches = 0;

  override async onBatchEnd(): Promise<void> {
    this.#batches += 1;
    if (this.#batches % (count / Number(samples)) === 0) taken.push(sample(this.#batches));
  }
}

const x = tf.tensor2d(floats(count, 1), [count, 1]);
const y = x.mul(2);
const model = lineModel();
const ema = new WeightEma(tf, { updateEvery: 1, engine: 'native', onWarning: () => undefined });
const begin = performance.now();
await model.fit(x, y, {
  epochs: 1,
  batchSize: 1,
  verbose: 0,
  yieldEvery: 'never',
  callbacks: kind === 'with' ? [ema.callback(), new Watch()] : [new Watch()],
});
if (kind === 'with' && ema.updates !== count) throw new Error(`${ema.updates} updates`);
process.stdout.write(report(taken, begin));
