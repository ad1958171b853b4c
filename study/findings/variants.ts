// Findings on variants: BatchNorm statistics recomputed, and the average put back into training.
// Criteria were fixed before the seeds were run; they are not to be changed after.

import type { Rule } from './finding.js';
import { formatDifference } from './format.js';
import type { Measure } from './measure.js';
import { testAccuracy } from './study-results.js';

const MARGIN_PP = -0.5;

const recompute: Rule = {
  id: 'F14',
  title: 'Recomputing BatchNorm statistics for the average at the end costs less than half a point',
  kind: 'no harm',
  paper: 'CIFAR-100N: 64.18 -> 65.15 % (Table 18)',
  criterion:
    'BN, test accuracy, recomputed - averaged statistics, EMA (acc) and (loss): intervals above -0.5 pp; a gain is not expected with two BatchNorm layers',
  needs: ['BN'],
  judge: (results) => {
    const gain = (id: 'emaAccuracy' | 'emaLoss'): Measure =>
      results.measure(`BN: test accuracy, recomputed - averaged statistics, ${id}`, 'pp', 'BN', (run) => {
        return testAccuracy(run, `${id}Recomputed`) - testAccuracy(run, id);
      });
    const [accuracy, loss] = [gain('emaAccuracy'), gain('emaLoss')];
    return {
      measures: [accuracy, loss],
      asked: [accuracy, loss].map((measure) => ({ measure, is: 'above', bound: MARGIN_PP })),
      words: `${formatDifference(accuracy.estimate, 'pp')} for EMA (acc), ${formatDifference(loss.estimate, 'pp')} for EMA (loss). Why it matters for long windows is shown exactly in test/study/batch-norm.test.ts.`,
    };
  },
};

const bootstrap: Rule = {
  id: 'F15',
  title: 'Putting the average back into the weights each epoch hurts',
  paper: 'ResNet-18, CIFAR-100: 75.83 -> 74.47 % (appendix C)',
  criterion: 'none: BT - A, same seeds, SGD at the end and EMA (loss); "reproduced" if an interval is below 0',
  needs: ['BT', 'A'],
  judge: (results) => {
    const gain = (id: 'sgdLast' | 'emaLoss'): Measure => {
      const name = `test accuracy, bootstrapped - plain, ${id === 'sgdLast' ? 'SGD at the end' : 'EMA (loss)'}`;
      return results.paired(name, 'pp', ['BT', 'A'], (with_, without) => {
        return testAccuracy(with_, id) - testAccuracy(without, id);
      });
    };
    const [last, best] = [gain('sgdLast'), gain('emaLoss')];
    return {
      measures: [last, best],
      asked: [],
      words: `${formatDifference(last.estimate, 'pp')} for SGD at the end, ${formatDifference(best.estimate, 'pp')} for EMA (loss).`,
    };
  },
};

/** F14, F15. */
export const variantRules: readonly Rule[] = [recompute, bootstrap];
