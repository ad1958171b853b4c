// Findings of health: each from figures that call for it, and none from figures that do not.
// The same from real models: diagnostics and regressions.

import { describe, expect, it } from 'vitest';
import type { AverageFigures, Diagnosis } from '../../../src/diagnosis/figures.js';
import { type Circumstances, findingsOf } from '../../../src/diagnosis/health.js';

type Change = Partial<{ -readonly [K in keyof Diagnosis]: Diagnosis[K] }> & {
  readonly norm?: number;
  readonly nonFinite?: number;
  readonly average?: Partial<AverageFigures>;
};

function looked({ norm = 1, nonFinite = 0, average = {}, ...rest }: Change = {}): Diagnosis {
  const figures = { norm: 0.9, distance: 0.1, maxDistance: 0.1, cosine: 1, deadZone: 0, ...average };
  const weight = { name: 'dense/kernel', size: 100, norm, nonFinite, averages: [figures] };
  const total = { ...weight, name: 'total' };
  return {
    steps: 500,
    updates: 50,
    weights: [weight],
    total,
    signal: undefined,
    layers: [],
    initialShares: [0],
    health: [],
    ...rest,
  };
}

function messages(now: Change, around: Partial<Circumstances> = {}): string[] {
  const circumstances = {
    decays: [0.999],
    labels: ['0.999'],
    alphas: [0.016],
    areCopies: false,
    first: undefined,
    before: undefined,
    isAsked: false,
  };
  return findingsOf(looked(now), { ...circumstances, ...around }).map(({ message }) => message);
}

describe('findingsOf', () => {
  it('finds nothing in a run that goes well', () => {
    expect(
      messages(
        {},
        { first: looked({ steps: 0, updates: 0 }), before: looked({ updates: 40, average: { norm: 0.91 } }) },
      ),
    ).toEqual([]);
  });

  it('finds a run that was never counted, when asked', () => {
    expect(messages({ steps: 0, updates: 0 }, { isAsked: true })).toEqual([
      expect.stringMatching(/no step was counted yet/),
    ]);
    expect(messages({ steps: 0, updates: 0 })).toEqual([]);
  });

  it('finds weights and averages that are not finite', () => {
    expect(messages({ nonFinite: 3, norm: Number.NaN })[0]).toMatch(
      /3 of 100 weights are NaN or infinite at step 500, in 'dense\/kernel'/,
    );
    expect(messages({ average: { norm: Number.NaN } })[0]).toMatch(/average 0.999 holds NaN/);
  });

  it('finds a norm that grows 12-fold, and names where', () => {
    const first = looked({ steps: 0, updates: 0 });
    expect(messages({ norm: 12 }, { first })[0]).toMatch(
      /has grown 12-fold since step 0.*most of it in 'dense\/kernel'/,
    );
    expect(messages({ norm: 9 }, { first })).toEqual([]);
    expect(messages({ norm: 0.05 }, { first })[0]).toMatch(/average 0.999: its norm is 18 times that of the weights/);
  });

  it('finds averages that equal the weights, unless they are meant to', () => {
    expect(messages({ average: { distance: 0 } })[0]).toMatch(/every average equals the weights to the bit/);
    expect(messages({ average: { distance: 0 } }, { areCopies: true })).toEqual([]);
  });

  it('finds an average that stands still while the weights move', () => {
    const before = looked({ updates: 40, steps: 400 });
    expect(messages({}, { before })[0]).toMatch(/has not moved in the 10 updates since step 400/);
    expect(messages({}, { before, decays: [1], alphas: [0] })).toEqual([]);
    expect(messages({ average: { norm: 0.91 } }, { before })).toEqual([]);
    // Too little to see, and nothing to see yet.
    expect(messages({ average: { distance: 1e-3 } }, { before })).toEqual([]);
    expect(messages({ updates: 40 }, { before })).toEqual([]);
  });

  it('advises compensation where much of the average is in the dead zone, and it matters', () => {
    const slow = { alphas: [1e-4] };
    expect(messages({ average: { deadZone: 60 } }, slow)[0]).toMatch(/60 % of its elements.*precision: 'compensated'/);
    expect(messages({ average: { deadZone: 5 } }, slow)).toEqual([]);
    expect(messages({ average: { deadZone: 60, distance: 1e-8 } }, slow)).toEqual([]);
    // One float away from a weight that rests: there already.
    expect(messages({ average: { deadZone: 60 } }, { alphas: [0.016] })).toEqual([]);
  });

  it('finds an average that still holds its start, when asked', () => {
    const message = messages({ initialShares: [0.606] }, { isAsked: true })[0];
    expect(message).toMatch(/after 500 steps it still holds 60.6 % of the initial weights.*4603 steps/);
    expect(messages({ initialShares: [0.606] })).toEqual([]);
    expect(messages({ initialShares: [0.005] }, { isAsked: true })).toEqual([]);
  });
});
