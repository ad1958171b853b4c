// How far the study is and how long it will take: from epochs trained and their costs.
// Prints nothing.

import { isCourse, type RunSpec } from './condition.js';
import { CHECKS } from './course.js';

/** What a run is measured in: epochs, or the check points of a course. */
export function unitsOf({ condition }: RunSpec): number {
  return isCourse(condition) ? CHECKS : condition.recipe.epochs;
}

/** Seconds of an epoch of 6,000 images with its validation, on an idle core. The paper's networks are for other machines. */
const EPOCH_SECONDS: Readonly<Record<string, number>> = {
  'study-net': 0.55,
  'study-net-bn': 0.9,
  perceptron: 0.11,
  'perceptron-bn6': 0.52,
  'conv-1d': 0.2,
  'conv-1d-bn6': 1.2,
};
const ALL_IMAGES = 48_000;

/** Seconds of a step of a course, with its part of the check points. */
const STEP_SECONDS: Readonly<Record<string, number>> = {
  heat: 0.0028,
  'black-scholes': 0.0028,
  poisson: 0.007,
  polynomial: 0.001,
  text: 0.035,
};

function unitCost({ condition }: RunSpec): number {
  if (isCourse(condition)) return (condition.steps * (STEP_SECONDS[condition.problem] ?? 0)) / CHECKS;
  const averages = condition.averages.main === 'none' ? 0.75 : condition.averages.variants ? 1.2 : 1;
  return (EPOCH_SECONDS[condition.network] ?? 1) * averages * ((condition.data.train ?? ALL_IMAGES) / 6000);
}

/** Seconds that runs take on one idle core. */
export function secondsOf(specs: readonly RunSpec[]): number {
  return specs.reduce((sum, spec) => sum + unitCost(spec) * unitsOf(spec), 0);
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
    this.#total = secondsOf(specs);
  }

  /** Notes that a run has trained so many epochs. */
  update(spec: RunSpec, epochs: number): void {
    this.#trained.set(spec, epochs);
  }

  /** Share of the work that is done, in [0, 1]. */
  get share(): number {
    const done = [...this.#trained].reduce((sum, [spec, epochs]) => sum + unitCost(spec) * epochs, 0);
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
