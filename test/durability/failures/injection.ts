// Failures on request: the call with a given number from tfjs into its engine or into TensorFlow throws, and all others work.
// Holds no models and no expectations.

import { tf } from '../../support/models.js';

/**
 * Where something can fail. A kernel of tfjs fails as its op or its tensor does. What only counts references (`Variable.assign`, `dispose`) is
 * left out: it asks nobody for anything.
 *
 * - `tensor`: tfjs makes a handle: for values, for a result of TensorFlow, for a clone.
 * - `op`, `upload`, `download`: TensorFlow is asked to run, to take values, to give them back.
 * - `done`: an op without outputs, such as an update in place, has done its work, and fails then.
 */
type Point = 'tensor' | 'op' | 'upload' | 'download' | 'done';

/** What is thrown. */
export class Injected extends Error {}

/** What was called, and what came of it. */
export interface Trial {
  /** The calls, in order, such as `op MatMul`. */
  readonly calls: readonly string[];
  /** What was thrown, whoever threw it; undefined when nothing was. */
  readonly error: unknown;
}

type Reach = (point: Point, what?: unknown) => void;
type Wrapped = (...args: unknown[]) => unknown;

/**
 * Runs something while a call fails.
 * @param number of the call, from 0; -1 for none of them.
 * @param forEver whether all calls after it fail too.
 */
export async function withFailure(number: number, run: () => unknown, forEver = false): Promise<Trial> {
  const calls: string[] = [];
  const undo = setTraps((point, what) => {
    const place = calls.push(typeof what === 'string' ? `${point} ${what}` : point) - 1;
    if (place === number || (forEver && number >= 0 && place > number))
      throw new Injected(`injected at call ${place}, ${calls[place]}`);
  });
  try {
    await run();
    return { calls, error: undefined };
  } catch (error) {
    return { calls, error };
  } finally {
    undo();
  }
}

/** @returns takes the traps away. */
function setTraps(reach: Reach): () => void {
  const engine = tf.engine();
  // An own property, which the types do not know.
  const backend = tf.backend() as unknown as { binding: object };
  const { binding } = backend;
  // A look-alike: the functions of the real object are read-only.
  backend.binding = Object.create(binding, {
    executeOp: { value: trapped(binding, 'executeOp', reach, 'op') },
    createTensor: { value: trapped(binding, 'createTensor', reach, 'upload') },
    tensorDataSync: { value: trapped(binding, 'tensorDataSync', reach, 'download') },
  }) as object;
  const makers = ['makeTensor', 'makeTensorFromTensorInfo'];
  for (const name of makers)
    Object.defineProperty(engine, name, { value: trapped(engine, name, reach, 'tensor'), configurable: true });
  return () => {
    backend.binding = binding;
    for (const name of makers) Reflect.deleteProperty(engine, name);
  };
}

function trapped(object: object, name: string, reach: Reach, point: Point): Wrapped {
  const original: unknown = Reflect.get(object, name);
  if (typeof original !== 'function') throw new Error(`tfjs has no ${name}`);
  return (...args) => {
    reach(point, args[0]);
    const result: unknown = Reflect.apply(original, object, args);
    // executeOp(name, attributes, inputs, outputs): what has outputs only makes tensors, which fail on their own.
    if (point === 'op' && args[3] === 0) reach('done', args[0]);
    return result;
  };
}
