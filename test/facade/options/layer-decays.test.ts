// Other decays for some weights: rules, their spread over the weights, and averages against float64 oracles.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, type LayerDecay, WeightEma } from '../../../src/index.js';
import { AlphaSpread } from '../../../src/model/alpha-spread.js';
import { resolveLayerDecays, withRules } from '../../../src/options/layer-decays.js';
import type { Averages } from '../../../src/schedule/specs.js';
import { synthesize } from '../../../src/search.js';
import { rejectionOf, thrownBy } from '../../support/expect.js';
import { nestedModel, setRandomWeights, tf, valuesOf } from '../../support/models.js';
import { at, maxDifference, Oracle, paperDecay } from '../../support/oracle.js';

const folder = mkdtempSync(join(tmpdir(), 'layer-decays-'));

afterEach(() => {
  tf.disposeVariables();
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const averages: Averages = { decays: [0.25, 0.81], profiles: ['exponential', 'exponential'] };

describe('rules', () => {
  const decaysOf = (decay: LayerDecay['decay']) =>
    resolveLayerDecays([{ match: 'x', decay }], averages, { stepsPerEpoch: 10 })[0]?.decays;

  it('give one decay to all averages, one to each, or another half-life', () => {
    expect(decaysOf(0.5)).toEqual([0.5, 0.5]);
    expect(decaysOf({ window: { epochs: 1 } })).toEqual([0.9, 0.9]);
    expect(decaysOf([0.5, { halfLife: 1 }])).toEqual([0.5, 0.5]);
    expect(decaysOf({ halfLifeTimes: 0.5 })).toEqual([0.25 ** 2, 0.81 ** 2]);
    expect(decaysOf({ halfLifeTimes: 2 })).toEqual([0.5, 0.9]);
  });

  it.each([
    [3, /layerDecays: expected a list/],
    [[3], /layerDecays\[0\]: expected a rule/],
    [[{ match: 'x', decays: [0.9] }], /layerDecays\[0\]: .*received 'decays'/],
    [[{ decay: 0.9 }], /layerDecays\[0\]\.match/],
    [[{ match: 'x', decay: 2 }], /layerDecays\[0\]\.decay: expected a number from 0 to 1/],
    [[{ match: 'x', decay: [0.9] }], /a decay for each of the 2 averages/],
    [
      [{ match: 'x', decay: { halfLifeTimes: 0 } }],
      /layerDecays\[0\]\.decay\.halfLifeTimes: expected a number above 0, received 0/,
    ],
  ])('%j are refused', (rules, pattern) => {
    const run = () => resolveLayerDecays(rules as LayerDecay[], averages, {});
    expect(thrownBy(run, 'INVALID_ARGUMENT').message).toMatch(pattern);
  });

  it('are spread over the weights, the first one that matches; without rules nothing is', () => {
    const rules = resolveLayerDecays(
      [
        { match: 'a/bias', decay: 0.5 },
        { match: 'a', decay: 0.7 },
      ],
      averages,
      {},
    );
    expect(withRules(averages, rules).decays).toEqual([0.25, 0.81, 0.5, 0.5, 0.7, 0.7]);
    const spread = new AlphaSpread(['a/kernel', 'a/bias', 'b'], rules, 2);
    const alphas = [1, 2, 3, 4, 5, 6];
    expect(spread.of(alphas)).toEqual([5, 6, 3, 4, 1, 2]);
    expect(spread.of(alphas)).toBe(spread.of(alphas));
    expect(spread.of([...alphas].reverse())).toEqual([2, 1, 4, 3, 6, 5]);
    expect(new AlphaSpread(['a'], [], 6).of(alphas)).toBe(alphas);
  });
});

describe.each(['native', 'js'] as const)('layerDecays, engine %s', (engine) => {
  const decays = [0.9, 0.99];
  const layerDecays: LayerDecay[] = [
    { match: 'head/bias', decay: 0 },
    { match: 'head', decay: [0.5, 0.6] },
    { match: /twin/, decay: { halfLifeTimes: 3 } },
  ];
  const expected = (name: string, k: number) => {
    if (name === 'head/bias') return 0;
    if (name === 'head/kernel') return at([0.5, 0.6], k);
    return at(decays, k) ** (name.startsWith('twin') ? 1 / 3 : 1);
  };
  const make = (options: EmaOptions = {}) =>
    new WeightEma(tf, { engine, decays, layerDecays, updateEvery: 2, onWarning: () => undefined, ...options });
  const read = (ema: WeightEma, which: number) => {
    const tensors = ema.read(which);
    const values = valuesOf(tensors);
    tf.dispose(tensors);
    return values;
  };

  it.each(['fp32', 'compensated'] as const)(
    'averages every weight by its own decay, %s, as the oracle',
    (precision) => {
      const model = nestedModel();
      const ema = make({ precision }).attach(model);
      const oracles = decays.map(
        () => new Map(Object.entries(read(ema, 0.9)).map(([name, w]) => [name, new Oracle([w])])),
      );
      for (let n = 0; n < 8; n += 1) {
        for (const seed of [1, 2]) {
          setRandomWeights(model, 10 * n + seed);
          ema.update();
        }
        for (const weight of model.weights) {
          oracles.forEach((byName, k) => {
            const name = weight.originalName;
            byName.get(name)?.update([weight.read().dataSync()], paperDecay(expected(name, k), 2, n));
          });
        }
      }
      decays.forEach((decay, k) => {
        for (const [name, values] of Object.entries(read(ema, decay))) {
          const shadow = at(at(oracles, k).get(name)?.shadows ?? [], 0);
          expect(maxDifference(values, shadow), name).toBeLessThan(8 * 2 ** -22);
        }
      });
      ema.dispose();
    },
  );

  it('goes on from a checkpoint to the bit, and refuses one of other rules', async () => {
    const model = nestedModel();
    const path = join(folder, `${engine}.safetensors`);
    const [whole, resumed] = [make().attach(model), make().attach(model)];
    const other = make({ layerDecays: layerDecays.slice(1) }).attach(model);
    for (let step = 1; step <= 9; step += 1) {
      setRandomWeights(model, step);
      whole.update();
      if (step === 5) await whole.saveCheckpoint(path);
    }
    expect((await rejectionOf(other.loadCheckpoint(path), 'CHECKPOINT')).message).toMatch(/option layerRules was/);
    await resumed.loadCheckpoint(path);
    for (let step = 6; step <= 9; step += 1) {
      setRandomWeights(model, step);
      resumed.update();
    }
    for (const decay of decays) expect(read(resumed, decay)).toEqual(read(whole, decay));
    for (const ema of [whole, resumed, other]) ema.dispose();
  });

  it('is an error where a rule matches nothing, and makes synthesize refuse', () => {
    const model = nestedModel();
    const wrong = make({ layerDecays: [{ match: 'tail', decay: 0.5 }] });
    expect(thrownBy(() => wrong.attach(model), 'INVALID_ARGUMENT').message).toMatch(/^layerDecays: .*'tail'/);
    const ema = make().attach(model);
    expect(thrownBy(() => synthesize(ema, 0.95), 'INVALID_ARGUMENT').message).toMatch(/^layerDecays: .*none/);
    ema.dispose();
  });
});
