// Weights of a finished run on the test images: scores, temperature, reliability; the linear probe.
// Chooses no weights: it is given them.

import type { LayersModel, Tensor, Tensor2D } from '@tensorflow/tfjs-node';
import type { Tf } from '../../tools/shared/tfjs.js';
import { equalMassBins, equalWidthBins, expectedCalibrationError, fitTemperature } from '../metrics/calibration.js';
import { linearProbe } from '../metrics/linear-probe.js';
import { type Predictions, softmax } from '../metrics/predictions.js';
import { accuracy, brier, negativeLogLikelihood } from '../metrics/scores.js';
import { FEATURES } from '../networks/logit-network.js';
import type { TensorBatches } from './batches.js';
import { evaluateLogits, toPoint } from './evaluation.js';
import type { ModelResult, Scores } from './result.js';

/** Where weights come from. */
export interface Origin {
  readonly track: string;
  readonly epoch: number;
}

/** A model's result and its test logits. */
export interface Judged {
  readonly result: ModelResult;
  readonly logits: Float32Array;
}

/** Judges the weights that stand in the model now. */
export async function judge(
  model: LayersModel,
  origin: Origin,
  { validation, test }: { readonly validation: TensorBatches; readonly test: TensorBatches },
): Promise<Judged> {
  const heldOut = await evaluateLogits(model, validation, 'given');
  const tested = await evaluateLogits(model, test, 'real');
  const temperature = fitTemperature(heldOut);
  const predictions = softmax(tested);
  const result = {
    ...origin,
    validation: toPoint(softmax(heldOut)),
    test: scores(predictions),
    temperature,
    scaled: scores(softmax(tested, temperature)),
    reliability: equalWidthBins(predictions, 15),
  };
  return { result, logits: tested.logits };
}

function scores(predictions: Predictions): Scores {
  return {
    accuracy: accuracy(predictions),
    negativeLogLikelihood: negativeLogLikelihood(predictions),
    brier: brier(predictions),
    ece15: expectedCalibrationError(equalWidthBins(predictions, 15)),
    ece100: expectedCalibrationError(equalMassBins(predictions, 100)),
  };
}

/** Digits for the linear probe, in the format of the run's images. */
export interface ProbeImages {
  readonly train: TensorBatches;
  readonly test: TensorBatches;
  readonly classes: number;
}

/** Accuracy of a linear probe on the features of the weights that stand in the model now. */
export async function judgeTransfer(tf: Tf, model: LayersModel, images: ProbeImages, seed: number): Promise<number> {
  const extractor = tf.model({ inputs: model.inputs, outputs: model.getLayer(FEATURES).output });
  const features = ({ batches }: TensorBatches): Tensor2D =>
    tf.tidy(() => tf.concat(batches.map((batch) => extractor.predictOnBatch(batch) as Tensor)) as Tensor2D);
  const train = { features: features(images.train), labels: images.train.real };
  const test = { features: features(images.test), labels: images.test.real };
  try {
    return await linearProbe(tf, { train, test, classes: images.classes, seed });
  } finally {
    tf.dispose([train.features, test.features]);
  }
}
