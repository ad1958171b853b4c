// From steps to alphas: the share of the weights that an update takes in, for every average.
// Pure numbers: no tensors, no tfjs, no state but the last answer and what began anew.

import { invalid } from '../base/argument.js';
import { equivalentDecay } from './decay.js';
import {
  type DecayFunction,
  debiasedAlpha,
  exponentOf,
  type InverseGamma,
  inverseGamma,
  type Profile,
  powerAlpha,
} from './profile.js';

/**
 * How the decay grows at the start of a run: a cap by itself, which counts updates, or with what it counts: `{ cap: 'paper', by: 'steps' }`.
 */
export type Warmup = WarmupCap | { readonly cap: WarmupCap; readonly by: WarmupClock };

/**
 * A cap on the decay of an update at tick `t` of what the warm-up counts, from 0.
 *
 * - `'paper'`: `(t + 1) / (t + 10)`.
 * - `{ inverseGamma }`: `1 - (1 + t / scale) ** -power`, as in timm and diffusers.
 * - a function of `t` alone, of values in [0, 1]: it is asked as often as somebody looks, and beforehand.
 * - `'none'`: no cap.
 * - `'zero-debias'`: no cap either; the average forgets what it started from at the first update, and is the exact weighted mean of
 *   the weights since then, as Adam's moments are.
 */
export type WarmupCap =
  | 'none'
  | 'paper'
  | 'zero-debias'
  | ((t: number) => number)
  | { readonly inverseGamma: InverseGamma };

/**
 * What a warm-up counts, which the paper leaves open: updates of T steps, or optimizer steps. For its slowest decay, 0.998 per update of
 * 16 steps, the warm-up ends at step 71,840 by updates (update 4,490), and at step 4,490 by steps.
 */
export type WarmupClock = 'steps' | 'updates';

/** What a {@link Schedule} is made of. */
export interface ScheduleOptions {
  /** Decays per optimizer step, each in [0, 1]. */
  readonly decays: readonly number[];
  /** Shapes of the averages, in the same order. @defaultValue all exponential */
  readonly profiles?: readonly Profile[];
  /** Steps between updates, an integer of at least 1. */
  readonly updateEvery: number;
  /** Growth of the decay at the start. */
  readonly warmup: WarmupCap;
  /** What the warm-up counts. @defaultValue `'updates'` */
  readonly warmupClock?: WarmupClock;
  /** Step at which averaging starts: up to it, averages are copies of the weights. @defaultValue 0 */
  readonly startStep?: number;
}

/**
 * The paper's warm-up: `(t + 1) / (t + 10)` caps the decay of update `t`.
 *
 * @param t updates so far, 0 at the first; a fraction between updates.
 * @returns the largest decay that one update may have.
 * @see arXiv 2411.18704, section 4.1.
 */
export function paperWarmup(t: number): number {
  return (t + 1) / (t + 10);
}

/**
 * Natural logarithm of a decay, accurate near 1.
 *
 * `decay - 1` is exact above 0.5, so that log1p loses nothing; 0 gives -Infinity.
 */
function logDecay(decay: number): number {
  return Math.log1p(decay - 1);
}

/**
 * Says how far each average moves at an update.
 *
 * One update that covers `pending` steps keeps `d ** pending` of the old average, where `d` is the decay per step. With the
 * paper's warm-up `d = min(decay, w(t) ** (1 / T))`, `T = updateEvery`, and `t = steps before / T`: the paper counts updates
 * of T steps. So an update of T steps has decay `min(decay ** T, (t + 1) / (t + 10))`, and an update of fewer steps
 * neither speeds the warm-up up nor slows it down.
 *
 * Alpha, `1 - d ** pending`, is computed as `-expm1(pending * log d)`: at decay 0.9999999 the plain difference of rounded
 * powers would lose seven digits.
 */
export class Schedule {
  readonly #decays: readonly number[];
  readonly #logDecays: readonly number[];
  readonly #updateEvery: number;
  readonly #warmup: WarmupCap;
  readonly #clock: WarmupClock;
  readonly #startStep: number;
  // Undefined where all averages are exponential, which then costs nothing.
  readonly #shapes: readonly (number | DecayFunction | undefined)[] | undefined;
  // What each function said last, and of which step.
  readonly #answers = new Map<DecayFunction, { readonly step: number; readonly decay: number }>();
  readonly #copies: readonly number[];
  // Steps at which averages began anew that did not begin with the others, by place.
  readonly #begun = new Map<number, number>();
  #lastLogs: readonly number[] = [];
  #lastAlphas: readonly number[] = [];

  /** @param options decays and warm-up; checked by options.ts. */
  constructor(options: ScheduleOptions) {
    this.#decays = options.decays;
    this.#logDecays = options.decays.map(logDecay);
    this.#updateEvery = options.updateEvery;
    this.#warmup = options.warmup;
    this.#clock = options.warmupClock ?? 'updates';
    this.#startStep = options.startStep ?? 0;
    this.#copies = options.decays.map(() => 1);
    const shapes = options.decays.map((_, index) => {
      const profile = options.profiles?.[index];
      return typeof profile === 'function' ? profile : exponentOf(profile);
    });
    this.#shapes = shapes.some((shape) => shape !== undefined) ? shapes : undefined;
  }

