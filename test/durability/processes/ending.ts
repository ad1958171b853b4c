// A program that ends while a native update runs: by process.exit, by SIGTERM, by an error that nobody catches; or whose workers are ended.
// Expects nothing. Its arguments are below.

import { writeSync } from 'node:fs';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

/** Floats in a row of the one weight: an update of five averages takes some 20 ms, and helper threads take part in it. */
const SIZE = 2048;
/** Places in the memory that the threads share: whether an update runs now; how many have ended. */
const RUNS = 0;
const ENDED = 1;

/**
 * The ending; `tensorflow` for the same with an op of TensorFlow in the place of ours, as a control; how many workers to end; `main` where
 * the main thread has loaded TensorFlow too.
 */
const [ending = '', kind = 'ours', count = '1', place = ''] = process.argv.slice(2);

/** @returns what is to run again and again. */
async function makeWork(): Promise<() => void> {
  const tf = await import('@tensorflow/tfjs-node');
  const layer = tf.layers.dense({ units: SIZE, inputShape: [SIZE], useBias: false, kernelInitializer: 'zeros' });
  const model = tf.sequential({ layers: [layer] });
  if (kind === 'tensorflow') {
    const weight = model.weights[0]?.read() ?? tf.zeros([1]);
    return () => tf.tidy(() => void weight.matMul(weight.slice([0, 0], [SIZE, 64])));
  }
  const { WeightEma } = await import('../../../src/index.js');
  const ema = new WeightEma(tf, { updateEvery: 1, engine: 'native' }).attach(model);
  return () => ema.update();
}

function run(work: () => void, state: Int32Array): void {
  Atomics.store(state, RUNS, 1);
  work();
  Atomics.store(state, RUNS, 0);
  Atomics.add(state, ENDED, 1);
}

/** Returns at a random moment at which an update runs. */
function whileItRuns(state: Int32Array): void {
  const until = performance.now() + 30 * Math.random();
  while (performance.now() < until || Atomics.load(state, RUNS) === 0);
  writeSync(1, 'it runs\n');
}

/** Waits until some updates have ended. */
async function underWay(state: Int32Array): Promise<void> {
  while (Atomics.load(state, ENDED) < 3) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** A worker that updates, or one that signals while the main thread updates. */
function startWorker(role: 'updates' | 'signals', state: Int32Array): Worker {
  const worker = new Worker(new URL(import.meta.url), { workerData: { role, state }, argv: process.argv.slice(2) });
  return worker.once('error', (error) => {
    writeSync(2, `${error}\n`);
    process.exit(9);
  });
}

async function work(role: string, state: Int32Array): Promise<void> {
  if (role === 'signals') {
    await underWay(state);
    whileItRuns(state);
    process.kill(process.pid, 'SIGTERM');
    return;
  }
  const update = await makeWork();
  for (;;) run(update, state);
}

async function end(state: Int32Array): Promise<void> {
  if (ending === 'signal') {
    startWorker('signals', state);
    const update = await makeWork();
    for (;;) run(update, state);
  }
  const worker = startWorker('updates', state);
  await underWay(state);
  if (ending === 'signal, handled') {
    process.once('SIGTERM', () => {
      whileItRuns(state);
      process.exit(143);
    });
    process.kill(process.pid, 'SIGTERM');
    return;
  }
  whileItRuns(state);
  if (ending === 'exit') process.exit(0);
  if (ending === 'throw') throw new Error('nobody catches this');
  if (ending === 'terminate') writeSync(1, `ended with ${await worker.terminate()}\n`);
}

async function main(): Promise<void> {
  if (place === 'main') await import('@tensorflow/tfjs-node');
  for (let i = 0; i < Number(count); i += 1) await end(new Int32Array(new SharedArrayBuffer(8)));
  // Life goes on.
  if (ending === 'terminate') (await makeWork())();
}

if (isMainThread) await main();
else await work(workerData.role, workerData.state);
