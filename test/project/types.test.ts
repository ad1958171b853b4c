// The public types, as users meet them. The checks are the compiler's: `npm run check` fails when one of them is wrong.

import type { Callback, History, LayersModel, NamedTensorMap, Scalar } from '@tensorflow/tfjs';
import type * as TfjsNode from '@tensorflow/tfjs-node';
import { describe, expect, expectTypeOf, it } from 'vitest';
import * as decay from '../../src/decay.js';
import * as api from '../../src/index.js';
import {
  type AverageTwin,
  type BestWhich,
  type EmaCallbackOptions,
  type EmaErrorCode,
  type EmaFacts,
  type EmaOptions,
  type EpochValidation,
  type ModelSource,
  type ModelVariables,
  type Provenance,
  type ReportData,
  type Tfjs,
  type TrackedWhich,
  WeightEma,
  type Which,
} from '../../src/index.js';
import * as merge from '../../src/merge.js';
import * as report from '../../src/report.js';
import * as search from '../../src/search.js';
import * as tensorboard from '../../src/tensorboard.js';
import { denseModel, tf } from '../support/models.js';

describe('public names', () => {
  it('are three, and those of each subpath', () => {
    const names = [api, decay, merge, report, search, tensorboard].map((entry) => Object.keys(entry).sort());
    expect(names).toEqual([
      ['EmaError', 'WeightEma', 'recomputeBatchNorm'],
      [
        'decayFromFractionOfRun',
        'decayFromHalfLife',
        'decayFromTimeConstant',
        'decayFromWindow',
        'equivalentDecay',
        'halfLifeOf',
        'scaleDecayForBatch',
        'timeConstantOf',
        'windowOf',
      ],
      ['mix', 'modelStock', 'slerp'],
      ['chartsOf', 'saveReport', 'toHtml', 'toPng', 'toSvg'],
      ['searchDecay', 'synthesize'],
      ['emaTensorBoard'],
    ]);
  });
});

