// Findings on wrong labels: robustness, memorisation, and what the learning rate has to do with it.
// Criteria were fixed before the seeds were run; they are not to be changed after.

import { meanInterval } from '../metrics/intervals.js';
import { memorisedAt } from '../metrics/memorisation.js';
import { RAW } from '../runs/tracks.js';
import { slowestMain } from './curves.js';
import type { Judgement, Rule } from './finding.js';
import { formatDifference, formatLevel, formatList } from './format.js';
import { type Measure, measureOf, wholeMeasure } from './measure.js';
import { MissingData } from './missing-data.js';
import { model, type StudyResults, testAccuracy } from './study-results.js';

/** The level of noise for which the paper has figures, and which stands for a finding in tables. */
const MAIN = 'N40';

function gains(results: StudyResults, before: 'sgdLast' | 'sgdLoss'): Measure[] {
  const name = before === 'sgdLast' ? 'SGD at the end' : 'SGD (loss)';
  return mainFirst(results).map((condition) =>
    results.measure(`${condition}: test accuracy, EMA (loss) - ${name}`, 'pp', condition, (run) => {
      return testAccuracy(run, 'emaLoss') - testAccuracy(run, before);
    }),
  );
}

/** As {@link gains}, of the average with the highest validation accuracy: for who looks for accuracy. */
function accuracyGains(results: StudyResults, before: 'sgdLast' | 'sgdAccuracy'): Measure[] {
  const name = before === 'sgdLast' ? 'SGD at the end' : 'SGD (acc)';
  return mainFirst(results).map((condition) =>
    results.measure(`${condition}: test accuracy, EMA (acc) - ${name}`, 'pp', condition, (run) => {
      return testAccuracy(run, 'emaAccuracy') - testAccuracy(run, before);
    }),
  );
}

function mainFirst(results: StudyResults): string[] {
  return [MAIN, ...results.noisy.filter((condition) => condition !== MAIN)];
}

/** `+25.8 ± 2.1 pp (N40)`, by rising noise. */
function byNoise(measures: readonly Measure[]): string {
  const sorted = [...measures].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  return formatList(
    sorted.map(({ name, unit, estimate }) => `${formatDifference(estimate, unit)} (${name.split(':')[0]})`),
  );
}

function nonEmpty(measures: readonly Measure[]): [Measure, ...Measure[]] {
  const [first, ...rest] = measures;
  if (first === undefined) throw new RangeError('expected at least one measure, received none');
  return [first, ...rest];
}

const robust: Rule = {
  id: 'F5',
  title: 'Averages are robust to wrong labels',
  paper: '40 % human noise: CIFAR-100N 55.50 -> 65.15 %, CIFAR-10N 77.69 -> 86.71 % (Table 2)',
  criterion: 'test accuracy of EMA (loss) - SGD at the end: above 5 pp and interval above 0 at every level of noise',
  needs: [MAIN],
  judge: (results) => {
    const measures = nonEmpty(gains(results, 'sgdLast'));
    const byAccuracy = accuracyGains(results, 'sgdLast');
    return {
      measures: [...measures, ...byAccuracy],
      asked: measures.flatMap((measure) => [
        { measure, is: 'mean above' as const, bound: 5 },
        { measure, is: 'above' as const, bound: 0 },
      ]),
      words: `${byNoise(measures)} against SGD at the end. Chosen by accuracy: ${byNoise(byAccuracy)}.`,
    };
  },
};

const fairRobust: Rule = {
  id: "F5'",
  title: 'They are still better than SGD stopped early by the same rule',
  paper: 'CIFAR-10N: 78.09 -> 86.71 % against early-stopped SGD (Table 20)',
  criterion:
    'test accuracy of EMA (loss) - SGD (loss): mean above 0, and above 0 in every seed, at every level of noise',
  needs: [MAIN],
  judge: (results) => {
    const measures = nonEmpty(gains(results, 'sgdLoss'));
    const byAccuracy = accuracyGains(results, 'sgdAccuracy');
    const seeds = measures.flatMap(({ values }) => values);
    const positive = seeds.filter((value) => value > 0).length;
    return {
      measures: [...measures, ...byAccuracy],
      asked: measures.map((measure) => ({ measure, is: 'every above', bound: 0 })),
      words: `${byNoise(measures)}; better in ${positive} of ${seeds.length} runs. Where both are chosen by accuracy: ${byNoise(byAccuracy)}.`,
    };
  },
};

const FIT = 0.9;

