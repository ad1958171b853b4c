// The report of averages as they are now.
// Measures nothing, and renders nothing.

import type { DiagnosisSummary } from '../diagnosis/figures.js';
import type { EngineName } from '../engine/contract.js';
import type { Settings } from '../options/fingerprint.js';
import { halfLifeOf } from '../schedule/decay.js';
import type { BestRecord } from '../validation/bests.js';
import type { ReportedEpoch } from './data.js';
import { EmaReport } from './report.js';

/** Averages that are reported on: a `WeightEma`. */
export interface Reported {
  readonly engine: EngineName | undefined;
  readonly engineReason: string;
  readonly steps: number;
  readonly updates: number;
  readonly updateSeconds: number;
  readonly bytes: number;
  readonly labels: readonly string[];
  readonly decays: readonly number[];
  readonly bests: readonly BestRecord[];
  readonly diagnoses: readonly DiagnosisSummary[];
  readonly warnings: readonly string[];
}

/**
 * @param settings the options on which the averages depend.
 * @param epochs what was measured after each epoch.
 */
export function reportOf(ema: Reported, settings: Settings, epochs: readonly ReportedEpoch[]): EmaReport {
  const { engine, engineReason, steps, updates, updateSeconds: seconds, bytes, decays, bests } = ema;
  return new EmaReport({
    facts: { engine, engineReason, steps, updates, seconds, bytes, settings },
    averages: ema.labels.map((label, k) => {
      const decay = decays[k] ?? Number.NaN;
      return { label, decay, halfLife: halfLifeOf(decay) };
    }),
    epochs: epochs.map(({ epoch, raw, averages }) => ({ epoch, raw, averages })),
    bests,
    diagnoses: [...ema.diagnoses],
    warnings: [...ema.warnings],
  });
}
