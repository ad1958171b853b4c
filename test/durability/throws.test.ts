// Training that ends where nobody meant it to: throws in every hook and in all that is called in between, and stops.
// Each is beside the same training without averages that ends at the same place; misuse of the callback is in misuse.test.ts.

import { afterAll, afterEach, describe, expect, it } from 'vitest';
import {
  DECAYS,
  EPOCHS,
  type Hook,
  MORE_STEPS,
  type Part,
  PLANNED,
  type Place,
  type Plan,
  STEPS,
  Training,
} from '../support/endings.js';
import { isSwapped } from '../support/expect.js';
import { tf, valuesOf } from '../support/models.js';
import { at, maxDifference, Oracle } from '../support/oracle.js';

const TEN = Array.from({ length: EPOCHS * STEPS }, (_, index) => index);
const PLACES: readonly Place[] = ['before', 'after'];
const PARTS: readonly Part[] = ['layer', 'loss', 'metric', 'iterator'];

/** How often each hook is called in a training. */
const HOOKS: readonly (readonly [hook: Hook, calls: number])[] = [
  ['onTrainBegin', 1],
  ['onEpochBegin', EPOCHS],
  ['onBatchBegin', EPOCHS * STEPS],
  ['onBatchEnd', EPOCHS * STEPS],
  ['onEpochEnd', EPOCHS],
  ['onTrainEnd', 1],
];

const inHooks = (kind: 'throw' | 'stop', hooks: typeof HOOKS): Plan[] =>
  hooks.flatMap(([hook, calls]) =>
    PLACES.flatMap((place) => TEN.slice(0, calls).map((number): Plan => ({ kind, hook, place, at: number }))),
  );
const inParts = (kind: 'training' | 'validation'): Plan[] =>
  PARTS.flatMap((part) => TEN.map((number): Plan => ({ kind, part, at: number })));
const inUse = [false, true].flatMap((isAsync) => TEN.map((number): Plan => ({ kind: 'use', isAsync, at: number })));
const early = ['loss', 'val_raw_loss', 'val_ema_loss'].map((monitor): Plan => ({ kind: 'early', monitor, at: 0 }));

/** The end of the same training without averages. */
function withoutAverages(plan: Plan): Plan {
  switch (plan.kind) {
    case 'throw':
    case 'stop':
      return { ...plan, place: 'after' };
    case 'use':
      return { kind: 'throw', hook: 'onBatchEnd', place: 'after', at: plan.at };
    case 'training':
      return plan;
    case 'validation':
      return { kind: 'throw', hook: 'onEpochEnd', place: 'after', at: 0 };
    case 'early':
      return { kind: 'stop', hook: 'onEpochEnd', place: 'after', at: 0 };
    default:
      return plan satisfies never;
  }
}

interface Ending {
  readonly message: string | undefined;
  readonly bits: string;
  readonly next: string;
  readonly left: number;
}

const known = new Map<string, Promise<Ending>>();

/** Training without averages: each end once. */
function ending(plan: Plan): Promise<Ending> {
  const control = withoutAverages(plan);
  const key = JSON.stringify(control);
  const found = known.get(key) ?? run(control);
  known.set(key, found);
  return found;
}

async function run(plan: Plan): Promise<Ending> {
  const training = new Training(plan);
  const message = await training.end();
  const bits = training.bits();
  await training.goOn();
  return { message, bits, next: training.bits(), left: training.release() };
}

/** The averages are those of the steps that reached the callback, and of nothing else. */
function expectAverages({ ema, seen }: Training): void {
  if (ema === undefined) return;
  expect(isSwapped(ema)).toBe(false);
  expect(ema.overwritten).toEqual({});
  // Where fit ended before it began there is nothing yet.
  if (ema.engine === undefined) return;
  expect(ema.steps).toBe(seen.length - 1);
  const names = Object.keys(at(seen, 0));
  for (const decay of DECAYS) {
    const oracle = new Oracle(names.map((name) => at(seen, 0)[name] ?? []));
    for (const weights of seen.slice(1))
      oracle.update(
        names.map((name) => weights[name] ?? []),
        decay,
      );
    const tensors = ema.read(decay);
    const average = valuesOf(tensors);
    for (const tensor of Object.values(tensors)) tensor.dispose();
    names.forEach((name, index) => {
      // An update rounds by at most 2^-22 (numbers below 4), and a tenth of it goes at each: a geometric sum.
      expect(maxDifference(average[name] ?? [], at(oracle.shadows, index))).toBeLessThan(10 * 2 ** -22);
    });
  }
}

let cases = 0;

async function check(plan: Plan, engine: 'native' | 'js'): Promise<void> {
  const control = await ending(plan);
  const training = new Training(plan, engine);
  const message = await training.end();
  // The data sets of tfjs say where it was thrown before what was thrown.
  expect(message?.slice(-PLANNED.length)).toBe(control.message?.slice(-PLANNED.length));
  expect(message === undefined).toBe(/stop|early/.test(plan.kind));
  expect(training.bits()).toBe(control.bits);
  expectAverages(training);
  const [steps, validations] = [training.ema?.steps ?? 0, training.ema?.validations.length ?? 0];
  await training.goOn();
  expect(training.bits()).toBe(control.next);
  expect(training.ema?.steps).toBe(steps + MORE_STEPS);
  expect(training.ema?.validations.length).toBe(validations + 1);
  expectAverages(training);
  expect(training.release()).toBe(control.left);
  cases += 1;
}

const nameOf = ({ kind, at: number, ...rest }: Plan) => [kind, ...Object.values(rest), `at ${number}`].join(' ');
const named = (plans: readonly Plan[]) => plans.map((plan) => ({ title: nameOf(plan), plan }));

// What a failed test left must not count in the next.
afterEach(() => tf.disposeVariables());

describe('training goes on as if nothing had happened, and the averages with it, after', () => {
  const plans = [
    ...inHooks('throw', HOOKS),
    ...inHooks('stop', HOOKS.slice(3, 5)),
    ...inUse,
    ...inParts('training'),
    ...inParts('validation'),
    ...early,
  ];

  it('ends at ten different places, the last of them the end of the last epoch', async () => {
    const places = TEN.map((number): Plan => ({ kind: 'stop', hook: 'onBatchEnd', place: 'after', at: number }));
    const ends: Ending[] = [];
    for (const place of places) ends.push(await ending(place));
    expect(new Set(ends.map(({ bits }) => bits)).size).toBe(TEN.length);
    const whole = await ending({ kind: 'stop', hook: 'onEpochEnd', place: 'after', at: EPOCHS - 1 });
    expect(ends.at(-1)?.bits).toBe(whole.bits);
  });

  it.each(named(plans))('$title', ({ plan }) => check(plan, 'native'));

  const few = plans.filter(({ kind, at: number }) => number === (/^(training|validation|use)$/.test(kind) ? 7 : 0));
  it.each(named(few))('with the js engine: $title', ({ plan }) => check(plan, 'js'));
});

afterAll(() => {
  // 26 calls of hooks and 12 stops, before and after; 2 uses, 4 parts in training and 4 in validation at ten places each; 3 early stops. And with js.
  expect(cases).toBe(2 * (26 + 12) + 10 * (2 + 4 + 4) + 3 + 29);
});
