// How far the study is and how long it will take: from epochs trained and their costs.
// Prints nothing.

import type { RunSpec } from './condition.js';

/** Time of an epoch relative to one of condition N40, measured on one core. */
function epochCost({ condition }: RunSpec): number {
  const network = condition.network === 'study-net-bn' ? 1.7 : 1;
  const averages = condition.averages.main === 'none' ? 0.75 : condition.averages.variants ? 1.2 : 1;
  return network * averages;
}

/** Work done and left. */
export class Forecast {
  readonly #begin: number;
  readonly #total: number;
  readonly #trained = new Map<RunSpec, number>();
  readonly #now: () => number;

  /**
   * @param specs all runs to be trained.
   * @param now seconds; for tests.
   */
  constructor(specs: readonly RunSpec[], now: () => number = () => performance.now() / 1000) {
    this.#now = now;
    this.#begin = now();
    this.#total = specs.reduce((sum, spec) => sum + epochCost(spec) * spec.condition.recipe.epochs, 0);
  }

  /** Notes that a run has trained so many epochs. */
  update(spec: RunSpec, epochs: number): void {
    this.#trained.set(spec, epochs);
  }

  /** Share of the work that is done, in [0, 1]. */
  get share(): number {
    const done = [...this.#trained].reduce((sum, [spec, epochs]) => sum + epochCost(spec) * epochs, 0);
    return this.#total === 0 ? 1 : done / this.#total;
  }

  /** Seconds since the start. */
  get elapsed(): number {
    return this.#now() - this.#begin;
  }

  /** Seconds that are left at the speed so far; undefined while nothing is known. */
  get left(): number | undefined {
    const { share } = this;
    // The first epochs stand beside the start of the processes and say little.
    return share < 0.01 ? undefined : (this.elapsed * (1 - share)) / share;
  }
}
