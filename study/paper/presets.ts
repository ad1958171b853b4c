// The paper's own settings: CIFAR data, its networks, 200 epochs, five decays at T = 16. For machines with a GPU.
// Data only; what the paper does not say is marked as our choice.

import type { Condition, DataChoice, Measures, Recipe } from '../runs/condition.js';
import { PAPER_DECAYS_PER_STEP } from '../runs/conditions.js';

// Augmentation of the clean runs is not described; a shift of 4 and mirroring are usual on CIFAR (our choice).
const CLEAN: Omit<DataChoice, 'name'> = { validation: 0.2, noise: 0, shift: 4 };
// "We do not adopt any specialized technique or data augmentation" (the paper, on noisy labels).
const HUMAN: Omit<DataChoice, 'name'> = { ...CLEAN, shift: 0 };

const MEASURES: Measures = { memorisation: false, recompute: true, probe: undefined };

function recipe(peak: number, weightDecay: number): Recipe {
  const learningRate = { peak, warmupEpochs: 5, decay: 'cosine' } as const;
  return { epochs: 200, batchSize: 128, weightDecay, learningRate, bootstrap: false };
}

function preset(
  settings: Pick<Condition, 'title' | 'network' | 'data' | 'recipe'>,
  measures: Measures = MEASURES,
): Condition {
  const averages = {
    main: { decays: PAPER_DECAYS_PER_STEP },
    updateEvery: 16,
    variants: false,
    uniform: true,
  } as const;
  return { id: 'paper', ...settings, averages, measures, seeds: 3 };
}

/** Presets by the name that `--preset` takes. */
export const presets = {
  'paper-cifar10': preset({
    title: 'ResNet-18 on CIFAR-10',
    network: 'resnet-18',
    data: { ...CLEAN, name: 'cifar-10' },
    recipe: recipe(0.4, 1e-4),
  }),
  'paper-cifar100': preset({
    title: 'ResNet-18 on CIFAR-100',
    network: 'resnet-18',
    data: { ...CLEAN, name: 'cifar-100' },
    recipe: recipe(1.2, 1e-4),
  }),
  'paper-cifar100-vgg': preset(
    {
      title: 'VGG-16 without BatchNorm on CIFAR-100',
      network: 'vgg-16',
      data: { ...CLEAN, name: 'cifar-100' },
      recipe: recipe(0.05, 5e-4),
    },
    { ...MEASURES, recompute: false },
  ),
  'paper-cifar100-wrn': preset({
    title: 'WideResNet-28-10 on CIFAR-100',
    network: 'wrn-28-10',
    data: { ...CLEAN, name: 'cifar-100' },
    recipe: recipe(0.1, 5e-4),
  }),
  'paper-cifar10n': preset(
    {
      title: 'ResNet-34 on CIFAR-10N (worst of three labels)',
      network: 'resnet-34',
      data: { ...HUMAN, name: 'cifar-10n' },
      // Derived from the paper's figure 2 for CIFAR-100N; not stated for CIFAR-10N.
      recipe: recipe(0.8, 1e-4),
    },
    { ...MEASURES, memorisation: true },
  ),
  'paper-cifar100n': preset(
    {
      title: 'ResNet-34 on CIFAR-100N',
      network: 'resnet-34',
      data: { ...HUMAN, name: 'cifar-100n' },
      recipe: recipe(0.8, 1e-4),
    },
    { ...MEASURES, memorisation: true },
  ),
} as const satisfies Record<string, Condition>;

/** Names of the presets. */
export type PresetName = keyof typeof presets;