describe('types', () => {
  it('take tfjs and tfjs-node as they are', () => {
    expectTypeOf<typeof import('@tensorflow/tfjs')>().toExtend<Tfjs>();
    expectTypeOf<typeof TfjsNode>().toExtend<Tfjs>();
    expectTypeOf<Parameters<typeof tensorboard.emaTensorBoard>[0]>().toExtend<Tfjs>();
    expectTypeOf<typeof TfjsNode>().toExtend<Parameters<typeof tensorboard.emaTensorBoard>[0]>();
  });

  it('let the callback stand in callbacks of fit', () => {
    const ema = new WeightEma(tf, { decays: 0.9 });
    expectTypeOf(ema.callback).toEqualTypeOf<(options?: EmaCallbackOptions) => Callback>();
    expectTypeOf(tensorboard.emaTensorBoard).returns.toEqualTypeOf<Callback>();
    // The averages themselves are none.
    expectTypeOf(ema).not.toExtend<Callback>();
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
    expectTypeOf<{ decays: 'fast' }>().not.toExtend<EmaOptions>();
    expectTypeOf<{ updateEvery: 'often' }>().not.toExtend<EmaOptions>();
    expectTypeOf<{ warmup: 'linear' }>().not.toExtend<EmaOptions>();
    expectTypeOf<{ warmup: { cap: 'paper'; by: 'epochs' } }>().not.toExtend<EmaOptions>();
    expectTypeOf<{ engine: 'cuda' }>().not.toExtend<EmaOptions>();
    expectTypeOf<{ decays: { halfLife: 1 } }>().toExtend<EmaOptions>();
    expectTypeOf<{ decays: { halfLife: 1; window: 2 } }>().not.toExtend<EmaOptions>();
    expectTypeOf<{ decays: { halfLife: { epochs: 1; steps: 2 } } }>().not.toExtend<EmaOptions>();
    const wrong = [
      // @ts-expect-error misspelt
      (): unknown => new WeightEma(tf, { decyas: 0.9 }),
      // @ts-expect-error its name is decays
      (): unknown => new WeightEma(tf, { decay: 0.9 }),
      // @ts-expect-error two measures in one decay
      (): unknown => new WeightEma(tf, { decays: [{ halfLife: 1, window: 2 }] }),
      // @ts-expect-error two units in one length
      (): unknown => new WeightEma(tf, { decays: { window: { epochs: 1, fraction: 0.1 } } }),
      // @ts-expect-error validation is the callback's
      (): unknown => new WeightEma(tf, { monitor: 'val_loss' }),
      // @ts-expect-error averages are not
      (ema: WeightEma): unknown => ema.callback({ decays: 0.9 }),
      // @ts-expect-error misspelt
      (ema: WeightEma): unknown => ema.callback({ validationdata: [] }),
      // @ts-expect-error of fitDataset
      (ema: WeightEma): unknown => ema.callback({ validationBatches: 3 }),
      // @ts-expect-error a function receives the lines
      (ema: WeightEma): unknown => ema.callback({ log: true }),
      // @ts-expect-error no such average
      (ema: WeightEma): unknown => ema.use('worst', () => 0),
      // @ts-expect-error a decay is a number
      (ema: WeightEma): unknown => ema.read('0.9'),
      // @ts-expect-error a folder is needed
      (ema: WeightEma): unknown => tensorboard.emaTensorBoard(tf, ema, {}),
      // @ts-expect-error misspelt
      (ema: WeightEma): unknown => search.searchDecay(ema, { data: [tf.ones([1]), tf.ones([1])], trails: 8 }),
    ];
    const ema = new WeightEma(tf);
    expect(wrong.slice(0, 7).map((make) => rejectedBy(() => make(ema)))).toEqual(Array(7).fill('INVALID_ARGUMENT'));
    // In every form the constructor knows.
    const right: EmaOptions[] = [
      {},
      { decays: 'auto', updateEvery: 'auto' },
      { decays: [0.9, 'uniform', { relativeWidth: 0.1 }, { halfLife: { epochs: 1 } }], run: { stepsPerEpoch: 100 } },
      { warmup: { cap: 'paper', by: 'steps' } },
      { warmup: (update: number) => update / 10 },
    ];
    for (const options of right) expect(() => new WeightEma(tf, options)).not.toThrow();
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
    expectTypeOf<WeightEma['asModel']>().returns.resolves.toEqualTypeOf<AverageTwin>();
    expectTypeOf(search.searchDecay).parameter(0).toEqualTypeOf<WeightEma>();
    expectTypeOf(search.searchDecay).returns.resolves.toEqualTypeOf<search.SearchedDecay>();
    // Of averages at work, and of what was saved of a run.
    expectTypeOf(search.synthesize).toBeCallableWith({} as WeightEma, { halfLife: 700 });
    expectTypeOf(search.synthesize).toBeCallableWith([{} as Provenance], { relativeWidth: 0.1 }, 1000);
    expectTypeOf<ReturnType<typeof search.synthesize>>().toEqualTypeOf<search.SynthesizedAverage>();
  });

  it('give facts, validations and report as plain data', () => {
    expectTypeOf<WeightEma['facts']>().toEqualTypeOf<EmaFacts>();
    expectTypeOf<WeightEma['validations']>().toEqualTypeOf<readonly EpochValidation[]>();
    expectTypeOf<WeightEma['report']>().returns.toExtend<ReportData>();
    // What was read from report.json is drawn as well.
    expectTypeOf(report.saveReport).parameter(0).toEqualTypeOf<ReportData>();
  });

  it('name averages by decay, place or best, and errors by a closed list of codes', () => {
    expectTypeOf<0.9 | 'best' | 'current' | { index: 1 }>().toExtend<Which>();
    expectTypeOf<'uniform' | { relativeWidth: 0.1 }>().toExtend<Which>();
    expectTypeOf<'worst'>().not.toExtend<Which>();
    expectTypeOf<'SWAPPED_IN'>().toExtend<EmaErrorCode>();
    expectTypeOf<'OOPS'>().not.toExtend<EmaErrorCode>();
  });
});

/** The code of the error that is thrown. */
function rejectedBy(run: () => unknown): string {
  try {
    run();
    return 'nothing was thrown';
  } catch (error) {
    return error instanceof api.EmaError ? error.code : `${error}`;
  }
}
