// One training run of a problem, with the errors of the raw weights and of every average at check points over its course.
// Chooses no average and writes no files.

import type { Optimizer, Scalar } from '@tensorflow/tfjs-node';
import { type EmaOptions, type EngineChoice, WeightEma } from '../../src/index.js';
import type { Tf } from '../../tools/shared/tfjs.js';
import type { Part, Problem, Session } from '../problems/problem.js';
import type { Course, RunSpec } from './condition.js';
import { digestWeights } from './digest.js';

/** How often errors are taken, evenly over the run. */
export const CHECKS = 12;

/** Error on the points that choose and on those that judge, at each check point. */
export type CourseErrors = Readonly<Record<Part, readonly number[]>>;

/** Everything that a course measured. */
export interface CourseResult {
  readonly conditionId: string;
  readonly seed: number;
  readonly steps: number;
  readonly engine: string | undefined;
  /** Steps at which errors were taken. */
  readonly checks: readonly number[];
  /** By family and label: `raw`, `auto/0.999`, `anytime/window0.1soFar`. */
  readonly errors: Readonly<Record<string, CourseErrors>>;
  /** SHA-256 of the raw weights at the end. */
  readonly weightsDigest: string;
}

/**
 * The averages of every course, by family, as a user gets them: the library's defaults with these decays.
 * @param totalSteps which only `auto` and PADAM's ramp know.
 */
export function families(totalSteps: number): Readonly<Record<string, EmaOptions>> {
  return {
    auto: { decays: 'auto', run: { totalSteps } },
    anytime: { decays: 'anytime' },
    paper: { decays: [0.998, 0.999, 0.9995, 0.99975, 0.999875] },
    single: { decays: [0.99, 0.999, 0.9999] },
    power: { decays: [{ relativeWidth: 0.05 }, { relativeWidth: 0.1 }, { relativeWidth: 0.2 }] },
    uniform: { decays: ['uniform'] },
    // Its channels beside 0.999: 1 - (n + 1) ** -0.7, and 1 - 0.1 * 0.01 ** (n / N).
    padam: { decays: [(step) => 1 - (step + 1) ** -0.7, (step) => 1 - 0.1 * 0.01 ** (step / totalSteps)] },
  };
}

/** What a course needs beside its specification. */
export interface CourseInput {
  readonly spec: RunSpec<Course>;
  /** The one that the course names. */
  readonly problem: Problem;
  /** Called at each check point with its number, from 1. */
  readonly onCheck: (check: number) => void;
}

/** Trains and takes errors. The same specification gives the same result, bit for bit, on one thread of one machine. */
export async function runCourse(tf: Tf, { spec, problem, onCheck }: CourseInput): Promise<CourseResult> {
  const { condition, seed, engine } = spec;
  const { steps, batchSize } = condition;
  const session = await problem.start(tf, { seed, batchSize });
  const averages = startAverages(tf, { session, steps, engine });
  const { optimizer, setRate } = optimizerOf(tf, condition);
  const checks = Array.from({ length: CHECKS }, (_, index) => Math.round(((index + 1) * steps) / CHECKS));
  const errors: Record<string, Record<Part, number[]>> = {};
  try {
    for (let step = 0; step < steps; step += 1) {
      setRate(courseRate(condition, step));
      optimizer.minimize(session.loss as () => Scalar, false, Object.values(session.weights))?.dispose();
      for (const { ema } of averages) ema.update();
      const check = checks.indexOf(step + 1);
      if (check === -1) continue;
      await takeErrors(session, averages, errors);
      onCheck(check + 1);
    }
    const digest = await digestWeights(Object.values(session.weights));
    const used = averages[0]?.ema.engine;
    return { conditionId: condition.id, seed, steps, engine: used, checks, errors, weightsDigest: digest };
  } finally {
    for (const { ema } of averages) ema.dispose();
    optimizer.dispose();
    session.dispose();
  }
}

interface Family {
  readonly name: string;
  readonly ema: WeightEma;
}

function startAverages(
  tf: Tf,
  { session, steps, engine }: { readonly session: Session; readonly steps: number; readonly engine: EngineChoice },
): Family[] {
  return Object.entries(families(steps)).map(([name, options]) => {
    // Warnings say that a window is long for the run, which is what some of these are here to show.
    const ema = new WeightEma(tf, { ...options, engine, onWarning: () => {} });
    return { name, ema: ema.attach(session.weights) };
  });
}

async function takeErrors(
  session: Session,
  averages: readonly Family[],
  errors: Record<string, Record<Part, number[]>>,
): Promise<void> {
  const take = async (name: string): Promise<void> => {
    const list = errors[name] ?? { validation: [], test: [] };
    errors[name] = list;
    for (const part of ['validation', 'test'] as const) list[part].push(await session.error(part));
  };
  await take('raw');
  for (const { name, ema } of averages)
    for (const [index, label] of ema.labels.entries()) await ema.use({ index }, () => take(`${name}/${label}`));
}

/** An optimizer, and how its rate is set. */
interface Rated {
  readonly optimizer: Optimizer;
  readonly setRate: (rate: number) => void;
}

function optimizerOf(tf: Tf, { optimizer, rate }: Course): Rated {
  switch (optimizer) {
    case 'adam': {
      const adam = tf.train.adam(rate.peak);
      return { optimizer: adam, setRate: (learningRate) => Object.assign(adam, { learningRate }) };
    }
    case 'momentum': {
      const momentum = tf.train.momentum(rate.peak, 0.9, true);
      // Assigning to `learningRate` has no effect on this one: it keeps the value in a tensor.
      return { optimizer: momentum, setRate: (learningRate) => momentum.setLearningRate(learningRate) };
    }
    default:
      return optimizer satisfies never;
  }
}

/** Share of the run over which `cooldown` falls to 0. */
const COOLDOWN = 0.2;

/** The learning rate of a step: linear warm-up, then constant, cosine to 0, or constant and at last linear to 0. */
export function courseRate({ rate, steps }: Pick<Course, 'rate' | 'steps'>, step: number): number {
  const warmup = Math.round(rate.warmup * steps);
  if (step < warmup) return (rate.peak * (step + 1)) / warmup;
  switch (rate.decay) {
    case 'constant':
      return rate.peak;
    case 'cosine':
      return (rate.peak * (1 + Math.cos((Math.PI * (step - warmup)) / Math.max(1, steps - warmup)))) / 2;
    case 'cooldown':
      return rate.peak * Math.min(1, (steps - step) / (COOLDOWN * steps));
    default:
      return rate.decay satisfies never;
  }
}
