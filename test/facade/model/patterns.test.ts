// Weights chosen by name: patterns, and which weights are then averaged and which are live.

import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { type EmaOptions, WeightEma, type WeightPattern } from '../../../src/index.js';
import { checkMatches, matches, resolvePattern, resolvePatterns } from '../../../src/model/patterns.js';
import { thrownBy, weightBits } from '../../support/expect.js';
import { denseModel, nestedModel, setRandomWeights, tf, valuesOf } from '../../support/models.js';

afterEach(() => {
  tf.disposeVariables();
});

describe('a pattern', () => {
  const means = (pattern: WeightPattern, name: string) => matches(resolvePattern('match', pattern), name);

  it.each<[WeightPattern, string, boolean]>([
    ['head', 'head/kernel', true],
    ['head/', 'head/kernel', true],
    ['head/kernel', 'head/kernel', true],
    ['head', 'head_1/kernel', false],
    ['kernel', 'head/kernel', false],
    ['a.c', 'abc', false],
    [/kernel$/, 'head/kernel', true],
    [/^kernel/, 'head/kernel', false],
    [/HEAD/i, 'head/kernel', true],
  ])('%s and %s: %j', (pattern, name, expected) => {
    expect(means(pattern, name)).toBe(expected);
  });

  it('has no memory, though a global expression has', () => {
    const pattern = resolvePattern('match', /bias/gy);
    expect(['bias', 'bias', 'bias'].map((name) => matches(pattern, name))).toEqual([true, true, true]);
  });

  it.each(['', 3, null, undefined, {}])('is refused as %j', (pattern) => {
    const { message } = thrownBy(() => resolvePattern('match', pattern as string), 'INVALID_ARGUMENT');
    expect(message).toMatch(/^match: expected the name of a weight or layer/);
  });

  it('may be an expression of another realm', () => {
    const elsewhere = runInNewContext('/kernel$/i') as RegExp;
    expect(elsewhere).not.toBeInstanceOf(RegExp);
    expect(matches(resolvePattern('include', elsewhere), 'dense/KERNEL')).toBe(true);
  });

  it('stands in a list', () => {
    expect(resolvePatterns('include', undefined)).toBeUndefined();
    expect(thrownBy(() => resolvePatterns('include', []), 'INVALID_ARGUMENT').message).toMatch(
      /^include: .*at least one/,
    );
    const text = 'head' as unknown as WeightPattern[];
    expect(thrownBy(() => resolvePatterns('include', text), 'INVALID_ARGUMENT').message).toMatch(/a list/);
    const pattern = /kernel/ as unknown as readonly RegExp[];
    expect(thrownBy(() => resolvePatterns('include', pattern), 'INVALID_ARGUMENT').message).toMatch(
      /Write include: \[\/kernel\/\]\.$/,
    );
    thrownBy(() => checkMatches('include', [{ name: 'x' }], ['y']), 'INVALID_ARGUMENT');
  });
});

describe.each(['native', 'js'] as const)('include and exclude, engine %s', (engine) => {
  const make = (options: EmaOptions) =>
    new WeightEma(tf, { engine, decays: 0.9, updateEvery: 1, warmup: 'none', onWarning: () => undefined, ...options });

  /** Names whose average differs from the live weight after one update. */
  function moved(options: EmaOptions, model = nestedModel()) {
    const ema = make(options).attach(model);
    setRandomWeights(model, 1);
    ema.update();
    const tensors = ema.read(0.9);
    const values = valuesOf(tensors);
    tf.dispose(tensors);
    const live = new Map(model.weights.map((weight) => [weight.originalName, weight.read().dataSync()]));
    const names = Object.keys(values).filter(
      (name) => !values[name]?.every((value, i) => value === live.get(name)?.[i]),
    );
    const raw = weightBits(model);
    const used = ema.use(0.9, () => weightBits(model));
    expect(weightBits(model)).toEqual(raw);
    const differing = model.weights.flatMap((weight, i) => (`${used[i]}` === `${raw[i]}` ? [] : [weight.originalName]));
    expect(differing.sort()).toEqual([...names].sort());
    ema.dispose();
    return names;
  }

  it('average all weights, those that are included, or all but those that are excluded; the rest is live', () => {
    expect(moved({})).toHaveLength(14);
    expect(moved({ include: ['head'] })).toEqual(['head/kernel', 'head/bias']);
    expect(moved({ include: [/kernel$/, 'head'], exclude: ['twin'] })).toEqual([
      expect.stringMatching(/^time_distributed.*kernel$/),
      'head/kernel',
      'head/bias',
    ]);
    expect(moved({ exclude: [/moving_/, /bias/] })).toEqual(
      expect.not.arrayContaining([expect.stringMatching(/moving_|bias/)]),
    );
  });

  it('leave the policy for statistics as it is', () => {
    const names = moved({ exclude: [/kernel|bias/], batchNorm: 'copy' });
    expect(names.every((name) => /gamma|beta/.test(name))).toBe(true);
    expect(names).toHaveLength(4);
  });

  it('take less memory for fewer weights', () => {
    const model = denseModel();
    const [all, few] = [make({}).attach(model), make({ include: [/bias/] }).attach(model)];
    expect(few.facts.bytes).toBeLessThan(all.facts.bytes);
    for (const ema of [all, few]) ema.dispose();
  });

  it('are an error where a pattern matches nothing, which names all weights, or where no weight is left', () => {
    const model = nestedModel();
    const messageOf = (options: EmaOptions) => thrownBy(() => make(options).attach(model), 'INVALID_ARGUMENT').message;
    expect(messageOf({ exclude: ['heads'] })).toMatch(
      /^exclude: .*received 'heads'.*matches none of twin\/kernel, .* and 2 more/,
    );
    expect(messageOf({ include: [/weights/] })).toMatch(/^include: .*received '\/weights\/'/);
    expect(messageOf({ exclude: [/./] })).toMatch(/^include and exclude: .*leave weights to average/);
  });
});
