// What one look at the weights and their averages found: figures per weight, per layer and in total.
// Reads no tensors, and judges nothing but drift and noise.

import { STATISTICS, type Statistic } from '../engine/statistics.js';
import { references, type Signal, signalOf } from './signal.js';

/** One average of one weight, or of all. */
export interface AverageFigures {
  /** `|ema|`. */
  readonly norm: number;
  /** `|w - ema|`. */
  readonly distance: number;
  /** The largest `|w - ema|` of an element. */
  readonly maxDistance: number;
  /** Between weight and average; 0 where either is 0. */
  readonly cosine: number;
  /** Elements that differ from their weight and would not move by the next update: their steps are lost to rounding. */
  readonly deadZone: number;
}

/** One weight, or all of them, beside its averages. */
export interface WeightDiagnosis {
  /** Name of the weight; `'total'` for all. */
  readonly name: string;
  /** Number of elements. */
  readonly size: number;
  /** `|w|`. */
  readonly norm: number;
  /** Elements that are NaN or infinite. */
  readonly nonFinite: number;
  /** In the order of `decays`. */
  readonly averages: readonly AverageFigures[];
}

/** Drift and noise of one layer. */
export interface LayerSignal extends Signal {
  /** What the names of its weights have in common. */
  readonly layer: string;
}

/** What one look at the weights and their averages found, without the single weights. */
export interface DiagnosisSummary {
  /** Optimizer steps so far. */
  readonly steps: number;
  /** Moves of the averages so far. */
  readonly updates: number;
  /** All weights together. */
  readonly total: WeightDiagnosis;
  /** Drift and noise of all weights together; undefined with one average. */
  readonly signal: Signal | undefined;
  /** Drift and noise by layer; none with one average. */
  readonly layers: readonly LayerSignal[];
  /** Share of each average that is still what it started from, in [0, 1]; the largest of its weights' where their decays differ. */
  readonly initialShares: readonly number[];
  /** What is wrong, as sentences; empty when all is well. */
  readonly health: readonly string[];
}

/** What one look at the weights and their averages found. */
export interface Diagnosis extends DiagnosisSummary {
  /** Each weight that is averaged. */
  readonly weights: readonly WeightDiagnosis[];
}

/** What a diagnosis is made from. */
export interface Measurements {
  readonly names: readonly string[];
  readonly sizes: readonly number[];
  /** Places of the fastest and the slowest average; undefined where they are one. */
  readonly pair: { readonly fast: number; readonly slow: number } | undefined;
  /** Alphas of the next update: one per average, or for each weight too. */
  readonly alphas: readonly number[];
  /** As `Shadows.statistics` gives them, drift measured from the slow average. */
  readonly figures: Float32Array;
  readonly initialShares: readonly number[];
}

/** More of the start than this in the slow average, and its distance from the fast one is the start's, not drift. */
const FORGOTTEN = 0.05;

/** The figures of each weight, and of all. */
export function diagnosisOf(of: Measurements): Pick<Diagnosis, 'layers' | 'signal' | 'total' | 'weights'> {
  const averages = of.initialShares.length;
  const weights = of.names.map((name, i) => {
    const figure = reader(of.figures, i * averages);
    const list = of.initialShares.map((_, k) => ({
      norm: figure(k, 'averageNorm'),
      distance: figure(k, 'distance'),
      maxDistance: figure(k, 'maxDistance'),
      cosine: figure(k, 'cosine'),
      deadZone: figure(k, 'deadZone'),
    }));
    const [norm, nonFinite] = [figure(0, 'weightNorm'), figure(0, 'nonFinite')];
    return { name, size: of.sizes[i] ?? 0, norm, nonFinite, averages: list };
  });
  return { weights, total: totalOf(weights, averages), ...signalsOf(of) };
}

/** The places of the averages that tell drift from noise: the fastest and the slowest that forget, which decay 1 does not. */
export function pairOf(decays: readonly number[]): { readonly fast: number; readonly slow: number } | undefined {
  const forgetting = decays.filter((decay) => decay < 1);
  const fast = decays.indexOf(Math.min(...forgetting));
  const slow = decays.indexOf(Math.max(...forgetting));
  return fast === slow ? undefined : { fast, slow };
}

function reader(figures: Float32Array, first: number): (average: number, name: Statistic) => number {
  return (average, name) => figures[(first + average) * STATISTICS.length + STATISTICS.indexOf(name)] ?? Number.NaN;
}

function totalOf(weights: readonly WeightDiagnosis[], averages: number): WeightDiagnosis {
  const sum = (of: (weight: WeightDiagnosis) => number): number => weights.reduce((all, one) => all + of(one), 0);
  const norm = Math.sqrt(sum((weight) => weight.norm ** 2));
  const list = Array.from({ length: averages }, (_, k) => {
    const of = (name: keyof AverageFigures) => (weight: WeightDiagnosis) => weight.averages[k]?.[name] ?? Number.NaN;
    const average = Math.sqrt(sum((weight) => of('norm')(weight) ** 2));
    const product = sum((weight) => of('cosine')(weight) * weight.norm * of('norm')(weight));
    return {
      norm: average,
      distance: Math.sqrt(sum((weight) => of('distance')(weight) ** 2)),
      maxDistance: weights.reduce((most, weight) => Math.max(most, of('maxDistance')(weight)), 0),
      cosine: norm * average === 0 ? 0 : product / (norm * average),
      deadZone: sum(of('deadZone')),
    };
  });
  return { name: 'total', size: sum(({ size }) => size), norm, nonFinite: sum((one) => one.nonFinite), averages: list };
}

interface Squares {
  readonly drift: number;
  readonly noise: number;
  /** Alphas of the fast and the slow average. */
  readonly alphas: readonly [fast: number, slow: number];
}

function signalsOf({ names, pair, alphas, figures, initialShares }: Measurements): {
  readonly signal: Signal | undefined;
  readonly layers: readonly LayerSignal[];
} {
  if (pair === undefined) return { signal: undefined, layers: [] };
  const averages = initialShares.length;
  const isForgotten = (initialShares[pair.slow] ?? 1) <= FORGOTTEN;
  const squares = names.map((_, i): Squares => {
    const first = alphas.length === averages ? 0 : i * averages;
    const figure = reader(figures, i * averages);
    return {
      drift: figure(pair.fast, 'drift') ** 2,
      noise: figure(pair.fast, 'distance') ** 2,
      alphas: [alphas[first + pair.fast] ?? 1, alphas[first + pair.slow] ?? 1],
    };
  });
  const layers = [...new Set(names.map(layerOf))].map((layer) => {
    const own = squares.filter((_, i) => layerOf(names[i] ?? '') === layer);
    return { layer, ...joined(own, isForgotten) };
  });
  return { signal: joined(squares, isForgotten), layers };
}

/** One signal of several weights; where their decays differ, there is no one reference to judge it by. */
function joined(squares: readonly Squares[], isForgotten: boolean): Signal {
  const root = (of: (one: Squares) => number): number => Math.sqrt(squares.reduce((all, one) => all + of(one), 0));
  const [fast, slow] = squares[0]?.alphas ?? [1, 1];
  const isOne = squares.every(({ alphas }) => alphas[0] === fast && alphas[1] === slow);
  const known = isOne && isForgotten ? references(1 - fast, 1 - slow) : undefined;
  return signalOf(
    root(({ drift }) => drift),
    root(({ noise }) => noise),
    known,
  );
}

/** A weight's name up to its last part: `'dense/kernel'` is of layer `'dense'`. */
function layerOf(name: string): string {
  const end = name.lastIndexOf('/');
  return end === -1 ? name : name.slice(0, end);
}
