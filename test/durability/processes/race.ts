// A program in which eight threads load a copy of the addon and register its ops at the same moment; copy after copy.
// Its arguments: the copies.

import { createRequire } from 'node:module';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { Tensor } from '@tensorflow/tfjs';
import type * as tfNode from '@tensorflow/tfjs-node';
import type * as Binding from '../../../binding.js';

const THREADS = 8;
const require = createRequire(import.meta.url);

interface Backend {
  readonly binding: { readonly TF_ATTR_INT: number };
  executeMultipleOutputs(op: string, attributes: object[], inputs: Tensor[], outputs: number): Tensor[];
}

/** Registers every copy, each together with all other threads. */
function register(copies: readonly string[], arrived: Int32Array): void {
  const ops = copies.map((copy, round) => {
    if (Atomics.add(arrived, round, 1) + 1 === THREADS) Atomics.notify(arrived, round);
    for (let here = Atomics.load(arrived, round); here < THREADS; here = Atomics.load(arrived, round))
      Atomics.wait(arrived, round, here);
    return (require(copy) as typeof Binding).register().ops;
  });
  parentPort?.postMessage(ops);
}

/** What an average of 0 is after an update towards 1 with alpha 1/4, by these ops. */
function updated(tf: typeof tfNode, ops: Binding.OpNames): number | undefined {
  const backend = tf.backend() as unknown as Backend;
  const int = (name: string, value: number): object => ({ name, type: backend.binding.TF_ATTR_INT, value });
  return tf.tidy(() => {
    const alpha = tf.tensor1d(new Int32Array(Float32Array.of(0.25).buffer), 'int32');
    const weights = [tf.zeros([9])];
    const create = [int('N', 1), int('rows', 1), int('zero_rows', 0)];
    const arena = backend.executeMultipleOutputs(ops.create, create, weights, 1);
    backend.executeMultipleOutputs(ops.update, [int('N', 1)], [...arena, alpha, tf.ones([9])], 0);
    const one = tf.tensor1d(new Int32Array(Float64Array.of(1).buffer), 'int32');
    // The bits of alpha 0.
    const none = tf.scalar(0, 'int32');
    const [row] = backend.executeMultipleOutputs(ops.read, [int('N', 1)], [...arena, one, none, ...weights], 1);
    return row?.dataSync()[8];
  });
}

async function main(copies: readonly string[]): Promise<void> {
  const tf = require('@tensorflow/tfjs-node') as typeof tfNode;
  const arrived = new Int32Array(new SharedArrayBuffer(4 * copies.length));
  const told = await Promise.all(
    Array.from({ length: THREADS }, async (): Promise<Binding.OpNames[]> => {
      const worker = new Worker(new URL(import.meta.url), { workerData: { copies, arrived } });
      const ops = new Promise<Binding.OpNames[]>((resolve) => worker.once('message', resolve));
      await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
      return ops;
    }),
  );
  // The threads are gone, and what they registered is still there.
  const [first = []] = told;
  const agree = told.every((ops) => JSON.stringify(ops) === JSON.stringify(first));
  const names = new Set(first.map(({ update }) => update));
  const values = new Set(first.map((ops) => updated(tf, ops)));
  process.stdout.write(JSON.stringify({ threads: told.length, agree, names: names.size, values: [...values] }));
}

if (isMainThread) await main(process.argv.slice(2));
else register(workerData.copies, workerData.arrived);
