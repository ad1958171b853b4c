// Choosing the best average from what validation measured.
// Runs no validation and knows no other capability.

/** Loss and metrics by name, as in `model.metricsNames`. */
export type Metrics = Readonly<Record<string, number>>;

/** Whether smaller or larger is better, or whether the metric's name says it. */
export type Mode = 'auto' | 'min' | 'max';

/** Which of two values is better. */
export type Direction = Exclude<Mode, 'auto'>;

/** Every {@link Mode}. */
export const MODES: readonly Mode[] = ['auto', 'min', 'max'];

/** Words of metrics: the first list by the whole word, the second by its end, as in `logloss`; digits may follow, as in `AP50`. */
const wordsOf = (whole: string, ending: string): RegExp =>
  new RegExp(`^(${whole.replaceAll(' ', '|')})\\d*$|(${ending.replaceAll(' ', '|')})\\d*$`);
const SMALLER = wordsOf(
  'err fpr fnr eer nll kl bce cce bpd bpc ppl fid kid lpips wer cer ece crps mre rae rse epe ade fde mpjpe smape wape mase regret cost costs ' +
    'false hinge huber brier chamfer hausdorff logcosh deviance inaccuracy impurity misclassification misclassified',
  'loss losses error errors mse mae mape msle perplexity entropy divergence distance proximity',
);
const LARGER = wordsOf(
  'auc roc auroc auprc prauc tpr tnr npv ppv f fbeta fscore fmeasure iou r2 rsquared explained corr kappa mcc map ap ndcg mrr hit hits ' +
    'psnr snr sdr ssim bleu rouge meteor cider top return returns gain win wins success elbo sensitivity specificity tversky aucpr concordance true predictive',
  'acc accuracy auc iou precision recall dice jaccard overlap correlation pearson spearman kendall similarity reward rewards likelihood coef coefficient',
);
/** Says what is better only where nothing else does: a Brier score is an error. */
const SCORE = /scores?\d*$/;

const OPPOSITE = { min: 'max', max: 'min' } as const satisfies Record<Direction, Direction>;

/** What the words in a metric's name say; undefined where they say nothing. */
function saidBy(metric: string): Direction | undefined {
  // The metric of tfjs that is called so is the negative of the cosine.
  if (/^(val_)?cosine$/.test(metric)) return 'min';
  const words = metric
    .replaceAll('IoU', 'Iou')
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replaceAll(/\br[^a-z\d]?squared\b|r²/g, 'r2')
    .split(/[^a-z\d]+/);
  // The last one: an `accuracyLoss` is a loss, and the accuracy of an output `distance` an accuracy.
  const last = words.filter((word) => SMALLER.test(word) || LARGER.test(word)).at(-1);
  const isScore = words.some((word) => SCORE.test(word));
  const said = last === undefined ? undefined : SMALLER.test(last) ? 'min' : 'max';
  const direction = said ?? (isScore ? 'max' : undefined);
  // As in scikit-learn: the negative of what is meant. A rate of negatives is none.
  const isNegative = /\bneg(ative)? (?!rate|predictive)/.test(words.join(' '));
  return isNegative && direction !== undefined ? OPPOSITE[direction] : direction;
}

/** The metric behind the name of a log: `val_acc` is `acc`, and so is `acc`. */
export function metricOf(monitor: string): string {
  return monitor.replace(/^val_/, '');
}

/** Whether nothing in a metric's name says what is better. */
export function isGuess(metric: string): boolean {
  return saidBy(metric) === undefined;
}

/**
 * Which values of a metric are better, by the words in its name, of which the last decides: smaller losses and errors, larger
 * accuracies, scores, rewards; smaller where the name says nothing.
 * @param mode what the user says. @defaultValue `'auto'`
 */
export function directionOf(metric: string, mode: Mode = 'auto'): Direction {
  return mode === 'auto' ? (saidBy(metric) ?? 'min') : mode;
}

/** Whether a value is better than another one. */
export function isBetter(direction: Direction, value: number, other: number): boolean {
  return direction === 'min' ? value < other : value > other;
}

/**
 * The index of the best candidate by one metric.
 *
 * Candidates are compared from the smallest decay to the largest, and a tie keeps the smaller: a longer memory must earn its
 * place. A value that is not a number never wins.
 * @param candidates metrics of each average.
 * @param decays its decay, in the same order.
 * @param by name of the metric, without `val_`, and what is better.
 * @returns undefined when no candidate has a number.
 */
export function bestIndex(
  candidates: readonly Metrics[],
  decays: readonly number[],
  { metric, direction = directionOf(metric) }: { readonly metric: string; readonly direction?: Direction },
): number | undefined {
  const order = decays.map((_, index) => index).sort((a, b) => (decays[a] ?? 0) - (decays[b] ?? 0));
  let best: number | undefined;
  let bestValue = Number.NaN;
  for (const index of order) {
    const value = candidates[index]?.[metric] ?? Number.NaN;
    if (Number.isNaN(value)) continue;
    if (best === undefined || isBetter(direction, value, bestValue)) {
      best = index;
      bestValue = value;
    }
  }
  return best;
}

/** The best of one measurement by one metric. */
export interface Winner {
  readonly metric: string;
  readonly direction: Direction;
  /** What the user says is better, where that was said. */
  readonly mode?: Direction;
  readonly index: number;
  readonly value: number;
}

/** The metrics that best averages are kept by: the monitored one, and both of the paper's where they are among what is measured. */
export function judgedMetrics(monitor: string, measured: readonly string[]): readonly string[] {
  return [...new Set([monitor, ...['loss', 'acc'].filter((metric) => measured.includes(metric))])];
}

/**
 * The best average of one measurement by the monitored metric, and by both of the paper's where they were measured: lowest loss, best accuracy.
 * @param monitor name of the metric, without `val_`.
 * @returns the monitored metric first; without those of which no candidate has a number.
 */
export function winnersOf(
  candidates: readonly Metrics[],
  decays: readonly number[],
  { monitor, mode = 'auto' }: { readonly monitor: string; readonly mode?: Mode },
): readonly Winner[] {
  const measured = candidates.flatMap((metrics) => Object.keys(metrics));
  return judgedMetrics(monitor, measured).flatMap((metric) => {
    const said = metric === monitor && mode !== 'auto' ? { mode } : {};
    const direction = directionOf(metric, said.mode);
    const index = bestIndex(candidates, decays, { metric, direction });
    const value = index === undefined ? undefined : candidates[index]?.[metric];
    return index === undefined || value === undefined ? [] : [{ metric, direction, ...said, index, value }];
  });
}
