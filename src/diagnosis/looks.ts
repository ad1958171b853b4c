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
    this.#last = undefined;
    this.#looks = Math.floor(this.#at.updates / (this.#options.every ?? Number.POSITIVE_INFINITY));
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
    const initialShares = this.#initialShares(ahead);
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
    const around = { decays, labels, alphas, first: this.#summaries[0], before: this.#last, isAsked };
    const findings = findingsOf(looked, around);
    for (const { key, message } of findings) this.#warnings.add(message, key);
    const diagnosis: Diagnosis = { ...looked, health: findings.map(({ message }) => message) };
    const { weights, ...summary } = diagnosis;
    this.#summaries.push(summary);
    this.#last = diagnosis;
    return diagnosis;
  }

  #initialShares(ahead: readonly number[] | undefined): number[] {
    if (this.#moves === 0) this.#shares = [];
    const after = (alphas: readonly number[]): number[] =>
      alphas.map((alpha, index) => (1 - alpha) * (this.#shares[index] ?? 1));
    this.#at.replay(this.#moves, (alphas) => {
      this.#shares = after(alphas);
    });
    this.#moves = this.#at.updates;
    for (const [index, share] of this.#at.kept) if (this.#moves > 0) this.#shares[index] = share;
    const shares = ahead === undefined ? this.#shares : after(ahead);
    const averages = this.#options.decays.length;
    return this.#options.decays.map((_, k) => {
      const own = shares.filter((_share, index) => index % averages === k);
      return own.length === 0 ? 1 : Math.max(...own);
    });
  }
}
