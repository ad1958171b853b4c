// Looking at the averages beside the weights: on request, or every so many updates; and warning of what is wrong.
// Computes no figures and judges none.

import type { Progress } from '../averages/progress.js';
import { type Diagnosis, type DiagnosisSummary, diagnosisOf, pairOf } from '../diagnosis/figures.js';
import { findingsOf } from '../diagnosis/health.js';
import { AlphaSpread } from '../model/alpha-spread.js';
import type { ModelSource } from '../model/variables.js';
import { settingsOf } from '../options/fingerprint.js';
import type { ReportedEpoch } from '../report/data.js';
import { EmaReport } from '../report/report.js';
import { halfLifeOf, type RunLength } from '../schedule/decay.js';
import { checkOwnWeights, EmaAverages } from './ema-averages.js';

/** A `WeightEma`'s looks at itself. */
export abstract class EmaDiagnosis extends EmaAverages {
  #summaries: DiagnosisSummary[] = [];
  #last: Diagnosis | undefined;
  // What is left of the start in each average (and for each rule of layers, the same again) after so many of its moves.
  #shares: number[] = [];
  #moves = 0;
  // How often it was time to look.
  #looks = 0;

  /** Every diagnosis so far, oldest first: those of `diagnose()` and of the option `diagnoseEvery`, without the single weights. */
  get diagnoses(): readonly DiagnosisSummary[] {
    return this.#summaries;
  }

  /**
   * Compares the weights with every average, one pass over both: norms, distances, angles, elements that are not finite or that rounding
   * holds back, drift against noise by layer. What is wrong is in `health`, and warned of once each. It waits for the device; nothing moves
   * but pending steps, which are counted in first.
   * @throws {@link EmaError} SWAPPED_IN — called inside of `use()`: weights and averages are mixed up there.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED, WEIGHT_DISPOSED
   */
  diagnose(): Diagnosis {
    const run = this.attached('diagnose');
    checkOwnWeights(run.shadow, 'diagnose', 'Let use() return first: it gives the weights back.');
    run.flush();
    return this.#look(run, true);
  }

  /**
   * What there is to know of the run so far: facts, metrics by epoch, distances, drift against noise, warnings; as data, as a table
   * (`String(ema.report())`), as charts. The callback's own `report()` has its validations in it.
   * @param epochs what was measured after each epoch, in a loop of your own. @defaultValue none
   * @example
   * ```ts
   * console.log(`${ema.report()}`);
   * await ema.report().save('out/report');
   * ```
   */
  report(epochs: readonly ReportedEpoch[] = []): EmaReport {
    const {
      engine,
      engineReason,
      steps,
      updates,
      updateSeconds: seconds,
      bytes,
      decays,
      bests,
      diagnoses,
      warnings,
    } = this;
    const settings = settingsOf(this.options);
    return new EmaReport({
      facts: { engine, engineReason, steps, updates, seconds, bytes, settings },
      averages: this.labels.map((label, k) => {
        const decay = decays[k] ?? Number.NaN;
        return { label, decay, halfLife: halfLifeOf(decay) };
      }),
      epochs: epochs.map(({ epoch, raw, averages }) => ({ epoch, raw, averages })),
      bests,
      diagnoses: [...diagnoses],
      warnings: [...warnings],
    });
  }

  override attach(model: ModelSource, run: RunLength = {}): this {
    super.attach(model, run);
    // An attach that failed later on has left its own.
    this.#summaries = [];
    this.#last = undefined;
    this.#moves = 0;
    this.#looks = 0;
    // What norms are compared with later.
    if (this.options.diagnoseEvery !== undefined) this.#look(this.attached('attach'), false);
    return this;
  }

  override update(): void {
    const before = this.updates;
    super.update();
    const { diagnoseEvery } = this.options;
    if (diagnoseEvery === undefined || this.updates === before) return;
    // Not whether this update is the one: a read that counts in pending steps may have been.
    const looks = Math.floor(this.updates / diagnoseEvery);
    if (looks === this.#looks) return;
    this.#looks = looks;
    this.#look(this.attached('update'), false);
  }

  /**
   * Counts looks on from the state that the averages have now: it was loaded.
   * @internal
   */
  protected resumeLooks(): void {
    this.#looks = Math.floor(this.updates / (this.options.diagnoseEvery ?? Number.POSITIVE_INFINITY));
  }

  #look(run: Progress, isAsked: boolean): Diagnosis {
    const { shadow, steps, updates, nextAlphas: alphas } = run;
    const pair = pairOf(this.decays);
    const initialShares = this.#initialShares(run);
    const names = shadow.weights.averaged.map(({ name }) => name);
    const looked = {
      steps,
      updates,
      initialShares,
      ...diagnosisOf({
        names,
        sizes: shadow.weights.averaged.map(({ variable }) => variable.size),
        pair,
        alphas: new AlphaSpread(names, this.options.layerRules, this.decays.length).of(alphas),
        initialShares,
        figures: shadow.statistics(alphas),
        fromSlow: pair && shadow.statistics(alphas, pair.slow),
      }),
    };
    const around = {
      decays: this.decays,
      labels: this.labels,
      alphas,
      first: this.#summaries[0],
      before: this.#last,
      isAsked,
    };
    const findings = findingsOf(looked, around);
    for (const { key, message } of findings) this.notes.add(message, key);
    const diagnosis: Diagnosis = { ...looked, health: findings.map(({ message }) => message) };
    const { weights, ...summary } = diagnosis;
    this.#summaries.push(summary);
    this.#last = diagnosis;
    return diagnosis;
  }

  #initialShares(run: Progress): number[] {
    // Fewer moves than before: another state was loaded.
    if (run.updates < this.#moves || this.#moves === 0) {
      this.#shares = [];
      this.#moves = 0;
    }
    run.replay(this.#moves, (alphas) => {
      this.#shares = alphas.map((alpha, index) => (1 - alpha) * (this.#shares[index] ?? 1));
    });
    this.#moves = run.updates;
    const averages = this.decays.length;
    return this.decays.map((_, k) => {
      const own = this.#shares.filter((_share, index) => index % averages === k);
      return own.length === 0 ? 1 : Math.max(...own);
    });
  }
}
