// A process that trains one run after the other, as its parent tells it, and stores each result.
// Started by pool.ts; decides nothing.

import { performance } from 'node:perf_hooks';
import { type LoadedData, loadStudyData } from '../data/study-data.js';
import { tf } from '../tfjs.js';
import type { DataChoice, RunSpec } from './condition.js';
import type { FromWorker, ToWorker } from './messages.js';
import { drawSamples, type RunSamples } from './samples.js';
import { RunStore } from './store.js';
import { trainRun } from './train.js';

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
    samples: await samplesOf(condition.data),
    probe: condition.measures.probe ? await samplesOf(PROBE) : undefined,
    onEpoch: (epoch) => tell({ kind: 'epoch', epoch }),
  });
  const seconds = (performance.now() - begin) / 1000;
  new RunStore(folder).write(spec, output, seconds);
  tell({ kind: 'done', seconds });
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
