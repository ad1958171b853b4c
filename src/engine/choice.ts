// The choice of an engine: native where it runs, js otherwise, and why.
// No policy, no schedule.

import type { Tensor } from '@tensorflow/tfjs';
import { EmaError, messageOf } from '../base/errors.js';
import type { Tfjs } from '../tfjs/backend.js';
import type { Engine, EngineChoice, EngineName, ShadowOptions, Shadows } from './contract.js';
import { jsEngine } from './js.js';
import { nativeEngine } from './native.js';

/** Shadows, and who runs their updates. */
export interface ChosenShadows {
  readonly engine: EngineName;
  /** Why this engine was chosen, and not the other. One line. */
  readonly reason: string;
  readonly shadows: Shadows;
}

/**
 * Makes shadows with the engine that was asked for; `'auto'` takes native where it runs, and js otherwise.
 * @param weights the live tensors.
 * @throws {@link EmaError} ENGINE_UNAVAILABLE — `'native'` was asked for and cannot run; the message says why.
 */
export function createShadows(
  tf: Tfjs,
  choice: EngineChoice,
  { weights, ...options }: ShadowOptions & { readonly weights: readonly Tensor[] },
): ChosenShadows {
  const withEngine = (engine: Engine): ChosenShadows => {
    const shadows = engine.create(weights, options);
    return { engine: engine.name, reason: engine.reason, shadows };
  };
  if (choice === 'js') return withEngine(jsEngine(tf, "engine: 'js' was asked for"));
  const native = nativeEngine(tf);
  let reason: string;
  let cause: unknown;
  if (typeof native === 'string') {
    reason = native;
  } else {
    try {
      return withEngine(native);
    } catch (error) {
      cause = error;
      const message = messageOf(error);
      reason = `${native.reason}, but a trial on this model failed: ${message.replace(/\s+/g, ' ').trim()}`;
    }
  }
  if (choice === 'native') throw unavailable(reason, cause);
  return withEngine(jsEngine(tf, `no native engine: ${reason}`));
}

/**
 * Checks early, before there is a model, that the engine asked for can run.
 * @throws {@link EmaError} ENGINE_UNAVAILABLE — `'native'` was asked for and cannot run; the message says why.
 */
export function checkEngine(tf: Tfjs, choice: EngineChoice): void {
  if (choice !== 'native') return;
  const native = nativeEngine(tf);
  if (typeof native === 'string') throw unavailable(native);
}

function unavailable(reason: string, cause?: unknown): EmaError {
  return new EmaError(
    'ENGINE_UNAVAILABLE',
    `engine: 'native' cannot run here: ${reason}. Use engine: 'auto' to fall back to JavaScript, slower but with the same results.`,
    cause === undefined ? undefined : { cause },
  );
}
