// The public names of tfjs-ema.
// Holds no statements.

export type { InputData, RecomputeOptions } from './batch-norm.js';
export type { BestRecord, BestWhich, Measured } from './best.js';
export { type EmaCallback, type EpochValidation, emaCallback } from './callback.js';
export type { EmaMembers } from './callback-members.js';
export type { EmaCallbackOptions } from './callback-options.js';
export type { DecaySpec, DecaySpecs, Duration, RunLength } from './decay.js';
export { WeightEma } from './ema.js';
export type { SaveTarget } from './ema-files.js';
export type { EngineName } from './engine.js';
export { EmaError, type EmaErrorCode } from './errors.js';
export type { BatchNormPolicy, EmaOptions, EngineChoice, Precision } from './options.js';
export type { InverseGamma } from './profile.js';
export { equivalentDecay, type Warmup, type WarmupClock } from './schedule.js';
export type { Metrics } from './selection.js';
export type { Synthesis } from './synthesis.js';
export type { SynthesizedAverage } from './synthesized.js';
export type { Dataset, EvaluationDataset, Tfjs } from './tfjs.js';
export type { Validation } from './validation.js';
export type { TensorInput, ValidationData, ValidationTensors } from './validation-data.js';
export type { WarningHandler } from './warnings.js';
export type { Which } from './which.js';
