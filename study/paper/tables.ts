// The paper's tables for its own settings, against runs of the same settings (`--preset`).
// The findings of the study's own conditions are in ../findings.

import type { Rule } from '../findings/finding.js';
import { formatDifference, formatLevel, formatMean } from '../findings/format.js';
import { type Measure, measureOf } from '../findings/measure.js';
import { MissingData } from '../findings/missing-data.js';
import { model, type StudyResults, testAccuracy } from '../findings/study-results.js';
import { type PresetName, presets } from './presets.js';

/** The condition of every preset. */
const ID = 'paper';

/** Before and after, as the paper prints them; what it does not print for a setting is absent. */
interface PaperFigures {
  readonly accuracy: string;
  readonly loss?: string;
  readonly epochs: string;
  readonly churn?: string;
  readonly calibration?: string;
  readonly scaled?: string;
  readonly recompute?: string;
  readonly uniform?: string;
}

const FIGURES: Readonly<Record<PresetName, PaperFigures>> = {
  'paper-cifar10': {
    accuracy: '94.54 -> 95.01 % (80 % split, EMA (loss), Table 5)',
    loss: '0.22 -> 0.15 (Table 1)',
    epochs: 'SGD 189, EMA (acc) 149.3, EMA (loss) 125 (Table 6)',
    churn: '3.78 -> 2.71 %, JS 0.017 -> 0.013 (Table 3)',
    calibration: '3.58 -> 1.99 % (Table 5)',
    scaled: '1.99 -> 1.04 % (Table 5)',
    uniform: 'EMA 95.62, SWA 95.75 % (Table 1)',
  },
  'paper-cifar100': {
    accuracy: '75.83 -> 76.31 % (80 % split, EMA (loss), Table 5)',
    loss: '1.02 -> 0.82 (Table 1)',
    epochs: 'SGD 198, EMA (acc) 146, EMA (loss) 124.6 (Table 6)',
    churn: '18.84 -> 11.69 %, JS 0.32 -> 0.09 (Table 3)',
    calibration: '11.75 -> 9.46 % (Table 5)',
    scaled: '4.67 -> 3.13 % (Table 5)',
    uniform: 'EMA 78.55, SWA 78.69 % (Table 1)',
  },
  'paper-cifar100-vgg': {
    accuracy: '70.57 -> 70.46 % (80 % split, EMA (loss), Table 5)',
    loss: '1.77 -> 1.06 (Table 1)',
    epochs: 'SGD 191.6, EMA (acc) 149.6, EMA (loss) 118 (Table 6)',
    churn: '23.7 -> 20.07 %, JS 0.67 -> 0.13 (Table 3)',
    calibration: '20.57 -> 8.12 % (Table 5)',
    scaled: '12.17 -> 3.64 % (Table 5)',
    uniform: 'EMA 73.64, SWA 73.28 % (Table 1)',
  },
  'paper-cifar100-wrn': {
    accuracy: '79.29 -> 80.12 % (80 % split, EMA (loss), Table 5)',
    loss: '0.78 -> 0.64 (Table 1)',
    epochs: 'SGD 182, EMA (acc) 126.6, EMA (loss) 82 (Table 6)',
    churn: '15.69 -> 8.88 %, JS 0.10 -> 0.055 (Table 3)',
    calibration: '6.38 -> 6.20 % (Table 5)',
    scaled: '5.60 -> 3.37 % (Table 5)',
    uniform: 'EMA 82.72, SWA 82.71 % (Table 1)',
  },
  'paper-cifar10n': {
    accuracy: '78.09 (stopped early) -> 86.19 % (Table 20)',
    epochs: 'EMA (acc) 124, 109, 117; EMA (loss) 98, 98, 102 (Table 6)',
    recompute: '86.40 -> 86.71 % (EMA (acc), Table 20)',
  },
  'paper-cifar100n': {
    accuracy: '55.47 (stopped early) -> 62.95 % (Table 18)',
    loss: '2.43 -> 1.33 (Table 18)',
    epochs: 'EMA (acc) 91, 82, 85; EMA (loss) 60, 63, 51 (Table 6)',
    churn: '38.03 -> 18.48 % (Table 18)',
    calibration: '24.76 -> 5.65 % (Table 18)',
    recompute: '64.18 -> 65.15 % (EMA (acc), Table 18)',
  },
};

const NOT_GIVEN = 'not given for this setting';

/** The rules of a preset. On noisy labels the paper compares with SGD stopped early, elsewhere with SGD at the end. */
export function paperRules(preset: PresetName): readonly Rule[] {
  const figures = FIGURES[preset];
  const before = presets[preset].data.name.endsWith('n') ? 'sgdAccuracy' : 'sgdLast';
  const gains = [
    gainRule('P1', 'Test accuracy', figures.accuracy, {
      better: 'above',
      unit: 'pp',
      value: gain('accuracy', before, 100),
    }),
    gainRule('P2', 'Test loss', figures.loss, {
      better: 'below',
      unit: 'nats',
      value: gain('negativeLogLikelihood', before, 1),
    }),
    epochsRule(figures.epochs),
    churnRule(figures.churn),
    gainRule('P5', 'ECE (100 bins)', figures.calibration, {
      better: 'below',
      unit: 'pp',
      value: gain('ece100', before, 100),
    }),
    gainRule('P6', 'ECE (100 bins) after temperature scaling', figures.scaled, {
      better: 'below',
      unit: 'pp',
      value: gain('ece100', before, 100, 'scaled'),
    }),
    uniformRule(figures.uniform),
  ];
  return preset === 'paper-cifar100-vgg' ? gains : [...gains, recomputeRule(figures.recompute)];
}

