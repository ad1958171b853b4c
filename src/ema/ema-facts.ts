// What may be asked of an average at any time: counters, engine, memory, warnings.
// Changes nothing.

import type { NamedTensorMap } from '@tensorflow/tfjs';
import type { Progress } from '../averages/progress.js';
import { EmaError } from '../base/errors.js';
import { Warnings } from '../base/warnings.js';
import type { EngineName } from '../engine/contract.js';
import { SwapScope } from '../model/swap.js';
import type { ResolvedOptions } from '../options/options.js';
import { PAPER_WINDOWS } from '../schedule/decay.js';
import { labelsOf } from '../schedule/specs.js';
import type { Tfjs } from '../tfjs/backend.js';

/** The state of a `WeightEma`, and the facts about it. */
export abstract class EmaFacts {
  /** @internal */
  protected readonly tf: Tfjs;
  /** @internal */
  protected options: ResolvedOptions;
  /** @internal */
  protected readonly notes: Warnings;
  /** @internal */
  protected readonly scope: SwapScope;
  /** @internal */
  protected run: Progress | undefined;
  /** @internal */
  protected isDisposed = false;

  /** @internal */
  protected constructor(tf: Tfjs, options: ResolvedOptions) {
    this.tf = tf;
    this.options = options;
    this.notes = new Warnings(options.onWarning);
    this.scope = new SwapScope(tf);
  }

  /** Optimizer steps counted so far. */
  get steps(): number {
    return this.run?.steps ?? 0;
  }

  /** Moves of the averages so far. */
  get updates(): number {
    return this.run?.updates ?? 0;
  }

  /** Seconds spent in updates so far; on a GPU, the time to hand them over. */
  get updateSeconds(): number {
    return this.run?.seconds ?? 0;
  }

  /** Updates left out because weights were not finite, with `nonFinite: 'skip'`: one for each interval in which none could be made. */
  get skippedUpdates(): number {
    return this.run?.skipped ?? 0;
  }

  /**
   * Decays per step, in the order of the averages; 1 for those that are not exponential. None before `attach` where units of the
   * options need the length of the run.
   */
  get decays(): readonly number[] {
    return this.options.decays;
  }

  /** What the averages are called in logs, in their order: `'0.999'`, `'uniform'`, `'width0.1'`. */
  get labels(): readonly string[] {
    return labelsOf(this.options);
  }

  /** Number of averages. */
  get averages(): number {
    const { specs } = this.options.specs;
    return specs === 'auto' ? PAPER_WINDOWS.length : specs.length;
  }

  /** Who runs the updates; undefined before `attach`. */
  get engine(): EngineName | undefined {
    return this.run?.shadow.engine.engine;
  }

  /** Why this engine was chosen, and not the other. */
  get engineReason(): string {
    return this.run?.shadow.engine.reason ?? 'not attached to a model yet';
  }

  /** Bytes that the averages occupy; 0 before `attach`. */
  get bytes(): number {
    return this.isDisposed ? 0 : (this.run?.shadow.bytes ?? 0);
  }

  /** Whether `attach` was called. */
  get isAttached(): boolean {
    return this.run !== undefined;
  }

  /** Whether an average stands in the model's place now. */
  get isSwapped(): boolean {
    return this.scope.isOpen;
  }

  /** What a user should know but that stopped nothing, each once, oldest first. */
  get warnings(): readonly string[] {
    return this.notes.messages;
  }

  /**
   * Values that training wrote into the model during `use()`, by weight; empty when all went well. Owned by this object:
   * replaced at the next such accident and disposed by `dispose()`.
   */
  get overwritten(): Readonly<NamedTensorMap> {
    return this.scope.overwritten;
  }

  /** @internal */
  protected attached(method: string): Progress {
    this.checkUsable();
    if (this.run !== undefined) return this.run;
    const wayOut = 'Call attach(model) first; as a callback, start model.fit first.';
    throw new EmaError('NOT_ATTACHED', `${method}: there is no model yet. ${wayOut}`);
  }

  /** @internal */
  protected checkUsable(): void {
    if (this.isDisposed) throw new EmaError('DISPOSED', 'the average was disposed. Make a new one.');
    const cause = this.run?.poison;
    if (cause === undefined) return;
    throw new EmaError('POISONED', `an earlier update failed, and the averages cannot be trusted: ${cause.message}`, {
      cause,
    });
  }
}
