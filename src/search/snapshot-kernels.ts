// What averages at several moments of a run are made of: inner products of their shares, and how far a combination of them is off.
// Pure numbers: schedules in, sums out; neither time nor memory grows faster than with the number of updates.

import type { Schedule } from '../schedule/schedule.js';

/** An average at a moment. */
export interface Moment {
  /** Optimizer steps. */
  readonly steps: number;
  /** Its place among the schedule's averages. */
  readonly average: number;
}

/** The updates of a run without interruption. */
export interface UpdateGrid {
  readonly schedule: Schedule;
  readonly updateEvery: number;
}

/** A moment whose shares are followed on: of the weights that it has taken in, what later moments hold of them, too. */
interface Followed {
  readonly place: number;
  /** Inner products with every average of the schedule, as they are now. */
  readonly products: Float64Array;
}

/**
 * Inner products of the shares that averages at moments give to the weights of every step; the weights at the start count as one step more.
 *
 * One pass from the start: those of averages of one moment follow from those at the update before, and so do those of a moment that has
 * passed with averages that go on.
 * @param moments sorted by their steps.
 */
export function gramOf(grid: UpdateGrid, moments: readonly Moment[]): readonly Float64Array[] {
  const count = grid.schedule.copies.length;
  const own = Array.from({ length: count }, () => new Float64Array(count).fill(1));
  const gram = moments.map(() => new Float64Array(moments.length));
  const followed: Followed[] = [];
  let [held, next] = [0, 0];
  for (; next < moments.length; ) {
    const due = dueAfter(grid, held);
    for (let moment = moments[next]; moment !== undefined && moment.steps < due; moment = moments[next]) {
      take(gram, { place: next, moments, own, followed, ahead: aheadOf(grid, held, moment.steps) });
      next += 1;
    }
    move(grid.schedule.alphas(held, due - held), own, followed);
    held = due;
  }
  return gram;
}

/**
 * The errors of a combination: the sum of the sizes of its shares' errors, and of their squares.
 *
 * From the last update to the first: what an update gave has been kept by all later ones.
 * @param terms moments and coefficients, sorted by their steps; the wanted average with -1.
 */
export function residualOf(
  grid: UpdateGrid,
  terms: readonly (Moment & { readonly coefficient: number })[],
): { readonly sum: number; readonly squares: number } {
  const kept = new Float64Array(grid.schedule.copies.length);
  let [sum, squares] = [0, 0];
  const add = (share: number): void => {
    sum += Math.abs(share);
    squares += share * share;
  };
  let next = terms.length - 1;
  let held = heldAt(grid, terms[next]?.steps ?? 0);
  for (;;) {
    // Those of one moment together: they give weights between two updates a share, too.
    for (let steps = terms[next]?.steps ?? -1; steps >= held; steps = terms[next]?.steps ?? -1) {
      const ahead = aheadOf(grid, held, steps);
      let share = 0;
      for (; terms[next]?.steps === steps; next -= 1) {
        const { average, coefficient } = terms[next] ?? { average: 0, coefficient: 0 };
        share += coefficient * (ahead[average] ?? 0);
        kept[average] = (kept[average] ?? 0) + coefficient * (1 - (ahead[average] ?? 0));
      }
      add(share);
    }
    if (held === 0) break;
    const before = heldAt(grid, held - 1);
    const alphas = grid.schedule.alphas(before, held - before);
    let share = 0;
    kept.forEach((one, average) => {
      const alpha = alphas[average] ?? 0;
      share += one * alpha;
      kept[average] = one * (1 - alpha);
    });
    add(share);
    held = before;
  }
  add(kept.reduce((total, one) => total + one, 0));
  return { sum, squares };
}

/** The alphas by which somebody who looks between two updates sees averages moved; all 0 at an update. */
function aheadOf({ schedule }: UpdateGrid, held: number, steps: number): readonly number[] {
  return steps === held ? schedule.copies.map(() => 0) : schedule.alphas(held, steps - held);
}

/** The step of the next update: the first one is at the start of averaging, where that is not the run's. */
function dueAfter({ schedule: { startStep }, updateEvery }: UpdateGrid, held: number): number {
  return held < startStep ? startStep : held + updateEvery;
}

/** The step of the last update up to a step; 0 before the first. */
function heldAt({ schedule: { startStep }, updateEvery }: UpdateGrid, steps: number): number {
  return steps < startStep ? 0 : steps - ((steps - startStep) % updateEvery);
}

/** Enters what a moment has in common with itself and with those before it, and follows it from there. */
function take(
  gram: readonly Float64Array[],
  now: {
    readonly place: number;
    readonly moments: readonly Moment[];
    readonly own: readonly Float64Array[];
    readonly followed: Followed[];
    readonly ahead: readonly number[];
  },
): void {
  const { place, moments, own, followed, ahead } = now;
  const { average, steps } = moments[place] ?? { average: 0, steps: 0 };
  const alpha = ahead[average] ?? 0;
  const enter = (other: number, product: number): void => {
    (gram[place] ?? own[0])?.set([product], other);
    (gram[other] ?? own[0])?.set([product], place);
  };
  for (const { place: other, products } of followed) {
    const together = moments[other]?.steps === steps ? alpha * (ahead[moments[other]?.average ?? 0] ?? 0) : 0;
    enter(other, (1 - alpha) * (products[average] ?? 0) + together);
  }
  enter(place, (1 - alpha) ** 2 * (own[average]?.[average] ?? 0) + alpha ** 2);
  // What lies between two updates no other average takes in later.
  followed.push({ place, products: Float64Array.from(own[average] ?? [], (product) => (1 - alpha) * product) });
}

function move(alphas: readonly number[], own: readonly Float64Array[], followed: readonly Followed[]): void {
  own.forEach((row, a) => {
    const alpha = alphas[a] ?? 0;
    for (let b = 0; b < row.length; b += 1) {
      const other = alphas[b] ?? 0;
      row[b] = (1 - alpha) * (1 - other) * (row[b] ?? 0) + alpha * other;
    }
  });
  for (const { products } of followed)
    for (let b = 0; b < products.length; b += 1) products[b] = (1 - (alphas[b] ?? 0)) * (products[b] ?? 0);
}
