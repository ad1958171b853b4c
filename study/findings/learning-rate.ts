// Findings on averaging and the learning rate: no effect on training, equal where the rate decays, in place of decay.
// Criteria were fixed before the seeds were run; they are not to be changed after.

import type { Rule } from './finding.js';
import { formatDifference, formatLevel } from './format.js';
import type { Measure } from './measure.js';
import { type StudyResults, testAccuracy } from './study-results.js';

const EQUAL_PP = 0.3;

/** Test accuracy of the slowest average at the end against the last weights. */
function lastGain(results: StudyResults, condition: string): Measure {
  return results.measure(`${condition}: test accuracy at the end, EMA - SGD`, 'pp', condition, (run) => {
    return testAccuracy(run, 'emaLast') - testAccuracy(run, 'sgdLast');
  });
}

const outside: Rule = {
  id: 'F0',
  title: 'Averaging is outside the training loop; as the rate goes to 0, average and weights meet',
  kind: 'no harm',
  paper: 'by construction (sections 1, 3.1 and 3.2)',
  criterion:
    'weights with and without the callback equal to the bit; test accuracy at the end of A, |EMA - SGD| <= 0.3 pp',
  needs: ['A', 'A0'],
  judge: (results) => {
    const gain = lastGain(results, 'A');
    const name = 'weights equal to the bit with and without the callback';
    const equal = results.paired(name, '', ['A0', 'A'], (without, with_) => {
      return without.weightsDigest === with_.weightsDigest ? 1 : 0;
    });
    const isEqual = equal.values.every((value) => value === 1);
    return {
      measures: [gain, equal],
      asked: [
        { measure: equal, is: 'every above', bound: 0.5 },
        { measure: gain, is: 'mean within', bound: EQUAL_PP },
      ],
      words: `Weights with and without the callback ${isEqual ? 'are equal' : 'DIFFER'} bit for bit. At the end of a cosine schedule the average differs from the weights by ${formatDifference(gain.estimate, 'pp')}.`,
    };
  },
};

const replacesDecay: Rule = {
  id: 'F3',
  title: 'Averaging replaces most of learning-rate decay, not all',
  paper: 'averaging acts as a decay of the learning rate; no single figure',
  criterion:
    'share of (cosine - constant) recovered by the EMA of the constant run: mean >= 0.5, and EMA above SGD in every seed',
  needs: ['K', 'Cc or A'],
  judge: (results) => {
    const share = results.paired(
      'share of the gain of decay that averaging recovers',
      'share',
      ['K', results.cosine],
      (constant, cosine) => {
        const start = testAccuracy(constant, 'sgdLast');
        return (testAccuracy(constant, 'emaLast') - start) / (testAccuracy(cosine, 'sgdLast') - start);
      },
    );
    const gap = results.paired(
      'test accuracy, cosine SGD - EMA of constant',
      'pp',
      ['K', results.cosine],
      (constant, cosine) => {
        return testAccuracy(cosine, 'sgdLast') - testAccuracy(constant, 'emaLast');
      },
    );
    const gain = lastGain(results, 'K');
    const level = (id: 'sgdLast' | 'emaLast', condition: string): string =>
      formatLevel(results.measure('', '%', condition, (run) => testAccuracy(run, id)).estimate.mean, '%');
    const decay = results.paired(
      'test accuracy of SGD, cosine - constant',
      'pp',
      [results.cosine, 'K'],
      (cosine, constant) => testAccuracy(cosine, 'sgdLast') - testAccuracy(constant, 'sgdLast'),
    );
    const [low = 0] = decay.estimate.interval ?? [];
    return {
      measures: [share, gain, gap, decay],
      asked: [
        { measure: share, is: 'mean above', bound: 0.5 },
        { measure: gain, is: 'every above', bound: 0 },
      ],
      void:
        decay.estimate.interval === undefined || low > 0
          ? undefined
          : `Without averaging a cosine rate is ${formatDifference(decay.estimate, 'pp')} from a constant one: decay gains nothing surely that averaging could replace.`,
      words: `Constant rate: SGD ${level('sgdLast', 'K')}, its average ${level('emaLast', 'K')}; cosine rate: SGD ${level('sgdLast', results.cosine)}. Against the average that is ${formatDifference(gap.estimate, 'pp')}.`,
    };
  },
};

const noGain: Rule = {
  id: 'F4',
  title: 'Nothing to gain at the end where the rate has decayed and nothing is memorised',
  kind: 'no harm',
  paper: 'as the rate goes to 0 the average equals the weights (section 3.2)',
  criterion: 'expected null: Cc, test accuracy at the end, EMA - SGD: interval contains 0, or |mean| <= 0.3 pp',
  needs: ['Cc'],
  judge: (results) => {
    const gain = lastGain(results, 'Cc');
    return {
      measures: [gain],
      asked: [{ measure: gain, is: 'about 0', bound: EQUAL_PP }],
      words: `With augmentation and a cosine rate the average at the end differs by ${formatDifference(gain.estimate, 'pp')}.`,
    };
  },
};

const stepDecay: Rule = {
  id: 'F16',
  title: 'With step decay the average only matches SGD at the end',
  kind: 'no harm',
  paper: 'matches, does not beat (appendix A.1)',
  criterion: 'ST, test accuracy at the end: |EMA - SGD| <= 0.3 pp',
  needs: ['ST'],
  judge: (results) => {
    const gain = lastGain(results, 'ST');
    return {
      measures: [gain],
      asked: [{ measure: gain, is: 'mean within', bound: EQUAL_PP }],
      words: `At the end of a step schedule the average differs by ${formatDifference(gain.estimate, 'pp')}.`,
    };
  },
};

const SWA_PP = 0.5;

const uniform: Rule = {
  id: 'F17',
  title: 'EMA and SWA are about equal',
  kind: 'no harm',
  paper: 'ResNet-18, CIFAR-100: EMA 78.55 %, SWA 78.69 % (Table 1)',
  criterion: 'K, test accuracy: |SWA - EMA at the end| <= 0.5 pp',
  needs: ['K'],
  judge: (results) => {
    const gain = results.measure('K: test accuracy, SWA - EMA at the end', 'pp', 'K', (run) => {
      return testAccuracy(run, 'uniform') - testAccuracy(run, 'emaLast');
    });
    return {
      measures: [gain],
      asked: [{ measure: gain, is: 'mean within', bound: SWA_PP }],
      words: `At a constant rate the uniform mean of the last quarter's epochs differs from the EMA by ${formatDifference(gain.estimate, 'pp')}.`,
    };
  },
};

/** F0, F3, F4, F16, F17. */
export const learningRateRules: readonly Rule[] = [outside, replacesDecay, noGain, stepDecay, uniform];
