// The best averages so far, by each metric: which they were, and their weights.
// Measures nothing, and puts nothing into a model.

import type { NamedTensorMap } from '@tensorflow/tfjs';
import { invalid } from '../base/argument.js';
import { EmaError } from '../base/errors.js';
import { isAlive, type Tfjs } from '../tfjs/backend.js';
import type { Measures } from './meter.js';
import { directionOf, isBetter, type Metrics, type Winner } from './selection.js';
import type { Ties } from './ties.js';

/** The best average of all epochs by one metric. */
export interface BestRecord {
  /** The metric, without `val_`. */
  readonly metric: string;
  readonly value: number;
  /** The epoch, from 0, as `model.fit` counts. */
  readonly epoch: number;
  /** Place of the average in `decays`. */
  readonly index: number;
  readonly decay: number;
  /** Whether smaller or larger is better, where the option `mode` said it. */
  readonly mode?: 'min' | 'max';
  /** What the validation data could not tell apart from it in that epoch; undefined where that was not tested. */
  readonly tied?: Ties | undefined;
}

/** What one epoch measured. */
export interface Measured {
  /** From 0, as `model.fit` counts. */
  readonly epoch: number;
  /** Of the model's own weights. @defaultValue not measured */
  readonly raw?: Metrics;
  /** Of each average, in the order of `decays`. */
  readonly averages: readonly Metrics[];
  /** By metric: what cannot be told apart from the best average of this epoch. */
  readonly tied?: Readonly<Record<string, Ties>>;
}

/** What was judged of one measurement. */
export interface Judged {
  /** The best by each metric. */
  readonly winners: readonly Winner[];
  /** Of each average. */
  readonly decays: readonly number[];
  /** The metric by which `'best'` is the best. */
  readonly monitor: string;
}

/** A best average that is kept. */
export interface KeptAverage {
  readonly record: BestRecord;
  readonly tensors: NamedTensorMap;
  /**
   * The same values under other handles, which the caller disposes.
   * @throws {@link EmaError} POISONED — they were released from outside.
   */
  readonly clone: () => NamedTensorMap;
}

/** A best average, and its weights where they are kept. */
export interface HeldAverage {
  readonly record: BestRecord;
  readonly tensors: NamedTensorMap | undefined;
}

/** Keeps, for each metric, the best average of all epochs. */
export class BestAverages {
  readonly #tf: Tfjs;
  readonly #held = new Map<string, HeldAverage>();
  /** What the best of each metric was measured by. */
  readonly #by = new Map<string, Measures>();
  #measures: Measures = new Map();
  #monitor: string | undefined;

  constructor(tf: Tfjs) {
    this.#tf = tf;
  }

  /** The best of each metric, in the order in which the metrics came. */
  get records(): readonly BestRecord[] {
    return [...this.#held.values()].map(({ record }) => record);
  }

  /** The same with their weights, which stay owned here. */
  get held(): readonly HeldAverage[] {
    return [...this.#held.values()];
  }

  /** The metric by which `'best'` is the best; undefined while nothing was measured. */
  get monitor(): string | undefined {
    return this.#monitor;
  }

  /**
   * Says what metrics are measured by from here on. Where it is another function than that of the best so far, the two cannot be
   * compared: the next measurement takes its place, whatever it is.
   * @returns these bests.
   */
  measureBy(measures: Measures): readonly BestRecord[] {
    const before = this.#outdated();
    this.#measures = measures;
    return this.#outdated().filter((record) => !before.includes(record));
  }

  /** Takes over the best averages of another time, and their weights, in the place of all that are held. */
  restore(held: readonly HeldAverage[], monitor: string | undefined): void {
    this.dispose();
    this.#monitor = monitor;
    for (const { record, tensors } of held) this.#hold(record, tensors);
    // What another process measured by is not known.
    this.#by.clear();
  }

  /**
   * Takes over what is better than before; what is only as good is not, so that the earliest epoch stays.
   * @param judged what was the best of this measurement.
   * @param snapshot the weights of an average, taken over from here on; left out, only the records are kept.
   */
  record(
    { epoch, tied }: Pick<Measured, 'epoch' | 'tied'>,
    { winners, decays, monitor }: Judged,
    snapshot?: (index: number) => NamedTensorMap,
  ): void {
    const outdated = this.#outdated();
    const better = winners.flatMap(({ metric, direction, mode, index, value }): BestRecord[] => {
      const before = this.#held.get(metric);
      const was = before && directionOf(metric, before.record.mode);
      const isCompared = before !== undefined && was === direction && !outdated.includes(before.record);
      if (isCompared && !isBetter(direction, value, before.record.value)) return [];
      const record = { metric, value, epoch, index, decay: decays[index] ?? Number.NaN };
      const ties = tied?.[metric];
      return [{ ...record, ...(mode === undefined ? {} : { mode }), ...(ties === undefined ? {} : { tied: ties }) }];
    });
    this.#tf.tidy(() => {
      // All of them before the first takes its place: what is not kept in the end goes with the scope.
      const fresh = better.map((record) => ({ record, tensors: snapshot?.(record.index) }));
      for (const { record, tensors } of fresh) this.#hold(record, tensors);
    });
    // Also where it has no number yet: another metric's best must not go by the name 'best'.
    this.#monitor = monitor;
  }

