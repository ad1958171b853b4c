// Choosing the best average from what validation measured.
// Runs no validation and knows no other capability.

/** Loss and metrics by name, as in `model.metricsNames`. */
export type Metrics = Readonly<Record<string, number>>;

/** Which of two values is better. */
export type Direction = 'min' | 'max';

/** The same, or left to the metric's name. */
export type Mode = 'auto' | Direction;

/** Every {@link Mode}. */
export const MODES: readonly Mode[] = ['auto', 'min', 'max'];

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));
// What stands first decides: an `accuracyLoss` is a loss. tfjs's cosine proximity is the negative of the cosine.
const SMALLER = words(
  'loss error err errors mse mae rmse mape msle nll perplexity ppl crossentropy entropy divergence kl distance proximity hinge ' +
    'deviance fid lpips wer cer ece brier regret cost',
);
const LARGER = words(
  'acc accuracy auc auroc roc prauc precision recall sensitivity specificity f1 f2 fscore iou miou dice jaccard overlap r2 correlation pearson ' +
    'spearman kappa mcc map ap psnr ssim bleu rouge ndcg hits reward return score likelihood',
);

/** `val_meanSquaredError` is val, mean, squared, error. */
function wordsOf(metric: string): string[] {
  return metric
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z\d]+/);
}

/** Whether nothing in a metric's name says what is better. */
export function isGuess(metric: string): boolean {
  return !wordsOf(metric).some((word) => SMALLER.has(word) || LARGER.has(word));
}

/**
 * Which values of a metric are better, by the words in its name: smaller losses and errors, larger accuracies, scores, rewards;
 * smaller where the name says nothing.
 * @param mode what the user says. @defaultValue `'auto'`
 */
export function directionOf(metric: string, mode: Mode = 'auto'): Direction {
  if (mode !== 'auto') return mode;
  const all = wordsOf(metric);
  return !all.some((word) => SMALLER.has(word)) && all.some((word) => LARGER.has(word)) ? 'max' : 'min';
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
  readonly index: number;
  readonly value: number;
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
  const measured = new Set(candidates.flatMap((metrics) => Object.keys(metrics)));
  const metrics = new Set([monitor, ...['loss', 'acc'].filter((metric) => measured.has(metric))]);
  return [...metrics].flatMap((metric) => {
    const direction = directionOf(metric, metric === monitor ? mode : 'auto');
    const index = bestIndex(candidates, decays, { metric, direction });
    const value = index === undefined ? undefined : candidates[index]?.[metric];
    return index === undefined || value === undefined ? [] : [{ metric, direction, index, value }];
  });
}
