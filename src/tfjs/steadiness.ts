// Whether layers answer the same twice, where all that can be found of them is the same: what they keep out of reach shows there.
// Puts nothing back that it does not find.

import type { LayersModel, Tensor } from '@tensorflow/tfjs';
import type { Tfjs } from './backend.js';
import { isTensor } from './data.js';
import { layersIn } from './layers.js';
import { States } from './states.js';

/** Share of an answer's size that may differ: parallel sums add in any order. */
const ALIKE = 1e-4;

/** What a layer answered: the sum of its outputs, and of their sizes. */
interface Answer {
  readonly layer: string;
  readonly sum: Tensor;
  readonly size: Tensor;
}

/**
 * Runs a model twice from the same states, and looks at what each layer makes of it.
 * @param run runs the model, the same each time.
 * @returns the name of the first layer that answers otherwise the second time; undefined where all answer alike.
 */
export function firstUnsteady(tf: Tfjs, model: LayersModel, run: () => void): string | undefined {
  const [first, second]: [Answer[], Answer[]] = [[], []];
  try {
    for (const found of [first, second]) listen(tf, model, { run, found });
    return first.find(({ layer, sum, size }, index) => {
      const other = second[index];
      // NaN is taken to be as NaN.
      return other?.layer === layer && Math.abs(numberOf(sum) - numberOf(other.sum)) > ALIKE * numberOf(size);
    })?.layer;
  } finally {
    tf.dispose([...first, ...second].flatMap(({ sum, size }) => [sum, size]));
  }
}

/** Adds answers in the order in which layers are done: a layer inside of another before it. */
function listen(
  tf: Tfjs,
  model: LayersModel,
  { run, found }: { readonly run: () => void; readonly found: Answer[] },
): void {
  const undo = layersIn(tf, model).map((layer) => {
    const { call, name } = layer;
    const isOwn = Object.hasOwn(layer, 'call');
    layer.call = (...args) => {
      const output = call.apply(layer, args);
      const tensors = [output].flat().filter(isTensor);
      const sumOf = (of: (tensor: Tensor) => Tensor): Tensor =>
        tensors.reduce<Tensor>((sum, tensor) => sum.add(of(tensor.toFloat()).sum()), tf.scalar(0));
      const answer = tf.tidy(() => ({ sum: sumOf((tensor) => tensor), size: sumOf((tensor) => tensor.abs()) }));
      for (const tensor of Object.values(answer)) tf.keep(tensor);
      found.push({ layer: name, ...answer });
      return output;
    };
    return (): void => {
      if (isOwn) layer.call = call;
      else Reflect.deleteProperty(layer, 'call');
    };
  });
  const states = new States(tf, model);
  try {
    states.run(run);
  } finally {
    for (const end of undo) end();
    states.dispose();
  }
}

function numberOf(scalar: Tensor): number {
  return scalar.dataSync()[0] ?? Number.NaN;
}
