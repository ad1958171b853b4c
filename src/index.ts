// The public names of tfjs-ema.
// Holds no statements.

export { EmaError, type EmaErrorCode } from './base/errors.js';
export type { WarningHandler } from './base/warnings.js';
export { type EmaCallback, emaCallback } from './callback/callback.js';
export type { EpochValidation } from './callback/epoch.js';
export { formatEpoch } from './callback/format-epoch.js';
export type { EmaMembers } from './callback/members.js';
export type { EmaCallbackOptions } from './callback/options.js';
export {
  type EmaTensorBoardOptions,
  emaTensorBoard,
  type SummaryWriter,
  type TfjsNode,
} from './callback/tensorboard.js';
export type {
  AverageFigures,
  Diagnosis,
  DiagnosisSummary,
  LayerSignal,
  WeightDiagnosis,
} from './diagnosis/figures.js';
export type { References, Signal, Verdict } from './diagnosis/signal.js';
export type { CheckpointOptions } from './disk/checkpoint.js';
export type { Provenance, SaveTarget } from './disk/save-model.js';
export type { Resumed } from './ema/run.js';
export { WeightEma } from './ema/weight-ema.js';
export type { EngineChoice, EngineName, Precision } from './engine/contract.js';
export { type InputData, type RecomputeData, type RecomputeOptions, recomputeBatchNorm } from './model/batch-norm.js';
export type { ConstraintPolicy } from './model/constraints.js';
export type { NonFinitePolicy } from './model/finite.js';
export type { WeightPattern } from './model/patterns.js';
export type { AverageTwin } from './model/twin.js';
export type { ModelSource, ModelVariables } from './model/variables.js';
export type { BatchNormPolicy } from './model/weights.js';
export type { Settings } from './options/fingerprint.js';
export type { LayerDecay } from './options/layer-decays.js';
export type { EmaOptions } from './options/options.js';
export type { ChartSpec, ReportChart } from './report/charts.js';
export type { ReportData, ReportedAverage, ReportedEpoch, ReportFacts } from './report/data.js';
export type { RenderOptions } from './report/render.js';
export type { EmaReport, SavedReport } from './report/report.js';
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
} from './schedule/decay.js';
export type { InverseGamma, PowerSpec } from './schedule/profile.js';
export type { Warmup, WarmupClock } from './schedule/schedule.js';
export type { AverageSpec, DecaySpecs } from './schedule/specs.js';
export type { BestWhich, SynthesizedWhich, TrackedWhich, Which } from './schedule/which.js';
export type { DecaySearch, SearchedDecay, TriedDecay } from './search/search-decay.js';
export type { Synthesis } from './search/synthesis.js';
export type { SynthesizedAverage } from './search/synthesized.js';
export type { Dataset, EvaluationDataset, Tfjs } from './tfjs/backend.js';
export type { TensorInput, ValidationData, ValidationTensors } from './tfjs/data.js';
export type { BestRecord, Measured } from './validation/bests.js';
export type { RecordOptions } from './validation/judging.js';
export type { Validation } from './validation/measure.js';
export type { Metrics, Mode } from './validation/selection.js';
export type { Ties } from './validation/ties.js';
