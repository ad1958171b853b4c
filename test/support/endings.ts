// Trainings that end where nobody meant them to: by a throw in a hook or in what is called in between, or by a stop.
// Holds no expectations; the same training runs with averages and without.

import type { Callback, ModelFitArgs, Sequential, Tensor, Tensor2D, TensorContainer } from '@tensorflow/tfjs';
import { type EmaCallbackOptions, WeightEma } from '../../src/index.js';
import { isSwapped, weightBits } from './expect.js';
import { data, tf, weightValues } from './models.js';

/** A hook of another callback. */
export type Hook = 'onTrainBegin' | 'onEpochBegin' | 'onBatchBegin' | 'onBatchEnd' | 'onEpochEnd' | 'onTrainEnd';
/** What is called in between. */
export type Part = 'layer' | 'loss' | 'metric' | 'iterator';
/** Where another callback stands. */
export type Place = 'before' | 'after';

interface InHook<K extends string> {
  readonly kind: K;
  readonly hook: Hook;
  readonly place: Place;
}

interface InPart<K extends string> {
  readonly kind: K;
  readonly part: Part;
}

/** How training ends, at the call of this number, from 0. */
export type Plan = { readonly at: number } & (
  | InHook<'throw'>
  | InHook<'stop'>
  | InPart<'training'>
  | InPart<'validation'>
  | { readonly kind: 'use'; readonly isAsync: boolean }
  | { readonly kind: 'early'; readonly monitor: string }
);

/** Callbacks as fit takes them. */
type Callbacks = Extract<NonNullable<ModelFitArgs['callbacks']>, readonly unknown[]>;

const SAMPLES = 20;
const BATCH = 4;
/** Steps of an epoch. */
export const STEPS = SAMPLES / BATCH;
/** Epochs of a training. */
export const EPOCHS = 2;
/** Steps of what follows after its end. */
export const MORE_STEPS = 2;
/** Decays of the averages. */
export const DECAYS = [0.5, 0.9] as const;

/** What every planned throw says. */
export const PLANNED = 'as planned';

// What the parts of the model and the data sets ask before they work.
let ask: (part: Part) => void = () => undefined;

class AskingLayer extends tf.layers.Layer {
  static className = 'AskingLayer';
  override call(inputs: Tensor | Tensor[]): Tensor | Tensor[] {
    ask('layer');
    return inputs;
  }
}

type Measure = (yTrue: Tensor, yPred: Tensor) => Tensor;

function asking(part: Part, measure: Measure): Measure {
  return (yTrue, yPred) => {
    ask(part);
    return measure(yTrue, yPred);
  };
}

function askingModel(): Sequential {
  const model = tf.sequential({
    layers: [
      tf.layers.batchNormalization({ inputShape: [4] }),
      new AskingLayer({}),
      tf.layers.dense({
        units: 3,
        activation: 'softmax',
        kernelInitializer: tf.initializers.glorotUniform({ seed: 1 }),
      }),
    ],
  });
  model.compile({
    optimizer: tf.train.momentum(0.1, 0.9),
    loss: asking('loss', tf.metrics.categoricalCrossentropy),
    metrics: [asking('metric', tf.metrics.categoricalAccuracy)],
  });
  return model;
}

type Pair = readonly [x: Tensor2D, y: Tensor2D];

function askingDataset([x, y]: Pair) {
  return tf.data.generator(function* (): Generator<TensorContainer, void> {
    for (let begin = 0; begin < x.shape[0]; begin += BATCH) {
      ask('iterator');
      yield { xs: x.slice([begin, 0], [BATCH, 4]), ys: y.slice([begin, 0], [BATCH, 3]) };
    }
  });
}

/** A callback with some hooks; one of `tf.CustomCallback` would read the logs, and give their tensors back. */
function callbackOf(hooks: { readonly [hook in Hook]?: () => void | Promise<void> }) {
  const callback = new (class extends tf.Callback {})();
  for (const [hook, run] of Object.entries(hooks)) Object.assign(callback, { [hook]: async () => run() });
  return callback;
}

/** One training: until its end, and then a little more. */
export class Training {
  readonly #count = tf.memory().numTensors;
  readonly model = askingModel();
  /** The averages, if there are any. */
  readonly ema: WeightEma | undefined;
  /** The weights by name: at first, and at each step that reached the callback. */
  readonly seen: { readonly [name: string]: Float32Array }[] = [];
  readonly #callback: Callback | undefined;
  readonly #plan: Plan;
  readonly #data: Pair;
  readonly #validation: Pair;
  #calls = 0;
  #isArmed = true;
  #isInBatch = false;

