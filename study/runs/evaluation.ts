// What a model says of samples: its logits, and validation accuracy and loss from them.
// Chooses nothing, and leaves the model as it is.

import type { LayersModel, Tensor } from '@tensorflow/tfjs-node';
import { type Logits, type Predictions, softmax } from '../metrics/predictions.js';
import { accuracy, negativeLogLikelihood } from '../metrics/scores.js';
import type { TensorBatches } from './batches.js';

/** Accuracy and loss on one set of samples. */
export interface Point {
  readonly accuracy: number;
  /** Negative log-likelihood, in nats. */
  readonly loss: number;
}

/**
 * The model's logits for all samples, with the labels to judge by.
 * @param labels `given`: as trained on, some of them wrong; `real`: the true ones.
 */
export async function evaluateLogits(
  model: LayersModel,
  samples: TensorBatches,
  labels: 'given' | 'real',
): Promise<Logits & { readonly logits: Float32Array }> {
  const outputs = samples.batches.map((batch) => model.predictOnBatch(batch) as Tensor);
  try {
    const parts = await Promise.all(outputs.map((output) => output.data()));
    const classes = outputs[0]?.shape[1] ?? 0;
    const logits = new Float32Array(samples.given.length * classes);
    let filled = 0;
    for (const part of parts) {
      logits.set(part, filled);
      filled += part.length;
    }
    return { logits, labels: samples[labels], classes };
  } finally {
    for (const output of outputs) output.dispose();
  }
}

/** Accuracy and loss of predictions. */
export function toPoint(predictions: Predictions): Point {
  return { accuracy: accuracy(predictions), loss: negativeLogLikelihood(predictions) };
}

/** Accuracy and loss of the model's weights as they are, on the labels it was given. */
export async function evaluatePoint(model: LayersModel, samples: TensorBatches): Promise<Point> {
  return toPoint(softmax(await evaluateLogits(model, samples, 'given')));
}
