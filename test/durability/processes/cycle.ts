// A program whose workers load TensorFlow and the library, keep averages for a moment, and end: many, several at a time.
// Its arguments: how many, how many at a time, and `main` where the main thread uses TensorFlow too.

import { isMainThread, threadId, Worker } from 'node:worker_threads';

/** Averages of one weight on the native engine; its value after two updates is known exactly. */
async function average(): Promise<void> {
  const tf = await import('@tensorflow/tfjs-node');
  const { WeightEma } = await import('../../../src/index.js');
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1], useBias: false })] });
  const become = (value: number): void => tf.tidy(() => model.setWeights([tf.fill([1, 1], value)]));
  become(0);
  const ema = new WeightEma(tf, { decays: [0.5, 0.75], updateEvery: 1, warmup: 'none', engine: 'native' }).attach(
    model,
  );
  for (const value of [1, 2]) {
    become(value);
    ema.update();
  }
  const values = ema.use({ index: 1 }, () => model.getWeights()[0]?.dataSync()[0]);
  // 0.75 (0.75 * 0 + 0.25 * 1) + 0.25 * 2
  if (values !== 0.6875) throw new Error(`expected 0.6875, received ${values}`);
  ema.dispose();
  model.dispose();
}

/** @returns the exit code. */
function cycle(): Promise<number> {
  return new Promise((resolve, reject) => {
    new Worker(new URL(import.meta.url)).once('exit', resolve).once('error', reject);
  });
}

async function main([count, lanes, place]: readonly string[]): Promise<void> {
  if (place === 'main') await average();
  let started = 0;
  const codes: number[] = [];
  const lane = async (): Promise<void> => {
    while (started < Number(count)) {
      started += 1;
      codes.push(await cycle());
    }
  };
  await Promise.all(Array.from({ length: Number(lanes) }, lane));
  if (place === 'main') await average();
  process.stdout.write(`${codes.filter((code) => code === 0).length} ended well`);
}

if (isMainThread) await main(process.argv.slice(2));
else {
  await average();
  // Both ends of a worker: its own, and that of running out of work.
  if (threadId % 2 === 0) process.exit(0);
}
