// Findings on how averages are updated: warm-up of the decay, and an update every T steps.
// Criteria were fixed before the seeds were run; they are not to be changed after.

import { mean } from 'simple-statistics';
import { PLAIN_WINDOWS, SPARSE, trackId } from '../runs/tracks.js';
import { curve, slowestMain } from './curves.js';
import type { Rule } from './finding.js';
import { formatDifference, formatLevel, formatMean } from './format.js';
import { type Measure, measureOf } from './measure.js';
import type { StudyResults } from './study-results.js';

const [FAST = 0, SLOW = 0] = PLAIN_WINDOWS;
const EARLY_PP = 10;
const BEST_PP = 1;

const warmup: Rule = {
  id: 'F12',
  title: 'Warm-up of the decay helps early, and changes little later',
  paper: 'used throughout (section 4.1)',
  criterion:
    'window of 10 %, with - without warm-up: validation accuracy after epoch 1 above 10 pp; best accuracy within 1 pp',
  needs: ['A'],
  judge: (results) => {
    const plain = trackId('plain', SLOW);
    const difference = (name: string, value: (accuracy: readonly number[]) => number): Measure =>
      results.measure(`${name}, with - without warm-up`, 'pp', 'A', (run) => {
        return 100 * (value(curve(run, slowestMain(run)).accuracy) - value(curve(run, plain).accuracy));
      });
    const first = difference('accuracy after epoch 1', ([accuracy = Number.NaN]) => accuracy);
    const best = difference('best accuracy', (accuracy) => Math.max(...accuracy));
    return {
      measures: [first, best],
      asked: [
        { measure: first, is: 'mean above', bound: EARLY_PP },
        { measure: best, is: 'mean within', bound: BEST_PP },
      ],
      words: `After epoch 1 the average with warm-up is ${formatDifference(first.estimate, 'pp')} ahead; its best accuracy differs by ${formatDifference(best.estimate, 'pp')}.`,
    };
  },
};

const FREE_PP = 0.3;
const NAIVE_FACTOR = 5;

const sparse: Rule = {
  id: 'F13',
  title: 'Updating every T steps with decay ** T costs nothing; with the plain decay it does',
  kind: 'no harm',
  paper: 'T = 16 with a ** 16: "no difference" to T = 1 (appendix F)',
  criterion:
    'mean over epochs of |validation accuracy at T = 4 - at T = 1|: at most 0.3 pp with a ** 4, and at least 5 times larger with a',
  needs: ['A'],
  judge: (results) => {
    const [right, naive] = [gap(results, SPARSE.right), gap(results, SPARSE.naive)];
    const times = naive.values.map((value, seed) => value - NAIVE_FACTOR * (right.values[seed] ?? Number.NaN));
    const more = measureOf(
      `mean |accuracy - accuracy at T = 1|, sparse-naive less ${NAIVE_FACTOR} times sparse-right`,
      'pp',
      times,
    );
    return {
      measures: [right, naive, more],
      asked: [
        { measure: right, is: 'mean below', bound: FREE_PP },
        { measure: more, is: 'mean above', bound: 0 },
      ],
      words: `Mean difference over all epochs: ${formatMean(right.estimate, 'pp')} with decay ** 4, ${formatMean(naive.estimate, 'pp')} with the plain decay (up to ${formatLevel(worst(results), 'pp')} in one epoch).`,
    };
  },
};

function gaps(results: StudyResults, track: string): number[][] {
  return results.of('A').map((run) => {
    const reference = curve(run, trackId('plain', FAST)).accuracy;
    return curve(run, track).accuracy.map((value, epoch) => 100 * Math.abs(value - (reference[epoch] ?? Number.NaN)));
  });
}

function gap(results: StudyResults, track: string): Measure {
  const means = gaps(results, track).map(mean);
  return measureOf(`mean |accuracy - accuracy at T = 1|, ${track}`, 'pp', means);
}

function worst(results: StudyResults): number {
  return Math.max(...gaps(results, SPARSE.naive).flat());
}

/** F12, F13. */
export const updateRules: readonly Rule[] = [warmup, sparse];
