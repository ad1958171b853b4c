// The EMA object: what can be had of the averages beyond using them as they are.
// Touches no tfjs internals and knows no training events.

import type { NamedTensorMap } from '@tensorflow/tfjs';
import { invalid } from '../base/argument.js';
import { checkEngine } from '../engine/choice.js';
import { checkStatistics, type InputData, type RecomputeOptions, recomputeBatchNorm } from '../model/batch-norm.js';
import { type AverageTwin, makeTwin } from '../model/twin.js';
import { layersModelOf } from '../model/variables.js';
import { checkTfjs, type EmaOptions, resolveOptions } from '../options/options.js';
import type { DecaySpec } from '../schedule/decay.js';
import type { BestWhich, Which } from '../schedule/which.js';
import { type DecaySearch, type SearchedDecay, searchDecay } from '../search/search-decay.js';
import { boundAfter, type SynthesizedAverage, synthesisOf } from '../search/synthesized.js';
import type { Tfjs } from '../tfjs/backend.js';
import type { BestRecord } from '../validation/bests.js';
import { checkOwnWeights } from './ema-averages.js';
import { EmaFiles } from './ema-files.js';

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
    const tensors = this.read({ synthesized: decay });
    return { ...plan, bound: boundAfter(plan, this.options, run.intervals), tensors };
  }

  /**
   * A second model that has the weights of an average: a teacher for consistency losses, a target network, a model to serve. Its
   * weights are its own; `refresh()` takes the average of that moment.
   * @param which the average; `'best'` is looked up anew at each refresh.
   * @returns the twin, which the caller disposes.
   * @throws {@link EmaError} INVALID_ARGUMENT — no such average, or a layer of your own that is not registered.
   * @throws {@link EmaError} NO_LAYERS_MODEL — variables are attached.
   * @throws {@link EmaError} NOT_ATTACHED, DISPOSED, POISONED, SWAPPED_IN
   */
  async asModel(which: Which): Promise<AverageTwin> {
    const { weights, model: source } = this.attached('asModel').shadow;
    const wayOut = 'read() gives the tensors by name, to assign to variables of your own.';
    const model = layersModelOf(this.tf, source, { method: 'asModel', wayOut });
    this.source(which);
    return makeTwin(this.tf, { model, weights }, () =>
      this.steps === 0 && !this.isDisposed ? undefined : this.read(which),
    );
  }

  /**
   * Searches, after training, for the best decay between the tracked ones on validation data. What it finds is used by
   * `use({ synthesized: found.decay }, fn)` and `saveModel({ synthesized: found.decay }, target)`.
   * @param search the data, and what to search for.
   * @returns the best decay, the best tracked one, whether the data can tell them apart, and all that was measured.
   * @throws {@link EmaError} INVALID_ARGUMENT — an option is wrong, or fewer than two different decays are tracked.
   * @throws {@link EmaError} NO_LAYERS_MODEL — variables are attached.
   * @throws {@link EmaError} as {@link WeightEma.use}
   */
  async searchDecay(search: DecaySearch): Promise<SearchedDecay> {
    const { shadow } = this.attached('searchDecay');
    const wayOut = 'Measure by a function of your own: use({ synthesized: decay }, () => measure()).';
    const model = layersModelOf(this.tf, shadow.model, { method: 'searchDecay', wayOut });
    return searchDecay(this.tf, this, { ...search, model });
  }

  /**
   * Replaces BatchNorm's statistics in averages by those that the averaged weights really have on the data. The live weights
   * and statistics are untouched, to the bit; where a pass over the data fails, every average is as before. The paper does so once, at the
   * end, and reports better results from it; long windows need it, because weights tolerate them better than averaged statistics do.
   * @param data inputs of the model, such as the training data.
   * @param options which average, and the batch size.
   * @throws {@link EmaError} INVALID_ARGUMENT — no BatchNorm, no data, or statistics that are not averaged: by `batchNorm: 'copy'`, or left out.
   * @throws {@link EmaError} NO_LAYERS_MODEL — variables are attached.
   * @throws {@link EmaError} as {@link WeightEma.use}
   * @see arXiv 2411.18704, sections 3.4 and 4.1.
   */
  async recomputeBatchNorm(data: InputData, { which, batchSize }: RecomputeOptions = {}): Promise<void> {
    const run = this.attached('recomputeBatchNorm');
    const wayOut =
      'Variables that are not trainable are used live: set statistics among them yourself, inside of use().';
    const model = layersModelOf(this.tf, run.shadow.model, { method: 'recomputeBatchNorm', wayOut });
    if (this.options.batchNorm !== 'average')
      throw invalid('batchNorm', "'average', for recomputeBatchNorm", this.options.batchNorm);
    checkStatistics(model, run.shadow.weights.live);
    if (this.kept.find(which) !== undefined) throw invalid('which', 'an average that is still kept up', which);
    const indices = which === undefined ? this.decays.map((_, index) => index) : [this.indexOf(which)];
    const found: NamedTensorMap[] = [];
    try {
      for (const index of indices) {
        // Asked at each average: a pass takes a while.
        const { shadow } = this.attached('recomputeBatchNorm');
        checkOwnWeights(shadow, 'recomputeBatchNorm', 'Let use() return before.');
        shadow.checkModel();
        run.flush();
        const pass = (): Promise<void> => recomputeBatchNorm(this.tf, model, { data, batchSize });
        // What the pass writes into the model is the average's, not the model's.
        found.push(await this.scope.capture(shadow.swapIn(index), pass));
      }
      this.attached('recomputeBatchNorm');
      run.rewrite(() => {
        for (const [place, index] of indices.entries()) run.shadow.patch(index, found[place] ?? {});
      });
    } finally {
      for (const statistics of found) this.tf.dispose(statistics);
    }
  }

  /**
   * Gives the model, for good, the weights of an average, and goes on averaging (Switch-EMA). The raw weights are gone; an optimizer
   * keeps its slots. Before the first step there is no average yet: nothing happens, and a warning says so.
   * @param which the average.
   * @throws {@link EmaError} INVALID_ARGUMENT — there is no such average.
   * @throws {@link EmaError} SWAPPED_IN, NOT_ATTACHED, DISPOSED, POISONED, WEIGHT_DISPOSED, MODEL_CHANGED
   */
  putBack(which: Which): void {
    const run = this.attached('putBack');
    const source = this.source(which);
    checkOwnWeights(run.shadow, 'putBack', 'Let use() return first: it gives the weights back.');
    run.shadow.checkModel();
    if (run.steps === 0) {
      this.warn(
        'putBack() before the first step: there is no average yet, so the model keeps its own weights. Call update(), or let fit train, first.',
      );
      return;
    }
    if (this.options.catchUp === 'linear')
      this.warn(
        "putBack() with catchUp 'linear': it takes the weights' jump to the average for a part of their path. Leave catchUp out.",
      );
    // Steps from before belong to the weights from before.
    run.flush();
    const tensors = source.read();
    try {
      run.shadow.assign(tensors);
    } finally {
      this.tf.dispose(tensors);
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
    const run = this.attached('restoreBest');
    const { shadow } = run;
    const held = this.kept.find(which);
    if (held === undefined) throw invalid('which', "'best-' and a metric", which);
    checkOwnWeights(shadow, 'restoreBest', 'Let use() return first: it gives the weights back.');
    // Steps from before belong to the weights from before.
    run.flush();
    shadow.assign(held.tensors);
    return held.record;
  }
}
