// The finding on transfer: a linear probe on the frozen features.
// Criteria were fixed before the seeds were run; they are not to be changed after.

import type { Rule } from './finding.js';
import { formatDifference, formatLevel } from './format.js';
import type { Measure } from './measure.js';

const MARGIN_PP = -0.5;

const transfers: Rule = {
  id: 'F10',
  title: 'Features of the average transfer as well, to half a point',
  kind: 'no harm',
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
    const [low = 0, high = 0] = last.estimate.interval ?? [];
    const paper =
      low > 0 ? '' : ` The paper's gain does not show here${high < 0 ? ': the average is the worse one' : ''}.`;
    return {
      measures: [last, stopped, random],
      asked: [last, stopped].map((measure) => ({ measure, is: 'above', bound: MARGIN_PP })),
      words: `Probe: ${formatDifference(last.estimate, 'pp')} against SGD at the end, ${formatDifference(stopped.estimate, 'pp')} against SGD (loss). Random weights reach ${formatLevel(random.estimate.mean, '%')}: only "not worse" is asked for.${paper}`,
    };
  },
};

/** F10. */
export const transferRules: readonly Rule[] = [transfers];
