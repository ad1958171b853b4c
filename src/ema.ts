// The EMA object: what can be had of the averages beyond using them as they are.
// Touches no tfjs internals and knows no training events.

import { invalid } from './argument.js';
import { type InputData, type RecomputeOptions, recomputeAverage } from './batch-norm.js';
import type { BestRecord, BestWhich } from './best.js';
import type { DecaySpec } from './decay.js';
import { checkOwnWeights } from './ema-averages.js';
import { EmaFiles } from './ema-files.js';
import { checkEngine } from './engine.js';
import { checkTfjs, type EmaOptions, resolveOptions } from './options.js';
import { boundAfter, type SynthesizedAverage, synthesisOf } from './synthesized.js';
import type { Tfjs } from './tfjs.js';

/**
 * Exponential moving averages of a model's weights, for training loops of your own; `emaCallback` is the same for `model.fit`.
 *
 * `shadow += (1 - decay ** T) * (weight - shadow)` after every T = `updateEvery` steps, for every decay in one pass. Training
 * is not touched. Between updates, steps are pending; whatever looks at an average first counts them in.
 *
 * @example
 * ```ts
 * const ema = new WeightEma(tf, { decay: 0.999 }).attach(model);
 * for (const [x, y] of batches) {
 *   await model.trainOnBatch(x, y);
 *   ema.update();
 * }
 * await ema.use(0.999, () => model.evaluate(xTest, yTest));
 * ema.dispose();
 * ```
 * @see "Exponential Moving Average of Weights in Deep Learning", arXiv 2411.18704, equation 1.
 */
export class WeightEma extends EmaFiles {
  /**
   * @param tf the tfjs that the model is made with: `import * as tf from '@tensorflow/tfjs-node'`.
   * @param options see {@link EmaOptions}.
   * @throws {@link EmaError} INVALID_ARGUMENT — an option is wrong.
   * @throws {@link EmaError} ENGINE_UNAVAILABLE — `engine: 'native'` cannot run here.
   */
  constructor(tf: Tfjs, options: EmaOptions = {}) {
    checkTfjs(tf);
    super(tf, resolveOptions(options));
    checkEngine(tf, this.options.engine);
  }

  /**
   * An average with another decay than the tracked ones, combined from them: no snapshots, no other run.
   * @param decay the wanted decay, in any unit, between the smallest and the largest of the tracked ones.
   * @returns tensors by weight name, which the caller disposes, and how far they can be from the true average.
   * @throws {@link EmaError} INVALID_ARGUMENT — outside the tracked decays, where the error grows without limit.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED, SWAPPED_IN
   */
  synthesize(decay: DecaySpec): SynthesizedAverage {
    const run = this.attached('synthesize');
    const plan = synthesisOf(this.options, decay);
    this.flush();
    const tensors = run.shadow.combine(plan.coefficients);
    return { ...plan, bound: boundAfter(plan, this.options, run.intervals), tensors };
  }

  /**
   * Replaces BatchNorm's statistics in averages by those that the averaged weights really have on the data. The live weights
   * and statistics are untouched, to the bit. The paper does so once, at the end, and reports better results from it; long windows
   * need it, because weights tolerate them better than averaged statistics do.
   * @param data inputs of the model, such as the training data.
   * @param options which average, and the batch size.
   * @throws {@link EmaError} INVALID_ARGUMENT — no BatchNorm, no data, or `batchNorm: 'copy'`, which averages no statistics.
   * @throws {@link EmaError} as {@link WeightEma.use}
   * @see arXiv 2411.18704, sections 3.4 and 4.1.
   */
  async recomputeBatchNorm(data: InputData, { which, batchSize }: RecomputeOptions = {}): Promise<void> {
    const run = this.attached('recomputeBatchNorm');
    if (this.options.batchNorm !== 'average')
      throw invalid('batchNorm', "'average', for recomputeBatchNorm", this.options.batchNorm);
    if (this.kept.find(which) !== undefined) throw invalid('which', 'an average that is still kept up', which);
    const indices = which === undefined ? this.decays.map((_, index) => index) : [this.indexOf(which)];
    for (const index of indices) {
      checkOwnWeights(run.shadow, 'recomputeBatchNorm', 'Let use() return before.');
      run.shadow.checkModel();
      run.flush();
      await recomputeAverage(this.tf, run.shadow, { index, data, batchSize });
    }
  }

  /**
   * Gives the model, for good, the weights of a best average. Averaging could go on, but would then average averages.
   * @param which such as `'best-loss'`, the one for calibration, or `'best-acc'`.
   * @returns which one it was.
   * @throws {@link EmaError} INVALID_ARGUMENT — none is kept by this metric.
   * @throws {@link EmaError} SWAPPED_IN, NOT_ATTACHED, DISPOSED, POISONED, WEIGHT_DISPOSED
   */
  restoreBest(which: BestWhich): BestRecord {
    const { shadow } = this.attached('restoreBest');
    const held = this.kept.find(which);
    if (held === undefined) throw invalid('which', "'best-' and a metric", which);
    checkOwnWeights(shadow, 'restoreBest', 'Let use() return first: it gives the weights back.');
    shadow.assign(held.tensors);
    return held.record;
  }
}
