// Choosing the best average.

import { describe, expect, it } from 'vitest';
import { bestIndex, directionOf, isGuess, winnersOf } from '../../../src/validation/selection.js';

describe('directionOf', () => {
  it.each([
    ['loss', 'val_loss', 'out_loss', 'accuracyLoss', 'diceLoss', 'iou_loss', 'logloss', 'recallLoss', 'reward_loss'],
    ['accel_error', 'meanSquaredError', 'mean_absolute_error', 'precision_error', 'errorRate', 'wordErrorRate', 'err'],
    ['mse', 'MSE', 'mae', 'MAPE', 'rmse', 'msle', 'nll', 'perplexity', 'categoricalCrossentropy', 'crossEntropy'],
    ['klDivergence', 'kullbackLeiblerDivergence', 'editDistance', 'hinge', 'huberLoss', 'brier_score', 'fidScore'],
    // tfjs's is the negative of the cosine.
    ['cosineProximity', 'cosine', 'val_cosine'],
    ['falsePositiveRate', 'false_negative_rate', 'falseNegatives', 'inaccuracy', 'regret'],
    ['negLogLikelihood', 'negative_log_likelihood', 'negReward'],
  ])('is down for losses and errors: %s, %s, %s ...', (...metrics) => {
    expect(metrics.filter((metric) => directionOf(metric) !== 'min' || isGuess(metric))).toEqual([]);
  });

  it.each([
    ['acc', 'val_acc', 'out_acc', 'accuracy', 'binaryAccuracy', 'sparseCategoricalAccuracy', 'top5acc', 'topKAccuracy'],
    ['precision', 'recall', 'val_recall', 'recallAt5', 'recall@5', 'sensitivity', 'specificity', 'truePositiveRate'],
    ['f1', 'F1', 'f1Score', 'F1Score', 'f1_score', 'fBeta', 'auc', 'AUC', 'rocAuc', 'ROC_AUC', 'prAuc', 'AUCPR'],
    ['iou', 'IoU', 'mIoU', 'MIoU', 'meanIoU', 'mean_iou', 'dice', 'diceCoef', 'dice_coefficient', 'jaccardIndex'],
    ['r2', 'R2', 'r2Score', 'rSquared', 'r_squared', 'R²', 'correlation', 'pearsonR', 'cosineSimilarity', 'kappa'],
    ['psnr', 'PSNR', 'meanPSNR', 'ssim', 'bleu', 'mAP', 'mAP50', 'ndcg@10', 'mrr', 'hitRate'],
    ['reward', 'meanReward', 'episode_reward', 'return', 'score', 'winRate', 'logLikelihood', 'neg_mean_squared_error'],
    // The accuracy of an output that is called so.
    ['distance_acc', 'loss_head_acc', 'error_recall'],
  ])('is up for accuracies, scores and rewards: %s, %s, %s ...', (...metrics) => {
    expect(metrics.filter((metric) => directionOf(metric) !== 'max' || isGuess(metric))).toEqual([]);
  });

  it.each(['flaky', 'sparsity', 'acceleration', 'accident_count', 'heatmap', 'power', 'out'])(
    'is down, and a guess, where the name says nothing: %s',
    (metric) => {
      expect([directionOf(metric), isGuess(metric)]).toEqual(['min', true]);
    },
  );

  it('is what mode says, whatever the name says', () => {
    expect(directionOf('recall', 'min')).toBe('min');
    expect(directionOf('loss', 'max')).toBe('max');
    expect([directionOf('loss', 'auto'), directionOf('recall', 'auto')]).toEqual(['min', 'max']);
  });
});

describe('bestIndex', () => {
  const decays = [0.99, 0.9, 0.999];

  it('takes the smallest loss and the largest accuracy', () => {
    const candidates = [
      { loss: 2, acc: 0.5 },
      { loss: 1, acc: 0.4 },
      { loss: 3, acc: 0.9 },
    ];
    expect(bestIndex(candidates, decays, { metric: 'loss' })).toBe(1);
    expect(bestIndex(candidates, decays, { metric: 'acc' })).toBe(2);
  });

  it('keeps the smallest decay in a tie', () => {
    expect(bestIndex([{ loss: 1 }, { loss: 1 }, { loss: 1 }], decays, { metric: 'loss' })).toBe(1);
  });

  it('passes over what is not a number', () => {
    expect(bestIndex([{ loss: Number.NaN }, { loss: Number.NaN }, { loss: 7 }], decays, { metric: 'loss' })).toBe(2);
    expect(bestIndex([{ loss: Number.NaN }, {}, {}], decays, { metric: 'loss' })).toBeUndefined();
  });

  it('takes the direction that it is told', () => {
    expect(bestIndex([{ loss: 1 }, { loss: 2 }, { loss: 3 }], decays, { metric: 'loss', direction: 'max' })).toBe(2);
  });
});

describe('winnersOf', () => {
  const candidates = [
    { loss: 2, acc: 0.5, recall: 0.1 },
    { loss: 1, acc: 0.4, recall: 0.3 },
  ];

  it('has the monitored metric first, then loss and accuracy; mode is of the monitored one', () => {
    const decays = [0.9, 0.99];
    expect(winnersOf(candidates, decays, { monitor: 'recall' })).toEqual([
      { metric: 'recall', direction: 'max', index: 1, value: 0.3 },
      { metric: 'loss', direction: 'min', index: 1, value: 1 },
      { metric: 'acc', direction: 'max', index: 0, value: 0.5 },
    ]);
    expect(winnersOf(candidates, decays, { monitor: 'acc', mode: 'min' })).toEqual([
      { metric: 'acc', direction: 'min', mode: 'min', index: 1, value: 0.4 },
      { metric: 'loss', direction: 'min', index: 1, value: 1 },
    ]);
  });

  it('leaves out what was not measured, and what is no number', () => {
    const none = [{ recall: Number.NaN, loss: 3 }, { loss: Number.NaN }];
    expect(winnersOf(none, [0.9, 0.99], { monitor: 'recall' })).toEqual([
      { metric: 'loss', direction: 'min', index: 0, value: 3 },
    ]);
  });
});
