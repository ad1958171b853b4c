// docs/migration.md: every option in its tables exists, and each row with a figure is held by a run of the library that it names.
// The runs are those of tools/fixtures/record-averages*.py; the calls on the page are what they ran.

import { readFileSync } from 'node:fs';
import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { equivalentDecay } from '../../src/decay.js';
import { type EmaOptions, WeightEma } from '../../src/index.js';
import { mix } from '../../src/merge.js';
import { tf } from '../support/models.js';
import { at, maxDifference } from '../support/oracle.js';

/** Averages of a library, float64 in base64, by its call and what followed each step. */
interface Runs {
  readonly averages: Readonly<Record<string, { readonly steps: number; readonly average: string }>>;
}
interface Recording extends Runs {
  readonly shapes: Readonly<Record<string, number[]>>;
  /** Before the first step and after each; float32 in base64. */
  readonly weights: readonly string[];
}
interface Row {
  /** Pieces of code on the left, joined. */
  readonly call: string;
  readonly here: string;
  readonly apart: string;
}

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const recording: Recording = JSON.parse(read('test/fixtures/averages.json'));
const tensorflow: Runs = JSON.parse(read('test/fixtures/averages-tensorflow.json'));
const trainers: Runs = JSON.parse(read('test/fixtures/averages-trainers.json'));
const recorded = { ...recording.averages, ...tensorflow.averages, ...trainers.averages };
const weights = recording.weights.map((text) => new Float32Array(bytesOf(text)));

const text = read('docs/migration.md');
const codesOf = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
const cellsOf = (line: string) =>
  line
    .slice(2, -1)
    .split(' | ')
    .map((cell) => cell.trim());
const rows = [...text.matchAll(/^\| [^\n]*\|$/gm)].map(([line]): Row => {
  const [there = '', here = '', apart = ''] = cellsOf(line);
  return { call: codesOf(there).join(' | '), here, apart };
});
const held = rows.filter(({ apart }) => /^\d/.test(apart));
const formulas = (text.split('## Formulas')[1] ?? '').split('\n');

function bytesOf(base64: string): ArrayBuffer {
  return new Uint8Array(Buffer.from(base64, 'base64')).buffer;
}

