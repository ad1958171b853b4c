// `tfjs-ema/decay`: decays in the units that people think in, and back.
// Holds no statements.

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
