// Findings on calibration: error, Brier score and likelihood, as they are and after temperature scaling.
// Criteria were fixed before the seeds were run; they are not to be changed after.

import type { Scores } from '../runs/result.js';
import type { Rule } from './finding.js';
import { formatDifference, formatLevel } from './format.js';
import type { Measure } from './measure.js';
import { model, type StudyResults } from './study-results.js';

type ScoreName = Exclude<keyof Scores, 'accuracy'>;

const NAMES: Readonly<Record<ScoreName, string>> = {
  ece15: 'ECE (15 bins)',
  ece100: 'ECE (100 bins of equal mass)',
  brier: 'Brier score',
  negativeLogLikelihood: 'NLL',
};

interface Comparison {
  readonly score: ScoreName;
  readonly before: 'sgdLast' | 'sgdLoss';
  readonly scaled?: boolean;
}

/** Calibration errors are given in percentage points. */
function difference(results: StudyResults, { score, before, scaled = false }: Comparison): Measure {
  const isError = score === 'ece15' || score === 'ece100';
  const name = `${NAMES[score]}${scaled ? ' after temperature scaling' : ''}, EMA (loss) - ${before === 'sgdLast' ? 'SGD at the end' : 'SGD (loss)'}`;
  return results.measure(name, isError ? 'pp' : score === 'brier' ? '' : 'nats', 'A', (run) => {
    const of = (id: 'emaLoss' | 'sgdLast' | 'sgdLoss'): number => model(run, id)[scaled ? 'scaled' : 'test'][score];
    return (isError ? 100 : 1) * (of('emaLoss') - of(before));
  });
}

const calibrated: Rule = {
  id: 'F8',
  title: 'The chosen average is better calibrated than the last weights',
  paper: 'ResNet-18, CIFAR-100: ECE 11.75 -> 9.46 %, after temperature scaling 4.67 -> 3.13 % (Table 5)',
  criterion:
    'A, EMA (loss) - SGD at the end: ECE (15 and 100 bins), Brier and NLL, and the same after temperature scaling: all intervals below 0',
  needs: ['A'],
  judge: (results) => {
    const scores: ScoreName[] = ['ece100', 'ece15', 'brier', 'negativeLogLikelihood'];
    const plain = scores.map((score) => difference(results, { score, before: 'sgdLast' }));
    const scaled = scores.map((score) => difference(results, { score, before: 'sgdLast', scaled: true }));
    const measures = [...plain, ...scaled] as [Measure, ...Measure[]];
    const stopped = difference(results, { score: 'ece100', before: 'sgdLoss' });
    const scaledBelow = scaled.filter(({ estimate }) => (estimate.interval?.[1] ?? 0) < 0).length;
    const level = (id: 'emaLoss' | 'sgdLast', kind: 'test' | 'scaled'): string =>
      formatLevel(results.measure('', '%', 'A', (run) => 100 * model(run, id)[kind].ece100).estimate.mean, '%');
    return {
      measures,
      asked: measures.map((measure) => ({ measure, is: 'below', bound: 0 })),
      words: `ECE (100 bins) ${level('sgdLast', 'test')} -> ${level('emaLoss', 'test')}, after temperature scaling ${level('sgdLast', 'scaled')} -> ${level('emaLoss', 'scaled')} (${scaledBelow} of ${scaled.length} measures after scaling are better beyond their margin). Against SGD stopped early it is ${formatDifference(stopped.estimate, 'pp')} before scaling.`,
    };
  },
};

const fairCalibrated: Rule = {
  id: "F8'",
  title: 'Against SGD stopped early: better likelihood and Brier score, not a better ECE',
  paper: 'not compared',
  criterion: 'A, EMA (loss) - SGD (loss): intervals of NLL and Brier below 0; ECE is reported only',
  needs: ['A'],
  judge: (results) => {
    const [loss, brier, ece] = (['negativeLogLikelihood', 'brier', 'ece15'] as const).map((score) =>
      difference(results, { score, before: 'sgdLoss' }),
    ) as [Measure, Measure, Measure];
    return {
      measures: [loss, brier, ece],
      asked: [loss, brier].map((measure) => ({ measure, is: 'below', bound: 0 })),
      words: `NLL ${formatDifference(loss.estimate, 'nats')}, Brier ${formatDifference(brier.estimate, '')}; ECE ${formatDifference(ece.estimate, 'pp')}.`,
    };
  },
};

/** F8, F8'. */
export const calibrationRules: readonly Rule[] = [calibrated, fairCalibrated];
