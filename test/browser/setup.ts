// tfjs on the backend that this run is for, before a test's file loads.
// Holds no test.

import * as tf from '@tensorflow/tfjs';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import wasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threads from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import '@tensorflow/tfjs-backend-webgpu';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** The name that tfjs has for it. */
    readonly backend: string;
  }
}

const backend = inject('backend');
setWasmPaths({
  'tfjs-backend-wasm.wasm': wasm,
  'tfjs-backend-wasm-simd.wasm': simd,
  'tfjs-backend-wasm-threaded-simd.wasm': threads,
});
// Else tfjs computes small tensors on the CPU, and nothing of the device would be tested.
tf.env().set('WEBGL_CPU_FORWARD', false);
tf.env().set('WEBGPU_CPU_FORWARD', false);
if (!(await tf.setBackend(backend))) throw new Error(`the backend '${backend}' does not start here`);
await tf.ready();
Reflect.set(globalThis, 'tfjsEmaBackend', backend);
