// The results of a study by condition, and the paired differences that findings are made of.
// Knows no claim and no criterion.

import { churn, jensenShannon } from '../metrics/consistency.js';
import { pairwiseInterval } from '../metrics/intervals.js';
import { type Predictions, softmax } from '../metrics/predictions.js';
import type { Condition } from '../runs/condition.js';
import type { ModelId, ModelResult, RunResult } from '../runs/result.js';
import type { StoredRun } from '../runs/store.js';
import { type Measure, measureOf, type Unit } from './measure.js';
import { MissingData } from './missing-data.js';

/** Test predictions of two models of one seed pair, compared. */
export type Disagreement = 'churn' | 'jensenShannon';

/** A number from the runs of two conditions with one seed. */
type PairValue = (after: RunResult, before: RunResult) => number;

/** All runs of a study. */
export class StudyResults {
  readonly #runs: readonly StoredRun[];
  readonly #testLabels: Readonly<Record<string, ArrayLike<number>>>;

  /**
   * @param runs in any order.
   * @param testLabels labels of the test images by data set.
   */
  constructor(runs: readonly StoredRun[], testLabels: Readonly<Record<string, ArrayLike<number>>>) {
    this.#runs = runs;
    this.#testLabels = testLabels;
  }

  /** Runs of a condition, by rising seed. */
  of(conditionId: string): RunResult[] {
    return this.#stored(conditionId).map(({ result }) => result);
  }

  /** Conditions that were run, in the order of their first run. */
  get conditions(): readonly Condition[] {
    return [...new Map(this.#runs.map(({ spec: { condition } }) => [condition.id, condition])).values()];
  }

  /** The condition that most findings are about: A, or that of a preset. */
  get main(): Condition | undefined {
    return this.conditions.find(({ id }) => id === 'A' || id === 'paper');
  }

  /** The condition with a cosine rate where nothing is memorised; that without augmentation where there is none. */
  get cosine(): string {
    return this.of('Cc').length > 0 ? 'Cc' : 'A';
  }

  /** The condition with a linear probe. */
  get probed(): string {
    return this.of('T').length > 0 ? 'T' : 'A';
  }

  /** Ids of the conditions with synthetic label noise and a cosine learning rate, by rising noise. */
  get noisy(): string[] {
    return this.conditions
      .filter(({ id }) => /^N\d+$/.test(id))
      .sort((a, b) => a.data.noise - b.data.noise)
      .map(({ id }) => id);
  }

  /** Epochs of a condition's runs. */
  epochs(conditionId: string): number {
    return this.conditions.find(({ id }) => id === conditionId)?.recipe.epochs ?? Number.NaN;
  }

  /** One number per seed of a condition. */
  measure(name: string, unit: Unit, conditionId: string, value: (run: RunResult) => number): Measure {
    return measureOf(name, unit, this.of(conditionId).map(value));
  }

  /**
   * One number per seed that two conditions share.
   * @throws MissingData — they share none.
   */
  paired(name: string, unit: Unit, [after, before]: readonly [string, string], value: PairValue): Measure {
    const others = new Map(this.of(before).map((run) => [run.seed, run]));
    const values = this.of(after).flatMap((run) => {
      const other = others.get(run.seed);
      return other === undefined ? [] : [value(run, other)];
    });
    if (values.length === 0) throw new MissingData(`conditions ${after} and ${before} have no seed in common`);
    return measureOf(name, unit, values);
  }

  /** A disagreement between seeds: its mean over all pairs of seeds; undefined with fewer than two. */
  disagreement(kind: Disagreement, conditionId: string, model: ModelId): Measure | undefined {
    const between = this.#between(kind, conditionId, model);
    return this.#pairwise(`${conditionId}: ${kind}, ${model}`, kind, { conditionId, between });
  }

  /** The difference of two models' disagreements between the same seeds. */
  disagreementGain(
    kind: Disagreement,
    conditionId: string,
    [after, before]: readonly [ModelId, ModelId],
  ): Measure | undefined {
    const [ofAfter, ofBefore] = [this.#between(kind, conditionId, after), this.#between(kind, conditionId, before)];
    const between = (i: number, j: number): number => ofAfter(i, j) - ofBefore(i, j);
    return this.#pairwise(`${conditionId}: ${kind}, ${after} - ${before}`, kind, { conditionId, between });
  }

  #pairwise(
    name: string,
    kind: Disagreement,
    { conditionId, between }: { readonly conditionId: string; readonly between: (i: number, j: number) => number },
  ): Measure | undefined {
    const seeds = this.of(conditionId).length;
    if (seeds < 2) return undefined;
    const values: number[] = [];
    const estimate = pairwiseInterval(seeds, (i, j) => {
      const value = (kind === 'churn' ? 100 : 1) * between(i, j);
      values.push(value);
      return value;
    });
    return { name, unit: kind === 'churn' ? 'pp' : 'nats', estimate, values };
  }

  /** The disagreement of one model between seeds i and j. */
  #between(kind: Disagreement, conditionId: string, model: ModelId): (i: number, j: number) => number {
    const predictions = this.#stored(conditionId).map((run) => this.#predictions(run, model));
    const compare = kind === 'churn' ? churn : jensenShannon;
    return (i, j) => {
      const [a, b] = [predictions[i], predictions[j]];
      if (a === undefined || b === undefined) throw new RangeError(`there are no seeds ${i} and ${j}`);
      return compare(a, b);
    };
  }

  #predictions({ logits, spec, result }: StoredRun, model: ModelId): Predictions {
    const values = logits[model];
    const labels = this.#testLabels[spec.condition.data.name];
    if (values === undefined || labels === undefined) {
      throw new MissingData(`there are no test logits of ${model} in ${result.conditionId}, seed ${result.seed}`);
    }
    return softmax({ logits: values, labels, classes: values.length / labels.length });
  }

  #stored(conditionId: string): StoredRun[] {
    return this.#runs
      .filter(({ result }) => result.conditionId === conditionId)
      .sort((a, b) => a.result.seed - b.result.seed);
  }
}

/** A model of a run that must be there. */
export function model(run: RunResult, id: ModelId): ModelResult {
  const found = run.models[id];
  if (found === undefined) throw new MissingData(`there is no model ${id} in ${run.conditionId}, seed ${run.seed}`);
  return found;
}

/** Test accuracy in per cent. */
export function testAccuracy(run: RunResult, id: ModelId): number {
  return 100 * model(run, id).test.accuracy;
}
