// What a report holds, as plain data.
// Holds types only.

import type { DiagnosisSummary } from '../diagnosis/figures.js';
import type { EngineName } from '../engine/contract.js';
import type { Settings } from '../options/fingerprint.js';
import type { BestRecord } from '../validation/bests.js';
import type { EpochValidation } from '../validation/judging.js';

/** What averaging is, and what it costs. */
export interface EmaFacts {
  /** Undefined before `attach`. */
  readonly engine: EngineName | undefined;
  readonly engineReason: string;
  /** Optimizer steps. */
  readonly steps: number;
  /** Moves of the averages. */
  readonly updates: number;
  /**
   * Decays of this moment: by which each average moved last, per step; of those that are not exponential, too. 0 is a copy of the weights; none
   * before the first move. Of a decay that a function says it is what that said last.
   */
  readonly lastDecays: readonly number[];
  /** Seconds in updates; on a GPU, the time to hand them over. */
  readonly seconds: number;
  /** Updates left out because weights were not finite, with `nonFinite: 'skip'`: one for each interval in which none could be made. */
  readonly skipped: number;
  /** Memory of the averages; 0 before `attach` and after `dispose`. */
  readonly bytes: number;
  /** Options on which averages depend. */
  readonly settings: Settings;
}

/** One average of a report. */
export interface ReportedAverage {
  /** What it is called, as in logs. */
  readonly label: string;
  /** Per step; 1 where it is not exponential. */
  readonly decay: number;
  /** In steps; Infinity where it is not exponential. */
  readonly halfLife: number;
}

/** What a report holds. */
export interface ReportData {
  readonly facts: EmaFacts;
  readonly averages: readonly ReportedAverage[];
  /** Oldest first; none without validation. */
  readonly epochs: readonly EpochValidation[];
  /** The best averages of all epochs, by metric. */
  readonly bests: readonly BestRecord[];
  /** Oldest first; none without `diagnose()` and `diagnoseEvery`. */
  readonly diagnoses: readonly DiagnosisSummary[];
  readonly warnings: readonly string[];
}
