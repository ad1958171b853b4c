// The public types, as users meet them. The checks are the compiler's: `npm run check` fails when one of them is wrong.

import type { History, LayersModel, NamedTensorMap, Scalar } from '@tensorflow/tfjs';
import type * as TfjsNode from '@tensorflow/tfjs-node';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as api from '../../src/index.js';
import {
  type AverageTwin,
  type BestWhich,
  type EmaCallback,
  type EmaCallbackOptions,
  type EmaErrorCode,
  type EmaOptions,
  type emaTensorBoard,
  type ModelSource,
  type ModelVariables,
  type SearchedDecay,
  type Tfjs,
  type TrackedWhich,
  WeightEma,
  type Which,
} from '../../src/index.js';
import { denseModel, tf } from '../support/models.js';

describe('public names', () => {
  it('are these', () => {
    expect(Object.keys(api).sort()).toEqual([
      'EmaError',
      'WeightEma',
      'decayFromFractionOfRun',
      'decayFromHalfLife',
      'decayFromTimeConstant',
      'decayFromWindow',
      'emaCallback',
      'emaTensorBoard',
      'equivalentDecay',
      'formatEpoch',
      'halfLifeOf',
      'recomputeBatchNorm',
      'scaleDecayForBatch',
      'timeConstantOf',
      'windowOf',
    ]);
  });
});

describe('types', () => {
  it('take tfjs and tfjs-node as they are', () => {
    expectTypeOf<typeof import('@tensorflow/tfjs')>().toExtend<Tfjs>();
    expectTypeOf<typeof TfjsNode>().toExtend<Tfjs>();
    expectTypeOf<Parameters<typeof emaTensorBoard>[0]>().toExtend<Tfjs>();
    expectTypeOf<typeof TfjsNode>().toExtend<Parameters<typeof emaTensorBoard>[0]>();
  });

  it('let the callback stand in callbacks of fit', () => {
    const ema = new WeightEma(tf, { decays: 0.9 });
    expectTypeOf(ema).toEqualTypeOf<EmaCallback>();
    const fit = (model: LayersModel) => model.fit(tf.ones([1]), tf.ones([1]), { callbacks: [ema.callback()] });
    const alone = (model: LayersModel) => model.fit(tf.ones([1]), tf.ones([1]), { callbacks: ema.callback() });
    expectTypeOf(fit).returns.resolves.toEqualTypeOf<History>();
    expectTypeOf(alone).returns.resolves.toEqualTypeOf<History>();
  });

  it('give from use what its function gives, as a value or as a promise', async () => {
    const model = denseModel();
    const ema = new WeightEma(tf, { decays: 0.9, onWarning: () => undefined }).attach(model);
    const value = ema.use(0.9, () => 'text' as const);
    expectTypeOf(value).toEqualTypeOf<'text'>();
    const promise = ema.use('best', async () => 1);
    expectTypeOf(promise).toEqualTypeOf<Promise<number>>();
    expect([value, await promise]).toEqual(['text', 1]);
    const evaluate = (m: LayersModel) => m.evaluate(tf.ones([1, 4]), tf.ones([1, 3]));
    expectTypeOf(ema.use<ReturnType<typeof evaluate>>).returns.toEqualTypeOf<Scalar | Scalar[]>();
    expectTypeOf(ema.read).returns.toEqualTypeOf<NamedTensorMap>();
    ema.dispose();
  });

  it('refuse wrong options where they are written', () => {
    expectTypeOf<{ decay: string }>().not.toExtend<EmaOptions>();
    expectTypeOf<{ warmup: 'linear' }>().not.toExtend<EmaOptions>();
    expectTypeOf<{ engine: 'cuda' }>().not.toExtend<EmaOptions>();
    // @ts-expect-error a misspelt option
    const misspelt: EmaCallbackOptions = { decya: 0.9 };
    // @ts-expect-error validation is the callback's
    const validation: EmaOptions = { monitor: 'val_loss' };
    expect([misspelt, validation]).toHaveLength(2);
  });

  it('take a layers model, and variables in a list or by name', () => {
    type Attached = Parameters<WeightEma['attach']>[0];
    expectTypeOf<Attached>().toEqualTypeOf<ModelSource>();
    expectTypeOf<LayersModel>().toExtend<Attached>();
    expectTypeOf<TfjsNode.Variable<TfjsNode.Rank.R2>[]>().toExtend<ModelVariables>();
    expectTypeOf<{ kernel: TfjsNode.Variable<TfjsNode.Rank.R2>; bias: TfjsNode.Variable }>().toExtend<ModelVariables>();
    expectTypeOf<TfjsNode.Tensor[]>().not.toExtend<Attached>();
    expectTypeOf<{ block: { kernel: TfjsNode.Variable } }>().not.toExtend<Attached>();
    // Without layers a function takes nothing.
    expectTypeOf<WeightEma['use']>().toBeCallableWith('best', () => 1);
  });

  it('take validation data in all its forms', () => {
    const pair = [tf.ones([1]), tf.ones([1])] as const;
    const zipped = tf.data.zip({ xs: tf.data.array([1]), ys: tf.data.array([1]) });
    const forms: EmaCallbackOptions[] = [
      { validationData: pair },
      { validationData: { xs: [...pair], ys: { out: pair[0] } } },
      { validationData: zipped },
      { validationData: tf.data.array([{ xs: 1, ys: 2 }]) },
    ];
    expect(forms).toHaveLength(4);
  });

  it('name combined averages where averages are used, and tracked ones where they are kept up', () => {
    expectTypeOf<{ synthesized: { halfLife: { epochs: 2 } } }>().toExtend<Which>();
    expectTypeOf<{ synthesized: 0.99 }>().not.toExtend<TrackedWhich>();
    expectTypeOf<'best' | 'best-loss'>().not.toExtend<TrackedWhich>();
    expectTypeOf<'current'>().toExtend<TrackedWhich>();
    expectTypeOf<'best' | 'best-loss'>().toExtend<BestWhich>();
    const kept: EmaCallbackOptions = { monitor: 'val_recall', mode: 'max', keepBest: { folder: 'best' } };
    // @ts-expect-error what is better is one of three words
    const largest: EmaCallbackOptions = { mode: 'largest' };
    expect([kept, largest]).toHaveLength(2);
    expectTypeOf<WeightEma['record']>().returns.toEqualTypeOf<number | undefined>();
    expectTypeOf<WeightEma['record']>().toBeCallableWith({ epoch: 0, averages: [{ loss: 1 }] }, { mode: 'min' });
    expectTypeOf<EmaCallback['asModel']>().returns.resolves.toEqualTypeOf<AverageTwin>();
    expectTypeOf<EmaCallback['searchDecay']>().returns.resolves.toEqualTypeOf<SearchedDecay>();
  });

  it('name averages by decay, place or best, and errors by a closed list of codes', () => {
    expectTypeOf<0.9 | 'best' | 'current' | { index: 1 }>().toExtend<Which>();
    expectTypeOf<'uniform' | { relativeWidth: 0.1 }>().toExtend<Which>();
    expectTypeOf<'worst'>().not.toExtend<Which>();
    expectTypeOf<'SWAPPED_IN'>().toExtend<EmaErrorCode>();
    expectTypeOf<'OOPS'>().not.toExtend<EmaErrorCode>();
  });
});
