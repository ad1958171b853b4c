// A process that trains one run after the other, as its parent tells it, and stores each result.
// Started by runs/pool.ts; decides nothing.

import { availableParallelism, cpus } from 'node:os';
import { tf } from '../../tools/shared/tfjs.js';
import type { LoadedData } from '../data/study-data.js';
import type { DataChoice, RunSpec } from '../runs/condition.js';
import type { FromWorker, ToWorker } from '../runs/messages.js';
import { drawSamples, type RunSamples } from '../runs/samples.js';
import { type RunEnvironment, RunStore } from '../runs/store.js';
import { trainRun } from '../runs/train.js';
import { loadStudyData, logitNetworks } from './catalog.js';

/** Digits for the linear probe: all of them, split as the data set is. */
const PROBE: DataChoice = { name: 'mnist', validation: 0, noise: 0, shift: 0 };

const loaded = new Map<string, Promise<LoadedData>>();

/** Data sets stay in memory: the next run mostly has the same. */
async function samplesOf(choice: DataChoice): Promise<RunSamples> {
  const key = `${choice.name} ${choice.directory ?? ''}`;
  const data = loaded.get(key) ?? loadStudyData(choice.name, choice.directory);
  loaded.set(key, data);
  return drawSamples(await data, choice);
}

async function train(spec: RunSpec, folder: string): Promise<void> {
  const begin = performance.now();
  const { condition } = spec;
  const output = await trainRun(tf, {
    spec,
    network: logitNetworks[condition.network],
    samples: await samplesOf(condition.data),
    probe: condition.measures.probe ? await samplesOf(PROBE) : undefined,
    onEpoch: (epoch) => tell({ kind: 'epoch', epoch }),
  });
  const seconds = (performance.now() - begin) / 1000;
  new RunStore(folder).write(spec, output, { seconds, environment: environment() });
  tell({ kind: 'done', seconds });
}

/** What the run was made on: for reports. */
function environment(): RunEnvironment {
  const { binding } = tf.backend() as unknown as { readonly binding?: { readonly TF_Version?: string } };
  const tensorflow = `TensorFlow ${binding?.TF_Version ?? 'unknown'}, tfjs ${tf.version['tfjs']}`;
  const machine = `${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown processor'}`;
  return { tensorflow, node: process.version, machine: `${machine}, ${process.platform} ${process.arch}` };
}

function tell(message: FromWorker): void {
  process.send?.(message);
}

process.on('message', ({ spec, folder }: ToWorker) => {
  train(spec, folder).catch((error: unknown) => {
    tell({ kind: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : `${error}` });
  });
});
// A worker without a parent has nobody to work for: a killed study leaves no processes behind.
process.on('disconnect', () => process.exit(0));
tell({ kind: 'ready' });
