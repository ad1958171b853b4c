// The report of a run: what was measured of the raw weights and every average, how far apart they are, what it cost, what is wrong.
// Measures nothing: it is given all of it. Draws and writes nothing.

import type { DiagnosisSummary } from '../diagnosis/figures.js';
import { halfLifeOf } from '../schedule/decay.js';
import type { BestRecord } from '../validation/bests.js';
import type { EpochValidation } from '../validation/judging.js';
import type { EmaFacts, ReportData, ReportedAverage } from './data.js';
import { reportTable } from './table.js';

/** The report of a run. `JSON.stringify` gives its data, with null for NaN and infinite numbers, `toString` a table for a terminal of 100 columns. */
export class EmaReport implements ReportData {
  readonly facts: EmaFacts;
  readonly averages: readonly ReportedAverage[];
  readonly epochs: readonly EpochValidation[];
  readonly bests: readonly BestRecord[];
  readonly diagnoses: readonly DiagnosisSummary[];
  readonly warnings: readonly string[];

  /** @internal */
  constructor({ facts, averages, epochs, bests, diagnoses, warnings }: ReportData) {
    this.facts = facts;
    this.averages = averages;
    this.epochs = epochs;
    this.bests = bests;
    this.diagnoses = diagnoses;
    this.warnings = warnings;
  }

  /** Facts, metrics by epoch, distances, drift against noise and warnings. */
  toString(): string {
    return reportTable(this);
  }
}

/** Averages that are reported on: a `WeightEma`. */
export interface Reported {
  readonly facts: EmaFacts;
  readonly labels: readonly string[];
  readonly decays: readonly number[];
  readonly bests: readonly BestRecord[];
  readonly validations: readonly EpochValidation[];
  readonly warnings: readonly string[];
}

/** What averages say of themselves, as of now. */
export function reportedOf({
  facts,
  labels,
  decays,
  bests,
  validations,
  warnings,
}: Reported): Omit<ReportData, 'diagnoses'> {
  const averages = labels.map((label, k) => {
    const decay = decays[k] ?? Number.NaN;
    return { label, decay, halfLife: halfLifeOf(decay) };
  });
  return { facts, averages, epochs: [...validations], bests, warnings: [...warnings] };
}
