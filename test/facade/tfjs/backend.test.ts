// What this package relies on in tfjs without tfjs documenting it: a new version that breaks it fails here first.

import { afterEach, describe, expect, it } from 'vitest';
import { declaredWeights, isAlive, nodeBackend, RepeatedOp, runOp, variableOf } from '../../../src/tfjs/backend.js';
import { data, denseModel, nestedModel, tf } from '../../support/models.js';
import { at } from '../../support/oracle.js';

afterEach(() => {
  tf.disposeVariables();
});

function backend() {
  const found = nodeBackend(tf);
  if (typeof found === 'string') throw new Error(found);
  return found;
}

describe('variables', () => {
  it('stay one object while each optimizer step gives them new data', async () => {
    const model = denseModel();
    const { x, y } = data(8);
    const weight = at(model.weights, 0);
    const variable = variableOf(weight);
    const before = variable?.dataId;
    await model.trainOnBatch(x, y);
    expect(variableOf(weight)).toBe(variable);
    expect(variable?.dataId).not.toBe(before);
    weight.dispose();
    expect(variableOf(weight)).toBeUndefined();
  });

  it('are not told of tf.disposeVariables: only their data is gone', () => {
    const variable = tf.tidy(() => tf.variable(tf.ones([2])));
    expect(isAlive(tf, variable)).toBe(true);
    tf.disposeVariables();
    expect(variable.isDisposed).toBe(false);
    expect(isAlive(tf, variable)).toBe(false);
  });

  it('share memory with their clones on all backends but wasm, and clones outlive an assignment', () => {
    const variable = tf.variable(tf.tensor1d([1, 2]));
    const clone = variable.clone();
    // On wasm they are copies.
    expect(clone.dataId === variable.dataId).toBe(tf.getBackend() !== 'wasm');
    tf.tidy(() => variable.assign(tf.tensor1d([3, 4])));
    expect(Array.from(clone.dataSync())).toEqual([1, 2]);
    clone.dispose();
  });
});

describe('declaredWeights', () => {
  it('finds exactly the weights of the model', () => {
    for (const model of [denseModel(), nestedModel()]) {
      const found = declaredWeights(model).map(({ weight }) => weight);
      expect(new Set(found)).toEqual(new Set(model.weights));
      expect(found).toHaveLength(model.weights.length);
    }
  });

  it('takes weights that a layer of its own kind keeps elsewhere', () => {
    class Keeper extends tf.layers.Layer {
      static className = 'Keeper';
      readonly #extra = denseModel();
      override get weights() {
        return this.#extra.weights.slice(0, 1);
      }
      override get trainableWeights() {
        return this.weights;
      }
      override get nonTrainableWeights() {
        return [];
      }
    }
    const model = tf.sequential({ layers: [new Keeper({ inputShape: [2] })] });
    expect(declaredWeights(model)).toEqual([{ weight: at(model.weights, 0), trainable: true }]);
  });
});

describe('ops of tfjs-node', () => {
  it('run by name with attributes, and give fresh tensors', () => {
    const inputs = [tf.tensor1d([1, 2, 3]), tf.scalar(0, 'int32')];
    const exclusive = { name: 'exclusive', type: 'bool', value: true } as const;
    const outputs = runOp({ tf, backend: backend() }, { name: 'Cumsum', attributes: [exclusive], outputs: 1 }, inputs);
    expect(outputs.map((tensor) => Array.from(tensor.dataSync()))).toEqual([[0, 1, 3]]);
    tf.dispose([inputs, outputs]);
  });

  it('report failures as errors that name the op, also repeated ones, and go on', () => {
    const op = new RepeatedOp(backend(), { name: 'NoSuchOp', attributes: [] });
    const a = tf.scalar(1);
    op.prepare(a, a, [a]);
    for (let i = 0; i < 2; i += 1) expect(() => op.run()).toThrow(/NoSuchOp/);
    a.dispose();
  });

  it('refuse a disposed tensor before TensorFlow is called', () => {
    const op = new RepeatedOp(backend(), { name: 'NoSuchOp', attributes: [] });
    const gone = tf.scalar(1);
    gone.dispose();
    expect(() => op.prepare(gone, gone, [])).toThrow(TypeError);
  });
});
