// Interleaved rounds: every contender is timed once a round, in an order that rotates, so that what slows the machine down
// slows all of them. Knows nothing of averages, tensors or processes.

import { median, min } from 'simple-statistics';

/** Something to time. */
export interface Runner {
  readonly name: string;
  /**
   * Runs it `repeats` times in a row.
   * @returns the microseconds that all of them took together.
   */
  time(repeats: number): number | Promise<number>;
}

/** How to time. */
export interface RoundOptions {
  /** Rounds that count. */
  readonly rounds: number;
  /** A sample repeats its contender until it lasts about this long, in microseconds: far above the timer's resolution. */
  readonly sampleUs: number;
  /** Pause before each sample, in ms: lets helper threads of the one before fall asleep. */
  readonly pauseMs?: number;
  /** Called before each round. */
  readonly onRound?: (round: number) => void;
}

/** Microseconds per run: one number per round. */
export type Samples = readonly number[];

/** What a contender's samples come to. */
export interface Summary {
  readonly medianUs: number;
  readonly minUs: number;
  /** Median of the rounds' ratios: this contender's time over the reference's in the same round. */
  readonly ratio: number;
}

// Below this a call finds caches as the contender before left them: it runs once untimed before each sample.
const WARM_BELOW_US = 50_000;

// Between that run and the sample. On a busy machine the system takes the core away from a process that has run for a few
// milliseconds: so every sample begins with a fresh share, in this process as in Python's, which wait for a command each time.
const BREATH_MS = 1;

const MOST_REPEATS = 1000;

// Runs before the first sample take about this long: JavaScript engines compile what has run some thousand times, as it has in a
// training run.
const WARM_UP_US = 300_000;

/**
 * A runner of a synchronous function, timed by the process's monotonic clock (nanoseconds).
 * @param wait ends each sample: waits for what `run` only asked for. @defaultValue nothing to wait for
 */
export function runnerOf(name: string, run: () => void, wait?: () => void): Runner {
  return {
    name,
    time(repeats) {
      const start = process.hrtime.bigint();
      for (let i = 0; i < repeats; i += 1) run();
      wait?.();
      return Number(process.hrtime.bigint() - start) / 1000;
    },
  };
}

async function pause(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Runs it until it is warm. @returns the repeats of a sample, and whether a sample needs a run before it. */
async function calibrate(runner: Runner, sampleUs: number): Promise<{ repeats: number; warm: boolean }> {
  await runner.time(1);
  const first = await runner.time(1);
  let us = first;
  for (let spent = first, runs = 5; us < WARM_BELOW_US && spent < WARM_UP_US; runs = Math.min(2 * runs, MOST_REPEATS)) {
    const together = await runner.time(runs);
    // Not nothing, even by a clock that has not moved.
    spent += Math.max(together, 0.01 * runs);
    us = together / runs;
  }
  return {
    repeats: Math.min(MOST_REPEATS, Math.max(1, Math.ceil(sampleUs / Math.max(us, 0.01)))),
    warm: us < WARM_BELOW_US,
  };
}

/**
 * Times every runner in every round.
 * @returns samples by runner name, in microseconds per run.
 */
export async function interleave(runners: readonly Runner[], options: RoundOptions): Promise<Map<string, Samples>> {
  const plans = [];
  for (const runner of runners)
    plans.push({ runner, samples: [] as number[], ...(await calibrate(runner, options.sampleUs)) });
  for (let round = 0; round < options.rounds; round += 1) {
    options.onRound?.(round);
    for (const plan of orderOf(plans, round)) {
      await pause(options.pauseMs ?? 0);
      if (plan.warm) {
        await plan.runner.time(1);
        await pause(BREATH_MS);
      }
      plan.samples.push((await plan.runner.time(plan.repeats)) / plan.repeats);
    }
  }
  return new Map(plans.map(({ runner, samples }) => [runner.name, samples]));
}

/**
 * The order of a round: the list started some places later, and backwards in every second round, so that nobody always comes
 * after the same one.
 */
export function orderOf<T>(list: readonly T[], round: number): T[] {
  const start = list.length === 0 ? 0 : Math.floor(round / 2) % list.length;
  const order = [...list.slice(start), ...list.slice(0, start)];
  return round % 2 === 0 ? order : order.reverse();
}

/** Sums up samples against those of a reference from the same rounds. */
export function summarise(samples: Samples, reference: Samples): Summary {
  if (samples.length === 0 || samples.length !== reference.length) {
    throw new Error(
      `expected as many samples as the reference has, at least 1: received ${samples.length} and ${reference.length}`,
    );
  }
  return {
    medianUs: median([...samples]),
    minUs: min([...samples]),
    ratio: median(samples.map((us, round) => us / (reference[round] ?? us))),
  };
}