type Value = Parameters<StudyResults['measure']>[3];

function gain(
  score: 'accuracy' | 'negativeLogLikelihood' | 'ece100',
  before: 'sgdLast' | 'sgdAccuracy',
  scale: number,
  kind: 'test' | 'scaled' = 'test',
): Value {
  return (run) => scale * (model(run, 'emaLoss')[kind][score] - model(run, before)[kind][score]);
}

interface GainOptions {
  readonly better: 'above' | 'below';
  readonly unit: 'pp' | 'nats';
  readonly value: Value;
}

function gainRule(id: string, title: string, paper: string | undefined, { better, unit, value }: GainOptions): Rule {
  return {
    id,
    title,
    paper: paper ?? NOT_GIVEN,
    criterion: `EMA (loss) - SGD: interval ${better} 0`,
    needs: [ID],
    judge: (results) => {
      const measure = results.measure(`${title}, EMA (loss) - SGD`, unit, ID, value);
      const words = formatDifference(measure.estimate, unit);
      return { measures: [measure], asked: [{ measure, is: better, bound: 0 }], words };
    },
  };
}

function epochsRule(paper: string): Rule {
  return {
    id: 'P3',
    title: 'Epoch of the best model: SGD, EMA (acc), EMA (loss)',
    paper,
    criterion: 'EMA (loss) not later than EMA (acc), and EMA (acc) before SGD (acc), in the mean',
    needs: [ID],
    judge: (results) => {
      const epoch = (id: 'emaLoss' | 'emaAccuracy' | 'sgdAccuracy'): Measure =>
        results.measure(`epoch of ${id}`, 'epochs', ID, (run) => model(run, id).epoch);
      const [loss, accuracy, sgd] = [epoch('emaLoss'), epoch('emaAccuracy'), epoch('sgdAccuracy')];
      const later = (name: string, one: Measure, other: Measure): Measure =>
        measureOf(
          `epoch of ${name}`,
          'epochs',
          one.values.map((value, seed) => value - (other.values[seed] ?? Number.NaN)),
        );
      const sooner = later('emaAccuracy - sgdAccuracy', accuracy, sgd);
      const notLater = later('emaLoss - emaAccuracy', loss, accuracy);
      const words = `SGD ${formatMean(sgd.estimate, 'epochs')}, EMA (acc) ${formatMean(accuracy.estimate, 'epochs')}, EMA (loss) ${formatMean(loss.estimate, 'epochs')}.`;
      return {
        measures: [loss, accuracy, sgd, sooner, notLater],
        asked: [
          { measure: sooner, is: 'mean below', bound: 0 },
          { measure: notLater, is: 'mean below', bound: 1e-9 },
        ],
        words,
      };
    },
  };
}

function churnRule(paper: string | undefined): Rule {
  return {
    id: 'P4',
    title: 'Churn between seeds',
    paper: paper ?? NOT_GIVEN,
    criterion: 'churn and JS of EMA (loss) - SGD at the end: intervals below 0',
    needs: [ID],
    judge: (results) => {
      const churn = results.disagreementGain('churn', ID, ['emaLoss', 'sgdLast']);
      const divergence = results.disagreementGain('jensenShannon', ID, ['emaLoss', 'sgdLast']);
      if (churn === undefined || divergence === undefined) throw new MissingData('it takes two seeds');
      const words = `Churn ${formatDifference(churn.estimate, 'pp')}, JS ${formatDifference(divergence.estimate, 'nats')}.`;
      const asked = [churn, divergence].map((measure) => ({ measure, is: 'below', bound: 0 }) as const);
      return { measures: [churn, divergence], asked, words };
    },
  };
}

function uniformRule(paper: string | undefined): Rule {
  return {
    id: 'P7',
    title: 'SWA against EMA (acc)',
    paper: paper ?? NOT_GIVEN,
    criterion: 'test accuracy: |SWA - EMA (acc)| <= 0.5 pp',
    needs: [ID],
    judge: (results) => {
      const measure = results.measure('test accuracy, SWA - EMA (acc)', 'pp', ID, (run) => {
        return testAccuracy(run, 'uniform') - testAccuracy(run, 'emaAccuracy');
      });
      const words = formatDifference(measure.estimate, 'pp');
      return { measures: [measure], asked: [{ measure, is: 'mean within', bound: 0.5 }], words };
    },
  };
}

function recomputeRule(paper: string | undefined): Rule {
  return {
    id: 'P8',
    title: 'BatchNorm statistics recomputed for EMA (acc)',
    paper: paper ?? NOT_GIVEN,
    criterion: 'test accuracy, recomputed - averaged statistics: interval above 0',
    needs: [ID],
    judge: (results) => {
      const measure = results.measure('test accuracy, recomputed - averaged statistics', 'pp', ID, (run) => {
        return testAccuracy(run, 'emaAccuracyRecomputed') - testAccuracy(run, 'emaAccuracy');
      });
      const level = results.measure('', '%', ID, (run) => testAccuracy(run, 'emaAccuracyRecomputed'));
      const words = `${formatDifference(measure.estimate, 'pp')}, to ${formatLevel(level.estimate.mean, '%')}.`;
      return { measures: [measure], asked: [{ measure, is: 'above', bound: 0 }], words };
    },
  };
}