  /**
   * The weights of a best average; they stay owned here.
   * @returns undefined when `which` names no best of all epochs.
   * @throws {@link EmaError} INVALID_ARGUMENT — it does, but there is none by this metric.
   */
  find(which: unknown): KeptAverage | undefined {
    const metric = this.#metricOf(which);
    if (metric === undefined) return undefined;
    const held = this.#held.get(metric);
    if (held?.tensors !== undefined) {
      const { record, tensors } = held;
      return { record, tensors, clone: () => cloned(this.#tf, tensors) };
    }
    const kept = [...this.#held].flatMap(([metric, { tensors }]) =>
      tensors === undefined ? [] : [`'best-${metric}'`],
    );
    const expected = kept.length === 0 ? 'a best average, and none is kept' : `one of ${kept.join(', ')}`;
    const fix =
      this.#monitor === undefined || held !== undefined
        ? 'ema.callback() keeps them where fit validates, unless keepBest is false.'
        : `Kept are the monitored metric, loss and accuracy, of epochs in which they were numbers: for another, monitor: 'val_${metric}'.`;
    throw invalid('which', expected, which, fix);
  }

  /** Releases the weights. */
  dispose(): void {
    for (const { tensors } of this.#held.values()) this.#tf.dispose(tensors ?? []);
    this.#held.clear();
    this.#by.clear();
  }

  /** The metric that a name asks for; undefined when it asks for no best of all epochs, or nothing was measured. */
  #metricOf(which: unknown): string | undefined {
    if (which === 'best') return this.#monitor;
    return typeof which === 'string' && which.startsWith('best-') ? which.slice('best-'.length) : undefined;
  }

  /** Bests that were measured by another function than what is measured now. */
  #outdated(): readonly BestRecord[] {
    return this.records.filter(({ metric }) => {
      const [was, is] = [this.#by.get(metric)?.get(metric), this.#measures.get(metric)];
      return (
        was !== undefined && is !== undefined && !(was.length === is.length && was.every((one, i) => one === is[i]))
      );
    });
  }

  #hold(record: BestRecord, tensors: NamedTensorMap | undefined): void {
    for (const tensor of Object.values(tensors ?? {})) this.#tf.keep(tensor);
    this.#tf.dispose(this.#held.get(record.metric)?.tensors ?? []);
    this.#held.set(record.metric, { record, tensors });
    this.#by.set(record.metric, this.#measures);
  }
}

function cloned(tf: Tfjs, tensors: NamedTensorMap): NamedTensorMap {
  if (!Object.values(tensors).every((tensor) => isAlive(tf, tensor))) {
    const reason = 'the tensors of the best average were released from outside (tf.engine().reset()?): they are lost.';
    throw new EmaError('POISONED', reason);
  }
  return tf.tidy(() => Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.clone()])));
}
