// What a diagnosis says that somebody should know: averages that stand still, weights that explode, decays that cannot work.
// Pure judgement: reads no tensors and warns nobody.

import { stepsUntilForgotten } from '../schedule/forecast.js';
import type { Diagnosis, DiagnosisSummary, WeightDiagnosis } from './figures.js';

/** One finding. */
export interface Finding {
  /** What it is about: the same finding is worth one warning, whatever its figures are next time. */
  readonly key: string;
  /** What was found, and the fix. */
  readonly message: string;
}

/** What a diagnosis is compared with. */
export interface Circumstances {
  /** Decays per step, in the order of the averages. */
  readonly decays: readonly number[];
  /** What the averages are called. */
  readonly labels: readonly string[];
  /** Alphas of the next update, which say whether an average is meant to stand still or to follow. */
  readonly alphas: readonly number[];
  /** Whether no average took a step in since it was a copy of the weights, or was put into their place: then it is meant to equal them. */
  readonly areCopies: boolean;
  /** The first diagnosis of the run, if this is not the first. */
  readonly first: DiagnosisSummary | undefined;
  /** The diagnosis before this one. */
  readonly before: Diagnosis | undefined;
  /** Whether somebody asked just now: what is only natural early in a run is said then alone. */
  readonly isAsked: boolean;
}

type Looked = Omit<Diagnosis, 'health'>;

/** A norm that grew by more than this is no training any more. */
const GROWN = 10;
/** An average that holds more than this of what it started from is not an average of the run yet. */
const FORGOTTEN = 0.01;
/** Dead elements that are worth a word. */
const DEAD_SHARE = 0.1;
/** A relative move that shows in a float32 norm even at a right angle, where only its square does. */
const VISIBLE = 1e-3;
/** Below this relative distance, what rounding loses is nothing that anybody could measure. */
const NEAR = 1e-6;
/** An update with this alpha loses at most 1e-5 of an element: less, and standing still is only being there already. */
const COARSE = 2 ** -24 / 1e-5;

/** All findings of one diagnosis, the most serious first. */
export function findingsOf(now: Looked, around: Circumstances): Finding[] {
  if (now.steps === 0) return around.isAsked ? [neverCounted()] : [];
  return [
    ...nonFinite(now, around),
    ...grown(now, around),
    ...equal(now, around),
    ...still(now, around),
    ...dead(now, around),
    ...(around.isAsked ? unforgotten(now, around) : []),
  ];
}

function neverCounted(): Finding {
  const message =
    'no step was counted yet, so every average is still a copy of the weights at attach. Call update() after each optimizer ' +
    'step, or give the callback to the fit that trains; a wrapper may call neither.';
  return { key: 'never counted', message };
}

function nonFinite({ total, weights, steps }: Looked, { labels }: Circumstances): Finding[] {
  if (total.nonFinite > 0) {
    const names = weights.filter((weight) => weight.nonFinite > 0).map(({ name }) => `'${name}'`);
    const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
    const where = `${names.slice(0, 3).join(', ')}${more}`;
    const message =
      `${total.nonFinite} of ${total.size} weights are NaN or infinite at step ${steps}, in ${where}: training has diverged. ` +
      'Go back to a checkpoint and lower the learning rate; what an average takes in of them it keeps for ever.';
    return [{ key: 'non-finite weights', message }];
  }
  const ruined = labels.filter((_, k) => !Number.isFinite(total.averages[k]?.norm));
  if (ruined.length === 0) return [];
  const message =
    `average ${ruined.join(', ')} holds NaN or infinite values at step ${steps} though the weights do not: it took them in ` +
    'earlier and cannot recover. Load a checkpoint from before.';
  return [{ key: 'non-finite averages', message }];
}

