// Findings on the course of a run: better early, a better model, when the best is reached.
// Criteria were fixed before the seeds were run; they are not to be changed after.

import { mean, median } from 'simple-statistics';
import { PLAIN_WINDOWS, RAW, trackId } from '../runs/tracks.js';
import { bestEpoch, curve, slowestMain } from './curves.js';
import type { Rule } from './finding.js';
import { formatDifference, formatLevel, formatList } from './format.js';
import { type Measure, measureOf, wholeMeasure } from './measure.js';
import { model, type StudyResults, testAccuracy } from './study-results.js';

const EARLY_EPOCHS = 5;

const early: Rule = {
  id: 'F1',
  title: 'Averages are better early in training',
  paper: 'better early in training; no single figure',
  criterion:
    'validation accuracy over epochs 1-5, EMA - SGD: interval above 0; epochs to 99 % of the best SGD accuracy: EMA not later than SGD in every seed',
  needs: ['A'],
  judge: (results) => {
    const gain = results.measure('validation accuracy over epochs 1-5, EMA - SGD', 'pp', 'A', (run) => {
      const [ema, raw] = [curve(run, slowestMain(run)).accuracy, curve(run, RAW).accuracy];
      const differences = ema.slice(0, EARLY_EPOCHS).map((value, epoch) => value - (raw[epoch] ?? Number.NaN));
      return 100 * mean(differences);
    });
    const epochsTo = (name: string, track: (run: Parameters<typeof curve>[0]) => string): Measure =>
      results.measure(`epochs to 99 % of the best SGD accuracy, ${name}`, 'epochs', 'A', (run) => {
        const level = 0.99 * Math.max(...curve(run, RAW).accuracy);
        const { accuracy } = curve(run, track(run));
        // One more than the run has, where it is never reached.
        return accuracy.findIndex((value) => value >= level) + 1 || accuracy.length + 1;
      });
    const ema = epochsTo('EMA', slowestMain);
    const sgd = epochsTo('SGD', () => RAW);
    const late = ema.values.map((value, seed) => value - (sgd.values[seed] ?? 0));
    const later = measureOf('epochs to 99 % of the best SGD accuracy, EMA - SGD', 'epochs', late);
    return {
      measures: [gain, ema, sgd, later],
      asked: [
        { measure: gain, is: 'above', bound: 0 },
        { measure: later, is: 'every below', bound: 0.5 },
      ],
      words: `Over the first ${EARLY_EPOCHS} epochs the average is ${formatDifference(gain.estimate, 'pp')} ahead; it comes within 1 % of SGD's best accuracy after ${ema.values.join(', ')} epochs, SGD after ${sgd.values.join(', ')}.`,
    };
  },
};

/** Accuracy and loss of the average with the lowest loss, and, where a reader looks for accuracy, that of the one with the highest. */
function finalGain(
  results: StudyResults,
  before: 'sgdLast' | 'sgdLoss',
): [accuracy: Measure, loss: Measure, byAccuracy: Measure] {
  const name = before === 'sgdLast' ? 'SGD at the end' : 'SGD stopped early';
  const rival = before === 'sgdLast' ? 'sgdLast' : 'sgdAccuracy';
  return [
    results.measure(`test accuracy, EMA (loss) - ${name}`, 'pp', 'A', (run) => {
      return testAccuracy(run, 'emaLoss') - testAccuracy(run, before);
    }),
    results.measure(`test loss, EMA (loss) - ${name}`, 'nats', 'A', (run) => {
      return model(run, 'emaLoss').test.negativeLogLikelihood - model(run, before).test.negativeLogLikelihood;
    }),
    results.measure(`test accuracy, EMA (acc) - ${rival === 'sgdLast' ? name : 'SGD (acc)'}`, 'pp', 'A', (run) => {
      return testAccuracy(run, 'emaAccuracy') - testAccuracy(run, rival);
    }),
  ];
}

const better: Rule = {
  id: 'F2',
  title: 'The chosen average is a better model than the last weights',
  paper: 'ResNet-18, CIFAR-100: 77.63 -> 78.07 %, loss 1.02 -> 0.82 (Table 1)',
  criterion: 'test accuracy and loss of EMA (loss) - SGD at the end: both intervals exclude 0, on the better side',
  needs: ['A'],
  judge: (results) => {
    const [accuracy, loss, byAccuracy] = finalGain(results, 'sgdLast');
    return {
      measures: [accuracy, loss, byAccuracy],
      asked: [
        { measure: accuracy, is: 'above', bound: 0 },
        { measure: loss, is: 'below', bound: 0 },
      ],
      words: `Accuracy ${formatDifference(accuracy.estimate, 'pp')}, loss ${formatDifference(loss.estimate, 'nats')} against SGD at the end. Chosen by accuracy, the average is ${formatDifference(byAccuracy.estimate, 'pp')} from it.`,
    };
  },
};