  /** Which averages a function decides: what they kept of their start cannot be computed anew. */
  get decided(): readonly number[] {
    return (this.#shapes ?? []).flatMap((shape, index) => (typeof shape === 'function' ? [index] : []));
  }

  /** The alphas by which every average becomes a copy of the weights. */
  get copies(): readonly number[] {
    return this.#copies;
  }

  /** Forgets what functions said, and that averages began anew: steps are counted anew, so that the same number may be another step. */
  forget(): void {
    this.#answers.clear();
    this.#begun.clear();
  }

  /** Lets the average at a place begin anew after `step` steps: what it does from there on is what it did from the start. */
  begin(place: number, step: number): void {
    this.#begun.set(place, step);
    const shape = this.#shapes?.[place];
    if (typeof shape === 'function') this.#answers.delete(shape);
  }

  /** Averages that did not begin with the others, by place: after how many steps. */
  get begun(): ReadonlyMap<number, number> {
    return this.#begun;
  }

  /** Step at which averaging starts; the warm-up's clock starts there too. */
  get startStep(): number {
    return this.#startStep;
  }

  /**
   * The alphas of one update.
   *
   * @param stepsBefore steps that the averages already hold.
   * @param pending steps that this update adds, at least 1.
   * @returns one alpha in [0, 1] per average, in the order of the decays; the same array while nothing changes.
   * @throws {@link EmaError} INVALID_ARGUMENT — a function of the user gave no decay.
   */
  alphas(stepsBefore: number, pending: number): readonly number[] {
    return this.#alphas(stepsBefore, pending, (index, decay) => this.#asked(index, decay, stepsBefore + pending));
  }

  /** The same of an update that is not due, without asking a function of the user: as if it said again what it said last, or else 0. */
  foreseen(stepsBefore: number, pending: number): readonly number[] {
    return this.#alphas(stepsBefore, pending, (_, decay) => this.#answers.get(decay)?.decay ?? 0);
  }

  #alphas(
    stepsBefore: number,
    pending: number,
    decayOf: (index: number, decay: DecayFunction) => number,
  ): readonly number[] {
    const since = stepsBefore - this.#startStep;
    // Up to the start, averages are copies; so is the first one after it, should the update at the start have failed.
    if (since < 0) return this.#copies;
    const alphas = this.#exponentialAlphas(since, pending);
    if (this.#shapes === undefined && this.#begun.size === 0) return alphas;
    return alphas.map((alpha, index) => {
      const shape = this.#shapes?.[index];
      const begun = this.#begun.get(index);
      // Of steps that are pending, those before it began are not its own.
      const before = begun === undefined ? since : Math.max(0, stepsBefore - begun);
      const own = begun === undefined ? pending : stepsBefore + pending - begun - before;
      if (own <= 0) return 0;
      if (shape === undefined) return begun === undefined ? alpha : this.#exponentialAlpha(index, before, own);
      if (typeof shape === 'number') return powerAlpha(before, own, shape);
      return 0 - Math.expm1(own * logDecay(decayOf(index, shape)));
    });
  }

  /** A function is asked once a step, so that averages do not depend on who looks at them. */
  #asked(index: number, decayOf: DecayFunction, until: number): number {
    const step = until - (this.#begun.get(index) ?? this.#startStep);
    const answer = this.#answers.get(decayOf);
    if (answer?.step === step) return answer.decay;
    const decay = decayOf(step);
    if (!(typeof decay === 'number' && decay >= 0 && decay <= 1)) {
      const fix = 'The function gives the decay per step, the share of the average that a step keeps.';
      throw invalid(`decays[${index}](${step})`, 'a number from 0 to 1', decay, fix);
    }
    this.#answers.set(decayOf, { step, decay });
    return decay;
  }

  /**
   * The cap on the decay of a tick of the clock.
   * @param t ticks so far; a fraction between updates.
   * @returns undefined where the warm-up is none.
   * @throws {@link EmaError} INVALID_ARGUMENT — the function of the user gave no decay.
   */
  cap(t: number): number | undefined {
    if (this.#warmup === 'none' || this.#warmup === 'zero-debias') return undefined;
    if (this.#warmup === 'paper') return paperWarmup(t);
    if (typeof this.#warmup === 'object') return inverseGamma(t, this.#warmup.inverseGamma);
    const cap = this.#warmup(t);
    if (cap >= 0 && cap <= 1) return cap;
    const fix = Number.isInteger(t)
      ? ''
      : 'Steps between two updates are a fraction of one: give a cap for fractions, too.';
    throw invalid(`warmup(${t})`, 'a number from 0 to 1', cap, fix);
  }

  /** Ticks of the clock in some steps. */
  ticks(steps: number): number {
    return this.#clock === 'steps' ? steps : steps / this.#updateEvery;
  }

  /** The decay of an update of T steps, which is what the warm-up caps. */
  updateDecay(average: number): number {
    return equivalentDecay(this.#decays[average] ?? Number.NaN, this.#updateEvery);
  }

  #exponentialAlphas(since: number, pending: number): readonly number[] {
    if (this.#warmup === 'zero-debias') return this.#decays.map((decay) => debiasedAlpha(decay, since, pending));
    const cap = this.#logCap(since);
    const logs = this.#logDecays.map((log) => pending * Math.min(log, cap));
    if (logs.every((log, index) => log === this.#lastLogs[index])) return this.#lastAlphas;
    this.#lastLogs = logs;
    // 0 - x, not -x: a decay of 1 must give alpha +0.
    this.#lastAlphas = logs.map((log) => 0 - Math.expm1(log));
    return this.#lastAlphas;
  }

  #exponentialAlpha(index: number, since: number, pending: number): number {
    if (this.#warmup === 'zero-debias') return debiasedAlpha(this.#decays[index] ?? 1, since, pending);
    return 0 - Math.expm1(pending * Math.min(this.#logDecays[index] ?? 0, this.#logCap(since)));
  }

  /** Logarithm of the largest decay per step that the warm-up allows, so many steps after the start; 0 is no limit. */
  #logCap(since: number): number {
    return Math.log(this.cap(this.ticks(since)) ?? 1) / this.#updateEvery;
  }
}
