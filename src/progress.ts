// How far averaging has come: counts steps, and moves the averages when an update is due.
// Knows neither the model nor who asks; does not decide who may.

import { EmaError } from './errors.js';
import type { Schedule } from './schedule.js';
import type { ModelShadows } from './shadow.js';

/** Moves of one length in a row: the steps that each took in, and their number. */
export type Interval = readonly [pending: number, updates: number];

/** How far averaging has come. */
export interface Counters {
  /** Optimizer steps counted so far. */
  readonly steps: number;
  /** Steps of them that the averages do not hold yet. */
  readonly pending: number;
  /** Moves of the averages so far. */
  readonly updates: number;
  /** The moves, oldest first. */
  readonly intervals: readonly Interval[];
}

/** Counters of one attached average, and the moves that they call for. */
export class Progress {
  /** The averages that are moved. */
  readonly shadow: ModelShadows;
  readonly #schedule: Schedule;
  readonly #updateEvery: number;
  #steps = 0;
  #pending = 0;
  #updates = 0;
  #intervals: [pending: number, updates: number][] = [];
  #milliseconds = 0;
  #poison: EmaError | undefined;

  /** @param updateEvery steps between updates, at least 1. */
  constructor(shadow: ModelShadows, schedule: Schedule, updateEvery: number) {
    this.shadow = shadow;
    this.#schedule = schedule;
    this.#updateEvery = updateEvery;
  }

  /** Optimizer steps counted so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Steps that the averages do not hold yet. */
  get pending(): number {
    return this.#pending;
  }

  /** Moves of the averages so far. */
  get updates(): number {
    return this.#updates;
  }

  /** The moves, oldest first: how many steps each took in, and how many such moves came one after the other. */
  get intervals(): readonly Interval[] {
    return this.#intervals;
  }

  /** Seconds spent in moves so far; on a GPU, the time to hand them over. */
  get seconds(): number {
    return this.#milliseconds / 1000;
  }

  /** The failure after which the averages can no longer be trusted. */
  get poison(): EmaError | undefined {
    return this.#poison;
  }

  /** Counts one step, and moves the averages when `updateEvery` are pending: a step without a move is two additions. */
  count(): void {
    this.#steps += 1;
    this.#pending += 1;
    if (this.#pending >= this.#updateEvery) this.#move();
  }

  /** Moves the averages by the pending steps, if there are any. */
  flush(): void {
    if (this.#pending > 0) this.#move();
  }

  /**
   * Goes on from another state, which `write` puts into the averages.
   * @throws {@link EmaError} POISONED — `write` failed, so that the averages are neither the old nor the new ones.
   */
  restore({ steps, pending, updates, intervals }: Counters, write: () => void): void {
    try {
      write();
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      this.#poison = new EmaError('POISONED', `the averages were overwritten in part only: ${text}`, { cause });
      throw this.#poison;
    }
    this.#steps = steps;
    this.#pending = pending;
    this.#updates = updates;
    this.#intervals = intervals.map(([length, count]) => [length, count]);
  }

  #move(): void {
    const begin = performance.now();
    try {
      this.shadow.update(this.#schedule.alphas(this.#steps - this.#pending, this.#pending));
    } catch (error) {
      if (error instanceof EmaError && error.code === 'POISONED') this.#poison = error;
      throw error;
    } finally {
      this.#milliseconds += performance.now() - begin;
    }
    const last = this.#intervals.at(-1);
    if (last?.[0] === this.#pending) last[1] += 1;
    else this.#intervals.push([this.#pending, 1]);
    this.#pending = 0;
    this.#updates += 1;
  }
}
