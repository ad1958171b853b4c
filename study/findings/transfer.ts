// The finding on transfer: a linear probe on the frozen features.
// Criteria were fixed before the seeds were run; they are not to be changed after.

import { isAbove, isBelow } from './criteria.js';
import { effectVerdict, type Rule } from './finding.js';
import { formatDifference, formatLevel } from './format.js';
import type { Measure } from './measure.js';

const MARGIN_PP = -0.5;

const transfers: Rule = {
  id: 'F10',
  title: 'Features of the average transfer at least as well',
  paper: 'Tiny-ImageNet to CIFAR-100: 52.77 -> 57.78 % (Table 4)',
  criterion:
    'probe accuracy on digits of EMA (loss) - SGD, at the end and (loss): intervals above -0.5 pp (not worse); "reproduced" only if both are above 0',
  needs: ['A'],
  judge: (results, condition = results.probed) => {
    const gain = (before: 'sgdLast' | 'sgdLoss'): Measure => {
      const name = `probe accuracy, EMA (loss) - ${before === 'sgdLast' ? 'SGD at the end' : 'SGD (loss)'}`;
      return results.measure(name, 'pp', condition, ({ probe }) => {
        return 100 * ((probe['emaLoss'] ?? Number.NaN) - (probe[before] ?? Number.NaN));
      });
    };
    const [last, stopped] = [gain('sgdLast'), gain('sgdLoss')];
    const random = results.measure('probe accuracy of random weights', '%', condition, ({ probe }) => {
      return 100 * (probe['random'] ?? Number.NaN);
    });
    const holds = isAbove(last, MARGIN_PP) && isAbove(stopped, MARGIN_PP);
    const both = isAbove(last) && isAbove(stopped);
    const paper = isAbove(last)
      ? ''
      : ` The paper's gain does not show here${isBelow(last) ? ': the average is the worse one' : ''}.`;
    return {
      measures: [last, stopped, random],
      holds,
      verdict: effectVerdict(both, last.estimate.mean > 0),
      words: `Probe: ${formatDifference(last.estimate, 'pp')} against SGD at the end, ${formatDifference(stopped.estimate, 'pp')} against SGD (loss). Random weights reach ${formatLevel(random.estimate.mean, '%')}: only "not worse" is asked for.${paper}`,
    };
  },
};

/** F10. */
export const transferRules: readonly Rule[] = [transfers];