  constructor(plan: Plan, engine?: 'native' | 'js') {
    this.#plan = plan;
    const [own, validation] = [data(SAMPLES), data((plan.kind === 'validation' ? 10 : 2) * BATCH, 8)];
    this.#data = [own.x, own.y];
    this.#validation = [validation.x, validation.y];
    this.#see();
    if (engine === undefined) return;
    const options = { decays: DECAYS, updateEvery: 1, warmup: 'none', engine } as const;
    this.ema = new WeightEma(tf, { ...options, onWarning: () => undefined });
    this.#callback = this.ema.callback({ ...this.#validationData(), batchSize: BATCH });
  }

  /** @returns what it ended with: the message of an error, if it was one. */
  async end(): Promise<string | undefined> {
    return this.#fit(EPOCHS, this.#data).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : `${error}`),
    );
  }

  /** One epoch more, a short one, in which nothing is planned. */
  async goOn(): Promise<void> {
    this.#isArmed = false;
    this.#isInBatch = false;
    const [x, y] = this.#data.map((tensor) => tensor.slice([0, 0], [MORE_STEPS * BATCH, -1])) as [Tensor2D, Tensor2D];
    await this.#fit(1, [x, y]);
    tf.dispose([x, y]);
  }

  /** The weights, to the bit. */
  bits(): string {
    return JSON.stringify(weightBits(this.model));
  }

  /** Gives everything back. @returns how many tensors stay. */
  release(): number {
    this.ema?.dispose();
    this.model.dispose();
    this.model.optimizer.dispose();
    tf.disposeVariables();
    tf.dispose([...this.#data, ...this.#validation]);
    return tf.memory().numTensors - this.#count;
  }

  async #fit(epochs: number, samples: Pair): Promise<void> {
    ask = (part) => this.#asked(part);
    const callbacks = this.#callbacks();
    const plan = this.#plan;
    if (plan.kind === 'training' && plan.part === 'iterator') {
      await this.model.fitDataset(askingDataset(samples), { epochs, verbose: 0, callbacks });
    } else {
      const [x, y] = samples;
      await this.model.fit(x, y, { epochs, batchSize: BATCH, shuffle: false, verbose: 0, callbacks });
    }
  }

  #validationData(): EmaCallbackOptions {
    const { kind } = this.#plan;
    const isStream = kind === 'validation' && this.#plan.part === 'iterator';
    return { validationData: isStream ? askingDataset(this.#validation) : [...this.#validation] };
  }

  #callbacks(): Callbacks {
    const inBatch = (isInBatch: boolean) => (): void => {
      this.#isInBatch = isInBatch;
    };
    const watch = callbackOf({ onBatchBegin: inBatch(true), onBatchEnd: inBatch(false) });
    const record = callbackOf({ onBatchEnd: () => this.#see() });
    const plan = this.#plan;
    const own = this.#callback === undefined ? [] : [record, this.#callback];
    if (plan.kind === 'training' || plan.kind === 'validation') return [watch, ...own];
    if (plan.kind === 'early') {
      const { monitor } = plan;
      return [watch, ...own, ...(this.#isArmed ? [tf.callbacks.earlyStopping({ monitor, baseline: 0 })] : [])];
    }
    const hook = plan.kind === 'use' ? 'onBatchEnd' : plan.hook;
    const other = callbackOf({ [hook]: () => this.#hooked() });
    return plan.kind !== 'use' && plan.place === 'before' ? [watch, other, ...own] : [watch, ...own, other];
  }

  #see(): void {
    const names = this.model.weights.map((weight) => weight.originalName);
    this.seen.push(Object.fromEntries(weightValues(this.model).map((values, index) => [names[index], values])));
  }

  #isDue(): boolean {
    if (!this.#isArmed) return false;
    this.#calls += 1;
    return this.#calls === this.#plan.at + 1;
  }

  #asked(part: Part): void {
    const plan = this.#plan;
    if ((plan.kind !== 'training' && plan.kind !== 'validation') || plan.part !== part) return;
    // Of the data sets only the one that is meant asks.
    const isMeant = plan.kind === 'training' ? this.#isInBatch : this.ema !== undefined && isSwapped(this.ema);
    if ((isMeant || part === 'iterator') && this.#isDue()) throw new RangeError(PLANNED);
  }

  #hooked(): void | Promise<void> {
    if (!this.#isDue()) return undefined;
    const { kind } = this.#plan;
    if (kind === 'stop') {
      this.model.stopTraining = true;
      return undefined;
    }
    const fail = (): never => {
      throw new RangeError(PLANNED);
    };
    if (kind !== 'use' || this.ema === undefined) return fail();
    const late = (): Promise<never> => Promise.resolve().then(fail);
    return this.ema.use(DECAYS[0], this.#plan.kind === 'use' && this.#plan.isAsync ? late : fail);
  }
}
