// Expectations that several tests share.
// Holds no models and no oracle.

import type { LayersModel } from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { EmaError, type EmaErrorCode } from '../../src/base/errors.js';
import { opened, type WeightEma } from '../../src/ema/weight-ema.js';
import { weightValues } from './models.js';
import { bits } from './oracle.js';

/** Runs a function that must throw an {@link EmaError}. */
export function thrownBy(run: () => unknown, code: EmaErrorCode): EmaError {
  try {
    run();
  } catch (error) {
    return checked(error, code);
  }
  return expect.fail(`expected an EmaError ${code}, nothing was thrown`);
}

/** Awaits a promise that must be rejected with an {@link EmaError}. */
export async function rejectionOf(promise: Promise<unknown>, code: EmaErrorCode): Promise<EmaError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  if (outcome === undefined) return expect.fail(`expected an EmaError ${code}, the promise was fulfilled`);
  return checked(outcome.error, code);
}

function checked(error: unknown, code: EmaErrorCode): EmaError {
  if (!(error instanceof EmaError)) throw error;
  expect(error.code).toBe(code);
  return error;
}

/** The bits of all weights, to compare later. */
export function weightBits(model: LayersModel): number[][] {
  return weightValues(model).map((values) => Array.from(bits(values)));
}

/** Whether an average of these stands in the model. */
export function isSwapped(ema: WeightEma): boolean {
  return ema.engine !== undefined && opened(ema, 'test').attached.scope.isOpen;
}
