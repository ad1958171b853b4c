// Everything of a `WeightEma` that exists only with a model: its averages, how far they are, the scope of swaps, the looks.
// Names no average and keeps no best one.

import type { NamedTensorMap } from '@tensorflow/tfjs';
import { Progress } from '../averages/progress.js';
import { type Alphas, ModelShadows } from '../averages/shadows.js';
import { EmaError } from '../base/errors.js';
import type { Warnings } from '../base/warnings.js';
import { Looks } from '../diagnosis/looks.js';
import { changedByLoading } from '../model/constraints.js';
import { isSwapped, type Restored, type Swap, SwapScope, swappedIn } from '../model/swap.js';
import { isLayersModel, type ModelSource } from '../model/variables.js';
import { withRules } from '../options/layer-decays.js';
import type { ResolvedOptions } from '../options/options.js';
import { foresee } from '../options/run-length.js';
import { Schedule } from '../schedule/schedule.js';
import { labelsOf } from '../schedule/specs.js';
import { floatsOf, isTakingGradient, type Tfjs } from '../tfjs/backend.js';
import { States } from '../tfjs/states.js';
import type { Selected } from './selected.js';

/** The averages of one model, at work. */
export class Attached {
  /** As they are once the length of the run is known. */
  readonly options: ResolvedOptions;
  readonly shadows: ModelShadows;
  readonly progress: Progress;
  readonly looks: Looks;
  readonly scope: SwapScope;
  /** What will be wrong at the end of the run, as far as that is known beforehand. */
  readonly forewarnings: readonly string[];
  readonly #tf: Tfjs;
  readonly #warnings: Warnings;

  /**
   * Copies the model's weights into the averages. All or nothing: after a failure nothing is left of it.
   * @param options settled: all lengths in steps.
   * @throws {@link EmaError} as {@link WeightEma.attach}
   */
  constructor(
    tf: Tfjs,
    model: ModelSource,
    { options, warnings }: { readonly options: ResolvedOptions; readonly warnings: Warnings },
  ) {
    this.#tf = tf;
    this.options = options;
    this.#warnings = warnings;
    checkFloats(tf, warnings);
    this.shadows = new ModelShadows(tf, model, options);
    try {
      this.checkOwnWeights('attach', 'It is one of another object: attach after its use() has returned.');
      const schedule = new Schedule({ ...options, ...withRules(options, options.layerRules) });
      this.forewarnings = foresee(schedule, options);
      const onSkip = (message: string): void => warnings.add(message);
      this.progress = new Progress(this.shadows, schedule, { ...options, onSkip });
    } catch (error) {
      this.shadows.dispose();
      throw error;
    }
    const { decays, layerRules, diagnoseEvery: every } = options;
    this.looks = new Looks(this.progress, { decays, labels: labelsOf(options), layerRules, every }, warnings);
    this.scope = new SwapScope(tf, (message) => warnings.add(message, 'written in use'));
  }

  /**
   * Checks that no average, of whatever object, stands in the place of the weights.
   * @throws {@link EmaError} SWAPPED_IN
   */
  checkOwnWeights(method: string, fix: string): void {
    if (isSwapped(this.shadows.weights.averaged)) throw swappedIn(method, fix);
  }

