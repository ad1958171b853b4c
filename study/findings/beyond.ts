// Findings on what the paper did beyond the images' conditions: rates, its own protocol, many classes, long windows with BatchNorm.
// Criteria are in criteria.jsonl; they were fixed before the seeds were run.

import { RATE_FACTORS } from '../runs/classifier-conditions.js';
import type { RunResult } from '../runs/result.js';
import { PLAIN_WINDOWS, RAW, RECOMPUTED, trackId } from '../runs/tracks.js';
import { bestEpoch, curve } from './curves.js';
import type { Rule } from './finding.js';
import { formatDifference, formatLevel, formatList } from './format.js';
import { type Measure, measureOf } from './measure.js';
import { MissingData } from './missing-data.js';
import { model, type StudyResults } from './study-results.js';

const RATES = RATE_FACTORS.map((_, index) => `R${index + 1}`);

/** Mean validation accuracy of the raw weights at the end, or of the chosen average, at each rate: over the seeds that all have. */
function byRate(results: StudyResults, id: 'sgdLast' | 'emaAccuracy'): number[] {
  const shared = (seed: number): boolean => RATES.every((rate) => results.of(rate).some((run) => run.seed === seed));
  return RATES.map((rate) => {
    const runs = results.of(rate).filter(({ seed }) => shared(seed));
    if (runs.length === 0) throw new MissingData(`conditions ${formatList(RATES)} have no seed in common`);
    return mean(runs.map((run) => 100 * model(run, id).validation.accuracy)).estimate.mean;
  });
}

const rates: Rule = {
  id: 'F19',
  title: 'The learning rate that is best without averaging is best with it',
  kind: 'no harm',
  paper: 'ResNet-18, CIFAR-100: 1.2 of 0.4, 0.8, 1.2 and 1.6 for both (Table 21)',
  criterion: '',
  needs: RATES,
  judge: (results) => {
    const [sgd, ema] = [byRate(results, 'sgdLast'), byRate(results, 'emaAccuracy')];
    const [own, others] = [ema, sgd].map((levels) => levels.indexOf(Math.max(...levels))) as [number, number];
    const cost = results.paired(
      "validation accuracy of the average at its own best rate - at SGD's",
      'pp',
      [RATES[own] ?? '', RATES[others] ?? ''],
      (best, used) =>
        100 * (model(best, 'emaAccuracy').validation.accuracy - model(used, 'emaAccuracy').validation.accuracy),
    );
    const isEdge = [own, others].some((index) => index === 0 || index === RATES.length - 1);
    const list = (levels: readonly number[]): string => formatList(levels.map((level) => formatLevel(level, '%')));
    return {
      measures: [cost],
      asked: [],
      void: isEdge
        ? 'A best rate is the lowest or the highest that was tried: beyond it there may be a better one.'
        : undefined,
      words: `At ${formatList(RATE_FACTORS.map(String))} times the rate of A, SGD at the end reaches ${list(sgd)}, the average ${list(ema)}. Best for SGD is ${RATE_FACTORS[others]}, for the average ${RATE_FACTORS[own]}; to keep SGD's rate costs the average ${formatDifference(cost.estimate, 'pp')}.`,
    };
  },
};

/** Test accuracy and loss of a track after an epoch of the run on all data. */
function read(run: RunResult, track: string, epoch: number): { accuracy: number; loss: number } {
  const { accuracy, loss } = curve(run, track);
  return { accuracy: 100 * (accuracy[epoch - 1] ?? Number.NaN), loss: loss[epoch - 1] ?? Number.NaN };
}

const protocol: Rule = {
  id: 'F20',
  title: 'Epoch and average tuned on 80 %, trained again on 100 %: the average is the better model',
  paper: 'ResNet-18, CIFAR-100: 77.63 -> 78.55 %, loss 1.02 -> 0.82 (Table 1)',
  criterion: '',
  needs: ['A', 'P100'],
  judge: (results) => {
    const gain = (name: string, unit: 'pp' | 'nats', value: (tuned: RunResult, whole: RunResult) => number): Measure =>
      results.paired(name, unit, ['A', 'P100'], value);
    const accuracy = gain('test accuracy, EMA (acc) - SGD at the end', 'pp', (tuned, whole) => {
      const { track, epoch } = model(tuned, 'emaAccuracy');
      return read(whole, track, epoch).accuracy - read(whole, RAW, model(tuned, 'sgdLast').epoch).accuracy;
    });
    const fair = gain('test accuracy, EMA (acc) - SGD (acc)', 'pp', (tuned, whole) => {
      const { track, epoch } = model(tuned, 'emaAccuracy');
      return read(whole, track, epoch).accuracy - read(whole, RAW, model(tuned, 'sgdAccuracy').epoch).accuracy;
    });
    const loss = gain('test loss, EMA (loss) - SGD (loss)', 'nats', (tuned, whole) => {
      const { track, epoch } = model(tuned, 'emaLoss');
      return read(whole, track, epoch).loss - read(whole, RAW, model(tuned, 'sgdLoss').epoch).loss;
    });
    return {
      measures: [accuracy, fair, loss],
      asked: [],
      words: `Accuracy ${formatDifference(accuracy.estimate, 'pp')} against SGD at the end, ${formatDifference(fair.estimate, 'pp')} against SGD stopped by the same rule; loss ${formatDifference(loss.estimate, 'nats')}.`,
    };
  },
};

