// Looking at the averages beside the weights: on request, or every so many updates; and warning of what is wrong.
// Computes no figures and judges none.

import type { Warnings } from '../base/warnings.js';
import type { Comparing } from '../engine/contract.js';
import { AlphaSpread, type LayerRule } from '../model/alpha-spread.js';
import { type Diagnosis, type DiagnosisSummary, diagnosisOf, pairOf } from './figures.js';
import { findingsOf } from './health.js';

/** What a look sees: how far averaging has come, and the weights beside their averages. */
export interface LookedAt {
  readonly steps: number;
  readonly updates: number;
  /** Alphas that would take the pending steps in, as Progress gives them: one per average, and as many for each rule of layers. */
  ahead(): readonly number[] | undefined;
  /** Alphas of the update after that. */
  nextAlphas(ahead: readonly number[] | undefined): readonly number[];
  /** Tells the alphas of every move from the `first` on, oldest first. */
  replay(first: number, visit: (alphas: readonly number[]) => void): void;
  /** What is left of the start, by place among the alphas, where the replay does not know them: a function decided. */
  readonly kept: ReadonlyMap<number, number>;
  readonly shadow: {
    readonly weights: {
      readonly averaged: readonly { readonly name: string; readonly variable: { readonly size: number } }[];
    };
    statistics(comparing: Comparing): Float32Array;
  };
}

/** How to look. */
export interface LookOptions {
  readonly decays: readonly number[];
  readonly labels: readonly string[];
  readonly layerRules: readonly LayerRule[];
  /** Updates between looks that nobody asked for; undefined for none. */
  readonly every: number | undefined;
}

/** The looks at one model's averages. */
export class Looks {
  readonly #at: LookedAt;
  readonly #options: LookOptions;
  readonly #warnings: Warnings;
  readonly #summaries: DiagnosisSummary[] = [];
  #last: Diagnosis | undefined;
  // What is left of the start in each average (and for each rule of layers, the same again) after so many of its moves.
  #shares: number[] = [];
  #moves = 0;
  // Whether it took a step in since it was a copy of the weights, in the same order.
  #taken: boolean[] = [];
  // Moves up to the last time that averages or weights were set: they say nothing of what came after.
  #set = 0;
  // How often it was time to look.
  #looks = 0;

  /** @param warnings receives what is wrong. */
  constructor(at: LookedAt, options: LookOptions, warnings: Warnings) {
    this.#at = at;
    this.#options = options;
    this.#warnings = warnings;
  }

  /** Every look so far, oldest first, without the single weights. */
  get summaries(): readonly DiagnosisSummary[] {
    return this.#summaries;
  }

  /** The first look, where looks are wanted: what norms are compared with later. */
  begin(): void {
    if (this.#options.every !== undefined) this.#look(false);
  }

  /** Looks when it is time; to be called after an update. */
  afterUpdate(): void {
    const { every } = this.#options;
    if (every === undefined) return;
    // Not whether this update is the one: one that was made before a change of the averages may have been.
    const looks = Math.floor(this.#at.updates / every);
    if (looks === this.#looks) return;
    this.#looks = looks;
    this.#look(false);
  }

  /** Counts looks on from the state that the averages have now: it was loaded, or they began anew. */
  resume(): void {
    this.#moves = 0;
    this.restart();
    this.#looks = Math.floor(this.#at.updates / (this.#options.every ?? Number.POSITIVE_INFINITY));
  }

  /** Compares from here on: averages or weights were set, and may be equal. */
  restart(): void {
    this.#last = undefined;
    this.#taken = [];
    this.#set = this.#at.updates;
  }

  /** A look that somebody asked for. */
  look(): Diagnosis {
    return this.#look(true);
  }

  #look(isAsked: boolean): Diagnosis {
    const { shadow, steps, updates } = this.#at;
    const { decays, labels, layerRules } = this.#options;
    const ahead = this.#at.ahead();
    const alphas = this.#at.nextAlphas(ahead);
    const pair = pairOf(decays);
    this.#follow();
    const initialShares = this.#initialShares(ahead);
    const areCopies = !(ahead === undefined ? this.#taken : this.#takenAfter(ahead)).includes(true);
    const names = shadow.weights.averaged.map(({ name }) => name);
    const looked = {
      steps,
      updates,
      initialShares,
      ...diagnosisOf({
        names,
        sizes: shadow.weights.averaged.map(({ variable }) => variable.size),
        pair,
        alphas: new AlphaSpread(names, layerRules, decays.length).of(alphas),
        initialShares,
        figures: shadow.statistics({ next: alphas, ahead, from: pair?.slow ?? 0 }),
      }),
    };
    const around = { decays, labels, alphas, areCopies, first: this.#summaries[0], before: this.#last, isAsked };
    const findings = findingsOf(looked, around);
    for (const { key, message } of findings) this.#warnings.add(message, key);
    const diagnosis: Diagnosis = { ...looked, health: findings.map(({ message }) => message) };
    const { weights, ...summary } = diagnosis;
    this.#summaries.push(summary);
    this.#last = diagnosis;
    return diagnosis;
  }

  /** Goes through the moves since the last look. */
  #follow(): void {
    if (this.#moves === 0) this.#shares = [];
    let move = this.#moves;
    this.#at.replay(this.#moves, (alphas) => {
      move += 1;
      this.#shares = this.#sharesAfter(alphas);
      if (move > this.#set) this.#taken = this.#takenAfter(alphas);
    });
    this.#moves = this.#at.updates;
    for (const [index, share] of this.#at.kept) if (this.#moves > 0) this.#shares[index] = share;
  }

  #sharesAfter(alphas: readonly number[]): number[] {
    return alphas.map((alpha, index) => (1 - alpha) * (this.#shares[index] ?? 1));
  }

  /** By alpha 1 an average becomes a copy, and by 0 it takes nothing in. */
  #takenAfter(alphas: readonly number[]): boolean[] {
    return alphas.map((alpha, index) => alpha < 1 && (alpha > 0 || this.#taken[index] === true));
  }

  #initialShares(ahead: readonly number[] | undefined): number[] {
    const shares = ahead === undefined ? this.#shares : this.#sharesAfter(ahead);
    const averages = this.#options.decays.length;
    return this.#options.decays.map((_, k) => {
      const own = shares.filter((_share, index) => index % averages === k);
      return own.length === 0 ? 1 : Math.max(...own);
    });
  }
}
