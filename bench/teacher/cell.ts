// Measures one model: updates, reads, combinations and a teacher's step, in interleaved rounds.
// Says nothing on the terminal.

import { quantile } from 'simple-statistics';
import { loadAddon } from '../../src/engine/addon.js';
import { type DecaySpecs, WeightEma } from '../../src/index.js';
import { nodeBackend } from '../../src/tfjs/backend.js';
import { tf } from '../../tools/shared/tfjs.js';
import { buildModel } from '../fit/models.js';
import { interleave, type Runner, runnerOf } from '../shared/rounds.js';
import { loadFloor } from '../update/floor.js';
import { REFERENCES, type TeacherResult, type TeacherTask } from './trials.js';

const DECAYS = [0.998, 0.999, 0.9995, 0.99975, 0.999875] as const;
const COMBINED = { synthesized: { halfLife: 1500 } } as const;
const BATCH = 32;
const SAMPLE_US = 2000;
// Far above what waiting for the device takes.
const DEVICE_SAMPLE_US = 20_000;

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** A runner whose time is the processor's. */
function cpuRunnerOf(name: string, run: () => void): Runner {
  return {
    name,
    time(repeats) {
      const start = cpuUs();
      for (let i = 0; i < repeats; i += 1) run();
      return cpuUs() - start;
    },
  };
}

/** Waits until the device has done all that was asked of it: reads a number that TensorFlow computes last. */
function waitForDevice(): void {
  const last = tf.add(1, 1);
  last.dataSync();
  last.dispose();
}

/** A copy of so many floats, where the weights are: in the memory of the GPU by TensorFlow itself. */
function copierOf(floats: number, threads: number): { readonly copy: () => void; readonly isDevice: boolean } {
  const backend = nodeBackend(tf);
  if (typeof backend !== 'string' && 'isUsingGpuDevice' in backend && backend.isUsingGpuDevice === true) {
    // Constants of TensorFlow's C API, on the binding as its other constants are.
    const { TF_ATTR_TYPE, TF_FLOAT } = backend.binding as unknown as { TF_ATTR_TYPE: number; TF_FLOAT: number };
    const type = { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT };
    const values = tf.ones([floats]);
    return {
      isDevice: true,
      copy: () => tf.dispose(backend.executeMultipleOutputs('DeepCopy', [type], [values], 1)),
    };
  }
  const floor = loadFloor();
  if (typeof floor === 'string') throw new Error(floor);
  const buffers = floor.allocate(floats);
  return { isDevice: false, copy: () => floor.copy(buffers, threads) };
}

/** Measures a model in this process. */
export async function measureTeacher({
  shape,
  threads,
  rounds,
  clock,
}: TeacherTask): Promise<readonly TeacherResult[]> {
  const addon = loadAddon();
  if ('addon' in addon) addon.addon.setThreads(threads);
  const model = buildModel(shape);
  const make = (decays: DecaySpecs): WeightEma =>
    new WeightEma(tf, { decays, engine: 'native', updateEvery: 1, warmup: 'none' }).attach(model);
  const [one, five] = [make(DECAYS[1]), make(DECAYS)];
  // The same decays, asked for at every step.
  const functions = make(DECAYS.map((decay) => () => decay));
  for (const ema of [one, five, functions]) ema.update();
  const twin = await one.asModel({ index: 0 });
  const x = tf.randomNormal([BATCH, ...(model.inputs[0]?.shape.slice(1) ?? []).map(Number)]);
  const forward = (): void => tf.dispose(twin.model.predict(x));
  const { copy, isDevice } = copierOf(model.countParams(), threads);
  const runs: Readonly<Record<string, () => void>> = {
    copy,
    'update, K = 1': () => one.update(),
    'read, K = 1': () => tf.dispose(one.read({ index: 0 })),
    refresh: () => void twin.refresh(),
    'use, K = 1': () => one.use({ index: 0 }, () => undefined),
    'update, K = 5': () => five.update(),
    'update, K = 5, functions': () => functions.update(),
    'read a combination of 5': () => tf.dispose(five.read(COMBINED)),
    'use a combination of 5': () => five.use(COMBINED, () => undefined),
    forward,
    'update, refresh, forward': () => {
      one.update();
      twin.refresh();
      forward();
    },
  };
  const runner = clock === 'cpu' && !isDevice ? cpuRunnerOf : runnerOf;
  const wait = isDevice ? waitForDevice : undefined;
  const runners = Object.entries(runs).map(([name, run]) => runner(name, run, wait));
  const samples = await interleave(runners, { rounds, sampleUs: isDevice ? DEVICE_SAMPLE_US : SAMPLE_US });
  return [...samples].map(([name, own]) => {
    const of = REFERENCES[name] ?? 'copy';
    const ratios = own.map((us, round) => us / (samples.get(of)?.[round] ?? Number.NaN));
    const [low = Number.NaN, median = Number.NaN, high = Number.NaN] = quantile(ratios, [0.25, 0.5, 0.75]);
    return { name, medianUs: quantile([...own], 0.5), ratio: [low, median, high], of };
  });
}
