// The demo's figures as data: what --json writes, and what table and charts are made from.
// Measures nothing, formats nothing.

import type { EngineName } from '../../src/index.js';
import type { DemoRun, Score } from './training.js';

/** Raw weights at the end of the run. */
export interface RawFigures {
  readonly valAccuracy: number;
  readonly valLoss: number;
  readonly testAccuracy: number;
  readonly testLoss: number;
}

/** An average at the end of the run. */
export interface AverageFigures extends RawFigures {
  /** Share of the average that a step keeps. */
  readonly decay: number;
  /** `1 / (1 - decay)`, in steps. */
  readonly windowSteps: number;
  /** The window as a share of the run. */
  readonly windowShare: number;
}

/** What `--json` writes. */
export interface DemoFigures {
  readonly engine: EngineName | undefined;
  readonly engineReason: string;
  readonly data: string;
  readonly dataReason: string;
  readonly mode: string;
  readonly seed: number;
  readonly epochs: number;
  readonly steps: number;
  readonly trainImages: number;
  readonly validationImages: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly raw: RawFigures;
  readonly averages: readonly AverageFigures[];
  /** Decay of the average with the lowest validation loss. */
  readonly bestDecay: number;
  /** The best average after saving and loading: equal to its `valAccuracy` and `valLoss`. */
  readonly reloaded: { readonly valAccuracy: number; readonly valLoss: number; readonly identical: boolean };
  /** Time in updates of all averages, divided by the time in training steps. */
  readonly updateShare: number;
  readonly updateSeconds: number;
  readonly stepSeconds: number;
  /** The whole program, with loading and validation. */
  readonly seconds: number;
}

/** What is known of a run beside what the run measured. */
export interface RunContext {
  readonly data: { readonly name: string; readonly reason: string };
  readonly mode: string;
  readonly seed: number;
  /** Scores on the test images: raw weights, then each average. */
  readonly test: { readonly raw: Score; readonly averages: readonly Score[] };
  readonly reloaded: Score;
  readonly seconds: number;
}

const UNKNOWN: Score = { accuracy: Number.NaN, loss: Number.NaN };

/** Gathers the figures. */
export function figuresOf(run: DemoRun, context: RunContext): DemoFigures {
  const averages = run.averages.map(({ decay, window, share, epochs }, index) => ({
    ...{ decay, windowSteps: window, windowShare: share },
    ...lastAndTest(epochs, context.test.averages[index]),
  }));
  const best = averages[run.best];
  const { accuracy: valAccuracy, loss: valLoss } = context.reloaded;
  return {
    ...{ engine: run.ema.engine, engineReason: run.ema.engineReason },
    ...{ data: context.data.name, dataReason: context.data.reason, mode: context.mode, seed: context.seed },
    ...{ epochs: run.recipe.epochs, steps: run.steps },
    ...{ learningRate: run.recipe.learningRate, momentum: run.recipe.momentum },
    ...{ trainImages: run.images.train, validationImages: run.images.validation },
    raw: lastAndTest(run.raw, context.test.raw),
    averages,
    bestDecay: best?.decay ?? Number.NaN,
    reloaded: { valAccuracy, valLoss, identical: valAccuracy === best?.valAccuracy && valLoss === best.valLoss },
    updateShare: run.updateSeconds / run.stepSeconds,
    ...{ updateSeconds: run.updateSeconds, stepSeconds: run.stepSeconds, seconds: context.seconds },
  };
}

function lastAndTest(epochs: readonly Score[], test: Score = UNKNOWN): RawFigures {
  const { accuracy, loss } = epochs.at(-1) ?? UNKNOWN;
  return { valAccuracy: accuracy, valLoss: loss, testAccuracy: test.accuracy, testLoss: test.loss };
}
