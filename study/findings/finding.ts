// What a finding is: the paper's claim, how it is measured here, the criterion fixed beforehand, and the verdict.
// Measures nothing.

import type { Measure, Unit } from './measure.js';
import type { StudyResults } from './study-results.js';

/**
 * What became of a claim.
 *
 * `reproduced`: the criterion is met. `same direction`: it is not, but the sign is right. `expected null`: no effect was
 * expected at this scale, and none was found. `not enough data`: some of its runs were made, and too few of them to judge. `not measured`:
 * conditions that it needs were not run at all.
 */
export type Verdict =
  | 'reproduced'
  | 'same direction'
  | 'not reproduced'
  | 'expected null'
  | 'not enough data'
  | 'not measured';

/** By which measures a criterion is missed. */
export interface Missed {
  /** Whether an interval lies wholly beyond its bound, or a seed does that must not; otherwise intervals are too wide to tell. */
  readonly surely: boolean;
  readonly by: readonly string[];
}

/** What the runs say of a claim. */
export interface Judgement {
  /** The first one stands for the finding in tables. */
  readonly measures: readonly [Measure, ...Measure[]];
  /** Whether the criterion is met; null where none was fixed. */
  readonly holds: boolean | null;
  readonly verdict: Verdict;
  readonly missed?: Missed;
  /** One or two sentences, with the figures. */
  readonly words: string;
}

/** A claim of the paper and how it is judged. */
export interface Rule {
  readonly id: string;
  readonly title: string;
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
export interface Finding {
  readonly id: string;
  /** The course or condition that it is about, where a domain has several. */
  readonly condition?: string;
  readonly title: string;
  readonly paper: string;
  /** Mean of the first measure; null where nothing was measured. */
  readonly ours: number | null;
  readonly unit: Unit;
  /** 95 % interval of `ours`; null where there are too few seeds. */
  readonly interval: readonly [number, number] | null;
  readonly verdict: Verdict;
  readonly holds: boolean | null;
  readonly criterion: string;
  /** The commit that first held the criterion; null outside of a clone. */
  readonly commit: string | null;
  /** Seeds that were looked at before the criterion was written, where it is noted. */
  readonly pilots?: readonly number[];
  /** Where the criterion is not met; not noted of the images' own criteria. */
  readonly missed?: Missed;
  readonly words: string;
  readonly measures: readonly {
    readonly name: string;
    readonly unit: Unit;
    readonly mean: number;
    readonly interval: readonly [number, number] | null;
    /** How many seeds: fewer than values, where these are of pairs of seeds. */
    readonly seeds?: number;
    readonly values: readonly number[];
  }[];
}

/** What a finding is called and by what it is judged. */
export type About = Pick<Finding, 'id' | 'condition' | 'title' | 'paper' | 'criterion' | 'commit' | 'pilots'>;

/** A finding whose runs were not made. */
export function notMeasured(about: About, missing: readonly string[]): Finding {
  const words = `Not measured: needs ${missing.length > 1 ? 'conditions' : 'condition'} ${missing.join(', ')}.`;
  return { ...NOTHING, ...about, verdict: 'not measured', words };
}

/** A finding that no figure can be given for, though its conditions were run. */
export function notEnough(about: About, reason: string): Finding {
  return { ...NOTHING, ...about, verdict: 'not enough data', words: `Not enough data: ${reason}.` };
}

const NOTHING = { ours: null, unit: '', interval: null, holds: null, measures: [] } as const;

/** A finding from its judgement. */
export function findingOf(about: About, { measures, words, ...outcome }: Judgement): Finding {
  const [{ estimate, unit }] = measures;
  const written = measures.map(({ name, unit, estimate, values }) => {
    return { name, unit, mean: estimate.mean, interval: estimate.interval ?? null, seeds: estimate.seeds, values };
  });
  return {
    ...about,
    ours: estimate.mean,
    unit,
    interval: estimate.interval ?? null,
    ...outcome,
    words,
    measures: written,
  };
}

/** The verdict on a claimed effect. */
export function effectVerdict(holds: boolean, rightSign: boolean): Verdict {
  if (holds) return 'reproduced';
  return rightSign ? 'same direction' : 'not reproduced';
}

/** What becomes of a claim that there are figures for, and too few of them. */
export const UNDECIDED = { holds: null, verdict: 'not enough data' } as const;

/** Two seeds leave one degree of freedom: an interval twelve times as wide as its error says nothing. */
const FEWEST_SEEDS = 3;

/** Whether a measure has too few seeds to judge by. A broken promise (F0) is seen in one seed; nothing else is. */
export function isFew(id: string, { estimate }: Measure): boolean {
  return id !== 'F0' && estimate.seeds < FEWEST_SEEDS;
}

/** Criterion and verdict where no effect is expected; undefined: too few seeds to tell. */
export function nullOutcome(holds: boolean | undefined): Pick<Judgement, 'holds' | 'verdict'> {
  if (holds === undefined) return UNDECIDED;
  return { holds, verdict: holds ? 'expected null' : 'not reproduced' };
}
