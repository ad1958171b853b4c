// `tfjs-ema/merge`: weights as values, put together: averages, models' own, saved ones.
// Computes nothing and holds no averages.

export { mix, modelStock, slerp } from './merge/merge.js';
export type { WeightValues } from './model/values.js';
