// The networks of study and paper: published parameter counts, and a forward pass of the right shape.
// Training them with the callback is tested in paper/preset.test.ts.

import { afterAll, describe, expect, it } from 'vitest';
import { FEATURES } from '../../study/networks/logit-network.js';
import { NETWORK_NAMES, NETWORKS } from '../../study/plan/catalog.js';
import type { LogitNetworkName } from '../../study/runs/condition.js';
import { tf } from '../../tools/shared/tfjs.js';

const CIFAR = [32, 32, 3] as const;
const FASHION = [28, 28, 1] as const;

function trainable(name: LogitNetworkName, classes: number): number {
  const model = NETWORKS[name].value.build(tf, {
    inputShape: name.startsWith('study') ? FASHION : CIFAR,
    classes,
    seed: 1,
  });
  const size = (shape: readonly (number | null)[]): number => shape.reduce<number>((all, side) => all * (side ?? 1), 1);
  const count = model.trainableWeights.reduce((sum, { shape }) => sum + size(shape), 0);
  model.dispose();
  return count;
}

afterAll(() => tf.disposeVariables());

describe('networks have as many parameters as published', () => {
  it.each([
    ['resnet-18', 10, 11_173_962],
    ['resnet-18', 100, 11_220_132],
    ['resnet-34', 10, 21_282_122],
    ['resnet-34', 100, 21_328_292],
    ['vgg-16', 10, 15_245_130],
    ['vgg-16', 100, 15_291_300],
    ['wrn-28-10', 10, 36_479_194],
    ['wrn-28-10', 100, 36_536_884],
    ['study-net', 10, 52_138],
    ['study-net-bn', 10, 52_162],
  ] as const)(
    '%s for %i classes: %i',
    (name, classes, parameters) => {
      expect(trainable(name, classes)).toBe(parameters);
    },
    60_000,
  );
});

describe('networks', () => {
  it.each(NETWORK_NAMES)(
    '%s gives one logit a class, from its features',
    (name) => {
      const inputShape = name.startsWith('study') ? FASHION : CIFAR;
      const model = NETWORKS[name].value.build(tf, { inputShape, classes: 7, seed: 1 });
      expect(model.outputs[0]?.shape).toEqual([null, 7]);
      expect(model.getLayer(FEATURES).outputShape).toHaveLength(2);
      model.dispose();
    },
    60_000,
  );

  it('begin with the same weights for the same seed, and with others for another', () => {
    const kernel = (seed: number): number[] => {
      const model = NETWORKS['study-net'].value.build(tf, { inputShape: FASHION, classes: 10, seed });
      const values = Array.from(model.getWeights()[0]?.dataSync() ?? []);
      model.dispose();
      return values;
    };
    expect(kernel(1)).toEqual(kernel(1));
    expect(kernel(1)).not.toEqual(kernel(2));
  });

  it('decay every trainable weight by w, as gradient + w * weight', () => {
    const weightDecay = 0.01;
    const model = NETWORKS['study-net-bn'].value.build(tf, { inputShape: FASHION, classes: 10, seed: 1, weightDecay });
    const penalties = model.calculateLosses();
    const sum = tf.tidy(() => tf.addN(penalties).dataSync()[0]);
    const squares = tf.tidy(
      () => tf.addN(model.trainableWeights.map((weight) => tf.sum(tf.square(weight.read())))).dataSync()[0],
    );
    expect(penalties).toHaveLength(model.trainableWeights.length);
    expect(sum).toBeCloseTo((weightDecay / 2) * (squares ?? Number.NaN), 5);
    tf.dispose(penalties);
    model.dispose();
  });

  it('drop units of vgg-16 only while it trains, and others at each step, the same in every run', () => {
    const outputs = (): number[][] => {
      const model = NETWORKS['vgg-16'].value.build(tf, { inputShape: CIFAR, classes: 10, seed: 1 });
      const x = tf.ones([1, 32, 32, 3]);
      const run = (training: boolean): number[] =>
        tf.tidy(() => Array.from((model.apply(x, { training }) as ReturnType<typeof tf.zeros>).dataSync()));
      const all = [run(false), run(true), run(true), run(false)];
      x.dispose();
      model.dispose();
      return all;
    };
    const [plain, first, second, again] = outputs();
    expect(again).toEqual(plain);
    expect(first).not.toEqual(plain);
    expect(first).not.toEqual(second);
    expect(outputs()).toEqual([plain, first, second, again]);
  });
});
