// The fingerprint of a run's options: what is in it, and what is not.
// Checkpoints that it refuses: checkpoint.

import { describe, expect, it } from 'vitest';
import { settingDifferences, settingsOf } from '../../../src/options/fingerprint.js';
import { type EmaOptions, resolveOptions } from '../../../src/options/options.js';

const settings = (options: EmaOptions) => settingsOf(resolveOptions({ decays: [0.9, 0.99], ...options }));
const differences = (a: EmaOptions, b: EmaOptions) => settingDifferences(settings(a), settings(b));

describe('settingsOf', () => {
  it('is plain data: JSON and back gives the same', () => {
    const all = settings({
      warmup: { inverseGamma: { scale: 1, power: 0.75 } },
      include: ['dense', /kernel$/i],
      layerDecays: [{ match: /bias/, decay: 0.5 }],
      start: 100,
    });
    expect(JSON.parse(JSON.stringify(all))).toEqual(all);
  });

  it('has every option but those without effect on an average', () => {
    expect(Object.keys(settings({ include: ['x'], exclude: ['y'] })).sort()).toEqual(
      [
        ...['batchNorm', 'decays', 'layerRules', 'precision', 'profiles'],
        ...['startStep', 'updateEvery', 'warmup', 'warmupClock'],
      ].sort(),
    );
    expect(differences({}, { engine: 'js', diagnoseEvery: 3, run: { totalSteps: 9 }, onWarning: () => 0 })).toEqual([]);
    expect(differences({ decays: [0.9] }, { decays: [0.9] })).toEqual([]);
  });

  it('tells warm-up functions apart by their values', () => {
    expect(differences({ warmup: (t) => t / (t + 9) }, { warmup: (t) => t / (t + 9) })).toEqual([]);
    expect(differences({ warmup: (t) => t / (t + 9) }, { warmup: (t) => t / (t + 10) })).toHaveLength(1);
    const failing = () => {
      throw new RangeError('not here');
    };
    expect(differences({ warmup: failing }, { warmup: failing })).toEqual([]);
  });

  it("says that a decay is a function's, and asks it nothing", () => {
    const asked = (): number => expect.fail('asked');
    const { profiles } = settings({ decays: [0.9, asked, (step) => step / asked()] });
    expect(profiles).toEqual(['exponential', { values: 'not asked' }, { values: 'not asked' }]);
    expect(differences({ decays: [0.9, () => 0.5] }, { decays: [0.9, (step) => 1 / step] })).toEqual([]);
    expect(differences({ decays: [0.9, 'uniform'], updateEvery: 1 }, { decays: [0.9, () => 0.5] })).toHaveLength(1);
  });
});

describe('settingDifferences', () => {
  it('takes what a file names and every object inherits for no option', () => {
    expect(settingDifferences({ toString: 1 }, {})).toEqual(['option toString was 1, now it is not there']);
  });

  it('does not mind the order in which members of an option are written', () => {
    const warmups = [{ inverseGamma: { scale: 2, power: 1 } }, { inverseGamma: { power: 1, scale: 2 } }];
    expect(differences({ warmup: warmups[0] as never }, { warmup: warmups[1] as never })).toEqual([]);
  });

  it('names each option with both values', () => {
    expect(differences({ updateEvery: 4, layerDecays: [{ match: 'a', decay: 0.5 }] }, { updateEvery: 8 })).toEqual([
      'option layerRules was [{"match":{"name":"a"},"decays":[0.5,0.5]}], now it is []',
      'option updateEvery was 4, now it is 8',
    ]);
  });
});
