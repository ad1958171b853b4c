// The parts of a WeightEma that its callback offers as its own.
// Knows no training events.

import type { Callback } from '@tensorflow/tfjs';
import type { WeightEma } from '../ema/weight-ema.js';

const MEMBERS = [
  'asModel',
  'attach',
  'averages',
  'bests',
  'bytes',
  'decays',
  'diagnose',
  'diagnoses',
  'dispose',
  'engine',
  'engineReason',
  'labels',
  'loadCheckpoint',
  'overwritten',
  'putBack',
  'read',
  'recomputeBatchNorm',
  'record',
  'saveCheckpoint',
  'saveModel',
  'skippedUpdates',
  'searchDecay',
  'steps',
  'synthesize',
  'updateSeconds',
  'updates',
  'use',
  'warnings',
] as const satisfies readonly (keyof WeightEma)[];

/** The parts of a {@link WeightEma} that its callback offers directly. */
export type EmaMembers = Pick<WeightEma, (typeof MEMBERS)[number]>;

/** A class of callbacks that hold averages, as {@link addMembers} finds it. */
type HolderClass<A extends readonly unknown[], H extends Callback> = new (
  ...args: A
) => H & { readonly ema: WeightEma };

/** Gives every callback of a class the members of its `ema`. */
export function addMembers<A extends readonly unknown[], H extends Callback>(
  Holder: HolderClass<A, H>,
): asserts Holder is new (
  ...args: A
) => H & { readonly ema: WeightEma } & EmaMembers {
  for (const name of MEMBERS) {
    Object.defineProperty(Holder.prototype, name, {
      configurable: true,
      get(this: { readonly ema: WeightEma }): unknown {
        const member: unknown = this.ema[name];
        return typeof member === 'function' ? member.bind(this.ema) : member;
      },
    });
  }
}
