// docs/migration.md: every option in its tables is one that exists, and those that claim to equal another library's average do.
// The libraries' formulas stand here as they document them; test/facade/ema/recorded-averages.test.ts compares with what they really compute.

import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { equivalentDecay } from '../../src/decay.js';
import { type EmaOptions, WeightEma } from '../../src/index.js';
import { assign, floats, lineModel, tf } from '../support/models.js';
import { at } from '../support/oracle.js';

afterEach(() => {
  tf.disposeVariables();
});

const text = readFileSync(new URL('../../docs/migration.md', import.meta.url), 'utf8');
const rows = [...text.matchAll(/^\| (.*?) \| (.*) \|$/gm)].map(([, there = '', here = '']) => ({ there, here }));

/** Pieces of code in a cell that are options: `{ decays: 0.9 }`, or one of them such as `start: 100`. */
function optionsIn(cell: string): EmaOptions[] {
  const codes = [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
  return codes
    .filter((code) => /^(\{ |(warmup|start|batchNorm|exclude): )/.test(code) && !code.includes('...'))
    .map((code) => {
      const literal = code.startsWith('{') ? code : `{ ${code} }`;
      return new Function('equivalentDecay', `return (${literal});`)(equivalentDecay) as EmaOptions;
    });
}

/** Options of the row whose left cell has this text. */
function optionsFor(there: string): EmaOptions {
  const found = rows.filter((row) => row.there.includes(there));
  expect(found, there).toHaveLength(1);
  return at(optionsIn(at(found, 0).here), 0);
}

const STEPS = 40;
/** The weight before the first step and after each. */
const weights = Array.from(floats(STEPS + 1, 5));

function averaged(options: EmaOptions): number {
  const model = lineModel();
  const set = (value: number) => assign(at(model.weights, 0), () => tf.tensor2d([[value]]));
  set(at(weights, 0));
  const ema = new WeightEma(tf, { ...options, onWarning: () => undefined }).attach(model);
  for (const weight of weights.slice(1)) {
    set(weight);
    ema.update();
  }
  const tensors = ema.read({ index: 0 });
  const [value = Number.NaN] = at(Object.values(tensors), 0).dataSync();
  tf.dispose(tensors);
  ema.dispose();
  return value;
}

/** In float64; `decayOf` is asked for the steps 1, 2, ...; undefined leaves a step out. */
function replayed(decayOf: (step: number) => number | undefined): number {
  return weights.reduce((mean, weight, step) => {
    const decay = step === 0 ? 0 : decayOf(step);
    return decay === undefined ? mean : decay * mean + (1 - decay) * weight;
  }, 0);
}

const inverse = (step: number) => 1 - (1 + step) ** (-2 / 3);

describe('docs/migration.md', () => {
  it('has options that exist', () => {
    const all = rows.flatMap(({ here }) => optionsIn(here));
    expect(all.length).toBeGreaterThan(25);
    for (const options of all) expect(() => new WeightEma(tf, options)).not.toThrow();
  });

  it.each<[there: string, decayOf: (step: number) => number | undefined]>([
    ['get_ema_multi_avg_fn(0.999)', (step) => (step === 1 ? 0 : 0.999)],
    ['`AveragedModel(model)`', (step) => (step - 1) / step],
    ['`ModelEmaV3(model, decay=0.9999)`', () => 0.9999],
    ['warmup_gamma=1', (step) => Math.min(0.9999, inverse(step - 1))],
    ['ema_momentum=0.99', (step) => (step === 1 ? 0 : 0.99)],
    ['`tf.train.ExponentialMovingAverage(0.999)`', () => 0.999],
    ['`num_updates=step`', (step) => Math.min(0.999, step / (9 + step))],
    ['diffusers `EMAModel', (step) => (step === 1 ? 0 : 0.9999)],
    ['use_ema_warmup=True', (step) => Math.min(0.9999, inverse(step - 1))],
    ['incremental_update', () => 0.999],
    ['`optax.ema(', (step) => (0.999 * (1 - 0.999 ** (step - 1))) / (1 - 0.999 ** step)],
    ['tau=0.005', () => 0.995],
  ])('%s is that average', (there, decayOf) => {
    // 40 roundings of numbers below 1.
    expect(Math.abs(averaged(optionsFor(there)) - replayed(decayOf))).toBeLessThan(STEPS * 2 ** -24);
  });

  it.each<[there: string, changed: EmaOptions, decayOf: (step: number) => number | undefined]>([
    ['start_step=100', { start: 10 }, (step) => (step <= 10 ? 0 : 0.99)],
    ['if step > swa_start', { start: 10 }, (step) => (step <= 10 ? 0 : (step - 11) / (step - 10))],
    [
      'start_averaging=100',
      { start: 10 },
      (step) => (step % 10 === 0 ? Math.max(0, (step / 10 - 2) / (step / 10 - 1)) : undefined),
    ],
    ['periodic_update', { updateEvery: 20 }, (step) => (step % 20 === 0 ? 0 : undefined)],
    ['beta=0.9999', { start: 10 }, (step) => (step <= 10 ? 0 : step % 10 === 0 ? 0.9999 : undefined)],
  ])('%s is that average, in a shorter run', (there, changed, decayOf) => {
    const options = { warmup: 'none' as const, ...optionsFor(there), ...changed };
    expect(Math.abs(averaged(options) - replayed(decayOf))).toBeLessThan(STEPS * 2 ** -24);
  });
});