  /**
   * Checks that no gradient is being taken: it would see the average's values as the weights, and be wrong without a word.
   * @throws {@link EmaError} IN_GRADIENT
   */
  checkNoGradient(method: string): void {
    if (!isTakingGradient(this.#tf)) return;
    throw new EmaError(
      'IN_GRADIENT',
      `${method}: a gradient is being taken, and would run through the average in the place of the weights. ` +
        `Call ${method}() before, outside of the loss; or take a model of its own once: const teacher = await ema.asModel(which), ` +
        'and teacher.refresh().predict(x) in the loss.',
    );
  }

  /**
   * Whether there is an average: one that stands, always; others after the first step. Before it, a warning says what is done instead.
   * @param method who asks.
   * @param instead such as 'the model runs with its own weights'.
   */
  hasBegun({ isFixed }: Selected, method: string, instead: string): boolean {
    if (isFixed || this.progress.steps > 0) return true;
    this.#warnings.add(
      `${method}() before the first step: there is no average yet, so ${instead}. Call update(), or let fit train, first.`,
    );
    return false;
  }

  /** The same up to `start`, where every average is a copy of the weights. */
  hasStarted(selected: Selected, method: string, instead: string): boolean {
    return this.hasBegun(selected, method, instead) && !this.warnOfCopies(selected, `${method}()`, instead);
  }

  /** Warns where steps were counted, but none after the start. */
  warnOfCopies({ isFixed }: Selected, what: string, so: string): boolean {
    const { steps, hasStarted } = this.progress;
    if (isFixed || hasStarted || steps === 0) return false;
    this.#warnings.add(`${what} before the start: every average is a copy of the weights until then, so ${so}.`);
    return true;
  }

  /**
   * Warns where what is saved would be loaded as something else.
   * @param values by weight name.
   */
  warnOfConstraints(values: NamedTensorMap): void {
    const message = changedByLoading(this.#tf, this.shadows.weights.averaged, values);
    if (message !== undefined) this.#warnings.add(message, 'constraints of what is saved');
  }

  /** Counts one optimizer step, and moves the averages when they are due. */
  count(): void {
    const before = this.progress.updates;
    this.progress.count();
    if (this.progress.updates !== before) this.looks.afterUpdate();
  }

  /** Lets averages begin anew; undefined for all. */
  beginAnew(indices: readonly number[] | undefined): void {
    const { decays, layerRules } = this.options;
    const rules = [0, ...layerRules.map((_, rule) => rule + 1)];
    this.progress.begin(indices && rules.flatMap((rule) => indices.map((index) => index + rule * decays.length)));
    this.looks.resume();
  }

  /** An average by weight name; the caller disposes it. Works also after the model was disposed. */
  read(selected: Selected): NamedTensorMap {
    const { pending } = this.progress;
    if (!selected.isFixed && pending > 0 && !this.shadows.isAlive) {
      this.#warnings.add(
        `read() after the model was disposed: its last ${pending} steps are not in the averages. Read before that.`,
      );
    }
    return selected.read(this.#ahead(selected));
  }

  /** Runs `fn` while an average stands in the model's place; before the first step, with the model as it is. */
  using<R>(selected: Selected, fn: () => R): R {
    this.checkNoGradient('use');
    this.checkOwnWeights('use', 'Let the first use() return before the next.');
    this.shadows.checkModel();
    if (!this.hasBegun(selected, 'use', 'the model runs with its own weights')) return fn();
    return this.#leavingStates(selected.swapIn(this.#ahead(selected)), fn);
  }

  /** Runs `fn` with the model's own weights, and all else as in {@link Attached.using}. */
  usingOwn<R>(fn: () => R): R {
    this.checkOwnWeights('validate', 'Let use() return first: it gives the weights back.');
    const own = Object.fromEntries(this.shadows.weights.averaged.map(({ name, variable }) => [name, variable]));
    return this.#leavingStates(this.shadows.swapIn(own), fn);
  }

  /** Runs `fn` in a swap, at whose end the model also has again what running it moved besides the averaged weights. */
  #leavingStates<R>(swap: Swap, fn: () => R): R {
    const { model, weights } = this.shadows;
    if (!isLayersModel(this.#tf, model)) return this.scope.run(swap, fn);
    const averaged = weights.averaged.map(({ variable }) => variable);
    const states = new States(this.#tf, model, averaged);
    let leave = (): void => undefined;
    const restore = (returned: unknown): Restored => {
      try {
        leave();
      } catch (error) {
        this.#tf.dispose(swap.restore().overwritten);
        throw error;
      } finally {
        states.dispose(returned);
      }
      return swap.restore();
    };
    return this.scope.run({ restore }, () => {
      leave = states.enter();
      return fn();
    });
  }

  /** Gives the model, for good, the weights of an average. */
  settle({ read }: Selected): void {
    // Steps from before belong to the weights from before.
    this.progress.flush();
    const tensors = read();
    try {
      this.shadows.assign(tensors);
    } finally {
      this.#tf.dispose(tensors);
    }
    this.looks.restart();
  }

  #ahead({ isFixed }: Selected): Alphas | undefined {
    return isFixed ? undefined : this.progress.ahead();
  }

  /** Releases the averages; the model keeps its weights. */
  dispose(): void {
    this.shadows.dispose();
    this.scope.dispose();
  }
}

const ELSEWHERE = "Before the model is made: await tf.setBackend('wasm') or 'cpu'.";

/**
 * Checks that tensors can be read, before what would be zeros is saved.
 * @throws {@link EmaError} ENGINE_UNAVAILABLE
 */
export function checkReadable(tf: Tfjs, method: string): void {
  if (floatsOf(tf) !== 'unreadable') return;
  throw new EmaError(
    'ENGINE_UNAVAILABLE',
    `${method}: expected tensors that can be read, received zeros from tfjs's '${tf.getBackend()}' in this browser: whatever is saved would be zeros. ${ELSEWHERE}`,
  );
}

/** Checks that averages can be trusted to the backend. */
function checkFloats(tf: Tfjs, warnings: Warnings): void {
  checkReadable(tf, 'attach');
  if (floatsOf(tf) !== 'half') return;
  warnings.add(
    'tfjs computes with floats of 16 bits on this device: averages that move by less than a thousandth a step stand still, and so ' +
      `may training. ${ELSEWHERE}`,
  );
}