const fairBetter: Rule = {
  id: "F2'",
  title: 'It is still better when SGD is stopped early by the same rule',
  paper: 'not compared on clean labels: SGD is best at the end there (Table 6)',
  criterion: 'test accuracy and loss of EMA (loss) - SGD (loss): both intervals exclude 0, on the better side',
  needs: ['A'],
  judge: (results) => {
    const [accuracy, loss, byAccuracy] = finalGain(results, 'sgdLoss');
    const stopped = results.measure('test accuracy, SGD (loss) - SGD at the end', 'pp', 'A', (run) => {
      return testAccuracy(run, 'sgdLoss') - testAccuracy(run, 'sgdLast');
    });
    return {
      measures: [accuracy, loss, byAccuracy, stopped],
      asked: [
        { measure: accuracy, is: 'above', bound: 0 },
        { measure: loss, is: 'below', bound: 0 },
      ],
      words: `Accuracy ${formatDifference(accuracy.estimate, 'pp')}, loss ${formatDifference(loss.estimate, 'nats')} against SGD stopped at its lowest validation loss, which is itself ${formatDifference(stopped.estimate, 'pp')} from SGD at the end. Where both are chosen by accuracy: ${formatDifference(byAccuracy.estimate, 'pp')}.`,
    };
  },
};

const LATEST = 0.75;

const earlyStop: Rule = {
  id: 'F7',
  title: 'The best average comes before three quarters of the run',
  paper: 'at 0.73, 0.75, 0.63, 0.75 and 0.67 of the run (Table 6)',
  criterion: 'epoch of the best EMA, by accuracy and by loss, clean and noisy: at most 0.75 of the run in every seed',
  needs: ['A'],
  judge: (results) => {
    const share = (condition: string, id: 'emaAccuracy' | 'emaLoss'): Measure => {
      const epochs = results.epochs(condition);
      const by = id === 'emaLoss' ? 'loss' : 'accuracy';
      return results.measure(
        `${condition} by ${by}, epoch of the best EMA as a share of the run`,
        'share',
        condition,
        (run) => {
          return model(run, id).epoch / epochs;
        },
      );
    };
    const noisy = results.noisy.map((condition) => share(condition, 'emaLoss'));
    const measures: [Measure, ...Measure[]] = [share('A', 'emaLoss'), share('A', 'emaAccuracy'), ...noisy];
    const latest = Math.max(...measures.flatMap(({ values }) => values));
    const list = measures.map(({ name, estimate }) => `${formatLevel(estimate.mean, 'share')} (${name.split(',')[0]})`);
    return {
      measures,
      // At three quarters it still is.
      asked: measures.map((measure) => ({ measure, is: 'every below', bound: LATEST + 1e-9 })),
      words: `On average at ${formatList(list)} of the run; the latest of all seeds at ${formatLevel(latest, 'share')}.`,
    };
  },
};

const slowerLater: Rule = {
  id: 'F11',
  title: 'The longer the window, the later the best epoch',
  paper: 'best epoch 137, 140, 152, 156, 166 for decays .968 to .998 (Table 24)',
  criterion:
    'medians of the best epoch for windows of 2.6, 10 and 30 % without warm-up rise; accuracies are not compared',
  needs: ['A'],
  judge: (results) => {
    const tracks = PLAIN_WINDOWS.map((share) => trackId('plain', share));
    const best = tracks.map((track) => {
      return results.measure(`best epoch, ${track}`, 'epochs', 'A', (run) => bestEpoch(curve(run, track)));
    });
    const accuracy = tracks.map((track) => {
      return results.measure(
        `best accuracy, ${track}`,
        '%',
        'A',
        (run) => 100 * Math.max(...curve(run, track).accuracy),
      );
    });
    const [fastest = '', , slowest = ''] = tracks;
    const later = results.measure('best epoch, window 30 % - window 2.6 %', 'epochs', 'A', (run) => {
      return bestEpoch(curve(run, slowest)) - bestEpoch(curve(run, fastest));
    });
    const [fast = 0, middle = 0, slow = 0] = best.map(({ values }) => median([...values]));
    const rises = (name: string, by: number): Measure =>
      wholeMeasure(`median best epoch, ${name}`, 'epochs', by, later.estimate.seeds);
    const [first, second] = [
      rises('window 10 % - window 2.6 %', middle - fast),
      rises('window 30 % - window 10 %', slow - middle),
    ];
    const levels = accuracy.map(({ estimate }) => formatLevel(estimate.mean, '%'));
    return {
      measures: [later, ...best, ...accuracy, first, second],
      asked: [first, second].map((measure) => ({ measure, is: 'mean above', bound: 0 })),
      words: `Median best epochs ${fast}, ${middle} and ${slow} for windows of 2.6, 10 and 30 % of the run; best accuracies ${formatList(levels)}.`,
    };
  },
};

/** F1, F2, F2', F7, F11. */
export const earlyRules: readonly Rule[] = [early, better, fairBetter, earlyStop, slowerLater];
