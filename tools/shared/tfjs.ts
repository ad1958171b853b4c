// The one place where programs of this folder load TensorFlow.js.
// Trains nothing: networks and loops take `tf` from here.

import './tfjs-environment.js';
import tf from '@tensorflow/tfjs-node';

/** The TensorFlow.js that all programs of this folder run on. */
export { tf };

/** Its type, for functions that take it as an argument. */
export type Tf = typeof tf;
