// The states that averages can be in, how each is reached, and a valid call of everything that can be called.
// Holds no expectations: what each call does in each state is the table of states.test.ts.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Callback, LayersModel, NamedTensorMap, Sequential, Tensor } from '@tensorflow/tfjs';
import { vi } from 'vitest';
import { ModelShadows } from '../../src/averages/shadows.js';
import { WeightEma } from '../../src/index.js';
import { searchDecay, synthesize } from '../../src/search.js';
import { weightBits } from './expect.js';
import { data, setRandomWeights, tf } from './models.js';

/** Who runs the updates. */
export type EngineName = 'native' | 'js';

/** Averages in some state, and what their calls need. */
export interface Subject {
  readonly callback: Callback;
  readonly ema: WeightEma;
  readonly model: Sequential;
  /** The variables of its weights. */
  readonly variables: readonly Tensor[];
  readonly x: Tensor;
  readonly y: Tensor;
  /** A checkpoint of another run, of {@link CHECKPOINT_STEPS} steps. */
  readonly checkpoint: string;
  /** A file that nothing needs. */
  readonly file: string;
  /** A run of as many steps. */
  readonly run: string;
}

/** Steps of the checkpoint that `loadCheckpoint` loads: no state has as many. */
export const CHECKPOINT_STEPS = 7;

/** Dense, BatchNorm, dense, with the same names in every call, so that a checkpoint of one fits the next. */
function namedModel(): Sequential {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({
        name: 'in',
        units: 3,
        inputShape: [4],
        kernelInitializer: tf.initializers.glorotUniform({ seed: 1 }),
      }),
      tf.layers.batchNormalization({ name: 'norm' }),
      tf.layers.dense({ name: 'out', units: 3, activation: 'softmax' }),
    ],
  }) as Sequential;
  model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' });
  return model;
}

const measured = { epoch: 0, raw: { loss: 1 }, averages: [{ loss: 1 }, { loss: 0.5 }] };

/** A subject in no state yet, and what gives its memory back. */
export function makeSubject(
  engine: EngineName,
  { checkpoint, file, run }: Pick<Subject, 'checkpoint' | 'file' | 'run'>,
) {
  const { x, y } = data(8);
  const model = namedModel();
  const options = { decays: [0.5, 0.9], updateEvery: 2, warmup: 'none', engine, onWarning: () => undefined } as const;
  const ema = new WeightEma(tf, options);
  const callback = ema.callback({ validationData: [x, y], batchSize: 8 });
  const variables = model.weights.map((weight) => weight.read());
  const subject: Subject = { callback, ema, model, variables, x, y, checkpoint, file, run };
  const release = (): void => {
    subject.ema.dispose();
    tf.disposeVariables();
    model.optimizer.dispose();
    tf.dispose([x, y]);
  };
  return { subject, release };
}

/** A folder with a checkpoint of {@link CHECKPOINT_STEPS} steps, in which a best average is kept. */
export async function makeFolder(engine: EngineName) {
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-ema-'));
  const paths = { checkpoint: join(folder, 'checkpoint'), file: join(folder, 'file'), run: join(folder, 'run') };
  const { subject, release } = makeSubject(engine, paths);
  steps(subject, CHECKPOINT_STEPS);
  await subject.ema.saveCheckpoint(paths.checkpoint);
  await subject.ema.saveRun(paths.run);
  release();
  return { ...paths, remove: () => rmSync(folder, { recursive: true }) };
}

/**
 * Attaches, counts steps with other weights at each, and keeps a best average.
 * @param count odd, so that one step is pending.
 */
function steps({ callback, ema, model }: Subject, count: number): void {
  callback.setParams({ epochs: 1 });
  callback.setModel(model);
  ema.attach(model);
  for (let step = 1; step <= count; step += 1) {
    setRandomWeights(model, step);
    ema.update();
  }
  ema.record(measured);
}