/** Pieces of code in a cell that are options: `{ decays: 0.9 }`, or one of them such as `start: 100`. */
function optionsIn(cell: string): EmaOptions[] {
  const codes = codesOf(cell).filter((code) => /^(\{ |(warmup|start|batchNorm|exclude): )/.test(code));
  return codes
    .filter((code) => !code.includes('...'))
    .map((code) => {
      const literal = code.startsWith('{') ? code : `{ ${code} }`;
      return new Function('equivalentDecay', `return (${literal});`)(equivalentDecay) as EmaOptions;
    });
}

/** How a row reads its average, where it says so: pieces of code that end with a mix. */
function readBy(cell: string, known: Readonly<Record<'ema' | 'mix' | 'now' | 'start', unknown>>): NamedTensorMap {
  const [before, value] = codesOf(cell).filter((code) => /^(const|mix\()/.test(code));
  return new Function(...Object.keys(known), `${before} return ${value};`)(...Object.values(known)) as NamedTensorMap;
}

/** Our average of the first so many recorded steps, as a row says to read it. */
function averaged(given: EmaOptions, steps: number, here = ''): Float32Array {
  const shapes = Object.entries(recording.shapes);
  const cut = (flat: Float32Array) => {
    let first = 0;
    return shapes.map(([, shape]) => {
      const size = shape.reduce((product, length) => product * length, 1);
      first += size;
      return tf.tensor(flat.slice(first - size, first), shape);
    });
  };
  const variables = cut(at(weights, 0)).map((value, index) => tf.variable(value, true, at(shapes, index)[0]));
  const ema = new WeightEma(tf, { ...given, onWarning: () => undefined }).attach(variables);
  for (const flat of weights.slice(1, steps + 1)) {
    cut(flat).forEach((value, index) => {
      at(variables, index).assign(value);
      value.dispose();
    });
    ema.update();
  }
  const named = (tensors: readonly Tensor[]) =>
    Object.fromEntries(tensors.map((tensor, index) => [at(shapes, index)[0], tensor]));
  const start = cut(at(weights, Number(given.start ?? 0)));
  const tensors = here.includes('mix(')
    ? readBy(here, { ema, mix, now: named(variables), start: named(start) })
    : ema.read({ index: 0 });
  tf.dispose(start);
  const flat = shapes.flatMap(([name]) => [...(tensors[name]?.dataSync() ?? [])]);
  tf.dispose(tensors);
  ema.dispose();
  return Float32Array.from(flat);
}

/** The formula of a row, in float64, with an alpha per step. */
function replayed(alphaOf: (step: number) => number): Float64Array {
  const mean = Float64Array.from(at(weights, 0));
  weights.slice(1, 401).forEach((flat, index) => {
    flat.forEach((weight, i) => {
      mean[i] = at(mean, i) + alphaOf(index + 1) * (weight - at(mean, i));
    });
  });
  return mean;
}

/** What is recorded of a call. */
function runOf(call: string): { readonly steps: number; readonly theirs: Float64Array } {
  const { steps, average } = recorded[call] ?? { steps: 0, average: '' };
  return { steps, theirs: new Float64Array(bytesOf(average)) };
}

const isFormula = ({ here, call }: Row) =>
  formulas.some((line) => line.includes(here) && codesOf(at(cellsOf(line), 0)).join(' | ') === call);

afterEach(() => {
  tf.disposeVariables();
});

describe('docs/migration.md', () => {
  it('has options that exist', () => {
    const all = rows.flatMap(({ here }) => optionsIn(here));
    expect(all.length).toBeGreaterThan(40);
    for (const each of all) expect(() => new WeightEma(tf, each)).not.toThrow();
  });

  it('has a row for each recorded run, and a run for each row with a figure', () => {
    const calls = held.filter((row) => !isFormula(row)).map(({ call }) => call);
    expect(calls.sort()).toEqual(Object.keys(recorded).sort());
  });

  it('is of runs over 300 steps or more', () => {
    expect(Math.min(...Object.values(recorded).map(({ steps }) => steps))).toBeGreaterThanOrEqual(300);
  });
});

describe.each(['native', 'js'] as const)('the average of engine %s is as near as its row says to', (engine) => {
  it.each(held.filter((row) => !isFormula(row)))('$call', ({ call, here, apart }) => {
    const { steps, theirs } = runOf(call);
    const found = averaged({ ...at(optionsIn(here), 0), engine }, steps, here);
    expect(found).toHaveLength(theirs.length);
    expect(maxDifference(found, theirs)).toBeLessThanOrEqual(Number(apart));
  });

  // The exponent of width 0.1, as EDM2's paper gives it, to more digits: the root of 0.01 (g + 2)² (g + 3) = g + 1.
  const GAMMA = 6.937203937601808;
  it.each<[piece: string, alphaOf: (step: number) => number]>([
    ['beta = ', (step) => 1 - (1 - 1 / step) ** (GAMMA + 1)],
    ['tau = 0.005', () => 0.005],
    ['m = 0.996', () => 1 - 0.996],
    ['decay = 2 **', (step) => 1 - 2 ** (-1 / (0.05 * step))],
    ['merge_last_n_steps=300', (step) => (step <= 100 ? 1 : 1 / (step - 100))],
  ])('the formula %s', (piece, alphaOf) => {
    const row = at(
      held.filter((one) => isFormula(one) && one.call.includes(piece)),
      0,
    );
    const found = averaged({ ...at(optionsIn(row.here), 0), engine }, 400);
    expect(maxDifference(found, replayed(alphaOf))).toBeLessThanOrEqual(Number(row.apart));
  });
});

describe('the recorded runs can tell', () => {
  const exact = held.filter((row) => !isFormula(row) && Number(row.apart) > 0 && Number(row.apart) < 1e-3);

  it.each(exact)('one step: $call', ({ call, here, apart }) => {
    const { steps, theirs } = runOf(call);
    const { start = 0, ...rest } = at(optionsIn(here), 0);
    const late = averaged({ ...rest, start: Number(start) + 1 }, steps, here);
    expect(maxDifference(late, theirs)).toBeGreaterThan(Math.max(1e-5, 4 * Number(apart)));
  });
});
