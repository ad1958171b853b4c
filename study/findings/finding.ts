// What a finding is: the paper's claim, how it is measured here, the criterion fixed beforehand, and the verdict.
// Measures nothing.

import { type Asked, NOT_ENOUGH, type Outcome, type Verdict } from './criteria.js';
import type { Measure, Unit } from './measure.js';
import type { StudyResults } from './study-results.js';

/** What the runs say of a claim. */
export interface Judgement {
  /** The first one stands for the finding in tables. */
  readonly measures: readonly [Measure, ...Measure[]];
  /** What the images' own criterion asks; empty where none was fixed. Other domains have theirs in the file. */
  readonly asked: readonly Asked[];
  /** Why the claim is about nothing here, as a sentence. */
  readonly void?: string | undefined;
  /** One or two sentences, with the figures. */
  readonly words: string;
}

/** `effect`: that averaging changes something. `no harm`: that something changes nothing, or costs at most so much. */
export type Kind = 'effect' | 'no harm';

/** A claim of the paper and how it is judged. */
export interface Rule {
  readonly id: string;
  readonly title: string;
  /** @defaultValue `effect` */
  readonly kind?: Kind;
  /** The paper's figure, with its place. */
  readonly paper: string;
  /** As fixed before the runs. */
  readonly criterion: string;
  /** Conditions without which it cannot be judged; `Cc or A` is one of these. */
  readonly needs: readonly string[];
  /** @param condition the only one to look at, where a criterion names one. */
  readonly judge: (results: StudyResults, condition?: string) => Judgement;
}

/** A judged claim, as it is written to JSON. */
export interface Finding extends Outcome {
  readonly id: string;
  /** The course or condition that it is about, where a domain has several. */
  readonly condition?: string;
  readonly title: string;
  readonly kind: Kind;
  readonly paper: string;
  /** Mean of the first measure; null where nothing was measured. */
  readonly ours: number | null;
  readonly unit: Unit;
  /** 95 % interval of `ours`; null where there are too few seeds. */
  readonly interval: readonly [number, number] | null;
  readonly criterion: string;
  /** The commit that first held the criterion; null outside of a clone. */
  readonly commit: string | null;
  /** Seeds that were looked at before the criterion was written, where it is noted. */
  readonly pilots?: readonly number[];
  readonly words: string;
  readonly measures: readonly {
    readonly name: string;
    readonly unit: Unit;
    readonly mean: number;
    readonly interval: readonly [number, number] | null;
    /** How many seeds: fewer than values, where these are of pairs of seeds. */
    readonly seeds: number;
    readonly values: readonly number[];
  }[];
}

/** What a finding is called and by what it is judged. */
export type About = Pick<Finding, 'id' | 'condition' | 'title' | 'kind' | 'paper' | 'criterion' | 'commit' | 'pilots'>;

/** A finding whose runs were not made. */
export function notMeasured(about: About, missing: readonly string[]): Finding {
  const words = `Not measured: needs ${missing.length > 1 ? 'conditions' : 'condition'} ${missing.join(', ')}.`;
  return { ...NOTHING, ...about, verdict: 'not measured', words };
}

/** A finding that no figure can be given for, though its conditions were run. */
export function notEnough(about: About, reason: string): Finding {
  return { ...NOTHING, ...NOT_ENOUGH, ...about, words: `Not enough data: ${reason}.` };
}

const NOTHING = { ours: null, unit: '', interval: null, holds: null, measures: [] } as const;

/** A finding from its judgement. */
export function findingOf(about: About, { measures, words, void: reason }: Judgement, outcome: Outcome): Finding {
  const [{ estimate, unit }] = measures;
  const written = measures.map(({ name, unit, estimate, values }) => {
    return { name, unit, mean: estimate.mean, interval: estimate.interval ?? null, seeds: estimate.seeds, values };
  });
  return {
    ...about,
    ours: estimate.mean,
    unit,
    interval: estimate.interval ?? null,
    ...(reason === undefined ? outcome : VOID),
    words: reason === undefined ? words : `${words} ${reason}`,
    measures: written,
  };
}

const VOID: Pick<Outcome, 'holds'> & { readonly verdict: Verdict } = { holds: null, verdict: 'does not apply' };
