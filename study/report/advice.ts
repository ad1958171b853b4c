// What a practitioner should do, by the findings: sentences with their figures, and where these come from.
// Judges nothing; a sentence without figures is left out.

import { mean } from 'simple-statistics';
import type { CourseTable } from '../findings/course-table.js';
import { formatLevel, formatList } from '../findings/format.js';
import type { Finding } from '../findings/index.js';
import { anchorOf, placeOf } from './anchors.js';
import type { Section } from './description.js';
import { figureOf } from './table.js';

/** Figures of a measure in each place that has it, with links: `[images](#f2) +0.32 ± 0.17 pp`. */
type Figures = (id: string, measure: string, isHere?: (finding: Finding) => boolean) => string;

/** The chapter. */
export function advice(sections: readonly Section[]): string[] {
  const figures: Figures = (id, name, isHere = () => true) =>
    formatList(
      sections.flatMap(({ domain, findings }) => {
        return findings
          .filter((finding) => finding.id === id && isHere(finding))
          .flatMap((finding) => {
            const measure = finding.measures.find((one) => one.name.startsWith(name));
            if (measure === undefined) return [];
            return `[${placeOf(domain.id, finding)}](#${anchorOf(domain.id, finding)}) ${figureOf(measure)}`;
          });
      }),
    );
  const lines = [
    ...ADVICE.flatMap(({ say, proofs }) => {
      const found = proofs.map(({ text, id, measure, isHere }) => ({ text, list: figures(id, measure, isHere) }));
      const shown = found.filter(({ list }) => list !== '').map(({ text, list }) => `  - ${text}: ${list}.`);
      return shown.length === 0 ? [] : [`- **${say}**`, ...shown];
    }),
    ...decays(sections.flatMap(({ courses }) => courses)),
  ];
  return lines.length === 0 ? [] : ['## What to do', ...lines, ''];
}

interface Proof {
  readonly text: string;
  readonly id: string;
  /** How the measure's name begins. */
  readonly measure: string;
  readonly isHere?: (finding: Finding) => boolean;
}

const ADVICE: readonly { readonly say: string; readonly proofs: readonly Proof[] }[] = [
  {
    say: 'Clean labels and a learning rate that falls to 0: at the end the average is the model that you have anyway. It pays before.',
    proofs: [
      { text: 'At the end, average against weights', id: 'F0', measure: 'A: test accuracy at the end' },
      { text: 'In the first five epochs', id: 'F1', measure: 'validation accuracy over epochs 1-5' },
      { text: 'At the end of a constant rate', id: 'F3', measure: 'K: test accuracy at the end' },
    ],
  },
  {
    say: 'You do not know how long you will train: keep the rate constant, and take the average.',
    proofs: [
      {
        text: 'Its error against the raw weights',
        id: 'P1',
        measure: 'gain at 100 %',
        isHere: ({ kind }) => kind === 'effect',
      },
      { text: 'Against a run with a cosine rate', id: 'X1', measure: 'constant rate' },
      { text: 'Against a run with a cooldown', id: 'X2', measure: 'constant rate' },
    ],
  },
  {
    say: 'Some labels are wrong: validate, and stop early. That is most of the gain; the average adds to it.',
    proofs: [
      { text: '40 % wrong, against the end', id: 'F5', measure: 'N40: test accuracy, EMA (acc)' },
      { text: 'Against early stopping, both chosen by loss', id: "F5'", measure: 'N40: test accuracy, EMA (loss)' },
      { text: 'Both chosen by accuracy', id: "F5'", measure: 'N40: test accuracy, EMA (acc)' },
    ],
  },
  {
    say: "Choose by what you report: by accuracy for accuracy (`monitor: 'val_acc'`), by loss for probabilities.",
    proofs: [
      {
        text: 'Accuracy of the average chosen by accuracy, against the end',
        id: 'F2',
        measure: 'test accuracy, EMA (acc)',
      },
      { text: 'Chosen by loss', id: 'F2', measure: 'test accuracy, EMA (loss)' },
      { text: 'Likelihood of the average chosen by loss, against early stopping by loss', id: "F8'", measure: 'NLL' },
    ],
  },
  {
    say: 'Do not count on calibration: with wrong labels the average is the worse calibrated one.',
    proofs: [
      {
        text: 'Calibration error on clean labels, against the end',
        id: 'F8',
        measure: 'ECE (100 bins of equal mass), EMA',
      },
      { text: 'With 40 % of the labels wrong', id: 'F8n', measure: 'N40' },
    ],
  },
  {
    say: 'BatchNorm and a long window: recompute its statistics where you look before the end.',
    proofs: [
      { text: 'Six layers, a window of 30 %, half-way', id: 'F22', measure: 'window 30 %' },
      { text: 'Best of the run', id: 'F21', measure: 'window 30 %' },
      { text: 'Two layers, at the end', id: 'F14', measure: 'BN: test accuracy' },
    ],
  },
];

/** Which averages to keep, by the table of courses. */
function decays(courses: readonly CourseTable[]): string[] {
  if (courses.length === 0) return [];
  const behind = (choice: string): string => {
    const all = courses.flatMap((course) => course.behind[choice] ?? []);
    return `${formatLevel(mean(all), 'ratio')}, at worst ${formatLevel(Math.max(...all), 'ratio')}`;
  };
  const choices = ["'anytime' (6)", "'auto' (5)", 'decay 0.999', 'raw weights'];
  return [
    "- **Which averages? `decays: 'auto'` where the length is known, else `'anytime'`: both are the defaults.**",
    `  - Error above the lowest of all averages, at a quarter, half, three quarters and the end of ${formatList(courses.map(({ condition }) => condition))}: ${formatList(choices.map((choice) => `${choice} ${behind(choice)}`))}.`,
  ];
}
