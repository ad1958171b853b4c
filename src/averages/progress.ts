// How far averaging has come: counts steps, and moves the averages when an update is due.
// Knows neither the model nor who asks; does not decide who may.

import { EmaError, messageOf } from '../base/errors.js';
import type { NonFinitePolicy } from '../model/finite.js';
import type { Schedule } from '../schedule/schedule.js';
import type { ModelShadows } from './shadows.js';

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
  /** What each average that a function decides kept of its start: a share, in their order. */
  readonly kept?: readonly number[] | undefined;
  /** Averages that did not begin with the others: their places among the alphas, and after how many steps. */
  readonly begun?: readonly (readonly [place: number, step: number])[] | undefined;
}

/** When averages move, beside what their schedule says. */
export interface ProgressOptions {
  /** Steps between updates, at least 1. */
  readonly updateEvery: number;
  /** @defaultValue `'propagate'` */
  readonly nonFinite?: NonFinitePolicy;
  /** Told of the first update that was left out. */
  readonly onSkip?: (message: string) => void;
}

/** Counters of one attached average, and the moves that they call for. */
export class Progress {
  /** The averages that are moved. */
  readonly shadow: ModelShadows;
  readonly #schedule: Schedule;
  readonly #options: ProgressOptions;
  #steps = 0;
  #pending = 0;
  #updates = 0;
  #intervals: [pending: number, updates: number][] = [];
  // By the place of the average among the alphas.
  readonly #kept = new Map<number, number>();
  #milliseconds = 0;
  #skipped = 0;
  #hasToldSkip = false;
  // The step that the next move is due at: while averaging has not started, that of the start.
  #due: number;
  #poison: EmaError | undefined;

  constructor(shadow: ModelShadows, schedule: Schedule, options: ProgressOptions) {
    this.shadow = shadow;
    this.#schedule = schedule;
    this.#options = options;
    this.#due = this.#dueAfter(0);
    for (const index of schedule.decided) this.#kept.set(index, 1);
  }