const memorises: Rule = {
  id: 'F6',
  title: 'At equal fit of the right labels, averages have memorised fewer wrong ones',
  paper: '28.8 % against 68.2 % of wrong labels at 90 % of the right ones (appendix E.1)',
  criterion: 'share of wrong labels fitted when the right ones are fitted to 90 %: EMA below SGD in every seed',
  needs: [MAIN],
  judge: (results) => {
    const differences: Measure[] = [];
    const texts: string[] = [];
    let missing = 0;
    for (const condition of mainFirst(results)) {
      const pairs = results.of(condition).map((run) => {
        return { ema: memorised(run.memorisation[slowestMain(run)]), sgd: memorised(run.memorisation[RAW]) };
      });
      const both = pairs.flatMap(({ ema, sgd }) => (ema === undefined || sgd === undefined ? [] : [{ ema, sgd }]));
      missing += pairs.length - both.length;
      if (both.length === 0) continue;
      const values = both.map(({ ema, sgd }) => ema - sgd);
      const name = `${condition}: wrong labels fitted at 90 % of the right ones, EMA - SGD`;
      differences.push(measureOf(name, 'pp', values));
      const mean = (key: 'ema' | 'sgd'): string => formatLevel(meanInterval(both.map((pair) => pair[key])).mean, '%');
      texts.push(`${mean('ema')} against ${mean('sgd')} (${condition})`);
    }
    return memorisationJudgement(differences, texts, missing);
  },
};

function memorised(curve: Parameters<typeof memorisedAt>[0] | undefined): number | undefined {
  const share = curve === undefined ? undefined : memorisedAt(curve, FIT);
  return share === undefined ? undefined : 100 * share;
}

function memorisationJudgement(measures: readonly Measure[], texts: readonly string[], missing: number): Judgement {
  const [first, ...rest] = measures;
  if (first === undefined) throw new MissingData('within these epochs no run fitted 90 % of the right labels');
  const unfitted = wholeMeasure('runs in which one of the two never fitted 90 %', '', missing, first.estimate.seeds);
  const without = missing === 0 ? '' : ` In ${missing} runs one of the two never fitted 90 %.`;
  return {
    measures: [first, ...rest, unfitted],
    asked: [
      ...measures.map((measure) => ({ measure, is: 'every below', bound: 0 }) as const),
      { measure: unfitted, is: 'mean below', bound: 0.5 },
    ],
    words: `Of the wrong labels ${formatList(texts)} are memorised, average against SGD, when 90 % of the right ones are fitted.${without}`,
  };
}

const noisyCalibration: Rule = {
  id: 'F8n',
  title: 'With wrong labels the calibration error stays the same',
  kind: 'no harm',
  paper: 'CIFAR-10N after temperature scaling: SGD 7.29 %, EMA 12.91 % (Table 17)',
  criterion: 'expected null: N40, ECE (15 bins) of EMA (loss) - SGD at the end: interval contains 0',
  needs: [MAIN],
  judge: (results) => {
    const gain = results.measure('N40: ECE (15 bins), EMA (loss) - SGD at the end', 'pp', MAIN, (run) => {
      return 100 * (model(run, 'emaLoss').test.ece15 - model(run, 'sgdLast').test.ece15);
    });
    const level = (id: 'emaLoss' | 'sgdLast'): string =>
      formatLevel(results.measure('', '%', MAIN, (run) => 100 * model(run, id).test.ece15).estimate.mean, '%');
    return {
      measures: [gain],
      asked: [{ measure: gain, is: 'about 0', bound: 0 }],
      words: `ECE ${level('emaLoss')} (average) and ${level('sgdLast')} (SGD): ${formatDifference(gain.estimate, 'pp')}.${side(gain)} A model of noisy labels is rightly unsure of clean ones.`,
    };
  },
};

function side({ estimate: { interval } }: Measure): string {
  if (interval === undefined || (interval[0] <= 0 && interval[1] >= 0)) return '';
  return ` The average is the ${interval[0] > 0 ? 'worse' : 'better'} calibrated one.`;
}

const HARDLY_PP = 1;

const constantRate: Rule = {
  id: 'F18',
  title: 'Memorisation comes from decaying the learning rate, not from training longer',
  paper: 'rate held constant after the best epoch: no overfit (appendix E.2)',
  criterion:
    'none (out of reach of this scale): EMA at the end - EMA (loss) with 40 % noise and a constant rate; "reproduced" if it loses at most 1 pp, "same direction" if it loses less than under cosine',
  needs: ['NK', MAIN],
  judge: (results) => {
    const loss = (condition: string): Measure =>
      results.measure(`${condition}: test accuracy, EMA at the end - EMA (loss)`, 'pp', condition, (run) => {
        return testAccuracy(run, 'emaLast') - testAccuracy(run, 'emaLoss');
      });
    const [constant, cosine] = [loss('NK'), loss(MAIN)];
    const isLost = ({ estimate: { interval } }: Measure): boolean => interval !== undefined && interval[1] < -HARDLY_PP;
    return {
      measures: [constant, cosine],
      asked: [],
      void: isLost(cosine)
        ? undefined
        : 'Under cosine it does not surely lose a point either: there is no memorisation to explain.',
      words: `From its best to the end the average changes by ${formatDifference(constant.estimate, 'pp')} at a constant rate and by ${formatDifference(cosine.estimate, 'pp')} under cosine.${isLost(constant) ? ' This small network memorises at a constant rate too.' : ''}`,
    };
  },
};

/** F5, F5', F6, F8n, F18. */
export const noiseRules: readonly Rule[] = [robust, fairRobust, memorises, noisyCalibration, constantRate];