async function poison({ ema, checkpoint }: Subject): Promise<void> {
  const spy = vi.spyOn(ModelShadows.prototype, 'overwrite').mockImplementation(() => {
    throw new Error('the memory is gone');
  });
  await ema.loadCheckpoint(checkpoint).catch(() => undefined);
  spy.mockRestore();
}

/** Runs something at the third batch of a fit, from the hook of another callback, and ends that fit. */
async function inFit({ callback, ema, model, x, y }: Subject, run: () => Promise<void>): Promise<void> {
  const probe = new tf.CustomCallback({
    onBatchEnd: async (batch) => {
      if (batch !== 2) return;
      ema.record(measured);
      await run();
      throw new RangeError('the end');
    },
  });
  const fitting = model.fit(x, y, { epochs: 1, batchSize: 2, verbose: 0, callbacks: [callback, probe] });
  await fitting.catch((error: unknown) => {
    if (!(error instanceof RangeError)) throw error;
  });
}

async function inUse(user: WeightEma, model: LayersModel, run: () => Promise<void>): Promise<void> {
  const raw = `${weightBits(model)}`;
  await user.use(0.5, run);
  if (`${weightBits(model)}` !== raw) throw new Error('the weights did not come back');
}

async function inOthersUse({ model }: Subject, run: () => Promise<void>): Promise<void> {
  const other = new WeightEma(tf, { decays: 0.5, updateEvery: 1, engine: 'js' }).attach(model);
  setRandomWeights(model, 99);
  other.update();
  await inUse(other, model, run);
  other.dispose();
}

/** Brings a subject into a state and runs something there. */
export type State = (subject: Subject, run: () => Promise<void>) => Promise<void>;

/** Every state. */
export const STATES = {
  new: (_, run) => run(),
  attached: ({ ema, model }, run) => {
    ema.attach(model);
    return run();
  },
  pending: (subject, run) => {
    steps(subject, 3);
    return run();
  },
  'in fit': inFit,
  'in use': (subject, run) => {
    steps(subject, 3);
    return inUse(subject.ema, subject.model, run);
  },
  "in another's use": (subject, run) => {
    steps(subject, 3);
    return inOthersUse(subject, run);
  },
  poisoned: async (subject, run) => {
    steps(subject, 3);
    await poison(subject);
    await run();
  },
  disposed: (subject, run) => {
    steps(subject, 3);
    subject.ema.dispose();
    return run();
  },
  'model disposed': (subject, run) => {
    steps(subject, 3);
    subject.model.dispose();
    return run();
  },
  'variables disposed': (subject, run) => {
    steps(subject, 3);
    tf.disposeVariables();
    return run();
  },
  'engine reset': async (subject, run) => {
    steps(subject, 3);
    tf.engine().reset();
    await tf.ready();
    await run();
  },
} as const satisfies Record<string, State>;

/** The name of a state. */
export type StateName = keyof typeof STATES;

const memory = () =>
  tf.io.withSaveHandler(async () => ({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }));
const layersOf = (model: LayersModel) => model.layers.length;

/** Reads tensors, which fails where their memory is gone, and disposes them. */
function spent(named: NamedTensorMap): string {
  const sizes = Object.values(named).map((tensor) => tensor.dataSync().length);
  tf.dispose(named);
  return `${sizes}`;
}

/** Runs a call with weights of one's own, by place: those of another model of this kind. */
function withWeights<T>(call: (weights: NamedTensorMap) => T): T {
  const shapes = [[4, 3], [3], [3], [3], [3, 3], [3], [3], [3]];
  const weights = Object.fromEntries(shapes.map((shape, place) => [`weight${place}`, tf.ones(shape)]));
  try {
    return call(weights);
  } finally {
    tf.dispose(weights);
  }
}

/** A valid call; it disposes what it is given, and gives back something where it is done with more than a counter to show for it. */
export type Call<T> = (target: T, subject: Subject) => unknown;

