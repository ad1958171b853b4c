// What the networks of the paper's study share: logits as output, L2 on every weight, a layer named `features`, own seeds.
// Holds no network.

import type { LayersModel, layers, SymbolicTensor } from '@tensorflow/tfjs-node';
import type { Tf } from '../../tools/shared/tfjs.js';
import { type NetworkSetup, weightSeeds } from './network.js';

/** Name of the layer whose output feeds the last dense layer: what a linear probe is trained on. */
export const FEATURES = 'features';

/** What a network must fit, the seed of its weights, and their decay. */
export interface LogitSetup extends NetworkSetup {
  /** Weight decay w of SGD as frameworks define it (gradient + w * weight), on all trainable weights. @defaultValue 0 */
  readonly weightDecay?: number;
}

/** A network whose output are logits, and whose layer `features` is its representation. */
export interface LogitNetwork {
  /** One line, for reports. */
  readonly description: string;
  /** Builds the model, not compiled. */
  readonly build: (tf: Tf, setup: LogitSetup) => LayersModel;
}

/** Extra arguments of a layer. */
export interface Extra {
  readonly name?: string;
  readonly useBias?: boolean;
  readonly activation?: 'relu';
}

/** Shape of a convolution; padding is `same`. */
export interface Convolution extends Extra {
  readonly filters: number;
  /** One number for both directions, or height and width. */
  readonly kernel: number | readonly [number, number];
  readonly stride?: number | readonly [number, number];
}

/**
 * Lays one layer after the other; every weight gets its own seed and the same decay.
 *
 * Its casts are one fact: a layer gives a symbolic tensor for symbolic tensors, which its type does not say.
 */
export class Builder {
  readonly #tf: Tf;
  readonly #nextSeed: () => number;
  readonly #regularizer: ReturnType<Tf['regularizers']['l2']> | undefined;
  readonly #setup: LogitSetup;

  /** @param setup of the network. */
  constructor(tf: Tf, setup: LogitSetup) {
    this.#tf = tf;
    this.#setup = setup;
    this.#nextSeed = weightSeeds(setup.seed);
    // tfjs adds l2 * sum(w^2) to the loss, whose gradient is 2 * l2 * w.
    this.#regularizer = setup.weightDecay ? tf.regularizers.l2({ l2: setup.weightDecay / 2 }) : undefined;
  }

  /** The images. */
  input(): SymbolicTensor {
    return this.#tf.input({ shape: [...this.#setup.inputShape] });
  }

  /** A convolution with He initialisation. */
  conv(x: SymbolicTensor, { filters, kernel, stride = 1, ...extra }: Convolution): SymbolicTensor {
    const pair = (size: number | readonly [number, number]): [number, number] => {
      return typeof size === 'number' ? [size, size] : [...size];
    };
    const shape = { filters, kernelSize: pair(kernel), strides: pair(stride), padding: 'same' } as const;
    return this.#apply(x, this.#tf.layers.conv2d({ ...shape, ...this.#weights(), ...extra }));
  }

  /** A dense layer with He initialisation. */
  dense(x: SymbolicTensor, units: number, extra: Extra = {}): SymbolicTensor {
    return this.#apply(x, this.#tf.layers.dense({ units, ...this.#weights(), ...extra }));
  }

  /** BatchNorm whose statistics keep 0.9 a step, as PyTorch's momentum of 0.1. */
  batchNorm(x: SymbolicTensor): SymbolicTensor {
    const regularizers = this.#regularizer && {
      gammaRegularizer: this.#regularizer,
      betaRegularizer: this.#regularizer,
    };
    return this.#apply(x, this.#tf.layers.batchNormalization({ momentum: 0.9, epsilon: 1e-5, ...regularizers }));
  }

  /** max(x, 0). */
  relu(x: SymbolicTensor): SymbolicTensor {
    return this.#apply(x, this.#tf.layers.reLU());
  }

  /** a + b. */
  sum(a: SymbolicTensor, b: SymbolicTensor): SymbolicTensor {
    return this.#tf.layers.add().apply([a, b]) as SymbolicTensor;
  }

  /** Any layer without weights. */
  layer(x: SymbolicTensor, layer: layers.Layer): SymbolicTensor {
    return this.#apply(x, layer);
  }

  /** Another seed of this network's sequence. */
  seed(): number {
    return this.#nextSeed();
  }

  /** The model from `input` to logits: a last dense layer on the features. */
  model(input: SymbolicTensor, features: SymbolicTensor): LayersModel {
    return this.#tf.model({ inputs: input, outputs: this.dense(features, this.#setup.classes) });
  }

  #weights() {
    const kernelInitializer = this.#tf.initializers.heNormal({ seed: this.#nextSeed() });
    const regularizers = this.#regularizer && {
      kernelRegularizer: this.#regularizer,
      biasRegularizer: this.#regularizer,
    };
    return { kernelInitializer, ...regularizers };
  }

  #apply(x: SymbolicTensor, layer: layers.Layer): SymbolicTensor {
    return layer.apply(x) as SymbolicTensor;
  }
}
