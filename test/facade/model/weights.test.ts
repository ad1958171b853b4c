// Which weights of a model are averaged, how they are named, and what happens when the model changes.

import { afterEach, describe, expect, it } from 'vitest';
import { checkSameWeights, collectWeights } from '../../../src/model/weights.js';
import { thrownBy } from '../../support/expect.js';
import { addCounter, denseModel, nestedModel, sharedModel, tf } from '../../support/models.js';

afterEach(() => {
  tf.disposeVariables();
});

const names = (list: readonly { name: string }[]) => list.map(({ name }) => name.replace(/_?\d+\//, '/'));

describe('collectWeights', () => {
  it('takes every float weight once, in the order of the layers', () => {
    const { averaged, live } = collectWeights(tf, denseModel(), { batchNorm: 'average' });
    expect(averaged.map(({ variable }) => variable.shape)).toEqual([[4, 8], [8], [8], [8], [8], [8], [8, 3], [3]]);
    expect(live).toEqual([]);
  });

  it("leaves moving statistics live with batchNorm 'copy', in nested models too, and wrapped layers averaged", () => {
    const { averaged, live } = collectWeights(tf, nestedModel(), { batchNorm: 'copy' });
    expect(names(live)).toEqual([
      'batch_normalization_BatchNormalization/moving_mean',
      'batch_normalization_BatchNormalization/moving_variance',
      'batch_normalization_BatchNormalization/moving_mean',
      'batch_normalization_BatchNormalization/moving_variance',
    ]);
    expect(averaged).toHaveLength(nestedModel().weights.length - 4);
    expect(averaged.filter(({ name }) => name.startsWith('time_distributed'))).toHaveLength(2);
  });

  it('tells statistics from weights by their layer, not by what is frozen, and keeps the order', () => {
    const model = denseModel();
    const before = collectWeights(tf, model, { batchNorm: 'copy' });
    for (const layer of model.layers) layer.trainable = false;
    const after = collectWeights(tf, model, { batchNorm: 'copy' });
    expect(after.averaged.map(({ layerVariable }) => layerVariable)).toEqual(
      before.averaged.map(({ layerVariable }) => layerVariable),
    );
    expect(model.trainableWeights).toEqual([]);
  });

  it('counts a shared layer once', () => {
    const model = sharedModel();
    expect(collectWeights(tf, model, { batchNorm: 'average' }).averaged).toHaveLength(4);
  });

  it('finds the weights of recurrent and bidirectional layers', () => {
    const model = tf.sequential({
      layers: [
        tf.layers.bidirectional({
          layer: tf.layers.lstm({ units: 2, returnSequences: true }) as never,
          inputShape: [3, 2],
          mergeMode: 'concat',
        }),
        tf.layers.gru({ units: 2 }),
      ],
    });
    const { averaged } = collectWeights(tf, model, { batchNorm: 'average' });
    expect(new Set(averaged.map(({ layerVariable }) => layerVariable))).toEqual(new Set(model.weights));
  });

  it('leaves integers live', () => {
    const model = denseModel();
    const counter = addCounter(model);
    const { averaged, live } = collectWeights(tf, model, { batchNorm: 'average' });
    expect(live.map(({ layerVariable }) => layerVariable)).toEqual([counter]);
    expect(averaged).toHaveLength(8);
  });

  it('numbers names that layers of nested models share', () => {
    const inner = tf.sequential({ layers: [tf.layers.dense({ units: 4, inputShape: [4], name: 'twin' })] });
    const model = tf.sequential({ layers: [inner, tf.layers.dense({ units: 4, name: 'twin' })] });
    const { averaged } = collectWeights(tf, model, { batchNorm: 'average' });
    expect(averaged.map(({ name }) => name)).toEqual(['twin/kernel', 'twin/bias', 'twin/kernel_1', 'twin/bias_1']);
  });

  it('refuses a model that is not built, and says how to build it', () => {
    const { message } = thrownBy(
      () => collectWeights(tf, tf.sequential(), { batchNorm: 'average' }),
      'MODEL_NOT_BUILT',
    );
    expect(message).toMatch(/^model: expected a built model: .*inputShape/);
  });

  it('refuses a model without weights', () => {
    const flat = tf.sequential({ layers: [tf.layers.flatten({ inputShape: [2, 2] })] });
    expect(thrownBy(() => collectWeights(tf, flat, { batchNorm: 'average' }), 'MODEL_NOT_BUILT').message).toMatch(
      /no float32 weights/,
    );
  });

  it('names a weight that was disposed, also after tf.disposeVariables, which tells nobody', () => {
    const gone = denseModel();
    gone.dispose();
    expect(thrownBy(() => collectWeights(tf, gone, { batchNorm: 'average' }), 'WEIGHT_DISPOSED').message).toMatch(
      /^weight 'dense.*\/kernel'/,
    );
    const swept = denseModel();
    tf.disposeVariables();
    thrownBy(() => collectWeights(tf, swept, { batchNorm: 'average' }), 'WEIGHT_DISPOSED');
  });
});

describe('checkSameWeights', () => {
  it('takes the same weights in another order: freezing a layer re-orders model.weights', () => {
    const model = denseModel();
    const weights = collectWeights(tf, model, { batchNorm: 'copy' });
    const before = model.weights.map(({ name }) => name);
    if (model.layers[0]) model.layers[0].trainable = false;
    expect(model.weights.map(({ name }) => name)).not.toEqual(before);
    checkSameWeights(tf, weights, model);
  });

  it('names what was added and what is gone', () => {
    const model = denseModel();
    const weights = collectWeights(tf, model, { batchNorm: 'average' });
    model.add(tf.layers.dense({ units: 2, name: 'extra' }));
    expect(thrownBy(() => checkSameWeights(tf, weights, model), 'MODEL_CHANGED').message).toMatch(
      /added extra\/kernel, extra\/bias; gone none/,
    );
    expect(thrownBy(() => checkSameWeights(tf, weights, sharedModel()), 'MODEL_CHANGED').message).toMatch(
      /gone .* and 3 more/,
    );
  });
});
