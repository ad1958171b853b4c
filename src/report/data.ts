// What a report holds, as plain data.
// Holds types only.

import type { DiagnosisSummary } from '../diagnosis/figures.js';
import type { EngineName } from '../engine/contract.js';
import type { Settings } from '../options/fingerprint.js';
import type { BestRecord } from '../validation/bests.js';
import type { Metrics } from '../validation/selection.js';

/** What was measured after an epoch; the callback's `validations` are such. */
export interface ReportedEpoch {
  /** From 0, as `model.fit` counts. */
  readonly epoch: number;
  /** Of the model's own weights. */
  readonly raw: Metrics;
  /** Of each average, in the order of `decays`. */
  readonly averages: readonly Metrics[];
}

/** What averaging was, and what it cost. */
export interface ReportFacts {
  /** Undefined before `attach`. */
  readonly engine: EngineName | undefined;
  readonly engineReason: string;
  readonly steps: number;
  readonly updates: number;
  /** Seconds in updates; on a GPU, the time to hand them over. */
  readonly seconds: number;
  /** Memory of the averages. */
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
  readonly facts: ReportFacts;
  readonly averages: readonly ReportedAverage[];
  /** Oldest first; none without validation. */
  readonly epochs: readonly ReportedEpoch[];
  /** The best averages of all epochs, by metric. */
  readonly bests: readonly BestRecord[];
  /** Oldest first; none without `diagnose()` and `diagnoseEvery`. */
  readonly diagnoses: readonly DiagnosisSummary[];
  readonly warnings: readonly string[];
}
