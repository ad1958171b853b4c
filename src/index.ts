// The public names of tfjs-ema: averages of weights. Subpaths: decay, merge, report, search, tensorboard, compat.
// Holds no statements.

export { EmaError, type EmaErrorCode } from './base/errors.js';
export type { WarningHandler } from './base/warnings.js';
export type { EmaCallbackOptions, Validate } from './callback/options.js';
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
export type { EmaFacts, ReportData, ReportedAverage } from './report/data.js';
export type { EmaReport } from './report/report.js';
export type { DecaySpec, Duration, RunLength } from './schedule/decay.js';
export type { DecayFunction, GrowingSpec, InverseGamma, PowerSpec, SoFar } from './schedule/profile.js';
export type { Warmup, WarmupCap, WarmupClock } from './schedule/schedule.js';
export type { AverageSpec, DecaySpecs } from './schedule/specs.js';
export type { BestWhich, SynthesizedWhich, TrackedWhich, Which } from './schedule/which.js';
export type { Dataset, EvaluationDataset, Tfjs } from './tfjs/backend.js';
export type { TensorInput, ValidationData, ValidationTensors } from './tfjs/data.js';
export type { BestRecord, Measured } from './validation/bests.js';
export type { EpochValidation, RecordOptions } from './validation/judging.js';
export type { Validation } from './validation/measure.js';
export type { Direction, Metrics, Mode } from './validation/selection.js';
export type { Ties } from './validation/ties.js';