/** Calls of every method of a `WeightEma`, and of the functions of `tfjs-ema/search`, by its name and what is special about the call. */
export const METHODS: Readonly<Record<string, Call<WeightEma>>> = {
  asModel: async (ema) => (await ema.asModel(0.5)).dispose() ?? 'made',
  attach: (ema, { model }) => ema.attach(model),
  callback: (ema, { x, y }) => ema.callback({ validationData: [x, y] }),
  checkpoint: async (ema) => ((await ema.checkpoint()).size > 0 ? 'saved' : undefined),
  diagnose: (ema) => ema.diagnose(),
  dispose: (ema) => ema.dispose(),
  loadCheckpoint: async (ema, { ema: own, model, checkpoint }) => {
    await ema.loadCheckpoint(checkpoint);
    return (own.engine !== undefined ? own : own.attach(model)).steps === CHECKPOINT_STEPS ? 'loaded' : undefined;
  },
  putBack: (ema) => ema.putBack(0.5),
  'putBack best': (ema) => ema.putBack('best'),
  'putBack best-loss': (ema) => ema.putBack('best-loss'),
  'putBack weights': (ema) => withWeights((weights) => ema.putBack(weights)),
  read: (ema) => spent(ema.read(0.5)),
  'read best': (ema) => spent(ema.read('best')),
  'read best-loss': (ema) => spent(ema.read('best-loss')),
  'read synthesized': (ema) => spent(ema.read({ synthesized: 0.7 })),
  recomputeBatchNorm: async (ema, { x }) => (await ema.recomputeBatchNorm(x)) ?? spent(ema.read({ index: 0 })),
  record: (ema) => ema.record({ ...measured, epoch: 1, averages: [{ loss: 1 }, { loss: 0.25 }] }),
  report: (ema) => `${ema.report()}`,
  reset: (ema) => ema.reset(),
  resume: async (ema, { ema: own, model, run }) => {
    await ema.resume(run, model);
    return (own.engine === undefined ? own.attach(model) : own).steps === CHECKPOINT_STEPS ? 'resumed' : undefined;
  },
  saveCheckpoint: async (ema, { file }) => {
    rmSync(file, { force: true });
    await ema.saveCheckpoint(file);
    return existsSync(file) ? 'saved' : undefined;
  },
  saveModel: (ema) => ema.saveModel(0.5, memory()),
  'saveModel best-loss': (ema) => ema.saveModel('best-loss', memory()),
  saveRun: async (ema, { file }) => {
    rmSync(file, { force: true, recursive: true });
    await ema.saveRun(file);
    const saved = existsSync(join(file, 'model.json')) ? 'saved' : undefined;
    rmSync(file, { force: true, recursive: true });
    return saved;
  },
  searchDecay: (ema, { x, y }) => searchDecay(ema, { data: [x, y], trials: 4 }),
  synthesize: (ema) => spent(synthesize(ema, 0.7).tensors),
  update: (ema) => ema.update(),
  use: (ema) => ema.use(0.5, layersOf),
  'use best': (ema) => ema.use('best', layersOf),
  'use best-loss': (ema) => ema.use('best-loss', layersOf),
  'use current': (ema) => ema.use('current', layersOf),
  'use synthesized': (ema) => ema.use({ synthesized: 0.7 }, layersOf),
  'use weights': (ema) => withWeights((weights) => ema.use(weights, layersOf)),
};

/** Calls of every method of the callback. */
export const HOOKS: Readonly<Record<string, Call<Callback>>> = {
  onBatchBegin: (callback) => callback.onBatchBegin(0),
  onBatchEnd: (callback) => callback.onBatchEnd(0),
  onEpochBegin: (callback) => callback.onEpochBegin(0),
  onEpochEnd: (callback) => callback.onEpochEnd(0, {}),
  onTrainBegin: (callback, { model }) => {
    // As fit does, in one turn.
    callback.setParams({ epochs: 1 });
    callback.setModel(model);
    return callback.onTrainBegin();
  },
  onTrainEnd: (callback) => callback.onTrainEnd(),
  setModel: (callback, { model }) => callback.setModel(model) ?? callback.model.name,
  setParams: (callback) => callback.setParams({ epochs: 1 }) ?? callback.params['epochs'],
};
