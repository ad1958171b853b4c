// A process that trains one run after the other, as its parent tells it, and stores each result.
// Started by runs/pool.ts; decides nothing.

import { availableParallelism, cpus } from 'node:os';
import { currentCommit } from '../../tools/shared/commit.js';
import { tf } from '../../tools/shared/tfjs.js';
import type { LoadedData } from '../data/study-data.js';
import { type Condition, type Course, type DataChoice, isCourse, type RunSpec } from '../runs/condition.js';
import { runCourse } from '../runs/course.js';
import type { FromWorker, ToWorker } from '../runs/messages.js';
import { drawSamples, type RunSamples } from '../runs/samples.js';
import { type RunEnvironment, RunStore, type StoredCourse } from '../runs/store.js';
import { type RunOutput, trainRun } from '../runs/train.js';
import { loadStudyData, NETWORKS, PROBLEMS } from './catalog.js';

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
  const output = isCourseSpec(spec) ? await follow(spec) : await classify(spec as RunSpec<Condition>);
  const seconds = (performance.now() - begin) / 1000;
  new RunStore(folder).write(spec, output, { seconds, environment: environment(), commit: currentCommit() ?? null });
  tell({ kind: 'done', seconds });
}

function isCourseSpec(spec: RunSpec): spec is RunSpec<Course> {
  return isCourse(spec.condition);
}

async function follow(spec: RunSpec<Course>): Promise<Pick<StoredCourse, 'result' | 'logits'>> {
  const problem = PROBLEMS[spec.condition.problem].value;
  const result = await runCourse(tf, { spec, problem, onCheck: (epoch) => tell({ kind: 'epoch', epoch }) });
  return { result, logits: {} };
}

async function classify(spec: RunSpec<Condition>): Promise<RunOutput> {
  const { condition } = spec;
  return trainRun(tf, {
    spec,
    network: NETWORKS[condition.network].value,
    samples: await samplesOf(condition.data),
    probe: condition.measures.probe && (await samplesOf(condition.measures.probe)),
    onEpoch: (epoch) => tell({ kind: 'epoch', epoch }),
  });
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