function grown(now: Looked, { first, labels }: Circumstances): Finding[] {
  if (first === undefined) return [];
  const times = now.total.norm / first.total.norm;
  if (times > GROWN && first.total.norm > 0 && Number.isFinite(times)) {
    const message =
      `the norm of the weights has grown ${short(times)}-fold since step ${first.steps}, from ${short(first.total.norm)} to ` +
      `${short(now.total.norm)}, most of it in '${largest(now.weights)}'. Training that goes well does not do that: lower the learning ` +
      'rate, clip gradients or use weight decay.';
    return [{ key: 'growing weights', message }];
  }
  return labels.flatMap((_, k) => {
    const share = (now.total.averages[k]?.norm ?? 0) / now.total.norm;
    if (!(share > GROWN && Number.isFinite(share))) return [];
    const message = `average ${labels[k]}: its norm is ${short(share)} times that of the weights: they have shrunk, and it has not followed. Use a smaller decay, or a later start.`;
    return [{ key: `large average ${k}`, message }];
  });
}

function equal({ total, steps }: Looked, { areCopies }: Circumstances): Finding[] {
  if (areCopies || total.averages.some(({ distance }) => distance !== 0)) return [];
  const message =
    `after ${steps} steps every average equals the weights to the bit: the weights have not changed since they were copied. Is another model ` +
    'trained, or a copy that a wrapper made? Attach the one whose weights the optimizer changes.';
  return [{ key: 'equal', message }];
}

/** An average whose updates do not reach it: to the last digit as before, where it must have moved by enough to show in its norm. */
function still(now: Looked, { before, labels, alphas }: Circumstances): Finding[] {
  const since = before === undefined ? 0 : now.updates - before.updates;
  if (before === undefined || before.steps === 0 || since <= 0) return [];
  return labels.flatMap((_, k) => {
    const { distance = 0, norm = 0 } = now.total.averages[k] ?? {};
    const due = (1 - (1 - (alphas[k] ?? 0)) ** since) * distance;
    const isStill = now.weights.every(({ averages }, i) => averages[k]?.norm === before.weights[i]?.averages[k]?.norm);
    if (!isStill || !(due > VISIBLE * norm)) return [];
    const message =
      `average ${labels[k]} has not moved in the ${since} updates since step ${before.steps}, though its weights are elsewhere: the ` +
      "updates do not reach it. Use engine: 'js', and report this with what `npx tfjs-ema doctor` prints.";
    return [{ key: `still ${k}`, message }];
  });
}

function dead({ total }: Looked, { decays, labels, alphas }: Circumstances): Finding[] {
  return decays.flatMap((decay, k) => {
    const average = total.averages[k];
    if (average === undefined || decay === 1 || !((alphas[k] ?? 1) < COARSE)) return [];
    const share = average.deadZone / total.size;
    if (!(share > DEAD_SHARE && average.distance > NEAR * average.norm)) return [];
    const message =
      `average ${labels[k]}: ${Math.round(100 * share)} % of its elements differ from their weights and yet do not move: the step is ` +
      "less than half a float. Use precision: 'compensated', which loses nothing, or a larger updateEvery.";
    return [{ key: `dead zone ${k}`, message }];
  });
}

function unforgotten({ initialShares, steps }: Looked, { decays, labels }: Circumstances): Finding[] {
  return decays.flatMap((decay, k) => {
    const share = initialShares[k] ?? 0;
    if (!(share > FORGOTTEN) || decay === 1) return [];
    const message =
      `average ${labels[k]}: after ${steps} steps it still holds ${short(100 * share)} % of the initial weights. It forgets them in ` +
      `${stepsUntilForgotten(decay, FORGOTTEN)} steps without warm-up; use a smaller decay for a shorter run.`;
    return [{ key: `unforgotten ${k}`, message }];
  });
}

function largest(weights: readonly WeightDiagnosis[]): string {
  return weights.reduce((most, weight) => (weight.norm > most.norm ? weight : most)).name;
}

function short(value: number): string {
  return `${Number(value.toPrecision(3))}`;
}