  /** Optimizer steps counted so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Whether a step after the start was counted: up to it, every average is a copy of the weights. */
  get hasStarted(): boolean {
    return this.#steps > this.#schedule.startStep;
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

  /** What averages that a function decides kept of their start, by their place among the alphas: moves cannot be gone through again. */
  get kept(): ReadonlyMap<number, number> {
    return this.#kept;
  }

  /** Seconds spent in moves so far; on a GPU, the time to hand them over. */
  get seconds(): number {
    return this.#milliseconds / 1000;
  }

  /** Updates left out because weights were not finite: one for each interval in which none could be made. */
  get skipped(): number {
    return this.#skipped;
  }

  /**
   * The decay per step by which each average moved last, those of rules after the others; none before the first move.
   * Of a function it is what that said last.
   */
  get lastDecays(): readonly number[] {
    const [pending] = this.#intervals.at(-1) ?? [];
    if (pending === undefined) return [];
    const held = this.#steps - this.#pending;
    return this.#schedule.foreseen(held - pending, pending).map((alpha, place) => {
      // One that began anew since then is a copy, and of the steps before it took none in.
      const own = Math.min(pending, held - (this.begun.get(place) ?? 0));
      return own <= 0 ? 0 : Math.exp(Math.log1p(-alpha) / own);
    });
  }

  /**
   * Alphas of the next update, were it due after a whole interval: one per average, or for each weight too.
   * @param ahead of {@link Progress.ahead}, where averages are looked at.
   */
  nextAlphas(ahead: readonly number[] | undefined): readonly number[] {
    const held = ahead === undefined ? this.#steps - this.#pending : this.#steps;
    return this.#schedule.foreseen(held, this.#options.updateEvery);
  }

  /**
   * The alphas of an update that would take the pending steps in. Who looks at averages sees them as they would be after it; it is not made,
   * so that averages do not depend on who looks, and how often.
   * @returns undefined where nothing is pending, the model was disposed, or policy leaves the steps out, which is told once.
   */
  ahead(): readonly number[] | undefined {
    if (this.#pending === 0 || !this.shadow.isAlive || !this.#mayMove()) return undefined;
    return this.#schedule.alphas(this.#steps - this.#pending, this.#pending);
  }

  /** The moves, as who looks sees them: with that of the pending steps. */
  intervalsAhead(): readonly Interval[] {
    return this.ahead() === undefined ? this.#intervals : [...this.#intervals, [this.#pending, 1]];
  }

  /**
   * Goes through the moves once more, oldest first; alphas that a function decided are not known any more: see {@link Progress.kept}.
   * @param first how many of them are left out.
   * @param visit is told the alphas of a move, and the steps that it took in.
   */
  replay(first: number, visit: (alphas: readonly number[], pending: number) => void): void {
    let [before, move] = [0, 0];
    for (const [pending, updates] of this.#intervals) {
      const skipped = Math.min(updates, Math.max(0, first - move));
      for (let i = skipped; i < updates; i += 1) visit(this.#schedule.foreseen(before + i * pending, pending), pending);
      before += pending * updates;
      move += updates;
    }
  }

  /** The failure after which the averages can no longer be trusted. */
  get poison(): EmaError | undefined {
    return this.#poison;
  }

  /**
   * Counts one step, and moves the averages when a move is due: a step without one is two additions.
   * @throws {@link EmaError} NON_FINITE — by policy; the step is counted, and pending.
   */
  count(): void {
    this.#steps += 1;
    this.#pending += 1;
    if (this.#steps < this.#due) return;
    if (this.#options.nonFinite === undefined || this.#options.nonFinite === 'propagate') this.#move();
    else if (this.shadow.isFinite()) this.#move();
    else this.#leaveOut(this.#options.nonFinite);
  }

  /** Moves the averages by the pending steps, if there are any and policy allows: for who changes averages or weights next. */
  flush(): void {
    if (this.#pending > 0 && this.#mayMove()) this.#move();
  }

  /**
   * Goes on from another state, which `write` puts into the averages.
   * @throws {@link EmaError} POISONED — `write` failed, so that the averages are neither the old nor the new ones.
   */
  restore(counters: Counters, write: () => void): void {
    this.rewrite(write);
    this.#goOn(counters);
  }

  #goOn({ steps, pending, updates, intervals, kept = [], begun = [] }: Counters): void {
    this.#schedule.forget();
    for (const [place, step] of begun) this.#schedule.begin(place, step);
    this.#steps = steps;
    this.#pending = pending;
    this.#updates = updates;
    this.#intervals = intervals.map(([length, count]) => [length, count]);
    [...this.#kept.keys()].forEach((index, place) => void this.#kept.set(index, kept[place] ?? 1));
    this.#due = this.#dueAfter(steps - pending);
  }

  /** Averages that did not begin with the others, by their places among the alphas: after how many steps. */
  get begun(): ReadonlyMap<number, number> {
    return this.#schedule.begun;
  }

  /**
   * Makes averages copies of the weights, which count from here on as at the start of averaging; before it, nothing is different.
   * @param places among the alphas; undefined for all: then steps and moves are counted anew.
   * @throws {@link EmaError} NON_FINITE — by policy; nothing was changed.
   */
  begin(places?: readonly number[]): void {
    if (!this.hasStarted) return;
    if (!this.#mayMove())
      throw new EmaError('NON_FINITE', `reset: ${this.#nonFinite()} Reset once they are finite again.`);
    const { copies, startStep } = this.#schedule;
    // Alpha 0 keeps the others, to the bit.
    this.#moveBy(places === undefined ? copies : copies.map((_, place) => (places.includes(place) ? 1 : 0)));
    for (const place of places ?? []) {
      this.#schedule.begin(place, this.#steps);
      if (this.#kept.has(place)) this.#kept.set(place, 1);
    }
    if (places !== undefined) return;
    const intervals: readonly Interval[] = startStep === 0 ? [] : [[startStep, 1]];
    const kept = Array.from(this.#kept, () => 1 - intervals.length);
    this.#goOn({ steps: startStep, pending: 0, updates: intervals.length, intervals, kept });
  }

  /**
   * Lets `write` put other values into the averages.
   * @throws {@link EmaError} POISONED — it failed, so that the averages are neither the old nor the new ones.
   */
  rewrite(write: () => void): void {
    try {
      write();
    } catch (cause) {
      const text = messageOf(cause);
      this.#poison = new EmaError('POISONED', `the averages were overwritten in part only: ${text}`, { cause });
      throw this.#poison;
    }
  }

  #dueAfter(held: number): number {
    const { startStep } = this.#schedule;
    return held < startStep ? startStep : held + this.#options.updateEvery;
  }

  /** Whether policy lets the weights of now in; if not, that is told once. */
  #mayMove(): boolean {
    const { nonFinite = 'propagate' } = this.#options;
    if (nonFinite === 'propagate' || this.shadow.isFinite()) return true;
    this.#tellSkip();
    return false;
  }

  #leaveOut(policy: 'skip' | 'throw'): void {
    if (policy === 'throw') {
      throw new EmaError('NON_FINITE', `update: ${this.#nonFinite()} Read the averages, or go back to a checkpoint.`);
    }
    // It is tried again at each step, and counts once for each interval.
    if ((this.#steps - this.#due) % this.#options.updateEvery === 0) this.#skipped += 1;
    this.#tellSkip();
  }

  #tellSkip(): void {
    if (this.#hasToldSkip) return;
    this.#hasToldSkip = true;
    const fix = 'A lower learning rate or clipped gradients keep them finite; diagnose() names the weights.';
    this.#options.onSkip?.(`${this.#nonFinite()} Updates wait until all weights are finite again. ${fix}`);
  }

  #nonFinite(): string {
    const name = this.shadow.firstNonFinite();
    return `weight '${name}' holds NaN or infinite numbers at step ${this.#steps}: every average is as before.`;
  }

  #moveBy(alphas: readonly number[]): void {
    try {
      this.shadow.update(alphas);
    } catch (error) {
      if (error instanceof EmaError && error.code === 'POISONED') this.#poison = error;
      throw error;
    }
  }

  #move(): void {
    const begin = performance.now();
    try {
      const held = this.#steps - this.#pending;
      const alphas = this.#schedule.alphas(held, this.#pending);
      this.#moveBy(alphas);
      for (const [index, share] of this.#kept) this.#kept.set(index, share * (1 - (alphas[index] ?? 0)));
    } finally {
      this.#milliseconds += performance.now() - begin;
    }
    const last = this.#intervals.at(-1);
    if (last?.[0] === this.#pending) last[1] += 1;
    else this.#intervals.push([this.#pending, 1]);
    this.#pending = 0;
    this.#updates += 1;
    this.#due = this.#dueAfter(this.#steps);
  }
}
