// The public names of tfjs-ema.
// Holds no statements.

export type { AverageSpec, DecaySpecs } from './averages.js';
export { type InputData, type RecomputeData, type RecomputeOptions, recomputeBatchNorm } from './batch-norm.js';
export type { BestRecord, Measured } from './best.js';
export { type EmaCallback, emaCallback } from './callback.js';
export type { EmaMembers } from './callback-members.js';
export type { EmaCallbackOptions } from './callback-options.js';
export type { ConstraintPolicy } from './constraints.js';
export {
  type DecaySpec,
  type Duration,
  decayFromFractionOfRun,
  decayFromHalfLife,
  decayFromTimeConstant,
  decayFromWindow,
  equivalentDecay,
  halfLifeOf,
  type RunLength,
  scaleDecayForBatch,
  timeConstantOf,
  windowOf,
} from './decay.js';
export type {
  AverageFigures,
  Diagnosis,
  DiagnosisSummary,
  LayerSignal,
  WeightDiagnosis,
} from './diagnostics.js';
export { WeightEma } from './ema.js';
export type { CheckpointOptions } from './ema-files.js';
export type { EngineChoice, EngineName, Precision } from './engine-contract.js';
export type { EpochValidation } from './epoch-validation.js';
export { EmaError, type EmaErrorCode } from './errors.js';
export type { Settings } from './fingerprint.js';
export { formatEpoch } from './format-epoch.js';
export type { LayerDecay } from './layer-decays.js';
export type { ModelSource, ModelVariables } from './model-variables.js';
export type { EmaOptions } from './options.js';
export type { WeightPattern } from './patterns.js';
export type { InverseGamma, PowerSpec } from './profile.js';
export type { NonFinitePolicy } from './progress.js';
export type { PutBack } from './put-back.js';
export type { EmaReport, SavedReport } from './report.js';
export type { ChartSpec, ReportChart } from './report-charts.js';
export type { ReportData, ReportedAverage, ReportedEpoch, ReportFacts } from './report-data.js';
export type { RenderOptions } from './report-render.js';
export type { Provenance, SaveTarget } from './save-model.js';
export type { CatchUpPolicy, Warmup, WarmupClock } from './schedule.js';
export type { DecaySearch, SearchedDecay, TriedDecay } from './search-decay.js';
export type { Metrics } from './selection.js';
export type { References, Signal, Verdict } from './signal.js';
export type { Synthesis } from './synthesis.js';
export type { SynthesizedAverage } from './synthesized.js';
export { type EmaTensorBoardOptions, emaTensorBoard, type SummaryWriter, type TfjsNode } from './tensor-board.js';
export type { Dataset, EvaluationDataset, Tfjs } from './tfjs.js';
export type { Ties } from './ties.js';
export type { AverageTwin } from './twin.js';
export type { Validation } from './validation.js';
export type { TensorInput, ValidationData, ValidationTensors } from './validation-data.js';
export type { WarningHandler } from './warnings.js';
export type { BatchNormPolicy } from './weights.js';
export type { BestWhich, SynthesizedWhich, TrackedWhich, Which } from './which.js';