const [FAST = 0, , SLOW = 0] = PLAIN_WINDOWS;

const longWindows: Rule = {
  id: 'F21',
  title: 'With BatchNorm, long windows need its statistics recomputed',
  paper: 'with it the slowest decay has the highest peak, 79.06 %, and without it fails (Table 24, section 3.4)',
  criterion: '',
  needs: ['BN'],
  judge: (results) => {
    const best = (run: RunResult, track: string): number => 100 * Math.max(...curve(run, track).accuracy);
    const gains = PLAIN_WINDOWS.map((share) => {
      const track = trackId('plain', share);
      const name = `window ${Number((100 * share).toFixed(2))} %: best accuracy, recomputed - averaged statistics`;
      return results.measure(name, 'pp', 'BN', (run) => best(run, `${track}${RECOMPUTED}`) - best(run, track));
    });
    const [fast, slow] = [FAST, SLOW].map((share) => `${trackId('plain', share)}${RECOMPUTED}`) as [string, string];
    const longer = results.measure('recomputed: best accuracy, window 30 % - window 2.56 %', 'pp', 'BN', (run) => {
      return best(run, slow) - best(run, fast);
    });
    const later = results.measure('recomputed: best epoch, window 30 % - window 2.56 %', 'epochs', 'BN', (run) => {
      return bestEpoch(curve(run, slow)) - bestEpoch(curve(run, fast));
    });
    const [, , last] = gains;
    return {
      measures: [last ?? longer, ...gains.slice(0, 2), longer, later],
      asked: [],
      words: `Recomputing gains ${formatList(gains.map(({ estimate }) => formatDifference(estimate, 'pp')))} at windows of 2.6, 10 and 30 % of the run. With it the window of 30 % is ${formatDifference(longer.estimate, 'pp')} from that of 2.6 % at its best.`,
    };
  },
};

const inTheMiddle: Rule = {
  id: 'F22',
  title: 'Half-way through a run, a long window with BatchNorm is of no use without recomputing',
  paper: 'the largest windows fail without it (section 3.4)',
  criterion: '',
  needs: ['BN'],
  judge: (results) => {
    const track = trackId('plain', SLOW);
    const half = (run: RunResult, id: string): number => {
      const { accuracy } = curve(run, id);
      return 100 * (accuracy[Math.floor(accuracy.length / 2) - 1] ?? Number.NaN);
    };
    const gain = results.measure(
      'window 30 %, after half of the epochs: recomputed - averaged statistics',
      'pp',
      'BN',
      (run) => {
        return half(run, `${track}${RECOMPUTED}`) - half(run, track);
      },
    );
    const levels = [track, `${track}${RECOMPUTED}`].map((id) =>
      formatLevel(mean(results.of('BN').map((run) => half(run, id))).estimate.mean, '%'),
    );
    return {
      measures: [gain],
      asked: [],
      words: `Validation accuracy ${levels[0]} with averaged statistics, ${levels[1]} with recomputed ones.`,
    };
  },
};

const mean = (values: readonly number[]): Measure => measureOf('', '%', values);

const scaledCalibration: Rule = {
  id: 'F8s',
  title: 'After temperature scaling averages of clean runs are calibrated as well, to half a point',
  kind: 'no harm',
  paper: 'ECE after temperature scaling 4.67 -> 3.13 % (Table 5)',
  criterion: '',
  needs: ['A'],
  judge: (results) => {
    const ece = results.measure(
      'ECE (100 bins) after temperature scaling, EMA (loss) - SGD at the end',
      'pp',
      'A',
      (run) => {
        return 100 * (model(run, 'emaLoss').scaled.ece100 - model(run, 'sgdLast').scaled.ece100);
      },
    );
    const levels = (['emaLoss', 'sgdLast'] as const).map((id) =>
      formatLevel(mean(results.of('A').map((run) => 100 * model(run, id).scaled.ece100)).estimate.mean, '%'),
    );
    return {
      measures: [ece],
      asked: [],
      words: `ECE after temperature scaling ${levels[0]} (average) and ${levels[1]} (SGD): ${formatDifference(ece.estimate, 'pp')}.`,
    };
  },
};

/** F8s, F19 to F22: judged by the file of criteria only. */
export const beyondRules: readonly Rule[] = [scaledCalibration, rates, protocol, longWindows, inTheMiddle];
