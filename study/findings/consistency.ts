// The finding on consistency: two seeds disagree less about test images.
// Criteria were fixed before the seeds were run; they are not to be changed after.

import type { Rule } from './finding.js';
import { formatLevel } from './format.js';
import type { Measure } from './measure.js';
import { MissingData } from './missing-data.js';
import type { Disagreement, StudyResults } from './study-results.js';

const KINDS: readonly Disagreement[] = ['churn', 'jensenShannon'];

const consistent: Rule = {
  id: 'F9',
  title: 'Averages of different seeds agree more',
  paper: 'ResNet-18, CIFAR-100: churn 18.84 -> 11.69 %, JS 0.32 -> 0.09 (Table 3)',
  criterion:
    'A, churn and JS of EMA (loss): below SGD at the end and below SGD (loss) in every pair of seeds; K and N40 are reported',
  needs: ['A'],
  judge: (results) => {
    const gains = (condition: string): Measure[] =>
      KINDS.flatMap((kind) =>
        (['sgdLast', 'sgdLoss'] as const).flatMap((before) => {
          return results.disagreementGain(kind, condition, ['emaLoss', before]) ?? [];
        }),
      );
    const [first, ...rest] = gains('A');
    if (first === undefined) throw new MissingData('it takes two seeds');
    return {
      measures: [first, ...rest, ...gains('K'), ...gains('N40')],
      asked: [first, ...rest].map((measure) => ({ measure, is: 'every below', bound: 0 })),
      words: `Churn of SGD at the end, SGD (loss) and EMA (loss): ${['A', 'K', 'N40'].flatMap((id) => levels(results, id)).join('; ')}.`,
    };
  },
};

function levels(results: StudyResults, condition: string): string[] {
  const churns = (['sgdLast', 'sgdLoss', 'emaLoss'] as const).flatMap((model) => {
    const measure = results.disagreement('churn', condition, model);
    return measure === undefined ? [] : [formatLevel(measure.estimate.mean, '%')];
  });
  return churns.length === 0 ? [] : [`${churns.join(', ')} (${condition})`];
}

/** F9. */
export const consistencyRules: readonly Rule[] = [consistent];
